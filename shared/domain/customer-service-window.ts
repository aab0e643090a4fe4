import type { NewMessage } from '../contracts/message.ts';
import type { QueuedEvent } from '../contracts/queued-events.ts';
import type { ConversationRecord, NumberRecord } from './records.ts';
import { dialledDigits, isInternational, looksDialled } from './senders.ts';

const hour = 60 * 60 * 1000;

/** So long after the last message or call of a customer a business may write what it likes ("Customer service windows"). In milliseconds. */
const windowLength = 24 * hour;

/** What comes in is noted again when the note is older than this: a lively conversation costs one write an hour. In milliseconds. */
const noteAgainAfter = hour;

/** Whoever was noted so long ago has not written within the window: what came since the note came within the hour behind it. */
const surelyOver = windowLength + noteAgainAfter;

/** Country codes whose numbers WhatsApp spells in two ways, with and without a prefix of old: Mexico, Argentina, Brazil ("Phone numbers", Cloud API). */
const spelledInTwoWays = /^(?:52|54|55)/;

/** What may be the 0 that is dialled at home alone and is often written all the same, as in +49 (0)151: WhatsApp leaves it out. */
const mayHaveTrunkPrefix = /^\d{1,3}0/;

/**
 * When the customer wrote or called: by Meta's clock, and never later than it was received, so that what is delivered late opens nothing. Undefined
 * for an event that opens no window: one that is not a customer's doing, or that is a group's.
 */
export const inboundAt = (
  { kind, customer, value }: Pick<QueuedEvent, 'kind' | 'customer' | 'value'>,
  receivedAt: string,
): string | undefined => {
  if ((kind !== 'message' && kind !== 'call') || customer.groupId !== null) return undefined;
  return new Date(Math.min(millisecondsOf(value.timestamp), Date.parse(receivedAt))).toISOString();
};

/** Meta writes seconds, as text or as a number. What is no time is infinitely late. */
const millisecondsOf = (timestamp: unknown): number =>
  (typeof timestamp === 'string' && /^\d+$/.test(timestamp)) || (typeof timestamp === 'number' && timestamp >= 0)
    ? Number(timestamp) * 1000
    : Number.POSITIVE_INFINITY;

/** Later than what is noted, by so much that it has to be noted again. The note never goes back. */
export const isToBeNoted = (noted: string | null | undefined, at: string): boolean =>
  noted == null || Date.parse(at) - Date.parse(noted) >= noteAgainAfter;

/** What an inbound changes about its conversation; nothing while the note is fresh, or for an event that is none. */
export const withInbound = (
  conversation: Pick<ConversationRecord, 'lastInboundAt'> | undefined,
  at: string | undefined,
): { readonly lastInboundAt?: string } =>
  at !== undefined && isToBeNoted(conversation?.lastInboundAt, at) ? { lastInboundAt: at } : {};

/** What a number's own item says of what comes in. */
export type NumberNote = Partial<Pick<NumberRecord, 'deliversSince' | 'unnumberedAt'>>;

/** What an inbound changes about its number; undefined: nothing. */
export const numberNote = (
  number: Pick<NumberRecord, 'deliversSince' | 'unnumberedAt'>,
  { customer }: Pick<QueuedEvent, 'customer'>,
  at: string,
  now: Date,
): NumberNote | undefined => {
  const note = {
    // Of now, whenever it was said: what was delivered before is not known.
    ...(number.deliversSince === null ? { deliversSince: now.toISOString() } : {}),
    ...(customer.waId === null && isToBeNoted(number.unnumberedAt, at) ? { unnumberedAt: at } : {}),
  };
  return Object.keys(note).length === 0 ? undefined : note;
};

/** What is known of the one to whom a message goes. */
export interface KnownRecipient {
  readonly number: Pick<NumberRecord, 'deliversSince' | 'unnumberedAt'>;
  readonly message: Pick<NewMessage, 'to' | 'recipient_type'>;
  /** The conversation under the phone number alone, where the message names one. */
  readonly underNumber: Pick<ConversationRecord, 'joinedTo'> | undefined;
  /** That one, those under other names that the message gives, and what they are joined to. */
  readonly conversations: readonly Pick<ConversationRecord, 'lastInboundAt' | 'erasedAt'>[];
}

/**
 * True only when Meta would refuse for sure what is no template: all that came to the number has come to us for longer than a window lasts,
 * whatever the recipient said would have been noted where we look, and nothing was. In doubt false: then Meta is asked.
 */
export const isKnownClosed = ({ number, message, underNumber, conversations }: KnownRecipient, now: Date): boolean => {
  const isOver = (time: string): boolean => now.getTime() - Date.parse(time) > surelyOver;
  const isNotWithin = (time: string | null): boolean => time === null || isOver(time);
  return (
    message.recipient_type !== 'group' &&
    number.deliversSince !== null &&
    isOver(number.deliversSince) &&
    conversations.every(({ lastInboundAt, erasedAt }) => isNotWithin(lastInboundAt) && isNotWithin(erasedAt)) &&
    (message.to === undefined || isFoundBy(message.to, underNumber, isNotWithin(number.unnumberedAt)))
  );
};

/**
 * Whatever its owner writes is found by this phone number. Once it is joined to a user id, always. Else not where somebody has written without
 * a number, who may be its owner, nor where WhatsApp may spell it otherwise; and one that nobody has written from must be
 * given with +, for without it Meta may put a country code before it, and without the 0 of home.
 */
const isFoundBy = (
  to: string,
  underNumber: Pick<ConversationRecord, 'joinedTo'> | undefined,
  allAreNumbered: boolean,
): boolean => {
  if (underNumber !== undefined && underNumber.joinedTo !== null) return true;
  const digits = dialledDigits(to);
  if (!looksDialled(to) || !isInternational(to) || spelledInTwoWays.test(digits)) return false;
  const isSurelyWhole = to.trimStart().startsWith('+') && !mayHaveTrunkPrefix.test(digits);
  return allAreNumbered && (underNumber !== undefined || isSurelyWhole);
};
