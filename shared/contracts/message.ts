import * as z from 'zod';
import { replyType } from './agent-event.ts';
import { messageId } from './ids.ts';

/** Meta's own limits ("Messages", Cloud API reference). What it documents is checked here, so that it is refused with a pointer; the rest it may judge. */
const longestText = 4096;
const longestCaption = 1024;
/** Meta's limit is 512, and a part of it says whose message it is. */
const longestCallbackData = 400;

const metaId = z.string().trim().min(1).max(256);
const media = z.looseObject({
  id: metaId.optional(),
  link: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
  caption: z.string().max(longestCaption).optional(),
});
const oneSource = (given: z.infer<typeof media>): boolean => (given.id === undefined) !== (given.link === undefined);
const mediaObject = media.refine(oneSource, 'Give either `id` or `link`');

const contents = {
  text: z.looseObject({ body: z.string().min(1).max(longestText), preview_url: z.boolean().optional() }),
  image: mediaObject,
  audio: mediaObject,
  video: mediaObject,
  document: mediaObject,
  sticker: mediaObject,
  location: z.looseObject({
    latitude: z.coerce.number().min(-90).max(90),
    longitude: z.coerce.number().min(-180).max(180),
  }),
  contacts: z
    .array(z.looseObject({ name: z.looseObject({ formatted_name: z.string().min(1) }) }))
    .min(1)
    .max(257),
  interactive: z.looseObject({ type: z.string().min(1), action: z.looseObject({}) }),
  template: z.looseObject({
    name: z.string().min(1).max(512),
    language: z.looseObject({ code: z.string().min(2).max(16) }),
    components: z.array(z.looseObject({ type: z.string() })).optional(),
  }),
  reaction: z.looseObject({ message_id: metaId, emoji: z.string().max(64) }),
} as const satisfies Record<z.infer<typeof replyType>, z.ZodType>;

const addressee = {
  to: metaId
    .optional()
    .meta({ description: 'Phone number with country code, or the id of a group', examples: ['+4915112345678'] }),
  recipient: metaId
    .optional()
    .meta({ description: 'Business-scoped user id, of a customer whose number is not known' }),
  recipient_type: z.enum(['individual', 'group']).optional(),
};

const message = z.looseObject({
  ...addressee,
  type: replyType,
  context: z.looseObject({ message_id: metaId }).optional().meta({ description: 'The message that is quoted' }),
  biz_opaque_callback_data: z
    .string()
    .max(longestCallbackData)
    .optional()
    .meta({ description: 'Given back with the statuses of the message' }),
});

/** What the Graph API takes of every call, wherever it stands: it would steer the call, and is never part of a message ("Graph API overview"). */
const ofTheCall: ReadonlySet<string> = new Set([
  'access_token',
  'appsecret_proof',
  'appsecret_time',
  'batch',
  'callback',
  'date_format',
  'debug',
  'fields',
  'format',
  'include_headers',
  'locale',
  'metadata',
  'method',
  'pretty',
  'return_ssl_resources',
  'suppress_http_code',
  'transport',
]);

/** The content stands under the name of the type. */
const isWhole = (given: z.infer<typeof message>, context: z.RefinementCtx): void => {
  for (const name of Object.keys(given))
    if (ofTheCall.has(name.toLowerCase()))
      context.addIssue({ code: 'custom', path: [name], message: 'Is no part of a message' });
  if (given.to === undefined && given.recipient === undefined)
    context.addIssue({ code: 'custom', path: ['to'], message: 'Say to whom: `to` or `recipient`' });
  const { error } = contents[given.type].safeParse(given[given.type]);
  for (const { path, message: reason } of error?.issues ?? [])
    context.addIssue({ code: 'custom', path: [given.type, ...path], message: reason });
};

const newMessage = message.superRefine(isWhole).meta({
  id: 'NewMessage',
  description: 'A message object of the Cloud API. Fields that are not described here are passed on to Meta',
});

const readReceipt = z
  .strictObject({
    messaging_product: z.literal('whatsapp').optional(),
    status: z.literal('read'),
    message_id: metaId.meta({ description: 'The `wamid` of a message of the customer' }),
    typing_indicator: z.strictObject({ type: z.literal('text') }).optional(),
  })
  .meta({
    id: 'ReadReceipt',
    description: 'Marks a message of the customer as read, with a typing indicator where it is wanted',
  });

/** As it is described. */
export const sendMessageBody = z.union([newMessage, readReceipt]);

/** As it is parsed: by what it is, so that a refusal names the field. */
export const sendMessageRequest = z.discriminatedUnion('status', [
  message.extend({ status: z.undefined().optional() }).superRefine(isWhole),
  readReceipt,
]);
export type NewMessage = z.infer<typeof newMessage>;
export type ReadReceipt = z.infer<typeof readReceipt>;

/**
 * `accepted`: Meta took it. `sent`, `delivered`, `read`, `failed`: what Meta reported since. `refused`: Meta did not take it. `unknown`: it may have been
 * sent. `sending`: it is on its way.
 */
export const messageStatus = z.enum([
  'sending',
  'unknown',
  'refused',
  'accepted',
  'sent',
  'delivered',
  'read',
  'failed',
]);
export type MessageStatus = z.infer<typeof messageStatus>;

export const messageProblem = z.object({
  code: z.number().int().nullable(),
  explanation: z.string(),
  guidance: z.string(),
  retry: z.enum(['never', 'now', 'later']),
});

export const sentMessage = z
  .object({
    id: messageId,
    wamid: z.string().nullable().meta({ description: 'Meta’s id of it; null: Meta has not said' }),
    status: messageStatus,
    failure: messageProblem.nullable().meta({ description: 'Why it did not get through' }),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'SentMessage' });
export type SentMessage = z.infer<typeof sentMessage>;
