import type { WebhookId } from '../contracts/ids.ts';
import type { AccountNews, QueuedEvents, RelayedEvents } from '../contracts/queued-events.ts';
import { digestOf } from '../crypto/identifiers.ts';
import { eventsKey } from './relay.ts';

/** Limits of our own messages and of SQS (SendMessageBatch: 10 entries, 1 MiB together). */
const maxEventsPerMessage = 20;
const maxMessageBytes = 256 * 1024;
const maxBatchEntries = 10;
const maxBatchBytes = 1_000_000;

export interface QueueMessage {
  readonly groupId: string;
  readonly deduplicationId: string;
  readonly body: string;
  /** What must lie in the relay bucket before the message may be sent. */
  readonly relayed?: { readonly key: string; readonly body: string };
}

/** What all messages about one conversation begin with. */
export type ConversationEnvelope = Omit<QueuedEvents, 'type' | 'events'>;

/** One conversation is one group: its messages keep their order. */
export const groupIdOf = (key: Pick<QueuedEvents, 'tenantId' | 'phoneNumberId' | 'conversationId'>): string =>
  digestOf(key.tenantId, key.phoneNumberId, key.conversationId);

/**
 * Splits the events of one conversation into messages, in order: at most 20 events and 256 KiB each. A larger event travels by itself, as
 * a message that says where it lies.
 */
export const messagesOf = (
  webhookId: WebhookId,
  events: QueuedEvents['events'],
  envelope: ConversationEnvelope,
): readonly QueueMessage[] => {
  const groupId = groupIdOf(envelope);
  return partsOf(events).map(({ items, json, bytes }) => {
    const message = { groupId, deduplicationId: digestOf(webhookId, ...items.map(({ eventId }) => eventId)) };
    if (bytes <= maxMessageBytes)
      return {
        ...message,
        body: withList({ ...envelope, type: 'events' } satisfies Omit<QueuedEvents, 'events'>, 'events', json),
      };
    const key = eventsKey(envelope.tenantId);
    const pointer: RelayedEvents = { ...envelope, type: 'relayed', relayKey: key };
    return { ...message, body: JSON.stringify(pointer), relayed: { key, body: `[${json.join()}]` } };
  });
};

/**
 * News of one credential, in a group of its own. What is too large for a message is no news of Meta's, whose notices have a few hundred bytes:
 * it is left out and counted.
 */
export const newsMessagesOf = (
  webhookId: WebhookId,
  news: AccountNews['news'],
  envelope: Omit<AccountNews, 'type' | 'news'>,
): { readonly messages: readonly QueueMessage[]; readonly leftOut: number } => {
  const groupId = digestOf(envelope.tenantId, envelope.credentialId, 'account-news');
  const parts = partsOf(news);
  const messages = parts
    .filter(({ bytes }) => bytes <= maxMessageBytes)
    .map(({ items, json }) => ({
      groupId,
      deduplicationId: digestOf(webhookId, 'account-news', ...items.map(({ eventId }) => eventId)),
      body: withList({ ...envelope, type: 'account-news' } satisfies Omit<AccountNews, 'news'>, 'news', json),
    }));
  return { messages, leftOut: parts.length - messages.length };
};

interface Part<T> {
  readonly items: T[];
  /** The same, as the queue carries it. */
  readonly json: string[];
  /** More than the limit only for an item that is by itself. */
  bytes: number;
}

const partsOf = <T>(items: readonly T[]): readonly Part<T>[] => {
  const parts: Part<T>[] = [];
  for (const item of items) {
    const json = sqsSafe(JSON.stringify(item));
    // With the comma behind it.
    const bytes = Buffer.byteLength(json) + 1;
    const current = parts.at(-1);
    if (
      current === undefined ||
      current.items.length === maxEventsPerMessage ||
      current.bytes + bytes > maxMessageBytes
    )
      parts.push({ items: [item], json: [json], bytes });
    else {
      current.items.push(item);
      current.json.push(json);
      current.bytes += bytes;
    }
  }
  return parts;
};

/** An object with one list more, whose items are JSON already. */
const withList = (envelope: object, name: string, items: readonly string[]): string =>
  `${JSON.stringify(envelope).slice(0, -1)},"${name}":[${items.join()}]}`;

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

/** SQS refuses U+FFFE and U+FFFF ("SendMessage", SQS API reference), which JSON may hold as they are; here they are escaped. */
export const sqsSafe = (json: string): string =>
  json.replace(/[\ufffe\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
