import * as z from 'zod';
import { customer } from './agent-event.ts';
import { conversationId, credentialId, eventId, phoneNumberId, tenantId } from './ids.ts';

/**
 * What Meta reports, by the way it is handled. `account` is everything that is about the account or number itself, and whatever we do
 * not know: never an error. `failure` is made by us: a reply that did not reach the customer.
 */
export const eventKind = z.enum(['message', 'status', 'call', 'account', 'echo', 'failure']);
export type EventKind = z.infer<typeof eventKind>;

export const queuedEvent = z.object({
  eventId,
  kind: eventKind,
  customer,
  /** The field of the webhook it came in. */
  field: z.string(),
  /** The same conversation under the other form of the customer's identity, where the event names both (BSUID and phone number, old and new). */
  alsoKnownAs: conversationId.nullable(),
  /** Meta's object as it came. */
  value: z.record(z.string(), z.unknown()),
});
export type QueuedEvent = z.infer<typeof queuedEvent>;

const envelope = z.object({
  version: z.literal(1),
  tenantId,
  credentialId,
  phoneNumberId,
  conversationId,
  receivedAt: z.iso.datetime(),
});

/** Up to 20 events of one conversation, in Meta's order. */
export const queuedEvents = envelope.extend({
  type: z.literal('events'),
  events: z.array(queuedEvent).min(1).max(20),
});
export type QueuedEvents = z.infer<typeof queuedEvents>;

/** The same, too large for the queue: the list of events lies in the relay bucket. */
export const relayedEvents = envelope.extend({
  type: z.literal('relayed'),
  relayKey: z.string().min(1),
});
export type RelayedEvents = z.infer<typeof relayedEvents>;

const newsItem = z.object({
  eventId,
  field: z.string(),
  value: z.record(z.string(), z.unknown()),
  /** When Meta says that it was, in epoch seconds: never later than it was received. */
  at: z.number().int().nullable(),
});

/** What of the account's own news changes our picture of a credential: no conversation, no number, no agent. */
export const accountNews = z.object({
  version: z.literal(1),
  type: z.literal('account-news'),
  tenantId,
  credentialId,
  receivedAt: z.iso.datetime(),
  news: z.array(newsItem).min(1),
});
export type AccountNews = z.infer<typeof accountNews>;

/**
 * `replay` what is not older than a day and `replay-all` also what waits for the user's choice, as far as nothing holds it any more; `discard` it
 * all; `probe` a target that failed with the first of them.
 */
export const releaseAction = z.enum(['replay', 'replay-all', 'discard', 'probe']);
export type ReleaseAction = z.infer<typeof releaseAction>;

/** What becomes of the held events of one conversation. It stands in the conversation's own group, so nothing overtakes it. */
export const releaseHeld = envelope.extend({
  type: z.literal('release-held'),
  action: releaseAction,
  /** With `replay-all`: what has been held for longer keeps waiting. */
  maxAgeHours: z.number().positive().nullable(),
  /** With `discard`: when its user decided so. What was held later is not meant. Null: all of it. */
  heldBefore: z.iso.datetime().nullable(),
});
export type ReleaseHeld = z.infer<typeof releaseHeld>;

/** Received this often without success, a message goes to the dead-letter queue. */
export const mostReceives = 20;

/** One message on events.fifo. Versioned; holds no secret. */
export const eventsMessage = z.discriminatedUnion('type', [queuedEvents, relayedEvents, accountNews, releaseHeld]);
export type EventsMessage = z.infer<typeof eventsMessage>;
