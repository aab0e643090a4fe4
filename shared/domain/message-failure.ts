import type { QueuedEvent, QueuedEvents } from '../contracts/queued-events.ts';
import { readCallbackData, readMessageMark } from './callback-data.ts';
import { failureEventIdOf } from './event-identity.ts';
import type { EventOnItsWay } from './event-on-its-way.ts';
import { Fault } from './fault.ts';
import type { GraphFailure } from './graph.ts';
import { failureOfReply, failureOfStatus } from './meta-errors.ts';
import { groupIdOf, sqsSafe } from './queue-packing.ts';

/**
 * Tells the agent, behind what is already queued for it, that a reply did not get through. The same event however often it is queued.
 * @throws {Fault} queue-unavailable
 */
export const queueFailure = async (
  { envelope, event, ports }: Pick<EventOnItsWay, 'envelope' | 'event' | 'ports'>,
  index: number,
  failure: GraphFailure,
): Promise<void> => {
  const value = failureOfReply({ inReplyTo: event.eventId, index }, failure);
  const eventId = failureEventIdOf(envelope.tenantId, event.eventId, index, value.outcome);
  const message: QueuedEvents = {
    ...envelope,
    type: 'events',
    receivedAt: ports.now().toISOString(),
    events: [{ eventId, kind: 'failure', customer: event.customer, field: 'messages', alsoKnownAs: null, value }],
  };
  const refused = await ports.queue.send([
    { groupId: groupIdOf(envelope), deduplicationId: eventId, body: sqsSafe(JSON.stringify(message)) },
  ]);
  if (refused.size > 0) throw new Fault('queue-unavailable', { retryable: true });
};

/**
 * Meta tells late, by a status, that it could not deliver a reply of ours: then the event is about the failure. Any other event stays as it is.
 */
export const withFailureOfReply = (event: QueuedEvent): QueuedEvent => {
  const sent = readCallbackData(event.value.biz_opaque_callback_data);
  if (event.kind !== 'status' || event.value.status !== 'failed' || sent === undefined) return event;
  const failure = failureOfStatus({ inReplyTo: sent.eventId, index: sent.index }, event.value);
  const mark = readMessageMark(event.value.biz_opaque_callback_data);
  return { ...event, kind: 'failure', value: mark ? { ...failure, messageId: mark.messageId } : failure };
};
