import type { MessageStatus } from '../contracts/message.ts';
import type { QueuedEvent, QueuedEvents } from '../contracts/queued-events.ts';
import { readMessageMark } from './callback-data.ts';
import { failureOfStatus } from './meta-errors.ts';
import type { MessageStore } from './sent-message.ts';

const reported: ReadonlyMap<unknown, MessageStatus> = new Map<unknown, MessageStatus>([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['played', 'read'],
  ['failed', 'failed'],
]);

/**
 * Writes down what Meta reports of a message that was sent through the API. Whoever sends through the same number may write any mark: it counts for
 * messages of the number's tenant alone.
 */
export const noteStatus = async (
  { tenantId }: Pick<QueuedEvents, 'tenantId'>,
  { kind, value }: QueuedEvent,
  messages: Pick<MessageStore, 'note'>,
): Promise<void> => {
  const mark = kind === 'status' ? readMessageMark(value.biz_opaque_callback_data) : undefined;
  const status = reported.get(value.status);
  if (mark === undefined || status === undefined) return;
  const wamid = typeof value.id === 'string' ? value.id : null;
  await messages.note(mark.messageId, tenantId, { status, wamid, failure: status === 'failed' ? whyOf(value) : null });
};

const whyOf = (status: QueuedEvent['value']) => {
  const { meta, explanation, guidance, retry } = failureOfStatus({ inReplyTo: null, index: null }, status);
  return { code: meta?.code ?? null, explanation, guidance, retry };
};

/** A status as the agent gets it: with what the sender wrote there, not with our mark before it. */
export const withOwnMark = (event: QueuedEvent): QueuedEvent => {
  const mark = event.kind === 'status' ? readMessageMark(event.value.biz_opaque_callback_data) : undefined;
  if (mark === undefined) return event;
  const { biz_opaque_callback_data: _, ...value } = event.value;
  return { ...event, value: mark.own === null ? value : { ...value, biz_opaque_callback_data: mark.own } };
};
