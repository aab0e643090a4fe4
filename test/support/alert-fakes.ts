import type { Alert, OperatorNotice } from '../../shared/contracts/alert.ts';
import type { TenantId } from '../../shared/contracts/ids.ts';
import type { Destination } from '../../shared/contracts/notification.ts';
import type { NotificationsRecord } from '../../shared/domain/records.ts';
import { type AlertPublisher, isSame, type TenantTopics } from '../../shared/domain/tell-alert.ts';
import type { AlertOutbox } from '../../shared/domain/tell-of-change.ts';
import type { Ticket } from '../../shared/domain/work.ts';

interface MemorySubscription {
  readonly arn: string;
  readonly destination: Destination;
  isConfirmed: boolean;
}

/** Topics as Amazon SNS keeps them: a subscription has no ARN before its owner has confirmed it, and can't be taken back before. */
export const memorySns = () => {
  const byTenant = new Map<TenantId, MemorySubscription[]>();
  const questions: string[] = [];
  const heard: { readonly by: string; readonly alert: Alert | OperatorNotice }[] = [];
  const refused = new Set<string>();
  const topics: TenantTopics = {
    subscriptions: (tenantId) =>
      Promise.resolve(
        byTenant
          .get(tenantId)
          ?.map(({ arn, destination, isConfirmed }) => ({ arn: isConfirmed ? arn : null, destination })),
      ),
    create(tenantId) {
      if (!byTenant.has(tenantId)) byTenant.set(tenantId, []);
      return Promise.resolve();
    },
    subscribe(tenantId, destination) {
      const topic = byTenant.get(tenantId);
      if (topic === undefined) return Promise.reject(new Error('There is no topic'));
      if (refused.has(destination.endpoint)) return Promise.resolve(false);
      const arn = `arn:aws:sns:us-east-1:1:${tenantId}:${questions.push(destination.endpoint)}`;
      topic.push({ arn, destination, isConfirmed: false });
      return Promise.resolve(true);
    },
    unsubscribe(arn) {
      for (const [tenantId, topic] of byTenant)
        byTenant.set(
          tenantId,
          topic.filter((it) => it.arn !== arn),
        );
      return Promise.resolve();
    },
  };
  const publisher: AlertPublisher = {
    toOperator: (alert) => Promise.resolve(void heard.push({ by: 'operator', alert })),
    toTenant(tenantId, alert) {
      const topic = byTenant.get(tenantId);
      for (const { destination, isConfirmed } of topic ?? [])
        if (isConfirmed) heard.push({ by: destination.endpoint, alert });
      return Promise.resolve(topic !== undefined);
    },
  };
  return {
    topics,
    publisher,
    heard,
    /** Whom SNS has asked, each time. */
    questions,
    refuses: (endpoint: string) => void refused.add(endpoint),
    confirm(tenantId: TenantId, endpoint: string) {
      for (const it of byTenant.get(tenantId) ?? []) if (it.destination.endpoint === endpoint) it.isConfirmed = true;
    },
    /** A question that nobody has answered in its time. */
    forget(tenantId: TenantId, endpoint: string) {
      const left = (byTenant.get(tenantId) ?? []).filter((it) => it.destination.endpoint !== endpoint);
      byTenant.set(tenantId, left);
    },
    subscribed: (tenantId: TenantId) => (byTenant.get(tenantId) ?? []).map(({ destination }) => destination.endpoint),
    has: (tenantId: TenantId, destination: Destination) =>
      (byTenant.get(tenantId) ?? []).some((it) => isSame(it.destination, destination)),
  };
};

/** Where the alerts of tenants go, as the Directory would hold it. */
export const memoryNotifications = (...records: readonly NotificationsRecord[]) => {
  const rows = new Map(records.map((record) => [record.tenantId, record]));
  return {
    find: (tenantId: TenantId) => Promise.resolve(rows.get(tenantId)),
    set: (record: NotificationsRecord) => void rows.set(record.tenantId, record),
  };
};

/** What changes of credentials have left behind, as the Directory would hold it: lines once, with their tickets. */
export const memoryOutbox = (open: (ticket: Ticket) => void) => {
  const lines = new Map<string, Parameters<AlertOutbox['write']>[0]>();
  const outbox: AlertOutbox = {
    write(entry) {
      const { change } = entry;
      const key = `${change.after.tenantId} ${change.after.credentialId} ${change.at.toISOString()} ${change.sequence}`;
      if (lines.has(key)) return Promise.resolve('known');
      lines.set(key, entry);
      for (const ticket of entry.tickets) open(ticket);
      return Promise.resolve('written');
    },
  };
  return { ...outbox, lines: () => [...lines.values()] };
};
