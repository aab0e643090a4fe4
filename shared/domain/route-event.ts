import { messageFailure } from '../contracts/agent-event.ts';
import type { AgentId, ConversationId } from '../contracts/ids.ts';
import type { QueuedEvent, QueuedEvents, ReleaseHeld } from '../contracts/queued-events.ts';
import { type Choice, chooseAgent } from './choose-agent.ts';
import { afterFailure, probePause } from './circuit.ts';
import type { ClaimedEvent, HeldClaim } from './claim.ts';
import { changed, findConversation, isErasedSince, type Link, newConversation, withHuman } from './conversation.ts';
import { inboundAt, numberNote, withInbound } from './customer-service-window.ts';
import { type Delivery, deliverEvent } from './deliver-event.ts';
import type { EventOnItsWay, RouteEventPorts } from './event-on-its-way.ts';
import { type HoldReason, heldBodiesOf, heldBodyOf, holdReason, obstacleOf, putHeldBody } from './hold-event.ts';
import { noteInbound } from './note-inbound.ts';
import type { ConversationEnvelope } from './queue-packing.ts';
import { queueRelease } from './queue-release.ts';
import type { ConversationRecord, CountedNumber } from './records.ts';
import { watchTicket } from './release-tickets.ts';

/** `repeat`: leave the event in the queue. `finished`: acknowledge it. */
export type RouteOutcome = 'finished' | 'repeat';

/** How often an event is looked at anew because its conversation has changed meanwhile. */
const mostLooks = 4;

/**
 * Takes one event to its agent and the agent's answers to the customer, or holds it while its agent can't be reached. The agent gets
 * every event at least once with a stable id; the customer gets every reply at most once. Refuses events of a number that the delivering
 * credential does not own.
 */
export const routeEvent = async (
  batch: QueuedEvents,
  event: QueuedEvent,
  ports: RouteEventPorts,
): Promise<RouteOutcome> => {
  const trace = traceOf(batch, event);
  const found = await lookUp(batch, event, ports);
  if (found.outcome === 'foreign') {
    ports.journal.warn('event-foreign', trace);
    ports.journal.count('EventsForeign');
    return 'finished';
  }
  if (found.outcome === 'unwanted') {
    ports.journal.count('EventsUnwanted');
    if (found.isErased) return forget(batch, event, found, ports);
    const learned = await learnFrom(event, found, ports);
    const isInbound = inboundAt(event, batch.receivedAt) !== undefined;
    return learned === 'finished' && isInbound ? close(event, found, ports) : learned;
  }
  const claim = await ports.claims.claim(claimedEvent(event, found.envelope, found.choice.binding.agentId));
  switch (claim.outcome) {
    case 'finished':
      return 'finished';
    case 'busy':
      return 'repeat';
    case 'held':
      // Whoever held it may have died before this look.
      await releaseIfFree(found, event, ports);
      return 'finished';
    case 'claimed':
      break;
    default:
      return claim satisfies never;
  }
  try {
    const linked = await writeLinks(found, ports);
    if (linked === undefined) {
      await claim.held.release();
      return 'repeat';
    }
    await noteBeside(event, linked, ports);
    const attempt = { batch, event, found: linked, claim: claim.held, rounds: claim.progress.failures + 1, ports };
    const outcome =
      claim.progress.state === 'leased'
        ? await holdOrDispatch(attempt)
        : await afterDelivery(await deliverEvent(routedEvent(attempt), claim.progress), attempt);
    if (outcome === 'finished' && claim.progress.claims > 1) ports.alongside(tidyUp(attempt));
    return outcome;
  } catch (error) {
    await claim.held.release().catch(() => undefined);
    throw error;
  }
};

/** A router that had the claim before and died may have left a body that nothing names. */
const tidyUp = ({ batch, event, claim, ports }: Attempt): Promise<void> =>
  ports.relay.deleteBelow(heldBodiesOf(batch, event), heldBodyOf(batch, event, claim));

/** One event whose claim this invocation has. */
interface Attempt {
  readonly batch: QueuedEvents;
  readonly event: QueuedEvent;
  readonly found: Found;
  readonly claim: HeldClaim;
  /** How often it has failed, should it fail this time. */
  readonly rounds: number;
  readonly ports: RouteEventPorts;
}

