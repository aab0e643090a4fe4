import * as z from 'zod';
import { agentId, conversationId, credentialId, eventId, messageId, phoneNumberId, tenantId } from './ids.ts';

const metaObject = z.record(z.string(), z.unknown()).meta({ description: "Meta's object as it came" });

/** Which kind of event has which type. */
export const agentEventType = {
  message: 'whatsapp.message.received',
  status: 'whatsapp.message.status',
  failure: 'whatsapp.message.failed',
  echo: 'whatsapp.message.echo',
  call: 'whatsapp.call',
  account: 'whatsapp.account',
} as const;

export const customer = z.object({
  waId: z.string().nullable().meta({ description: 'Phone number in digits. Null for who hides it behind a username' }),
  userId: z.string().nullable().meta({ description: 'Business-scoped user id (BSUID)' }),
  groupId: z.string().nullable().meta({ description: 'Set for what is said in a group' }),
  name: z.string().nullable().meta({ description: 'As the customer calls themselves' }),
});
export type Customer = z.infer<typeof customer>;

/** A reply that did not reach the customer, or may not have, and why. */
export const messageFailure = z.object({
  outcome: z.enum(['refused', 'failed', 'unknown']).meta({
    description:
      '`refused`: Meta did not take it. `failed`: Meta took it and could not deliver it. `unknown`: it may have been sent',
  }),
  wamid: z.string().nullable(),
  messageId: messageId.optional().meta({ description: 'The message, where it was sent through the API' }),
  inReplyTo: eventId.nullable().meta({ description: 'The event whose answer held the reply' }),
  index: z.number().int().nullable().meta({ description: 'Which of the replies in that answer, from 0' }),
  meta: z
    .object({
      code: z.number().int(),
      subcode: z.number().int().optional(),
      fbtraceId: z.string().optional(),
      details: z.string().optional(),
    })
    .nullable(),
  explanation: z.string(),
  guidance: z.string(),
  retry: z.enum(['never', 'now', 'later']),
});
export type MessageFailure = z.infer<typeof messageFailure>;

/** What Meta reports of the account or the number itself: the field of the webhook and its value. */
export const accountNotice = z.object({ field: z.string(), value: metaObject });

const conversation = z.object({
  id: conversationId.meta({ description: 'One customer, or one group, on one number' }),
  customer,
  handledBy: z
    .enum(['agent', 'human'])
    .meta({ description: '`human` once somebody has answered from the Business app' }),
});

const common = z.object({
  eventId: eventId.meta({ description: 'Stays the same over all repeats; equals the header `webhook-id`' }),
  tenantId: tenantId.meta({ description: 'Whose number it is' }),
  agentId: agentId.meta({ description: 'To whom it is dispatched' }),
  credentialId: credentialId.meta({ description: 'Through which credential it came' }),
  phoneNumberId: phoneNumberId.meta({ description: "Meta's id of the business's number" }),
  conversation,
  away: z.boolean().meta({ description: "Outside the agent's hours: the customer has been told so" }),
  replayed: z.boolean().meta({ description: 'It was held, and comes later than it was said' }),
  heldSince: z.iso.datetime().nullable().meta({ description: 'Since when it was held; null: it was not' }),
  test: z.boolean().optional().meta({ description: 'A sample that somebody asked for; nobody gets the answer' }),
});

const event = <T extends string, S extends z.ZodRawShape>(type: T, description: string, content: S) =>
  z
    .object({
      version: z.literal(1).meta({ description: 'Of this contract' }),
      type: z.literal(type).meta({ description: 'What has happened: one of the types below' }),
      timestamp: z.iso.datetime().meta({ description: 'When it was dispatched' }),
      data: common.extend(content),
    })
    .meta({ description });

export const messageReceived = event(
  agentEventType.message,
  "What a customer wrote, chose or sent: every item of Meta's `messages[]`, whatever its type, also types that nobody knows yet. Comes to agents that forward `message`, as they do unless told otherwise.",
  { message: metaObject },
);
export const messageStatus = event(
  agentEventType.status,
  "What became of a message that was sent: every item of Meta's `statuses[]` (sent, delivered, read, played, failed). Comes to agents that forward `status`.",
  { status: metaObject },
);
export const messageFailed = event(
  agentEventType.failure,
  'A reply of the agent did not reach the customer, or may not have. Made by Switchboard, with an explanation and what to do; comes to every agent, whatever it forwards.',
  { failure: messageFailure },
);
export const messageEcho = event(
  agentEventType.echo,
  'What a human answered from the WhatsApp Business app on the same number. From then on the conversation says `handledBy: human`. Comes to agents that forward `echo`.',
  { echo: metaObject },
);
export const call = event(
  agentEventType.call,
  "A call that begins, rings or ends: every item of Meta's `calls[]`, and the statuses of calls. Comes to agents that forward `call`.",
  { call: metaObject },
);
const aboutAccount =
  'What Meta reports of the account, the number, a template or a group, and whatever is not known yet. It belongs to no conversation. Comes to the default agent of the number if it forwards `account`, else to the first agent by priority that does.';
export const account = z
  .object({
    ...event(agentEventType.account, aboutAccount, {}).shape,
    data: common.extend({ conversation: z.null(), notice: accountNotice }),
  })
  .meta({ description: aboutAccount });

/**
 * What an agent receives: the body of a Standard Webhooks request (headers webhook-id, webhook-timestamp, webhook-signature).
 * At least once: dedupe by `webhook-id`, which equals `data.eventId`.
 */
export const agentEvent = z
  .discriminatedUnion('type', [messageReceived, messageStatus, messageFailed, messageEcho, call, account])
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
