import type { AgentId, CredentialId, PhoneNumberId, TenantId } from '../contracts/ids.ts';
import type { ReleaseAction, ReleaseHeld } from '../contracts/queued-events.ts';
import type { Work } from '../contracts/work.ts';
import { probePause } from './circuit.ts';
import type { RoutingStore } from './conversation.ts';
import { type HeldConversation, obstacle } from './hold-event.ts';
import type { Journal } from './journal.ts';
import type { QueueMessage } from './queue-packing.ts';
import { queueRelease } from './queue-release.ts';
import type { CredentialRecord, NumberRecord } from './records.ts';
import { newTicket, type Ticket, type WorkOutcome } from './work.ts';

export interface ReleaseNumberPorts {
  readonly routing: Pick<RoutingStore, 'read'>;
  /** Every conversation of the number of which something is held, page by page. */
  readonly held: {
    conversations(phoneNumberId: PhoneNumberId): AsyncIterable<readonly HeldConversation[]>;
  };
  readonly queue: { send(batch: readonly QueueMessage[]): Promise<ReadonlySet<string>> };
  readonly journal: Journal;
  readonly now: () => Date;
  /** From 0 up to 1: which of several conversations a target is tried with. */
  readonly random: () => number;
}

/** What looks after everything that is held on a number. */
export const releaseTicket = (
  { tenantId, phoneNumberId }: { readonly tenantId: TenantId; readonly phoneNumberId: PhoneNumberId },
  now: Date,
): Ticket => newTicket({ kind: 'release-held', tenantId, phoneNumberId, action: 'replay', maxAgeHours: null }, now);

/** What SQS takes at once. */
const requestsAtOnce = 10;

/**
 * Has everything replayed that is held on a number and that nothing holds any more. A target that fails is tried with one event, of another
 * conversation each time: one that it can't take must not keep it shut. What was held for a former owner of the number is discarded.
 */
export const releaseNumber = async (
  work: Extract<Work, { kind: 'release-held' }>,
  ports: ReleaseNumberPorts,
): Promise<WorkOutcome> => {
  const { number } = await ports.routing.read(work.phoneNumberId, []);
  const own = number?.tenantId === work.tenantId ? number : undefined;
  const probes = new Map<AgentId, { readonly conversation: HeldConversation; readonly seen: number }>();
  let requests: ReleaseHeld[] = [];
  let count = 0;
  const flush = async () => {
    await queueRelease(requests, ports.queue);
    count += requests.length;
    requests = [];
  };
  for await (const page of ports.held.conversations(work.phoneNumberId))
    for (const conversation of page) {
      if (conversation.tenantId !== work.tenantId) continue;
      const action = actionFor(work.action, conversation, own);
      if (action === 'probe') {
        const before = probes.get(conversation.agentId);
        const seen = (before?.seen ?? 0) + 1;
        const isTaken = before === undefined || ports.random() < 1 / seen;
        probes.set(conversation.agentId, { conversation: isTaken ? conversation : before.conversation, seen });
      } else if (action !== undefined) requests.push(requestFor(work, conversation, action, ports.now()));
      if (requests.length === requestsAtOnce) await flush();
    }
  for (const { conversation } of probes.values()) {
    requests.push(requestFor(work, conversation, 'probe', ports.now()));
    if (requests.length === requestsAtOnce) await flush();
  }
  await flush();
  ports.journal.info('held-released', { tenantId: work.tenantId, phoneNumberId: work.phoneNumberId, count });
  return probes.size === 0 || own === undefined
    ? 'done'
    : { outcome: 'later', pause: pauseFor([...probes.keys()], own, ports.now()) };
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
    await releaseNumber({ kind: 'release-held', tenantId, phoneNumberId, action, maxAgeHours }, ports);
  return 'done';
};

/** Undefined: something still holds it, and whoever takes that away will ask again. */
const actionFor = (
  wanted: ReleaseAction,
  conversation: HeldConversation,
  number: NumberRecord | undefined,
): ReleaseAction | undefined => {
  if (number === undefined || wanted === 'discard') return 'discard';
  const binding = number.bindings.find(({ agentId }) => agentId === conversation.agentId);
  const between = binding && obstacle(number, binding);
  if (between === undefined) return wanted;
  return between === 'suspended' ? 'probe' : undefined;
};

const requestFor = (
  work: Extract<Work, { kind: 'release-held' }>,
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

const pauseFor = (agentIds: readonly AgentId[], number: NumberRecord, now: Date): number =>
  Math.min(
    ...agentIds.flatMap((agentId) => {
      const circuit = number.circuits[agentId];
      return circuit === undefined ? [] : [probePause(circuit, now)];
    }),
  );