/** What the Directory says about an event: whose it is and which conversation it belongs to. */
interface Placed {
  readonly envelope: ConversationEnvelope;
  readonly number: CountedNumber;
  readonly conversation: ConversationRecord | undefined;
  readonly links: readonly Link[];
  /** Another name of the customer that is not joined to it. */
  readonly apart: ApartName | null;
}

interface ApartName {
  readonly conversationId: ConversationId;
  readonly record: ConversationRecord | undefined;
}

/** And which agent gets it. */
export interface Found extends Placed {
  readonly outcome: 'found';
  readonly choice: Choice;
}

/** No agent gets it. `isErased`: it is of the time before its customer was erased. */
interface Unwanted extends Placed {
  readonly outcome: 'unwanted';
  readonly isErased: boolean;
}

/** The number is not its tenant's, or takes nothing from its credential. */
interface Foreign {
  readonly outcome: 'foreign';
}

/** @throws {Fault} store-unavailable, row-malformed */
export const lookUp = async (
  { type: _, events: __, ...envelope }: QueuedEvents,
  event: QueuedEvent,
  { routing, now }: Pick<RouteEventPorts, 'routing' | 'now'>,
): Promise<Found | Unwanted | Foreign> => {
  const named = { conversationId: envelope.conversationId, alsoKnownAs: event.alsoKnownAs };
  const found = await findConversation(envelope.phoneNumberId, named, routing, now());
  const { number, conversationId, conversation, known, links } = found;
  if (number?.tenantId !== envelope.tenantId || !number.acceptedSources.includes(envelope.credentialId))
    return { outcome: 'foreign' };
  const apart = found.apart && { conversationId: found.apart, record: known.get(found.apart) };
  const placed = { envelope: { ...envelope, conversationId }, number, conversation, links, apart };
  // Under whatever name: two of them need not have been joined yet.
  const isErased = [...known.values(), conversation].some((it) => isErasedSince(it, envelope.receivedAt));
  const choice = isErased ? undefined : chooseAgent(number, conversation, event, now());
  return choice === undefined ? { outcome: 'unwanted', ...placed, isErased } : { outcome: 'found', ...placed, choice };
};

/** Nothing of it is kept, what a router that died has left included, and no repeat of it is dispatched either. */
const forget = async (
  batch: QueuedEvents,
  event: QueuedEvent,
  { envelope }: Placed,
  ports: RouteEventPorts,
): Promise<RouteOutcome> => {
  const claim = await ports.claims.claim(claimedEvent(event, envelope, null));
  if (claim.outcome === 'busy') return 'repeat';
  await ports.relay.deleteBelow(heldBodiesOf(batch, event));
  if (claim.outcome === 'claimed') await claim.held.record({ state: 'done', replies: null, fates: [] });
  return 'finished';
};

/** A customer's doing that no agent wants is written down as such: that the number is written to is known by its claims. */
const close = async (event: QueuedEvent, { envelope }: Placed, ports: RouteEventPorts): Promise<RouteOutcome> => {
  const claim = await ports.claims.claim(claimedEvent(event, envelope, null));
  if (claim.outcome === 'busy') return 'repeat';
  if (claim.outcome !== 'claimed') return 'finished';
  const { state, fates } = claim.progress;
  // Whoever sent a reply died over it, and the binding is gone since.
  const after =
    state === 'sending'
      ? ({ state: 'unknown', fates: [...fates, { fate: 'unknown' }] } as const)
      : ({ state: 'done', fates } as const);
  await claim.held.record({ ...after, replies: null });
  return 'finished';
};

/**
 * What an event tells about its conversation, also one that no agent wants: who else the customer is, that the customer wrote, and that a human
 * answers.
 */
