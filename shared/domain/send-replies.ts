import type { Reply } from '../contracts/agent-event.ts';
import { callbackDataOf } from './callback-data.ts';
import type { ClaimStep, ReplyFate } from './claim.ts';
import type { EventOnItsWay } from './event-on-its-way.ts';
import { type GraphAccess, type GraphFailure, type GraphResult, tookNoEffectYet } from './graph.ts';
import { withGraphAccess } from './graph-access.ts';
import { queueFailure } from './message-failure.ts';
import { isPaused, pauseHint, pauseOnDoubt } from './sending-doubt.ts';

/**
 * Meta may be out of order, or out of patience with the number, for so many rounds, about four minutes, or with this customer, about half an hour: then
 * the agent is told, who may decide to say it later. Why not longer: the queue gives a message up after 20.
 */
const mostRounds = 10;

/** Others wait in the same batch: who would wait longer for the turn of his number goes back to the queue. In milliseconds. */
const longestTurn = 3_000;

/** Limit of one send, in milliseconds. What can't end in time is not begun. */
export const sendTimeout = 5_000;

/**
 * Takes the agent's replies to the customer, each at most once: `sending` is written down before, so that whoever finds it after a crash never
 * sends that reply again. A reply that does not get through comes back to the agent as an event of its own. While sending is paused it waits.
 */
export const sendReplies = (
  work: EventOnItsWay,
  found: Pick<ClaimStep, 'replies' | 'fates'>,
): Promise<'finished' | 'repeat'> =>
  isPaused(work.number, work.ports.now())
    ? sendAfterPause(work, found.replies ?? [], found.fates)
    : sendNow(work, found);

const sendNow = (work: EventOnItsWay, found: Pick<ClaimStep, 'replies' | 'fates'>): Promise<'finished' | 'repeat'> =>
  // Opened before the first `sending` is recorded: a secret that does not open leaves no doubt about a reply.
  withGraphAccess(work.ports.vault, work.number, async (access) => {
    const replies = found.replies ?? [];
    let fates = found.fates;
    for (const [index, reply] of replies.entries()) {
      if (index < fates.length) continue;
      const patience = Math.min(longestTurn, work.ports.timeLeft() - sendTimeout);
      const isItsTurn = await work.ports.pace.turn(work.number.phoneNumberId, patience);
      if (!isItsTurn) return sendLater(work, replies, fates);
      await work.claim.record({ state: 'sending', replies, fates });
      const sent = await work.ports.graph.sendMessage(
        access,
        work.number.phoneNumberId,
        addressed(work, reply, callbackDataOf(work.event.eventId, index)),
      );
      work.ports.pace.heard(work.number.phoneNumberId, sent);
      const mayBeRepeated = work.rounds < mostRounds && !work.ports.isLastReceive;
      if (!sent.ok && tookNoEffectYet(sent.failure) && mayBeRepeated) {
        if (isOfPair(sent.failure)) work.ports.askedToWait(pairPause(work.rounds));
        return sendLater(work, replies, fates, 'failed');
      }
      fates = [...fates, await fateOf(work, index, sent)];
      const isLast = index === replies.length - 1;
      if (!isLast) await work.claim.record({ state: 'sent', replies, fates });
      const isPausedByIt = await pauseOnDoubt(work.number, sent, work.ports);
      if (isPausedByIt && !isLast) return sendAfterPause(work, replies, fates);
    }
    const doubtful = fates.some(({ fate }) => fate === 'unknown');
    await work.claim.record({ state: doubtful ? 'unknown' : 'done', replies: null, fates });
    return 'finished';
  });

/** Too many messages to this one customer ("Error codes", Cloud API). */
const pairCode = 131_056;
const isOfPair = (failure: GraphFailure): boolean => failure.kind === 'refused' && failure.code === pairCode;

/** Meta wants 4^n seconds of pause, n = 0, 1, 2, … ("Pair rate limits"); from the fifth on it stays what it is: about four minutes. In seconds. */
const pairPause = (rounds: number): number => 4 ** Math.min(rounds - 1, 4);

