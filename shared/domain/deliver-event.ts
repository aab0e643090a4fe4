import { agentEventOf } from './agent-event-of.ts';
import { absenceStart, isAway } from './away.ts';
import type { ClaimProgress, ClaimStep } from './claim.ts';
import { changed, isUnderWay, isWithHuman, newConversation, withHuman } from './conversation.ts';
import { inboundAt, withInbound } from './customer-service-window.ts';
import { type DispatchOutcome, dispatchTimeout } from './dispatch.ts';
import type { EventOnItsWay } from './event-on-its-way.ts';
import { withGraphAccess } from './graph-access.ts';
import { mediaOfEvent } from './media-transfer.ts';
import { noteInbound } from './note-inbound.ts';
import type { ConversationRecord } from './records.ts';
import { giveUpDoubtful, giveUpExpired, say, sendReplies } from './send-replies.ts';
import { isPaused, pauseOnDoubt } from './sending-doubt.ts';
import { withSigningSecrets } from './signing-access.ts';
import { keeping } from './stickiness.ts';

/** `isGone`: the target will not take any event any more. Else it did not take this one, in all tries of this round. */
export type Delivery = 'finished' | 'repeat' | { readonly outcome: 'undeliverable'; readonly isGone: boolean };

/** Pauses before the second and the third try within one invocation, in milliseconds. */
const retryPauses = [500, 2000] as const;

/** From whatever state an earlier invocation left behind; undefined: from the beginning. */
export const deliverEvent = async (work: EventOnItsWay, found: ClaimProgress | undefined): Promise<Delivery> => {
  if (found === undefined) return dispatch(work);
  switch (found.state) {
    case 'leased':
    case 'held':
      return dispatch(work);
    case 'answered':
    case 'sent':
      return found.replies === null ? giveUpExpired(work, found) : sendReplies(work, found);
    case 'sending':
      return sendReplies(work, { ...found, fates: [...found.fates, await giveUpDoubtful(work, found.fates.length)] });
    case 'done':
    case 'unknown':
      return 'finished';
    default:
      return found.state satisfies never;
  }
};

const dispatch = async (work: EventOnItsWay): Promise<Delivery> => {
  const { ports, claim, trace } = work;
  const { agentId } = work.choice.binding;
  await admitToMedia(work);
  const { conversation, isOutOfHours, spoken } = await openConversation(work);
  const dispatching = dispatchSigned(work, conversation, isOutOfHours);
  const acknowledged = acknowledgeToCustomer(work);
  ports.alongside(acknowledged);
  const [outcome] = await Promise.all([dispatching, spoken]);
  switch (outcome.outcome) {
    case 'gone':
    case 'failed':
      ports.journal.warn('dispatch-failed', {
        ...trace,
        agentId,
        code: outcome.outcome === 'gone' ? 'http-410' : outcome.reason,
      });
      ports.journal.count('DispatchFailed');
      if (outcome.outcome === 'failed' && outcome.retryAfterSeconds !== undefined)
        ports.askedToWait(outcome.retryAfterSeconds);
      return { outcome: 'undeliverable', isGone: outcome.outcome === 'gone' };
    case 'refused':
      ports.journal.warn('event-refused-by-agent', { ...trace, agentId, httpStatus: outcome.httpStatus });
      ports.journal.count('EventsRefusedByAgent');
      await noteSuccess(work);
      await claim.record({ state: 'done', replies: null, fates: [], isRefused: true });
      return 'finished';
    case 'answered': {
      const replies = mayBeAnswered(work) ? outcome.replies : [];
      ports.journal.info('event-dispatched', { ...trace, agentId, count: replies.length });
      ports.journal.count('EventsDispatched');
      if (outcome.unreadable) ports.journal.warn('answer-unreadable', { ...trace, agentId });
      await noteSuccess(work);
      if (replies.length === 0) {
        await claim.record({ state: 'done', replies: null, fates: [] });
        return 'finished';
      }
      const answered: ClaimStep = { state: 'answered', replies, fates: [] };
      await claim.record(answered);
      // A typing indicator that came after the reply would stay.
      await acknowledged;
      return sendReplies(work, answered);
    }
    default:
      return outcome satisfies never;
  }
};

/** Written down before the agent hears of the media: it may ask for them at once. */
const admitToMedia = async ({ envelope, event, choice, ports }: EventOnItsWay): Promise<void> => {
  const transfer = mediaOfEvent(envelope, event, choice.binding.agentId, ports.now());
  if (transfer !== undefined) await ports.media.open(transfer);
};

/** Only what a customer did is answered: an answer to the fate of an answer, or to a human's, would never end. */
const mayBeAnswered = ({ event }: EventOnItsWay): boolean => event.kind === 'message' || event.kind === 'call';

