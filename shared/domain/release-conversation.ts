import type { QueuedEvents, ReleaseHeld } from '../contracts/queued-events.ts';
import { readConversation } from './conversation.ts';
import { deliverEvent } from './deliver-event.ts';
import { dispatchTimeout } from './dispatch.ts';
import type { RouteEventPorts } from './event-on-its-way.ts';
import { Fault } from './fault.ts';
import { type HeldEvent, needsChoice, obstacle, readHeldBody } from './hold-event.ts';
import { queueRelease } from './queue-release.ts';
import type { ConversationRecord } from './records.ts';
import { releaseTicket } from './release-tickets.ts';
import { claimedEvent, type Found, lookUp, noteFailure, type RouteOutcome, traceOf } from './route-event.ts';

/** How often a change of the line is tried again because the conversation has changed meanwhile. */
const mostChanges = 5;

/**
 * Lets the held events of one conversation go, in the order in which they were held, until something holds them again or the time is
 * over; then the rest is asked for anew. It works in the conversation's own group, so nothing new overtakes it.
 */
export const releaseConversation = async (message: ReleaseHeld, ports: RouteEventPorts): Promise<RouteOutcome> => {
  let request = message;
  for (;;) {
    if (ports.timeLeft() < dispatchTimeout) {
      await queueRelease([request], ports.queue);
      return 'finished';
    }
    const step = await releaseFirst(request, ports);
    if (step === 'finished') return step;
    if (step === 'repeat') {
      // One request lets many events go: what its agent or Meta put off again and again must not make a dead letter of it.
      if (!ports.isOverdue) return step;
      await queueRelease([request], ports.queue);
      return 'finished';
    }
    request = { ...request, action: step === 'target-in-order' ? 'replay' : request.action };
  }
};

type Step = RouteOutcome | 'next' | 'target-in-order';

const releaseFirst = async (request: ReleaseHeld, ports: RouteEventPorts): Promise<Step> => {
  const { conversationId, action } = request;
  const conversation = await readConversation(request, ports.routing);
  if (conversation === undefined) return 'finished';
  const held = await ports.held.first(conversationId, {
    setAside: action === 'replay-all' || action === 'discard',
    notBefore: oldestWanted(request, ports.now()),
    notAfter: latestWanted(request),
  });
  if (held === undefined) {
    if (conversation.heldCount > 0 && (await ports.held.reset(conversation)) === undefined) return 'repeat';
    return 'finished';
  }
  if (action === 'discard') return isMeant(held, request) ? drop(held, request, ports, 'EventsDiscarded') : 'finished';
  if (!held.isSetAside && isToWait(held, request, ports.now())) {
    await changeLine(request, ports, (current) => ports.held.setAside(current, held));
    return 'next';
  }
  const body = await readHeldBody(held, ports.relay);
  if (body === undefined) return drop(held, request, ports, 'EventsExpired');
  const { type: _, action: __, maxAgeHours: ___, heldBefore: ____, ...envelope } = request;
  const batch: QueuedEvents = {
    ...envelope,
    type: 'events',
    credentialId: body.credentialId,
    receivedAt: body.receivedAt,
    events: [body.event],
  };
  const found = await lookUp(batch, body.event, ports);
  if (found.outcome !== 'found') return drop(held, request, ports, 'EventsUnwanted');
  const between = obstacle(found.number, found.choice.binding, body.event.kind);
  const isProbe = action === 'probe' && between === 'suspended';
  if (between !== undefined && !isProbe) return 'finished';
  return letGo(held, batch, found, { request, isProbe, ports });
};

