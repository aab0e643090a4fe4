import { ulid } from 'ulid';
import type { ReleaseHeld } from '../contracts/queued-events.ts';
import { Fault } from './fault.ts';
import { groupIdOf, type QueueMessage } from './queue-packing.ts';

/**
 * Asks for the held events of conversations, behind what is already queued for each. Every request counts, none is taken for a repeat; those
 * under one `name` do once in five minutes. @throws {Fault} queue-unavailable
 */
export const queueRelease = async (
  requests: readonly ReleaseHeld[],
  queue: { send(batch: readonly QueueMessage[]): Promise<ReadonlySet<string>> },
  name?: string,
): Promise<void> => {
  if (requests.length === 0) return;
  const refused = await queue.send(
    requests.map((request) => ({
      groupId: groupIdOf(request),
      deduplicationId: name ?? ulid(),
      body: JSON.stringify(request),
    })),
  );
  if (refused.size > 0) throw new Fault('queue-unavailable', { retryable: true });
};