const learnFrom = async (event: QueuedEvent, placed: Placed, ports: RouteEventPorts): Promise<RouteOutcome> => {
  const linked = await writeLinks(placed, ports);
  if (linked === undefined) return 'repeat';
  const { conversation, envelope } = linked;
  await noteBeside(event, linked, ports);
  const now = ports.now();
  const inbound = withInbound(conversation, inboundAt(event, envelope.receivedAt));
  const change = { ...(event.kind === 'echo' ? withHuman(conversation, now) : {}), ...inbound };
  if (Object.keys(change).length === 0) return 'finished';
  const after = changed(conversation ?? newConversation(envelope, now), change, now);
  const isSaved = await ports.routing.save(conversation, after);
  return isSaved || inbound.lastInboundAt === undefined ? 'finished' : 'repeat';
};

/**
 * Notes what an event of a customer tells beyond its conversation: that the number delivers to us, that somebody writes without a phone number, and
 * that whoever has the other name wrote, where the two are not joined. Before anything takes effect: who sends to the customer
 * must not be told that the window is closed.
 */
const noteBeside = async (
  event: QueuedEvent,
  { number, apart, envelope }: Placed,
  { routing, now, alongside, noteFirstMessage }: RouteEventPorts,
): Promise<void> => {
  const { receivedAt } = envelope;
  const at = inboundAt(event, receivedAt);
  if (at === undefined) return;
  const note = numberNote(number, event, at, now());
  if (note !== undefined) await routing.note(number, note);
  if (note?.deliversSince !== undefined) alongside(noteFirstMessage(number));
  if (apart !== null && withInbound(apart.record, at).lastInboundAt !== undefined)
    await noteInbound({ ...envelope, conversationId: apart.conversationId }, { at, receivedAt }, routing, now());
};

const undeliveredBecause = messageFailure.pick({ meta: true });

export const claimedEvent = (
  { eventId, kind, value }: QueuedEvent,
  { tenantId, credentialId, phoneNumberId, conversationId, receivedAt }: ConversationEnvelope,
  agentId: AgentId | null,
  isReleased = false,
): ClaimedEvent => ({
  eventId,
  kind,
  tenantId,
  credentialId,
  phoneNumberId,
  conversationId,
  receivedAt,
  agentId,
  isReleased,
  // What is known of a message of the API is counted by its own row.
  ...(kind === 'failure' && value.outcome === 'failed' && value.messageId === undefined
    ? { undelivered: { code: undeliveredBecause.safeParse(value).data?.meta?.code ?? null } }
    : {}),
});

export const traceOf = (envelope: Pick<QueuedEvents, 'tenantId' | 'credentialId'>, event: QueuedEvent) => ({
  tenantId: envelope.tenantId,
  credentialId: envelope.credentialId,
  eventId: event.eventId,
  kind: event.kind,
});

const routedEvent = ({ event, found, claim, rounds, ports }: Attempt): EventOnItsWay => ({
  ...found,
  event,
  claim,
  rounds,
  ports,
  released: undefined,
  trace: traceOf(found.envelope, event),
});

const holdOrDispatch = async (attempt: Attempt): Promise<RouteOutcome> => {
  let current = attempt;
  for (let look = 0; look < mostLooks; look++) {
    const { number, choice, conversation } = current.found;
    const why =
      holdReason(number, choice.binding, conversation, attempt.event.kind) ??
      (attempt.ports.isOverdue ? 'overdue' : undefined);
    if (why === undefined) return afterDelivery(await deliverEvent(routedEvent(current), undefined), current);
    if (await hold(current, why)) return 'finished';
    const found = await lookUp(attempt.batch, attempt.event, attempt.ports);
    if (found.outcome !== 'found') break;
    current = { ...attempt, found };
  }
  await attempt.claim.release();
  return 'repeat';
};

/** True when it is held: from then on it is the business of whoever lets it go. */
const hold = async (
  { batch, event, found, claim, ports }: Attempt,
  because: HoldReason | 'overdue' | 'failed' | 'event-at-fault',
): Promise<boolean> => {
  const { agentId } = found.choice.binding;
  const relayKey = await putHeldBody(batch, event, claim, ports.relay);
  const isHeld = await ports.held.hold({
    conversation: found.conversation,
    envelope: found.envelope,
    eventId: event.eventId,
    agentId,
    relayKey,
    isSetAside: because === 'event-at-fault',
    leaseId: claim.leaseId,
    change: withInbound(found.conversation, inboundAt(event, batch.receivedAt)),
    now: ports.now(),
  });
  if (!isHeld) {
    await ports.relay.delete([relayKey]);
    return false;
  }
  ports.journal.info('event-held', { ...traceOf(batch, event), agentId, code: because });
  ports.journal.count('EventsHeld');
  // Whoever repaired something has asked for those before it, unless they have expired or that request has failed.
  if (because === 'behind')
    await queueRelease([replayOf(found)], ports.queue, `behind_${found.envelope.conversationId}`);
  else await releaseIfFree(found, event, ports);
  return true;
};

