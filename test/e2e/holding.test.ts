import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentHost, type TestAgent } from './support/agent-host.ts';
import { newCustomer } from './support/business.ts';
import { type ConversationPartner, newConversationPartner, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { queuedMessages } from './support/queues.ts';
import { rowsOf } from './support/tables.ts';

/** Three rounds with their pauses, and the first try after that: how long a target takes to be suspended and to be found in order again. */
const suspension = 90_000;

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

const effective = (agent: TestAgent) => agent.heard.filter(({ taken }) => taken);
const textsOf = (agent: TestAgent, from: string) =>
  effective(agent).flatMap(({ body }) =>
    'message' in body.data && body.data.conversation.customer.waId === from
      ? [String((body.data.message.text as { readonly body?: string } | undefined)?.body)]
      : [],
  );

const heldOf = async ({ api, credential }: ConversationPartner) =>
  (
    await api.get<{ items: { reason: string; waiting: number; needsChoice: number }[] }>(
      `/v1/credentials/${credential.id}/held?limit=100`,
    )
  ).body.items;

const waiting = async (partner: ConversationPartner) =>
  (await heldOf(partner)).reduce((sum, { waiting }) => sum + waiting, 0);

describe('an agent that is down', () => {
  let down: ConversationPartner;
  let neighbour: ConversationPartner;
  const customers = Array.from({ length: 4 }, (_, index) => newCustomer(`Customer ${index}`).waId);
  const say = (partner: ConversationPartner, from: string, body: string) =>
    meta.message({ phoneNumberId: partner.number, from, body });

  beforeAll(async () => {
    [down, neighbour] = await Promise.all([
      newConversationPartner(host, 'down', quiet),
      newConversationPartner(host, 'neighbour', quiet),
    ]);
    down.agent.answer = () => ({ status: 503 });
  });

  test('gets its events held, while its neighbour’s arrive as ever and no dead letter is made', async () => {
    for (const index of [0, 1, 2]) for (const from of customers) await say(down, from, `${index}`);
    await eventually(async () => expect(await waiting(down)).toBe(12), suspension);
    expect(new Set((await heldOf(down)).map(({ reason }) => reason))).toEqual(new Set(['suspended']));
    for (const index of [3, 4]) for (const from of customers) await say(down, from, `${index}`);
    await say(neighbour, customers[0] ?? '', 'hello');
    await eventually(() => expect(textsOf(neighbour.agent, customers[0] ?? '')).toEqual(['hello']));
    await eventually(async () => expect(await waiting(down)).toBe(20));
    const queued = await queuedMessages();
    expect(queued.filter(({ queue }) => queue.includes('Events'))).toEqual([]);
  });

  test('shows in no row what its customers wrote', async () => {
    const rows = (await Promise.all([rowsOf('Directory'), rowsOf('Events')])).flat();
    for (const from of customers) expect(JSON.stringify(rows)).not.toContain(from);
  });

  test('gets all of them once it is back, in the order of each conversation, and each once', async () => {
    const tries = down.agent.heard.length;
    down.agent.answer = () => ({});
    await eventually(async () => {
      for (const from of customers) expect(textsOf(down.agent, from)).toEqual(['0', '1', '2', '3', '4']);
      expect(await waiting(down)).toBe(0);
    }, suspension);
    for (const { body } of down.agent.heard.slice(tries)) expect(body.data).toMatchObject({ replayed: true });
    await say(down, customers[0] ?? '', 'new');
    await eventually(() => expect(textsOf(down.agent, customers[0] ?? '').at(-1)).toBe('new'));
    expect(down.agent.heard.at(-1)?.body.data).toMatchObject({ replayed: false, heldSince: null });
    await throughout(1500, () => expect(effective(down.agent)).toHaveLength(21));
  });
});
