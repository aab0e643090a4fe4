import { afterAll, beforeAll, expect, test } from 'vitest';
import { AgentHost, type Heard, saying, type TestAgent, textOf } from './support/agent-host.ts';
import { bindAgent, type Connection, newConnection, quiet } from './support/connection.ts';
import { type LoadMessage, type LoadPlan, loadBody, loadPlan } from './support/load-plan.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { queuedMessages } from './support/queues.ts';
import { postWebhook, signatureOf } from './support/webhook-request.ts';

// 4 tenants, 8 numbers, 40 conversations. How many messages: LOAD_MESSAGES. The full load, some four minutes on two cores:
// LOAD_MESSAGES=5000 npm test -- --project e2e test/e2e/load.test.ts

const count = Number(process.env.LOAD_MESSAGES ?? 800);
const tenants = ['answers', 'stumbles', 'hangs', 'accepts'] as const;
type Manner = (typeof tenants)[number];
const numbersPerTenant = 2;
const customersPerNumber = 5;

/** Of ten events one is answered with a message to the customer, one is refused at first with 503. */
const oneIn = 10;

/** A hanging agent costs ten seconds, and the emulator's queue hands out one batch at a time: everybody waits. So few of them hang. */
const hangs = Math.max(2, Math.floor(count / 1000));

/** For each message and for each that hangs, on two busy cores. In milliseconds. */
const patience = 60_000 + count * 150 + hangs * 15_000;

/** How long nothing may arrive any more before the counts are taken. In milliseconds. */
const quietTime = 3_000;

interface Tenant {
  readonly manner: Manner;
  readonly connection: Connection;
  readonly agents: ReadonlyMap<string, TestAgent>;
  readonly plan: LoadPlan;
}

let host: AgentHost;
let load: readonly Tenant[];
/** When which event was answered with 2xx, by its id. */
const taken = new Map<string, number>();
const failedOnce = { refused: new Set<string>(), hung: new Set<string>() };

beforeAll(async () => {
  host = await AgentHost.open();
  load = await Promise.all(tenants.map(connectTenant));
});
afterAll(() => host[Symbol.asyncDispose]());

async function connectTenant(manner: Manner, index: number): Promise<Tenant> {
  const connection = await newConnection(`load-${manner}`, { numbers: [numbersPerTenant] });
  const agents = new Map<string, TestAgent>();
  for (const number of connection.numbers)
    agents.set(number, await bindAgent(host, `load-${manner}-${agents.size}`, connection, number, quiet));
  const share = Math.floor(count / tenants.length) + (index < count % tenants.length ? 1 : 0);
  const plan = loadPlan(connection, { count: share, customersPerNumber, seed: index + 1 });
  const chosen = new Map(plan.messages.map(({ text }, place) => [text, place]));
  for (const agent of agents.values()) agent.answer = (heard) => answerOf(manner, heard, chosen);
  return { manner, connection, agents, plan };
}

/** What the agent does is settled by the place of the message in the plan, so that each run is the same. */
function answerOf(manner: Manner, heard: Heard, places: ReadonlyMap<string, number>) {
  const place = places.get(textOf(heard)) ?? 0;
  const isFirst = heard.attempt === 1;
  if (manner === 'stumbles' && place % oneIn === 0 && isFirst) {
    failedOnce.refused.add(heard.webhookId);
    return { status: 503 };
  }
  const isHung = manner === 'hangs' && failedOnce.hung.size < hangs && place % Math.floor(places.size / hangs) === 1;
  if (isHung && isFirst) {
    failedOnce.hung.add(heard.webhookId);
    return 'silence';
  }
  taken.set(heard.webhookId, (taken.get(heard.webhookId) ?? 0) + 1);
  if (manner === 'answers' && place % oneIn === 0) return saying(`re: ${textOf(heard)}`);
  return manner === 'accepts' ? { status: 202 } : {};
}

