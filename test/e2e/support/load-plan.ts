import { randomUUID } from 'node:crypto';
import { newCustomer } from './business.ts';
import type { Connection } from './connection.ts';
import { messageChange, webhookBody } from './webhook-body.ts';

/** One message of the load: `text` is unique and says its conversation and its place in it. */
export interface LoadMessage {
  readonly phoneNumberId: string;
  readonly conversation: string;
  readonly from: string;
  readonly text: string;
  readonly wamid: string;
}

/** What is posted in one go, one request after the other. */
export interface LoadPost {
  readonly messages: readonly LoadMessage[];
  /** Repeats of messages that have been posted before. */
  readonly repeats: number;
}

export interface LoadPlan {
  readonly messages: readonly LoadMessage[];
  readonly posts: readonly LoadPost[];
  readonly duplicates: number;
  readonly lateRetries: number;
}

/** Shares of the messages that Meta delivers more often than once. */
const duplicated = 0.1;
const retriedLate = 0.05;

/** How many messages come between a message and its late retry: some of them are of its own conversation. */
const lateBy = 30;

/** A post is a batch of 2 to 12 messages, of whatever conversations and numbers, as when Meta catches up: about half of the messages come so. */
const batchChance = 1 / 8;
const smallestBatch = 2;
const largestBatch = 12;

/**
 * What the accounts of one tenant are sent: `count` messages in turn over `customersPerNumber` conversations of each number. Within a
 * conversation each message is posted first after those before it. A duplicate follows at once, in a request of its own; a late
 * retry comes beside newer messages, behind them. The same numbers of everything in each run, from a generator with a seed.
 */
export function loadPlan(
  connection: Pick<Connection, 'numbers'>,
  { count, customersPerNumber, seed }: { count: number; customersPerNumber: number; seed: number },
): LoadPlan {
  const random = generator(seed);
  const conversations = connection.numbers.flatMap((phoneNumberId) =>
    Array.from({ length: customersPerNumber }, () => ({ phoneNumberId, from: newCustomer().waId, told: 0 })),
  );
  const messages = Array.from({ length: count }, () => {
    const conversation = conversations[Math.floor(random() * conversations.length)] as (typeof conversations)[number];
    const { phoneNumberId, from } = conversation;
    const name = `${phoneNumberId}/${from}`;
    return {
      phoneNumberId,
      from,
      conversation: name,
      text: `${name} ${conversation.told++}`,
      wamid: `wamid.${randomUUID()}`,
    };
  });

  const posts: LoadPost[] = [];
  const late = new Map<number, LoadMessage[]>();
  let [duplicates, lateRetries, at] = [0, 0, 0];
  while (at < messages.length) {
    const batch = smallestBatch + Math.floor(random() * (largestBatch - smallestBatch + 1));
    const size = random() < batchChance ? batch : 1;
    const fresh = messages.slice(at, at + size);
    const retries = [...late].flatMap(([due, retried]) => (due <= at ? retried : []));
    for (const due of late.keys()) if (due <= at) late.delete(due);
    posts.push({ messages: [...fresh, ...retries], repeats: retries.length });
    for (const [index, message] of fresh.entries()) {
      const chance = random();
      if (chance < duplicated) {
        duplicates++;
        posts.push({ messages: [message], repeats: 1 });
      } else if (chance < duplicated + retriedLate) {
        lateRetries++;
        const due = at + index + lateBy;
        late.set(due, [...(late.get(due) ?? []), message]);
      }
    }
    at += fresh.length;
  }
  const rest = [...late.values()].flat();
  if (rest.length > 0) posts.push({ messages: rest, repeats: rest.length });
  return { messages, posts, duplicates, lateRetries };
}

/** As Meta writes it: one entry for the account, one change for each message. */
export const loadBody = ({ wabaId }: Pick<Connection, 'wabaId'>, { messages }: LoadPost): string =>
  JSON.stringify(webhookBody({ wabaId, changes: messages.map((message) => messageChange(message)) }));

/** Mulberry32: the same numbers for the same seed. Source: Tommy Ettinger, public domain. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
