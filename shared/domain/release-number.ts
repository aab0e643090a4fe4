import type { CredentialId, PhoneNumberId, TenantId } from '../contracts/ids.ts';
import type { ReleaseAction, ReleaseHeld } from '../contracts/queued-events.ts';
import type { Work } from '../contracts/work.ts';
import { probePause } from './circuit.ts';
import type { RoutingStore } from './conversation.ts';
import { type HeldConversation, obstacleOf } from './hold-event.ts';
import type { Journal } from './journal.ts';
import type { QueueMessage } from './queue-packing.ts';
import { queueRelease } from './queue-release.ts';
import type { CredentialRecord, NumberRecord } from './records.ts';
import type { WorkOutcome } from './work.ts';

type ReleaseWork = Extract<Work, { kind: 'release-held' }>;

export interface ReleaseNumberPorts {
  readonly routing: Pick<RoutingStore, 'read'>;
  /** Every conversation of the number of which something is held, page by page. */
  readonly held: {
    conversations(tenantId: TenantId, phoneNumberId: PhoneNumberId): AsyncIterable<readonly HeldConversation[]>;
  };
  readonly queue: { send(batch: readonly QueueMessage[]): Promise<ReadonlySet<string>> };
  readonly journal: Journal;
  readonly now: () => Date;
  /** From 0 up to 1: which of several conversations a target is tried with. */
  readonly random: () => number;
}

/** What SQS takes at once. */
const requestsAtOnce = 10;

/**
 * Has everything replayed that is held on a number and that nothing holds any more; what was held for a former owner of the number is
 * discarded. Or watches one suspended target of it.
 */
export const releaseNumber = async (work: ReleaseWork, ports: ReleaseNumberPorts): Promise<WorkOutcome> => {
  const { number } = await ports.routing.read(work.phoneNumberId, []);
  const own = number?.tenantId === work.tenantId ? number : undefined;
  if (work.watch !== null) return tryTarget(work, work.watch, own, ports);
  let requests: ReleaseHeld[] = [];
  let count = 0;
  const flush = async () => {
    await queueRelease(requests, ports.queue);
    count += requests.length;
    requests = [];
  };
  for await (const page of ports.held.conversations(work.tenantId, work.phoneNumberId))
    for (const conversation of page) {
      const action = actionFor(work.action, conversation, own);
      if (action !== undefined) requests.push(requestFor(work, conversation, action, ports.now()));
      if (requests.length === requestsAtOnce) await flush();
    }
  await flush();
  ports.journal.info('held-released', { tenantId: work.tenantId, phoneNumberId: work.phoneNumberId, count });
  return 'done';
};

/**
 * Tries a target that fails with one event, of another conversation each time: one that it can't take must not keep it shut. It goes on
 * while nothing is held for it, too: what comes next will be.
 */
const tryTarget = async (
  work: ReleaseWork,
  { agentId, since }: NonNullable<ReleaseWork['watch']>,
  number: NumberRecord | undefined,
  ports: ReleaseNumberPorts,
): Promise<WorkOutcome> => {
  const circuit = number?.circuits[agentId];
  // In order again, or suspended anew: that has a watch of its own.
  if (circuit?.state !== 'open' || circuit.since !== since) return 'done';
  let chosen: HeldConversation | undefined;
  let seen = 0;
  for await (const page of ports.held.conversations(work.tenantId, work.phoneNumberId))
    for (const conversation of page.filter((candidate) => candidate.agentId === agentId)) {
      seen++;
      if (ports.random() < 1 / seen) chosen = conversation;
    }
  await queueRelease(chosen === undefined ? [] : [requestFor(work, chosen, 'probe', ports.now())], ports.queue);
  return { outcome: 'later', pause: probePause(circuit, ports.now()) };
};

/** The same for all numbers that a credential has ever listed: who has lost one since finds nothing there. */
export const releaseCredential = async (
  { tenantId, credentialId, action, maxAgeHours }: Extract<Work, { kind: 'release-credential' }>,
  ports: ReleaseNumberPorts & {
    readonly credentials: {
      find(tenantId: TenantId, credentialId: CredentialId): Promise<CredentialRecord | undefined>;
    };
  },
): Promise<WorkOutcome> => {
  const credential = await ports.credentials.find(tenantId, credentialId);
  // Targets that fail have work of their own, which tries them again.
  for (const { phoneNumberId } of credential?.phoneNumbers ?? [])
    await releaseNumber({ kind: 'release-held', tenantId, phoneNumberId, action, maxAgeHours, watch: null }, ports);
  return 'done';
};

/** Undefined: something still holds it, and whoever takes that away will ask again. */
const actionFor = (
  wanted: ReleaseAction,
  conversation: HeldConversation,
  number: NumberRecord | undefined,
): ReleaseAction | undefined => {
  if (number === undefined || wanted === 'discard') return 'discard';
  return obstacleOf(number, conversation.agentId) === undefined ? wanted : undefined;
};

const requestFor = (
  work: ReleaseWork,
  conversation: HeldConversation,
  action: ReleaseAction,
  now: Date,
): ReleaseHeld => ({
  version: 1,
  type: 'release-held',
  tenantId: work.tenantId,
  credentialId: conversation.credentialId,
  phoneNumberId: work.phoneNumberId,
  conversationId: conversation.conversationId,
  receivedAt: now.toISOString(),
  action,
  maxAgeHours: work.maxAgeHours,
});