test(
  `${count} messages over 40 conversations, 8 numbers and 4 tenants reach their own agent, in order, with effect once`,
  async () => {
    const startedAt = performance.now();
    await Promise.all(load.map(postAll));
    const postedAt = performance.now();
    const expected = new Set(load.flatMap(({ plan }) => plan.messages.map(({ text }) => text)));
    const agents = load.flatMap((tenant) => [...tenant.agents.values()]);
    const heard = () => agents.flatMap((agent) => agent.heard);
    await eventually(() => expect(taken.size).toBeGreaterThanOrEqual(expected.size), patience);
    const heardAt = performance.now();
    await nothingMore(() => heard().length);

    const agentsOf = load.flatMap((tenant) => [...tenant.agents].map(([number, agent]) => ({ tenant, number, agent })));
    // Softly: whoever sees one of them fail wants to know the others.
    const foreign = agentsOf.flatMap(foreignTo);
    expect.soft(foreign, 'at the agent of another tenant or number').toEqual([]);
    const outOfOrder = agentsOf.flatMap(outOfOrderIn);
    expect.soft(outOfOrder, 'conversations that are out of order').toEqual([]);
    expect(heard().every(({ verified }) => verified)).toBe(true);
    expect(new Set(heard().map(textOf))).toEqual(expected);
    expect(new Set(heard().map(({ webhookId }) => webhookId)).size).toBe(expected.size);
    const repeated = [...taken].filter(([, times]) => times > 1);
    expect.soft(repeated, 'taken more than once').toEqual([]);
    const failures = failedOnce.refused.size + failedOnce.hung.size;
    expect.soft(heard().length, 'an event is dispatched again only after a failure').toBe(expected.size + failures);
    expect(failedOnce.hung.size).toBe(hangs);
    const replies = await repliesOf(load);
    expect.soft(replies.sent, 'replies sent twice or lost').toEqual(replies.given);
    const numbers = new Set(load.flatMap(({ connection }) => connection.numbers));
    const queued = (await queuedMessages()).filter(({ Body }) => [...numbers].some((number) => Body.includes(number)));
    expect.soft(queued, 'nothing is left, neither in the queue nor among the dead letters').toEqual([]);

    const plans = load.map(({ plan }) => plan);
    const total = (of: (plan: LoadPlan) => number) => plans.reduce((sum, plan) => sum + of(plan), 0);
    for (const [what, value] of [
      ['messages', expected.size],
      ['POSTs', total(({ posts }) => posts.length)],
      ['POSTs with several messages', total(({ posts }) => posts.filter(({ messages }) => messages.length > 1).length)],
      ['duplicates', total(({ duplicates }) => duplicates)],
      ['late retries', total(({ lateRetries }) => lateRetries)],
      [
        'conversations',
        new Set(plans.flatMap(({ messages }) => messages.map(({ conversation }) => conversation))).size,
      ],
      ['dispatches', heard().length],
      ['answered 503 at first', failedOnce.refused.size],
      ['not answered at first', failedOnce.hung.size],
      ['events taken by their agent (2xx)', taken.size],
      ['taken more than once', repeated.length],
      ['at another agent than their own', foreign.length],
      ['conversations out of order', outOfOrder.length],
      ['replies that agents gave', replies.given.length],
      ['replies that Meta was sent', replies.sent.length],
      ['seconds to post all', Math.round((postedAt - startedAt) / 100) / 10],
      ['seconds until all were taken', Math.round((heardAt - startedAt) / 100) / 10],
    ] as const)
      console.log(`load: ${what}: ${value}`);
  },
  patience + 60_000,
);

/** One request after the other for each tenant; the tenants side by side. */
async function postAll({ connection, plan }: Tenant): Promise<void> {
  for (const post of plan.posts) {
    const body = loadBody(connection, post);
    const { status } = await postWebhook(connection.credential.webhook.url, body, {
      'x-hub-signature-256': signatureOf(body, connection.business.app.secret),
    });
    expect(status).toBe(200);
  }
}

async function nothingMore(heard: () => number): Promise<void> {
  let [last, since] = [heard(), performance.now()];
  await eventually(() => {
    const now = heard();
    if (now !== last) [last, since] = [now, performance.now()];
    expect(performance.now() - since).toBeGreaterThan(quietTime);
  }, patience);
}

interface AgentOfTenant {
  readonly tenant: Tenant;
  readonly number: string;
  readonly agent: TestAgent;
}

const toldTo = ({ tenant, number }: AgentOfTenant): readonly LoadMessage[] =>
  tenant.plan.messages.filter(({ phoneNumberId }) => phoneNumberId === number);

/** What an agent got that is not of its own tenant and number, by what it says of itself or by its text. */
function foreignTo(its: AgentOfTenant): readonly string[] {
  const own = new Set(toldTo(its).map(({ text }) => text));
  const { tenant, number, agent } = its;
  return agent.heard
    .filter(({ body: { data } }) => data.tenantId !== tenant.connection.api.tenant || data.phoneNumberId !== number)
    .concat(agent.heard.filter((heard) => heard.body.data.agentId !== agent.id || !own.has(textOf(heard))))
    .map(textOf);
}

/** Conversations in which an event was first dispatched before the ones before it were taken, or is missing. */
function outOfOrderIn(its: AgentOfTenant): readonly string[] {
  const conversations = Map.groupBy(toldTo(its), ({ conversation }) => conversation);
  return [...conversations]
    .filter(([conversation, messages]) => {
      const texts = its.agent.texts.filter((text) => text.startsWith(`${conversation} `));
      // A repeat after a failure comes before the next one, so it disappears here, and whatever overtook does not.
      const inTurn = texts.filter((text, index) => text !== texts[index - 1]);
      return inTurn.join() !== messages.map(({ text }) => text).join();
    })
    .map(([conversation]) => conversation);
}

/** What agents answered, and what reached Meta: whom and which. */
async function repliesOf(tenants: readonly Tenant[]) {
  const given = tenants.flatMap(({ manner, plan }) =>
    plan.messages
      .filter((_, place) => manner === 'answers' && place % oneIn === 0)
      .map(({ from, text }) => `${from} re: ${text}`),
  );
  const numbers = tenants.flatMap(({ connection }) => connection.numbers);
  const sent = (await Promise.all(numbers.map((number) => meta.sent(number)))).flat();
  return { given: given.sort(), sent: sent.map(({ to, body }) => `${to} ${body.text?.body}`).sort() };
}
