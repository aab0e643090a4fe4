import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AgentHost, type Heard, textOf } from './support/agent-host.ts';
import { newCustomer } from './support/business.ts';
import { type ConversationPartner, newConversationPartner, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { queuedMessages } from './support/queues.ts';

// An agent is down. How long after it has been suspended: OUTAGE_MINUTES. The full outage, an hour and some minutes:
// OUTAGE_MINUTES=60 npm test -- --project e2e test/e2e/outage.test.ts

const minutes = Number(process.env.OUTAGE_MINUTES ?? 0.2);

/** Between two messages of a customer, while it is down. In milliseconds. */
const pause = Math.max(500, minutes * 1000);

/** Messages to the neighbour before, to compare with. */
const before = 12;

/** Three rounds with their pauses, and the longest pause between two tries later on. In milliseconds. */
const patience = 90_000 + (minutes > 5 ? 330_000 : 0);

const wholeTime = minutes * 60_000 + 3 * patience;

/** A neighbour that others slow down waits for a dispatch of theirs, which is many times its own latency. */
const mostDelay = 5;

let host: AgentHost;
let down: ConversationPartner;
let neighbour: ConversationPartner;
beforeAll(async () => {
  host = await AgentHost.open();
  [down, neighbour] = await Promise.all([
    newConversationPartner(host, 'outage', quiet),
    newConversationPartner(host, 'outage-neighbour', quiet),
  ]);
});
afterAll(() => host[Symbol.asyncDispose]());

const customers = Array.from({ length: 3 }, (_, index) => newCustomer(`Customer ${index}`).waId);
const taken: Heard[] = [];
const latencies = { before: [] as number[], meanwhile: [] as number[] };

/** Milliseconds from Meta's delivery to the neighbour's agent. */
async function latencyOfNeighbour(text: string): Promise<number> {
  const arrived = new Promise<number>((resolve) => {
    neighbour.agent.answer = (heard) => {
      if (textOf(heard) === text) resolve(performance.now());
      return {};
    };
  });
  const sent = performance.now();
  await meta.message({ phoneNumberId: neighbour.number, from: customers[0], body: text });
  return (await arrived) - sent;
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

const waiting = async (): Promise<number> => {
  const { body } = await down.api.get<{ items: { waiting: number; needsChoice: number }[] }>(
    `/v1/credentials/${down.credential.id}/held?limit=100`,
  );
  return body.items.reduce((sum, item) => sum + item.waiting + item.needsChoice, 0);
};

test(
  'an agent that is down costs nobody else anything, and gets all of it in order when it is back',
  async () => {
    for (let count = 0; count < before; count++) latencies.before.push(await latencyOfNeighbour(`before ${count}`));

    let tries = 0;
    down.agent.answer = () => {
      tries++;
      return { status: 503 };
    };
    const sent = new Map(customers.map((from) => [from, 0]));
    const sayToAll = async () => {
      for (const [from, count] of sent) {
        await meta.message({ phoneNumberId: down.number, from, body: `${count}` });
        sent.set(from, count + 1);
      }
    };
    await sayToAll();
    await eventually(async () => expect(await waiting()).toBe(customers.length), patience);
    const until = performance.now() + minutes * 60_000;
    while (performance.now() < until) {
      await sayToAll();
      latencies.meanwhile.push(await latencyOfNeighbour(`meanwhile ${latencies.meanwhile.length}`));
      await sleep(pause);
    }
    const all = [...sent.values()].reduce((sum, count) => sum + count, 0);
    await eventually(async () => expect(await waiting()).toBe(all));
    expect((await queuedMessages()).filter(({ queue }) => /Events.*DeadLetters/.test(queue))).toEqual([]);

    down.agent.answer = (heard) => {
      taken.push(heard);
      return {};
    };
    await eventually(async () => {
      expect(taken).toHaveLength(all);
      expect(await waiting()).toBe(0);
    }, patience);
    for (const [from, count] of sent) {
      const texts = taken.filter(({ body }) => body.data.conversation?.customer.waId === from).map(textOf);
      expect(texts).toEqual(Array.from({ length: count }, (_, index) => `${index}`));
    }
    expect(new Set(taken.map(({ webhookId }) => webhookId)).size).toBe(all);
    const ratio = median(latencies.meanwhile) / median(latencies.before);
    console.log(
      `down ${minutes} min: ${all} events held, ${tries} tries, ${taken.length} replayed in order, 0 dead letters, ` +
        `neighbour's median ${ratio.toFixed(2)} times that of before`,
    );
    expect(ratio).toBeLessThan(mostDelay);
  },
  wholeTime,
);
