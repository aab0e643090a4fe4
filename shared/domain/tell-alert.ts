import type { Alert, AlertAudience, OperatorNotice } from '../contracts/alert.ts';
import type { TenantId } from '../contracts/ids.ts';
import type { Destination } from '../contracts/notification.ts';
import type { Journal } from './journal.ts';
import type { NotificationsRecord } from './records.ts';
import type { WorkOutcome } from './work.ts';

/** Hands alerts to those who have subscribed. @throws {Fault} topic-unavailable */
export interface AlertPublisher {
  toOperator(alert: Alert | OperatorNotice): Promise<void>;
  /** False where the tenant has no topic, because nobody has ever asked to be told. */
  toTenant(tenantId: TenantId, alert: Alert): Promise<boolean>;
}

export interface Subscription {
  /** Null while it waits for its owner to confirm it, where SNS gives no name to such. */
  readonly arn: string | null;
  readonly destination: Destination;
}

/** The one topic of each tenant and who has subscribed to it. @throws {Fault} topic-unavailable */
export interface TenantTopics {
  /** Those that are confirmed and those that wait for it; undefined where the tenant has no topic. */
  subscriptions(tenantId: TenantId): Promise<readonly Subscription[] | undefined>;
  create(tenantId: TenantId): Promise<void>;
  /** Has SNS ask the owner of the address. False when it does not take the address. */
  subscribe(tenantId: TenantId, destination: Destination): Promise<boolean>;
  unsubscribe(arn: string): Promise<void>;
}

export interface SubscribePorts {
  readonly notifications: { find(tenantId: TenantId): Promise<NotificationsRecord | undefined> };
  readonly topics: TenantTopics;
  readonly journal: Journal;
}

export interface PublishPorts extends SubscribePorts {
  readonly publisher: AlertPublisher;
}

/** Questions of one tenant that nobody has answered yet. */
const mostOpenQuestions = 10;

/**
 * Brings the subscriptions of a tenant into the state that the tenant wants. Nobody is asked again while the first question is open, so
 * that no address can be flooded with them; and no more than ten at once, so that no tenant can have strangers written to by changing its choice
 * all the time: the others are asked once questions are answered or forgotten. What changes meanwhile has it done again.
 */
export const subscribe = async (tenantId: TenantId, ports: SubscribePorts): Promise<WorkOutcome> => {
  const record = await ports.notifications.find(tenantId);
  const wanted = record?.destinations ?? [];
  const present = await ports.topics.subscriptions(tenantId);
  if (present === undefined && wanted.length > 0) await ports.topics.create(tenantId);
  const toAsk = wanted.filter((it) => present?.some(({ destination }) => isSame(destination, it)) !== true);
  const open = present?.filter(({ arn }) => arn === null).length ?? 0;
  const asked = toAsk.slice(0, Math.max(0, mostOpenQuestions - open));
  for (const destination of asked)
    if (!(await ports.topics.subscribe(tenantId, destination)))
      ports.journal.warn('destination-refused', { tenantId, kind: destination.protocol });
  await withdraw(present ?? [], wanted, ports);
  const now = await ports.notifications.find(tenantId);
  if (now?.version !== record?.version) return 'again';
  return asked.length === toAsk.length ? 'done' : { outcome: 'later' };
};

/**
 * Tells one alert. One that reaches nobody, because its tenant has no subscription that is confirmed, is counted. Before a tenant's is told, subscriptions end that the tenant does not want: one that was taken back while it waited can be
 * confirmed afterwards, and SNS lets nobody take it back before.
 */
export const publishAlert = async (
  {
    tenantId,
    audience,
    alert,
  }: { readonly tenantId: TenantId; readonly audience: AlertAudience; readonly alert: Alert },
  ports: PublishPorts,
): Promise<WorkOutcome> => {
  if (audience === 'operator') await ports.publisher.toOperator(alert);
  else if (!(await toTenant(tenantId, alert, ports))) {
    ports.journal.warn('alert-unheard', { tenantId, credentialId: alert.credentialId, kind: alert.kind });
    ports.journal.count('AlertsUnheard');
    return 'done';
  }
  ports.journal.info('alert-published', { tenantId, credentialId: alert.credentialId, kind: alert.kind });
  ports.journal.count('AlertsPublished');
  return 'done';
};

/** Tells operators what is no single credential's affair. */
export const tellOperators = async (
  notice: OperatorNotice,
  { publisher, journal }: Pick<PublishPorts, 'publisher' | 'journal'>,
): Promise<WorkOutcome> => {
  await publisher.toOperator(notice);
  journal.info('operators-told', { kind: notice.kind });
  journal.count('AlertsPublished');
  return 'done';
};

const toTenant = async (tenantId: TenantId, alert: Alert, ports: PublishPorts): Promise<boolean> => {
  const present = await ports.topics.subscriptions(tenantId);
  if (present === undefined) return false;
  const record = await ports.notifications.find(tenantId);
  await withdraw(present, record?.destinations ?? [], ports);
  const hasListener = present.some(({ arn }) => arn !== null);
  return (await ports.publisher.toTenant(tenantId, alert)) && hasListener;
};

const withdraw = async (
  present: readonly Subscription[],
  wanted: readonly Destination[],
  { topics }: Pick<SubscribePorts, 'topics'>,
): Promise<void> => {
  for (const { arn, destination } of present)
    if (arn !== null && !wanted.some((it) => isSame(it, destination))) await topics.unsubscribe(arn);
};

export const isSame = (one: Destination, other: Destination): boolean =>
  one.protocol === other.protocol && one.endpoint === other.endpoint;