const letGo = async (
  held: HeldEvent,
  batch: QueuedEvents,
  found: Found,
  {
    request,
    isProbe,
    ports,
  }: { readonly request: ReleaseHeld; readonly isProbe: boolean; readonly ports: RouteEventPorts },
): Promise<Step> => {
  const [event] = batch.events;
  if (event === undefined) throw new RangeError('A held event is one event');
  const claim = await ports.claims.claim(claimedEvent(event, found.envelope, found.choice.binding.agentId, true));
  if (claim.outcome === 'busy') return 'repeat';
  if (claim.outcome !== 'claimed') return drop(held, request, ports);
  const rounds = claim.progress.failures + 1;
  const delivery = await deliverEvent(
    {
      ...found,
      event,
      claim: claim.held,
      rounds,
      released: { heldSince: held.heldSince, isProbe },
      ports,
      trace: traceOf(batch, event),
    },
    claim.progress,
  ).catch(async (error: unknown) => {
    await claim.held.release().catch(() => undefined);
    throw error;
  });
  if (delivery === 'repeat') return 'repeat';
  if (delivery === 'finished') {
    ports.journal.count('EventsReplayed');
    // First of all: who dies after it leaves a claim that says `done`, and everything else goes on.
    if (isProbe) await closeCircuit(found, ports);
    await drop(held, request, ports);
    return isProbe ? 'target-in-order' : 'next';
  }
  await claim.held.release('failed');
  if (isProbe && !delivery.isGone) return 'finished';
  const target = await noteFailure(found, { isGone: delivery.isGone, rounds }, ports);
  if (target !== 'event-at-fault') return target === 'failing' ? 'repeat' : 'finished';
  await changeLine(request, ports, (current) => ports.held.setAside(current, held));
  return 'next';
};

/** The target took an event: everything that waits for it may go. */
const closeCircuit = async ({ envelope, number, choice }: Found, ports: RouteEventPorts): Promise<void> => {
  const ticket = releaseTicket(envelope, ports.now());
  if (!(await ports.circuits.change(number, choice.binding.agentId, undefined, [ticket]))) return;
  ports.journal.info('target-in-order', { tenantId: envelope.tenantId, agentId: choice.binding.agentId });
  // One that is not queued is found by the sweeper.
  await ports.releases.send(ticket).catch(() => undefined);
};

const drop = async (
  held: HeldEvent,
  request: ReleaseHeld,
  ports: RouteEventPorts,
  counted?: 'EventsDiscarded' | 'EventsExpired' | 'EventsUnwanted',
): Promise<'next'> => {
  await changeLine(request, ports, (current) => ports.held.remove(current, held));
  await ports.relay.delete([held.relayKey]);
  if (counted !== undefined) ports.journal.count(counted);
  return 'next';
};

/** @throws {Fault} store-unavailable when the conversation changes all the time */
const changeLine = async (
  request: ReleaseHeld,
  ports: RouteEventPorts,
  change: (conversation: ConversationRecord) => Promise<ConversationRecord | undefined>,
): Promise<void> => {
  for (let time = 0; time < mostChanges; time++) {
    const conversation = await readConversation(request, ports.routing);
    if (conversation === undefined || (await change(conversation)) !== undefined) return;
  }
  throw new Fault('store-unavailable', { retryable: true });
};

/** It was not asked for, so it keeps waiting. */
const isToWait = (held: HeldEvent, request: ReleaseHeld, now: Date): boolean => {
  const oldest = oldestWanted(request, now);
  return request.action === 'replay-all'
    ? oldest !== null && new Date(held.heldSince) < oldest
    : needsChoice(held, now);
};

/** It was held when its user decided. */
const isMeant = ({ heldSince }: HeldEvent, request: ReleaseHeld): boolean => {
  const latest = latestWanted(request);
  return latest === null || new Date(heldSince) <= latest;
};

const latestWanted = ({ heldBefore }: ReleaseHeld): Date | null => (heldBefore === null ? null : new Date(heldBefore));

const oldestWanted = ({ maxAgeHours }: ReleaseHeld, now: Date): Date | null =>
  maxAgeHours === null ? null : new Date(now.getTime() - maxAgeHours * 60 * 60 * 1000);
