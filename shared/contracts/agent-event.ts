import * as z from 'zod';
import { agentId, conversationId, credentialId, eventId, phoneNumberId, tenantId } from './ids.ts';

const metaObject = z.record(z.string(), z.unknown());

/** Which field of `data` carries Meta's object, by event type. */
export const agentEventType = {
  message: 'whatsapp.message.received',
  status: 'whatsapp.message.status',
  call: 'whatsapp.call',
  echo: 'whatsapp.message.echo',
} as const;

export const customer = z.object({
  waId: z.string().nullable(),
  userId: z.string().nullable(),
  groupId: z.string().nullable(),
  name: z.string().nullable(),
});
export type Customer = z.infer<typeof customer>;

/**
 * What an agent receives: the body of a Standard Webhooks request (headers webhook-id, webhook-timestamp, webhook-signature).
 * At least once: dedupe by `webhook-id`, which equals `data.eventId`.
 */
export const agentEvent = z
  .object({
    type: z.enum(Object.values(agentEventType)),
    timestamp: z.iso.datetime(),
    data: z.object({
      eventId,
      tenantId,
      agentId,
      credentialId,
      phoneNumberId,
      conversation: z.object({ id: conversationId, customer }),
      replayed: z.boolean(),
      heldSince: z.iso.datetime().nullable(),
      message: metaObject.optional().meta({ description: "Meta's object as it came" }),
      status: metaObject.optional(),
      call: metaObject.optional(),
      echo: metaObject.optional(),
    }),
  })
  .meta({ id: 'AgentEvent' });
export type AgentEvent = z.infer<typeof agentEvent>;

/** Most messages that one answer may carry. A longer list is refused whole: half an answer would be worse than none. */
export const maxRepliesPerAnswer = 10;

/** What the Cloud API can send ("Messages", Cloud API reference). A list, because an answer is hostile input. */
export const replyType = z.enum([
  'text',
  'image',
  'audio',
  'video',
  'document',
  'sticker',
  'location',
  'contacts',
  'interactive',
  'template',
  'reaction',
]);

/** A Cloud API message object without addressee: `to`, `messaging_product` and the rest of the envelope are filled in by us. */
export const reply = z.looseObject({ type: replyType });
export type Reply = z.infer<typeof reply>;

/** What an agent may answer with 200. An agent's answer is hostile input: everything beyond `messages` is ignored. */
export const agentAnswer = z
  .object({ messages: z.array(reply).max(maxRepliesPerAnswer).optional() })
  .meta({ id: 'AgentAnswer' });
export type AgentAnswer = z.infer<typeof agentAnswer>;