/** It was being sent when the router died: it may have reached the customer, so it is never sent again. */
export const giveUpDoubtful = async (work: EventOnItsWay, index: number): Promise<ReplyFate> => {
  noteUnknown(work, index);
  await queueFailure(work, index, { kind: 'unknown-outcome' });
  return { fate: 'unknown' };
};

/** What the agent answered is kept a day, and that is over: nobody knows any more what it was, but the agent, who is told. */
export const giveUpExpired = async (work: EventOnItsWay, { fates }: Pick<ClaimStep, 'fates'>): Promise<'finished'> => {
  const fate = await giveUpDoubtful(work, fates.length);
  await work.claim.record({ state: 'unknown', replies: null, fates: [...fates, fate] });
  return 'finished';
};

/** A message of ours, not the agent's: a greeting, a word that nobody is there. Pleasant, never a reason to fail; never said twice. */
export const say = async (work: EventOnItsWay, text: string, name: 'greeting' | 'away'): Promise<void> => {
  const message = addressed(work, { type: 'text', text: { body: text } }, callbackDataOf(work.event.eventId, name));
  const send = (access: GraphAccess) => work.ports.graph.sendMessage(access, work.number.phoneNumberId, message);
  const sent = await withGraphAccess(work.ports.vault, work.number, send).catch(() => undefined);
  await pauseOnDoubt(work.number, sent, work.ports);
  if (sent?.ok) work.ports.journal.count('RepliesSent');
  else work.ports.journal.warn('greeting-failed', { ...work.trace, ...metaOf(sent?.failure) });
};

/** Nothing of the next reply has reached the customer: back to a state that may be repeated. */
const sendLater = async (
  work: EventOnItsWay,
  replies: readonly Reply[],
  fates: readonly ReplyFate[],
  because?: 'failed',
): Promise<'repeat'> => {
  await work.claim.record({ state: fates.length === 0 ? 'answered' : 'sent', replies, fates });
  await work.claim.release(because);
  return 'repeat';
};

/** Nothing went wrong with the reply: its turn comes when the credential has been checked. */
const sendAfterPause = (...[work, replies, fates]: Parameters<typeof sendLater>): Promise<'repeat'> => {
  work.ports.askedToWait(pauseHint);
  return sendLater(work, replies, fates);
};

const fateOf = async (
  work: EventOnItsWay,
  index: number,
  sent: GraphResult<{ readonly wamid: string }>,
): Promise<ReplyFate> => {
  const { journal } = work.ports;
  if (sent.ok) {
    journal.count('RepliesSent');
    return { fate: 'sent' };
  }
  if (sent.failure.kind === 'unknown-outcome') return giveUpDoubtful(work, index);
  journal.warn('reply-refused', { ...work.trace, index, ...metaOf(sent.failure) });
  journal.count('RepliesRefused');
  await queueFailure(work, index, sent.failure);
  return { fate: 'refused', metaCode: sent.failure.kind === 'refused' ? sent.failure.code : null };
};

const metaOf = (failure: GraphFailure | undefined) =>
  failure?.kind === 'refused'
    ? { metaCode: failure.code, ...(failure.fbtraceId === undefined ? {} : { fbtraceId: failure.fbtraceId }) }
    : {};

const noteUnknown = (work: EventOnItsWay, index: number): void => {
  work.ports.journal.error('reply-unknown', { ...work.trace, index });
  work.ports.journal.count('RepliesUnknown');
};

/** The agent says what, we say to whom: of an answer only the message itself and what it quotes is taken over. */
const addressed = (work: EventOnItsWay, reply: Reply, callbackData: string): Readonly<Record<string, unknown>> => {
  const { customer } = work.event;
  return {
    type: reply.type,
    [reply.type]: reply[reply.type],
    ...(reply.context === undefined ? {} : { context: reply.context }),
    messaging_product: 'whatsapp',
    recipient_type: customer.groupId === null ? 'individual' : 'group',
    ...(customer.groupId !== null
      ? { to: customer.groupId }
      : customer.waId !== null
        ? { to: customer.waId }
        : { recipient: customer.userId }),
    biz_opaque_callback_data: callbackData,
  };
};
