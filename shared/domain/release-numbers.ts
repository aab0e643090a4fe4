import type { AgentId, PhoneNumberId, TenantId } from '../contracts/ids.ts';
import type { ReleaseAction, ReleaseHeld } from '../contracts/queued-events.ts';
import { probePause } from './circuit.ts';
import type { RoutingStore } from './conversation.ts';
import { type HeldConversation, obstacleOf } from './hold-event.ts';
import type { Journal } from './journal.ts';
import type { QueueMessage } from './queue-packing.ts';
import { queueRelease } from './queue-release.ts';
import type { NumberRecord } from './records.ts';
import type { ReleaseWork } from './release-tickets.ts';
import type { WorkOutcome } from './work.ts';

export interface ReleaseNumbersPorts {
  readonly routing: Pick<RoutingStore, 'read'>;
  /** Conversations of these numbers of which something is held, in no particular order. */
  readonly held: {
    page(
      tenantId: TenantId,
      phoneNumberIds: readonly PhoneNumberId[],
      limit: number,
      cursor: string | undefined,
    ): Promise<{ readonly items: readonly HeldConversation[]; readonly nextCursor: string | null }>;
  };
  readonly queue: { send(batch: readonly QueueMessage[]): Promise<ReadonlySet<string>> };
  readonly journal: Journal;
  readonly now: () => Date;
  /** Milliseconds. */
  readonly timeLeft: () => number;
  /** From 0 up to 1: which of several conversations a target is tried with. */
  readonly random: () => number;
}

/** Conversations read at once, and how long it may take to ask for all of them, in milliseconds. */
const pageSize = 100;
const pageTime = 5_000;

/** What SQS takes at once. */
const requestsAtOnce = 10;

/**
 * Has everything replayed that is held on numbers and that nothing holds any more, or discarded; what was held for a former owner of a number
 * is always discarded. Or watches one suspended target. What does not fit into the time is done next time.
 */
export const releaseNumbers = async (work: ReleaseWork, ports: ReleaseNumbersPorts): Promise<WorkOutcome> => {
  const numberOf = ownNumbers(work.tenantId, ports);
  if (work.watch !== null) return tryTarget(work, work.watch, numberOf, ports);
  let count = 0;
  let cursor = work.cursor;
  do {
    const page = await pageBehind(cursor, work, ports);
    const requests: ReleaseHeld[] = [];
    for (const conversation of page.items) {
      const action = actionFor(work.action, conversation, await numberOf(conversation.phoneNumberId));
      if (action !== undefined) requests.push(requestFor(work, conversation, action, ports.now()));
    }
    for (let first = 0; first < requests.length; first += requestsAtOnce)
      await queueRelease(requests.slice(first, first + requestsAtOnce), ports.queue);
    count += requests.length;
    cursor = page.nextCursor;
  } while (cursor !== null && ports.timeLeft() >= pageTime);
  ports.journal.info('held-released', { tenantId: work.tenantId, count });
  return cursor === null ? 'done' : { outcome: 'again', work: { ...work, cursor } };
};

const pageBehind = (
  cursor: string | null,
  { tenantId, phoneNumberIds }: ReleaseWork,
  { held }: ReleaseNumbersPorts,
): ReturnType<ReleaseNumbersPorts['held']['page']> =>
  held.page(tenantId, phoneNumberIds, pageSize, cursor ?? undefined);

type NumberOf = (id: PhoneNumberId) => Promise<NumberRecord | undefined>;

/** Numbers of the tenant, each read once: whoever changes one after that asks for what is held by himself. */
const ownNumbers = (tenantId: TenantId, { routing }: ReleaseNumbersPorts): NumberOf => {
  const known = new Map<PhoneNumberId, ReturnType<NumberOf>>();
  const read: NumberOf = async (id) => {
    const { number } = await routing.read(id, []);
    return number?.tenantId === tenantId ? number : undefined;
  };
  return (id) => {
    const number = known.get(id) ?? read(id);
    known.set(id, number);
    return number;
  };
};

/**
 * Tries a target that fails with one event, of another conversation each time: one that it can't take must not keep it shut. It goes on
 * while nothing is held for it, too: what comes next will be.
 */
const tryTarget = async (
  work: ReleaseWork,
  { agentId, since }: NonNullable<ReleaseWork['watch']>,
  numberOf: NumberOf,
  ports: ReleaseNumbersPorts,
): Promise<WorkOutcome> => {
  const [phoneNumberId] = work.phoneNumberIds;
  const number = phoneNumberId === undefined ? undefined : await numberOf(phoneNumberId);
  const circuit = number?.circuits[agentId];
  // In order again, or suspended anew: that has a watch of its own.
  if (circuit?.state !== 'open' || circuit.since !== since) return 'done';
  const chosen = await anyOf(agentId, work, ports);
  await queueRelease(chosen === undefined ? [] : [requestFor(work, chosen, 'probe', ports.now())], ports.queue);
  return { outcome: 'later', pause: probePause(circuit, ports.now()) };
};

/** One of all conversations that hold something for the agent, each as likely as any other. */
const anyOf = async (
  agent: AgentId,
  work: ReleaseWork,
  ports: ReleaseNumbersPorts,
): Promise<HeldConversation | undefined> => {
  let chosen: HeldConversation | undefined;
  let seen = 0;
  let cursor: string | null = null;
  do {
    const page = await pageBehind(cursor, work, ports);
    for (const conversation of page.items.filter(({ agentIds }) => agentIds.includes(agent))) {
      seen++;
      if (ports.random() < 1 / seen) chosen = conversation;
    }
    cursor = page.nextCursor;
  } while (cursor !== null && ports.timeLeft() >= pageTime);
  return chosen;
};

/** Undefined: something still holds it, whichever agent is first in line, and whoever takes that away will ask again. */
const actionFor = (
  wanted: ReleaseAction,
  { agentIds }: HeldConversation,
  number: NumberRecord | undefined,
): ReleaseAction | undefined => {
  if (number === undefined || wanted === 'discard') return 'discard';
  return agentIds.some((agent) => obstacleOf(number, agent) === undefined) ? wanted : undefined;
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
  phoneNumberId: conversation.phoneNumberId,
  conversationId: conversation.conversationId,
  receivedAt: now.toISOString(),
  action,
  maxAgeHours: work.maxAgeHours,
  heldBefore: work.action === 'discard' ? work.heldBefore : null,
});
