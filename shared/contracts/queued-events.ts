import * as z from 'zod';
import { customer } from './agent-event.ts';
import { conversationId, credentialId, eventId, phoneNumberId, tenantId } from './ids.ts';

/** What Meta reports, by the way it is handled. `other` is what we do not know yet: never an error. */
export const eventKind = z.enum(['message', 'status', 'call', 'echo', 'account', 'error', 'history', 'other']);
export type EventKind = z.infer<typeof eventKind>;

export const queuedEvent = z.object({
  eventId,
  kind: eventKind,
  customer,
  /** Meta's object as it came. */
  value: z.record(z.string(), z.unknown()),
});
export type QueuedEvent = z.infer<typeof queuedEvent>;

/** One SQS message on events.fifo: up to 20 events of one conversation, in Meta's order. Versioned; holds no secret. */
export const queuedEvents = z.object({
  version: z.literal(1),
  tenantId,
  credentialId,
  phoneNumberId,
  conversationId,
  receivedAt: z.iso.datetime(),
  events: z.array(queuedEvent).min(1).max(20),
});
export type QueuedEvents = z.infer<typeof queuedEvents>;
