import type { WebhookId } from '../contracts/ids.ts';
import type { QueuedEvents } from '../contracts/queued-events.ts';
import { digestOf } from '../crypto/identifiers.ts';

/** Limits of our own messages and of SQS (SendMessageBatch: 10 entries, 1 MiB together). */
const maxEventsPerMessage = 20;
const maxMessageBytes = 256 * 1024;
const maxBatchEntries = 10;
const maxBatchBytes = 1_000_000;

export interface QueueMessage {
  readonly groupId: string;
  readonly deduplicationId: string;
  readonly body: string;
}

/** One conversation is one group: its messages keep their order. */
export const groupIdOf = (key: Pick<QueuedEvents, 'tenantId' | 'phoneNumberId' | 'conversationId'>): string =>
  digestOf(key.tenantId, key.phoneNumberId, key.conversationId);

/** False for a message that no batch can carry: one event larger than the queue's limit. */
export const fitsQueue = (message: QueueMessage): boolean => Buffer.byteLength(message.body) <= maxBatchBytes;

/** Splits the events of one conversation into messages, in order: at most 20 events and about 256 KiB each. */
export const messagesOf = (
  webhookId: WebhookId,
  conversation: QueuedEvents['events'],
  envelope: Omit<QueuedEvents, 'events'>,
): readonly QueueMessage[] => {
  const messages: QueueMessage[] = [];
  let events: QueuedEvents['events'] = [];
  let bytes = 0;
  const flush = () => {
    if (events.length === 0) return;
    messages.push({
      groupId: groupIdOf(envelope),
      deduplicationId: digestOf(webhookId, ...events.map((event) => event.eventId)),
      body: sqsSafe(JSON.stringify({ ...envelope, events } satisfies QueuedEvents)),
    });
    events = [];
    bytes = 0;
  };
  for (const event of conversation) {
    const size = Buffer.byteLength(JSON.stringify(event));
    if (events.length === maxEventsPerMessage || bytes + size > maxMessageBytes) flush();
    events = [...events, event];
    bytes += size;
  }
  flush();
  return messages;
};

/**
 * Batches for SQS, in rounds: a round holds at most one message of each group, so that a message that SQS refuses can never
 * be overtaken by a later one of its conversation.
 */
export const roundsOf = (
  conversations: readonly (readonly QueueMessage[])[],
): readonly (readonly QueueMessage[])[][] => {
  const longest = Math.max(0, ...conversations.map((messages) => messages.length));
  return Array.from({ length: longest }, (_, round) =>
    batchesOf(conversations.flatMap((messages) => messages[round] ?? [])),
  );
};

const batchesOf = (messages: readonly QueueMessage[]): (readonly QueueMessage[])[] => {
  const batches: QueueMessage[][] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = Buffer.byteLength(message.body);
    const current = batches.at(-1);
    if (current === undefined || current.length === maxBatchEntries || bytes + size > maxBatchBytes) {
      batches.push([message]);
      bytes = size;
    } else {
      current.push(message);
      bytes += size;
    }
  }
  return batches;
};

/** SQS carries no U+FFFE and U+FFFF (XML 1.0 characters); inside JSON they can be escaped. */
export const sqsSafe = (json: string): string =>
  json.replace(/[\ufffe\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