/**
 * Whoever repairs something first writes that it is repaired and then looks for what is held. An event that was held between the two, by a
 * router that did not know yet, would be overlooked: so the router looks once more, after it has held.
 */
const releaseIfFree = async (found: Found, { kind }: QueuedEvent, ports: RouteEventPorts): Promise<void> => {
  const { phoneNumberId, conversationId } = found.envelope;
  const { number, conversations } = await ports.routing.read(phoneNumberId, [conversationId]);
  const isHeldStill = number !== undefined && obstacleOf(number, found.choice.binding.agentId, kind) !== undefined;
  if (isHeldStill || (conversations.get(conversationId)?.heldCount ?? 0) === 0) return;
  await queueRelease([replayOf(found)], ports.queue);
};

const replayOf = ({ envelope }: Found): ReleaseHeld => ({
  ...envelope,
  type: 'release-held',
  action: 'replay',
  maxAgeHours: null,
  heldBefore: null,
});

const afterDelivery = async (
  delivery: Delivery,
  { batch, event, found, claim, rounds, ports }: Attempt,
): Promise<RouteOutcome> => {
  if (delivery === 'finished' || delivery === 'repeat') return delivery;
  const target = await noteFailure(found, { isGone: delivery.isGone, rounds }, ports);
  if (target === 'failing') {
    await claim.release('failed');
    return 'repeat';
  }
  const again = await lookUp(batch, event, ports);
  const because = target === 'held' ? 'failed' : target;
  if (again.outcome === 'found' && (await hold({ batch, event, found: again, claim, rounds, ports }, because)))
    return 'finished';
  await claim.release('failed');
  return 'repeat';
};

/**
 * Writes down that a target fails, and has its held events looked after once its circuit opens. What is to become of the event:
 * `failing`: it is tried again. `held`: it waits with those behind it. `event-at-fault`: it alone waits for the user's choice.
 */
export const noteFailure = async (
  { envelope, number, choice }: Pick<Found, 'number' | 'choice' | 'envelope'>,
  failure: { readonly isGone: boolean; readonly rounds: number },
  ports: Pick<RouteEventPorts, 'circuits' | 'releases' | 'journal' | 'now'>,
): Promise<'failing' | 'held' | 'event-at-fault'> => {
  const { agentId } = choice.binding;
  const before = number.circuits[agentId];
  const after = afterFailure(before, failure, ports.now());
  if (after === 'event-at-fault') return after;
  if (after === before) return after.state === 'failing' ? 'failing' : 'held';
  const tickets = after.state === 'open' ? [watchTicket(envelope, { agentId, since: after.since }, ports.now())] : [];
  // Somebody else has written it meanwhile: the next round will see it.
  if (!(await ports.circuits.change(number, agentId, after, tickets)) || after.state === 'failing') return 'failing';
  ports.journal.warn('target-suspended', { tenantId: envelope.tenantId, agentId, state: after.state });
  ports.journal.count('TargetsSuspended');
  // One that is not queued is found by the sweeper.
  for (const ticket of tickets)
    await ports.releases.send(ticket, probePause(after, ports.now())).catch(() => undefined);
  return 'held';
};

/** With the conversation as it is then. Undefined when one of the records has changed meanwhile: then it may be another's by now. */
const writeLinks = async <T extends Placed>(placed: T, { routing, now }: RouteEventPorts): Promise<T | undefined> => {
  let { conversation } = placed;
  for (const { before, id, change } of placed.links) {
    const after = changed(before ?? newConversation({ ...placed.envelope, conversationId: id }, now()), change, now());
    if (!(await routing.save(before, after))) return undefined;
    if (id === placed.envelope.conversationId) conversation = after;
  }
  return { ...placed, conversation };
};
