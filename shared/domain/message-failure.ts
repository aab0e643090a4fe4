import type { MessageFailure } from '../contracts/agent-event.ts';
import type { QueuedEvents } from '../contracts/queued-events.ts';
import { failureEventIdOf } from './event-identity.ts';
import type { EventOnItsWay } from './event-on-its-way.ts';
import { Fault } from './fault.ts';
import { groupIdOf, sqsSafe } from './queue-packing.ts';

/**
 * Tells the agent, behind what is already queued for it, that a reply did not get through. The same event however often it is queued.
 * @throws {Fault} queue-unavailable
 */
export const queueFailure = async (
  { envelope, event, ports }: Pick<EventOnItsWay, 'envelope' | 'event' | 'ports'>,
  index: number,
  failure: Pick<MessageFailure, 'outcome' | 'meta' | 'explanation' | 'guidance' | 'retry'>,
): Promise<void> => {
  const value: MessageFailure = { ...failure, wamid: null, inReplyTo: event.eventId, index };
  const eventId = failureEventIdOf(envelope.tenantId, event.eventId, index, failure.outcome);
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