const dispatchSigned = async (
  work: EventOnItsWay,
  conversation: ConversationRecord | undefined,
  isOutOfHours: boolean,
): Promise<DispatchOutcome> => {
  const { binding } = work.choice;
  const { tenantId } = work.envelope;
  const now = work.ports.now();
  const event = agentEventOf({
    ...work.envelope,
    event: work.event,
    agentId: binding.agentId,
    conversation: {
      id: work.envelope.conversationId,
      handledBy: isWithHuman(conversation, now) ? 'human' : 'agent',
    },
    away: isOutOfHours,
    heldSince: work.released?.heldSince ?? null,
    now,
  });
  return withSigningSecrets(work.ports.vault, tenantId, binding, now, async (secrets) => {
    const once = () => work.ports.dispatcher.dispatch(binding, event, secrets);
    let outcome = await once();
    if (work.released?.isProbe) return outcome;
    for (const pause of retryPauses) {
      if (outcome.outcome !== 'failed' || work.ports.timeLeft() < pause + dispatchTimeout) return outcome;
      // An agent that says when it wants to be asked again is asked in the next round.
      if ((outcome.retryAfterSeconds ?? 0) * 1000 > pause) return outcome;
      await work.ports.sleep(pause);
      outcome = await once();
    }
    return outcome;
  });
};

interface OpenedConversation {
  readonly conversation: ConversationRecord | undefined;
  readonly isOutOfHours: boolean;
  /** What is under way meanwhile. */
  readonly spoken: Promise<unknown>;
}

/**
 * Writes down which agent has the conversation and what we say ourselves, before any of it takes effect: a greeting that was written
 * down is never said again.
 */
const openConversation = async (work: EventOnItsWay): Promise<OpenedConversation> => {
  const { event, choice, ports, released } = work;
  const now = ports.now();
  const at = now.toISOString();
  const before = work.conversation;
  const { greeting, away } = choice.binding.behaviour;
  const isMessage = event.kind === 'message';
  const isOutOfHours = isMessage && isAway(away, now);
  const begins = isMessage && !isUnderWay(before, now);
  // What we say ourselves does not wait for the end of a pause: it would come after what the agent says.
  const maySpeak =
    isMessage && released === undefined && event.customer.groupId === null && !isPaused(work.number, now);
  const greets = maySpeak && begins && greeting !== null;
  const saysAway = maySpeak && away !== null && isOutOfHours && !wasToldSince(before, absenceStart(away, now));
  const { receivedAt } = work.envelope;
  const inbound = inboundAt(event, receivedAt);
  const noted = withInbound(before, inbound);
  const changes = {
    ...(isMessage ? keeping(before, choice, now) : {}),
    ...(event.kind === 'echo' ? withHuman(before, now) : {}),
    ...(greets ? { greetedAt: at } : {}),
    ...(saysAway ? { awaySaidAt: at } : {}),
    ...(isFirstAfterSkipped(before) ? { lastHandledAt: at } : {}),
    ...noted,
  };
  if (Object.keys(changes).length === 0) return { conversation: before, isOutOfHours, spoken: Promise.resolve() };
  const conversation = conversationAfter(work, changes);
  const saved = ports.routing.save(before, conversation);
  // Nothing is said before it is written down; everything else need not wait.
  if ((greets || saysAway) && (await saved)) {
    if (greets) await say(work, greeting, 'greeting');
    if (saysAway) await say(work, away.message, 'away');
  }
  // Everything else of it may be lost; that the customer wrote must not be.
  const isSafe = saved.then(async (isSaved) => {
    if (isSaved || noted.lastInboundAt === undefined) return;
    await noteInbound(work.envelope, { at: noted.lastInboundAt, receivedAt }, ports.routing, now);
  });
  return { conversation, isOutOfHours, spoken: isSafe };
};

const isFirstAfterSkipped = (conversation: ConversationRecord | undefined): boolean =>
  conversation?.skippedAt != null && (conversation.lastHandledAt ?? '') < conversation.skippedAt;

const wasToldSince = (conversation: ConversationRecord | undefined, start: Date | undefined): boolean =>
  start !== undefined && conversation?.awaySaidAt != null && new Date(conversation.awaySaidAt) >= start;

const conversationAfter = (work: EventOnItsWay, change: Parameters<typeof changed>[1]): ConversationRecord => {
  const now = work.ports.now();
  return changed(work.conversation ?? newConversation(work.envelope, now), change, now);
};

/** A target that was failing is in order again. */
const noteSuccess = async ({ number, choice, ports }: EventOnItsWay): Promise<void> => {
  const { agentId } = choice.binding;
  if (number.circuits[agentId]?.state === 'failing') await ports.circuits.change(number, agentId, undefined, []);
};

/** Read receipt and typing indicator: pleasant, never a reason to fail or to delay. */
const acknowledgeToCustomer = async (work: EventOnItsWay): Promise<void> => {
  const { readReceipts, typingIndicator } = work.choice.binding.behaviour;
  const messageId = work.event.value.id;
  if (work.released !== undefined || work.event.kind !== 'message') return;
  if (typeof messageId !== 'string' || !readReceipts || isPaused(work.number, work.ports.now())) return;
  const marked = await withGraphAccess(work.ports.vault, work.number, (access) =>
    work.ports.graph.markRead(access, work.number.phoneNumberId, messageId, { typing: typingIndicator }),
  ).catch(() => work.ports.journal.warn('read-receipt-failed', work.trace));
  await pauseOnDoubt(work.number, marked ?? undefined, work.ports);
};
