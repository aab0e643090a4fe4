import { type EventId, eventId, type MessageId, messageId } from '../contracts/ids.ts';

/** Marks our own sends in Meta's statuses (`biz_opaque_callback_data`): prefix, event id, which of the replies to it. */
export const callbackDataPrefix = 'sb1:';

/** What was sent in answer to an event: a reply of the agent by its index, or something that we said ourselves. */
export type Sent = number | 'greeting' | 'away';

export const callbackDataOf = (event: EventId, sent: Sent): string => `${callbackDataPrefix}${event}:${sent}`;

/** The same of a message that was sent through the API, with the caller's own value behind it. */
export const callbackDataOfMessage = (message: MessageId, own: string | undefined): string =>
  `${callbackDataPrefix}${message}${own === undefined ? '' : `:${own}`}`;

/** Which message of the API a status is about, and what its sender wrote there. */
export const readMessageMark = (
  data: unknown,
): { readonly messageId: MessageId; readonly own: string | null } | undefined => {
  if (typeof data !== 'string' || !data.startsWith(callbackDataPrefix)) return undefined;
  const [, id, own = null] = /^(msg_[^:]*)(?::(.*))?$/s.exec(data.slice(callbackDataPrefix.length)) ?? [];
  const found = messageId.safeParse(id).data;
  return found && { messageId: found, own };
};

/** Undefined when the message was not ours. Whoever sends through the same number may write here what he likes: it is a claim, no proof. */
export const readCallbackData = (
  data: unknown,
): { readonly eventId: EventId | null; readonly index: number | null } | undefined => {
  if (typeof data !== 'string' || !data.startsWith(callbackDataPrefix)) return undefined;
  const [event, sent] = data.slice(callbackDataPrefix.length).split(':');
  const index = /^\d{1,2}$/.test(sent ?? '') ? Number(sent) : null;
  return { eventId: eventId.safeParse(event).data ?? null, index };
};
