import { setTimeout as pause } from 'node:timers/promises';
import type { Listener } from './listener.ts';
import { type Passage, passageOf, post, type Side } from './side.ts';

/** Conversations that the messages are spread over. */
const conversations = 40;

/** Between one message that was heard and the next, so that the system is at rest. In milliseconds. */
const restBetween = 100;

/** One message after the other, each at rest. */
export async function singles(side: Side, count: number, listener: Listener): Promise<readonly Passage[]> {
  const passages: Passage[] = [];
  for (let index = 0; index < count; index++) {
    await pause(restBetween);
    passages.push(await passageOf(side.message(index % conversations), listener));
  }
  return passages;
}

export interface Burst {
  readonly messages: number;
  /** From the first POST until all messages were heard. */
  readonly seconds: number;
}

/** `clients` post as fast as they are answered, each message of another conversation than the ones before it. */
export async function burst(side: Side, count: number, clients: number, listener: Listener): Promise<Burst> {
  const webhooks = Array.from({ length: count }, (_, index) => side.message(index % conversations));
  const heard = webhooks.map(({ wamid }) => listener.heard(wamid));
  const waiting = webhooks.values();
  const startedAt = performance.now();
  const posting = Array.from({ length: clients }, async () => {
    for (const webhook of waiting) await post(webhook);
  });
  await Promise.all([...posting, ...heard]);
  return { messages: count, seconds: (Math.max(...(await Promise.all(heard))) - startedAt) / 1000 };
}
