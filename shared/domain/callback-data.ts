import { type EventId, eventId } from '../contracts/ids.ts';

/** Marks our own sends in Meta's statuses (`biz_opaque_callback_data`): prefix, event id, which of the replies to it. */
export const callbackDataPrefix = 'sb1:';

/** What was sent in answer to an event: a reply of the agent by its index, or something that we said ourselves. */
export type Sent = number | 'greeting' | 'away';

export const callbackDataOf = (event: EventId, sent: Sent): string => `${callbackDataPrefix}${event}:${sent}`;

/** Undefined when the message was not ours. Whoever sends through the same number may write here what he likes: it is a claim, no proof. */
export const readCallbackData = (
  data: unknown,
): { readonly eventId: EventId | null; readonly index: number | null } | undefined => {
  if (typeof data !== 'string' || !data.startsWith(callbackDataPrefix)) return undefined;
  const [event, sent] = data.slice(callbackDataPrefix.length).split(':');
  const index = /^\d{1,2}$/.test(sent ?? '') ? Number(sent) : null;
  return { eventId: eventId.safeParse(event).data ?? null, index };
};
