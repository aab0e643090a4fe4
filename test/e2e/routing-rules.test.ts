import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Agent } from '../../shared/contracts/agent.ts';
import type { RoutingPreview } from '../../shared/contracts/routing-preview.ts';
import { maxAgentsPerNumber } from '../../shared/domain/bindings.ts';
import { AgentHost, type TestAgent } from './support/agent-host.ts';
import { Api, overwrite } from './support/api.ts';
import { newCustomer } from './support/business.ts';
import { agentRequest, bindAgent, type Connection, newConnection, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { putRow } from './support/tables.ts';

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

const withRouting = (id: string, connection: Connection, number: string, routing: object) => {
  const request = agentRequest(host.place(id), connection, number, quiet);
  return { ...request, whatsapp: { ...request.whatsapp, routing } };
};
const on = (priority: number, ...keywords: string[]) => ({ priority, conditions: { keywords } });

describe('agents that share a number', () => {
  let connection: Connection;
  let number: string;
  const put = (id: string, routing: object, headers?: Readonly<Record<string, string>>) =>
    connection.api.putAgent(id, withRouting(id, connection, number, routing), headers);
  beforeAll(async () => {
    connection = await newConnection('sharers');
    number = connection.numbers[0] ?? '';
  });

  test('each have conditions and a priority of their own, kept in one form and shown', async () => {
    const conditions = {
      keywords: ['Order   status', 'parcel'],
      senders: ['0049 (151) 123-456 78', 'DE.13491208655302741918'],
      referralSourceIds: ['120226305854810726'],
    };
    const created = await put('orders', { priority: 10, conditions, conversationMinutes: 90 });
    expect(created.status, created.text).toBe(201);
    const routing = {
      priority: 10,
      conditions: {
        ...conditions,
        keywords: ['Order status', 'parcel'],
        senders: ['+4915112345678', 'DE.13491208655302741918'],
      },
      conversationMinutes: 90,
    };
    expect(created.body.whatsapp).toMatchObject({ routing });
    expect((await connection.api.get<Agent>('/v1/agents/orders')).body.whatsapp).toMatchObject({ routing });
    expect((await put('desk', { default: true })).status).toBe(201);
    expect((await put('sales', on(20, 'offer'))).status).toBe(201);
  });

  test('are refused a priority that another one has, and keep their own', async () => {
    const problem = expectProblem(await put('rival', on(20, 'offer')), {
      status: 409,
      code: 'priority-taken',
      pointer: '/whatsapp/routing/priority',
    });
    expect(problem.detail).toContain('sales');
    expectProblem(await connection.api.get('/v1/agents/rival'), { status: 404, code: 'not-found' });
    expectProblem(await put('orders', on(20, 'order'), overwrite(1)), { status: 409, code: 'priority-taken' });
    expect((await put('sales', on(20, 'quote'), overwrite(1))).status).toBe(200);
  });

  test.each<[string, object, readonly string[]]>([
    ['that say the same twice', { keywords: ['Straße', 'other', 'STRASSE'] }, ['keywords/2']],
    ['that nobody can meet', { keywords: ['\u200b'], senders: ['0151 12345678'] }, ['senders/0', 'keywords/0']],
  ])('are refused conditions %s', async (_which, conditions, entries) => {
    const problem = expectProblem(await put('odd', { priority: 30, conditions }), {
      status: 422,
      code: 'invalid-request',
    });
    expect(problem.errors?.map(({ pointer }) => pointer)).toEqual(
      entries.map((entry) => `/whatsapp/routing/conditions/${entry}`),
    );
    expect(JSON.stringify(problem)).not.toMatch(/stra|12345678/i);
  });

  test('of two that want the same priority at once, one gets it', async () => {
    const answers = await Promise.all(['left', 'right'].map((id) => put(id, on(40, 'race'))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  test('are as many as a number can have, and not one more', async () => {
    // Four are there: orders, desk, sales and the winner of the race.
    for (let count = 4; count < maxAgentsPerNumber; count++)
      expect((await put(`crowd-${count}`, on(100 + count, `word${count}`))).status).toBe(201);
    expectProblem(await put('late', on(999, 'late')), {
      status: 409,
      code: 'too-many-agents',
      pointer: '/whatsapp/phoneNumberId',
    });
    expect((await put('sales', on(21, 'quote'), overwrite(2))).status).toBe(200);
  });
});

test('the behaviour of an agent is stored and shown: greeting, hours, what it forwards', async () => {
  const connection = await newConnection('wellbehaved');
  const [number = ''] = connection.numbers;
  const behaviour = {
    readReceipts: false,
    typingIndicator: false,
    forward: ['message', 'status', 'account'],
    greeting: 'Welcome! How can we help?',
    away: {
      message: 'We are back at nine.',
      timeZone: 'Europe/Berlin',
      hours: [
        { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:00' },
        { days: ['sat'], from: '22:00', to: '02:00' },
      ],
    },
  };
  const created = await connection.api.putAgent(
    'support',
    agentRequest(host.place('support'), connection, number, behaviour),
  );
  expect(created.status, created.text).toBe(201);
  expect((await connection.api.get<Agent>('/v1/agents/support')).body.whatsapp).toMatchObject({ behaviour });

  for (const away of [
    { ...behaviour.away, timeZone: 'Europe/Atlantis' },
    { ...behaviour.away, hours: [{ days: ['mon'], from: '9:00', to: '25:00' }] },
    { ...behaviour.away, message: ' ' },
  ]) {
    const request = agentRequest(host.place('other'), connection, number, { ...behaviour, away });
    expectProblem(await connection.api.putAgent('other', request), { status: 422, code: 'invalid-request' });
  }
});

describe('a preview', () => {
  let connection: Connection;
  let number: string;
  let desk: TestAgent;
  const customer = newCustomer('Ada');
  const ask = (body: object, api = connection.api) =>
    api.call<RoutingPreview>('POST', '/v1/routing/preview', {
      body: { phoneNumberId: number, sender: { waId: `+${customer.waId}` }, ...body },
    });
  const preview = async (body: object): Promise<RoutingPreview> => {
    const answer = await ask(body);
    expect(answer.status, answer.text).toBe(200);
    return answer.body;
  };
  beforeAll(async () => {
    connection = await newConnection('curious');
    number = connection.numbers[0] ?? '';
    for (const [id, routing] of [
      ['orders', on(1, 'order')],
      ['vip', { priority: 2, conditions: { senders: [`+${customer.waId}`], keywords: ['boss'] } }],
      ['ads', { priority: 3, conditions: { referralSourceIds: ['4711'] } }],
    ] as const)
      expect((await connection.api.putAgent(id, withRouting(id, connection, number, routing))).status).toBe(201);
  });

  test('says that nobody gets a message for which there is nobody', async () => {
    expect(await preview({ message: 'hello' })).toMatchObject({
      agentId: null,
      because: null,
      explanation: 'Nobody gets it: no conditions are met, and the number has no default agent.',
      conversation: null,
    });
  });

  test('says who gets a message, by which rule, and why not the others', async () => {
    desk = await bindAgent(host, 'desk', connection, number, quiet);
    expect(await preview({ message: 'Where is my ORDER?' })).toMatchObject({
      agentId: 'orders',
      because: 'conditions',
      explanation: expect.stringContaining('“order”'),
      agents: [
        { agentId: 'orders', verdict: 'chosen', dispatch: 'active', away: false },
        { agentId: 'vip', verdict: 'conditions-unmet' },
        { agentId: 'ads', verdict: 'conditions-unmet' },
        { agentId: 'desk', verdict: 'not-needed' },
      ],
    });
    expect(await preview({ message: { type: 'image', image: { id: '1', caption: 'boss, look' } } })).toMatchObject({
      agentId: 'vip',
    });
    expect(await preview({ message: 'hi', referralSourceId: '4711' })).toMatchObject({ agentId: 'ads' });
    expect(await preview({ message: 'boss', sender: { waId: newCustomer().waId } })).toMatchObject({
      agentId: 'desk',
      because: 'default',
    });
    expect(desk.heard).toEqual([]);
    expect(await meta.sent(number)).toEqual([]);
  });

  test('knows with whom a conversation stays, also under the other form of the customer’s identity', async () => {
    await meta.message({ phoneNumberId: number, from: customer.waId, body: 'hello' });
    const [heard] = await eventually(() => {
      expect(desk.heard).toHaveLength(1);
      return desk.heard;
    });
    const { id, customer: seen } = heard?.body.data.conversation ?? {};
    const agentUntil = new Date(Date.now() + 3_600_000).toISOString();
    await putRow('Directory', {
      ...{ pk: `CONV#${id}`, sk: 'CONV', conversationId: id, tenantId: connection.api.tenant, phoneNumberId: number },
      ...{ agentId: 'ads', agentUntil, revision: 7, expiresAt: Math.floor(Date.now() / 1000) + 3600 },
    });
    const sender = { waId: customer.waId, ...(seen?.userId == null ? {} : { userId: seen.userId }) };
    expect(await preview({ message: 'my order', sender })).toMatchObject({
      agentId: 'ads',
      because: 'conversation',
      explanation: expect.stringContaining(agentUntil),
      conversation: { id, agentId: 'ads', agentUntil },
    });
  });

  test('tells a number of somebody else from one of nobody by nothing', async () => {
    const stranger = await Api.asNewTenant('stranger');
    const problem = expectProblem(await ask({ message: 'order' }, stranger), { status: 404, code: 'not-found' });
    const unknown = expectProblem(await ask({ message: 'order', phoneNumberId: '99999999999' }, stranger), {
      status: 404,
      code: 'not-found',
    });
    expect({ ...problem, instance: null }).toEqual({ ...unknown, instance: null });
  });

  test.each<[string, object, string]>([
    ['without a sender', { message: 'x', sender: {} }, '/sender'],
    ['without a message', {}, '/message'],
    ['with what it does not know', { message: 'x', agentId: 'orders' }, ''],
  ])('is refused %s', async (_what, body, pointer) => {
    expectProblem(await ask(body), { status: 422, code: 'invalid-request', pointer });
  });
});
