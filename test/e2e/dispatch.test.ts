import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Agent, AgentTest } from '../../shared/contracts/agent.ts';
import type { Credential } from '../../shared/contracts/credential.ts';
import { type AgentAnswer, AgentHost, type TestAgent, verifies } from './support/agent-host.ts';
import { Api, overwrite } from './support/api.ts';
import { newCustomer } from './support/business.ts';
import { agentRequest, newConnection, newConversationPartner, quiet } from './support/connection.ts';
import { sweep } from './support/lambdas.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { takenFor } from './support/runtime-queue.ts';
import { auditOf, putRow, type Row, rowsOf } from './support/tables.ts';

const aWhile = 1500;

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

const write = (phoneNumberId: string, body: string) => meta.message({ phoneNumberId, from: newCustomer().waId, body });
const heardBy = async (agent: TestAgent, number: string, text: string) => {
  await write(number, text);
  await eventually(() => expect(agent.texts).toContain(text));
  const heard = agent.heard.find((_, index) => agent.texts[index] === text);
  if (heard === undefined) throw new Error('Nothing heard');
  return heard;
};
const post = <Body>(api: Api, id: string, what: string, headers = {}) =>
  api.call<Body>('POST', `/v1/agents/${id}/${what}`, { headers });
const describeAgent = async (api: Api, id: string) => (await api.get<Agent>(`/v1/agents/${id}`)).body;
const listed = async (api: Api, id: string) =>
  (await api.get<{ items: Agent[] }>('/v1/agents')).body.items.find((agent) => agent.id === id);
const rowOf = async (key: string): Promise<Row> => {
  const row = (await rowsOf('Directory')).find(({ pk, sk }) => key === pk || key === `${pk} ${sk}`);
  if (row === undefined) throw new Error(`There is no row ${key}.`);
  return row;
};
/** What the Vault holds of an agent. Other tenants may have one of the same id. */
const sealedOf = async ({ tenant }: Api, id: string) =>
  (await rowsOf('Vault'))
    .filter(({ pk }) => pk === `${tenant}#${id}`)
    .map(({ sk }) => sk)
    .sort();
const linesAbout = async ({ tenant }: Api, id: string) =>
  (await auditOf(id)).filter(({ pk }) => pk === `${tenant}#${id}`);

describe('a rotation of the signing secret', () => {
  const rotate = async (api: Api, id: string) => {
    const answer = await post<Agent>(api, id, 'signing-secret');
    expect(answer.status, answer.text).toBe(200);
    return answer.body;
  };

  test('has two secrets sign; a second one within the day ends the oldest at once, for good', async () => {
    const { api, agent, number } = await newConversationPartner(host, 'rotator', quiet);
    const first = agent.signingSecret;
    expect((await heardBy(agent, number, 'before')).verifiedBy(first)).toBe(true);

    const once = await rotate(api, agent.id);
    const second = once.signingSecret ?? '';
    expect(once.version).toBe(1);
    expect(new Date(once.previousSigningSecretUntil ?? 0).getTime()).toBeGreaterThan(Date.now());
    const during = await heardBy(agent, number, 'during');
    expect([first, second].map(during.verifiedBy)).toEqual([true, true]);
    expect(await sealedOf(api, agent.id)).toEqual(['agent-signature#1', 'agent-signature#2']);

    const third = (await rotate(api, agent.id)).signingSecret ?? '';
    const after = await heardBy(agent, number, 'after');
    expect([first, second, third].map(after.verifiedBy)).toEqual([false, true, true]);
    expect(await sealedOf(api, agent.id)).toEqual(['agent-signature#2', 'agent-signature#3']);
    expect(new Set([first, second, third]).size).toBe(3);
    const done = (await linesAbout(api, agent.id)).filter(({ action }) => action !== 'open');
    expect(done.map(({ action, secretVersion }) => `${String(action)} ${String(secretVersion ?? '')}`)).toEqual([
      'seal 1',
      'create ',
      'seal 2',
      'update ',
      'seal 3',
      'shred 1',
      'update ',
    ]);
  });

  test('ends the former secret when its time is over', async () => {
    const { api, agent, number } = await newConversationPartner(host, 'patient', quiet);
    const first = agent.signingSecret;
    const second = (await rotate(api, agent.id)).signingSecret ?? '';
    const past = new Date(Date.now() - 60_000).toISOString();
    const record = await rowOf(`TENANT#${api.tenant} AGENT#${agent.id}`);
    await putRow('Directory', { ...record, previousSignsUntil: past });
    const item = await rowOf(`NUMBER#${number}`);
    const bindings = (item.bindings as object[]).map((binding) => ({ ...binding, previousSignsUntil: past }));
    await putRow('Directory', { ...item, bindings });
    // It signs no more, whether it is shredded yet or not.
    expect([first, second].map((await heardBy(agent, number, 'late')).verifiedBy)).toEqual([false, true]);

    const work = { kind: 'retire-agent-secret', tenantId: api.tenant, agentId: agent.id, secretVersion: 1 };
    await putRow('Directory', { pk: 'WORK', sk: `${past}#01M87HAAAAAAAAAAAAAAAAAAAB`, work, attempts: 0 });
    await sweep();
    await eventually(async () => expect(await sealedOf(api, agent.id)).toEqual(['agent-signature#2']));
    expect(await describeAgent(api, agent.id)).toMatchObject({ version: 1, previousSigningSecretUntil: null });
    expect((await rowOf(`NUMBER#${number}`)).bindings).toMatchObject([
      { secretVersion: 2, previousSecretVersion: null },
    ]);
    expect((await heardBy(agent, number, 'later')).verifiedBy(second)).toBe(true);
  });

  test('is done once for each Idempotency-Key, and its secret is not shown again', async () => {
    const api = await Api.asNewTenant('repeater');
    await api.putAgent('support', { name: 'Support', target: { type: 'https', url: host.place('support').url } });
    const key = { 'idempotency-key': 'rotate-once' };
    const answer = await post<Agent>(api, 'support', 'signing-secret', key);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get('etag')).toBe('"1"');
    const again = await post(api, 'support', 'signing-secret', key);
    expectProblem(again, { status: 409, code: 'already-shown' });
    expect(await sealedOf(api, 'support')).toEqual(['agent-signature#1', 'agent-signature#2']);
    const edited = await api.putAgent(
      'support',
      { name: 'Help', target: { type: 'https', url: host.place('help').url } },
      overwrite(1),
    );
    expect(edited.body).toMatchObject({
      version: 2,
      previousSigningSecretUntil: answer.body.previousSigningSecretUntil,
    });
  });

  test('is nobody else’s to ask for', async () => {
    const { api, agent } = await newConversationPartner(host, 'owner', quiet);
    const stranger = await Api.asNewTenant('stranger');
    for (const what of ['signing-secret', 'pause', 'resume', 'test'])
      expectProblem(await post(stranger, agent.id, what), { status: 404, code: 'not-found' });
    expect(await sealedOf(api, agent.id)).toEqual(['agent-signature#1']);
  });
});

describe('a test of an agent', () => {
  const tried = async (api: Api, id: string) => {
    const answer = await post<AgentTest>(api, id, 'test');
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.detail).toMatch(/\w+ \w+/);
    expect(answer.body.guidance).toMatch(/\w+/);
    return answer.body;
  };

  test('sends a signed sample about its own number, and nothing to any customer', async () => {
    const { api, agent, number, credential } = await newConversationPartner(host, 'tester');
    agent.answer = () => ({
      messages: ['one', 'two'].map((body) => ({ type: 'text', text: { body: `answer-${body}` } })),
    });
    const answer = await post<AgentTest>(api, agent.id, 'test');
    expect(answer.body).toMatchObject({ outcome: 'answered', httpStatus: 200, replies: 2 });
    expect(answer.body.durationMs).toBeGreaterThanOrEqual(0);
    expect(answer.text).not.toContain('answer-');
    expect(agent.heard).toMatchObject([
      {
        verified: true,
        body: {
          type: 'whatsapp.message.received',
          data: {
            test: true,
            tenantId: api.tenant,
            agentId: agent.id,
            credentialId: credential.id,
            phoneNumberId: number,
            message: { type: 'text' },
          },
        },
      },
    ]);
    await throughout(aWhile, async () => {
      expect(await meta.sent(number)).toEqual([]);
      expect(await meta.sent(number, 'read')).toEqual([]);
    });
    const opened = (await linesAbout(api, agent.id)).filter(({ action }) => action === 'open');
    expect(opened.map(({ actorKind }) => actorKind)).toEqual(['user', 'user']);
  });

  test('works for an agent without WhatsApp and for a paused one, each time with another event', async () => {
    const api = await Api.asNewTenant('plain');
    const agent = host.place('plain');
    await api.putAgent('plain', { name: 'Plain', target: { type: 'https', url: agent.url } });
    expect(await tried(api, 'plain')).toMatchObject({ outcome: 'answered', replies: 0 });
    await post(api, 'plain', 'pause');
    expect(await tried(api, 'plain')).toMatchObject({ outcome: 'answered' });
    expect(new Set(agent.heard.map(({ webhookId }) => webhookId)).size).toBe(2);
  });

  test.each<[AgentAnswer, Partial<AgentTest>]>([
    [{ status: 202 }, { outcome: 'answered', httpStatus: 202 }],
    [
      { status: 401, text: 'CANARY' },
      { outcome: 'refused', httpStatus: 401 },
    ],
    [{ status: 410 }, { outcome: 'gone', httpStatus: 410 }],
    [{ status: 307 }, { outcome: 'failed', httpStatus: 307 }],
    [
      { status: 500, text: 'CANARY' },
      { outcome: 'failed', httpStatus: 500 },
    ],
    [{ text: '{"messages":"CANARY"}' }, { outcome: 'answered', httpStatus: 200, replies: 0 }],
    ['silence', { outcome: 'failed', httpStatus: null }],
  ])('tells of an answer like %j', async (given, report) => {
    const api = await Api.asNewTenant('listener');
    const agent = host.place('listener');
    await api.putAgent('listener', { name: 'Listener', target: { type: 'https', url: agent.url } });
    agent.answer = () => given;
    const told = await tried(api, 'listener');
    expect(told).toMatchObject(report);
    expect(JSON.stringify(told)).not.toContain('CANARY');
    expect(agent.heard).toHaveLength(1);
    // What comes of a sample changes nothing for the events.
    expect((await describeAgent(api, 'listener')).dispatch).toEqual({ state: 'active', since: null });
  });

  test('tells of a target that cannot be reached', async () => {
    const api = await Api.asNewTenant('lost');
    await api.putAgent('lost', { name: 'Lost', target: { type: 'https', url: 'https://agents.example.invalid/' } });
    expect(await tried(api, 'lost')).toMatchObject({ outcome: 'failed', httpStatus: null, replies: 0 });
  });
});

describe('an agent', () => {
  test('is paused and resumed, which is no edit, and as often as one likes', async () => {
    const { api, agent, number } = await newConversationPartner(host, 'sleeper', quiet);
    const paused = await post<Agent>(api, agent.id, 'pause');
    expect(paused).toMatchObject({ status: 200, body: { version: 1, dispatch: { state: 'paused' } } });
    expect(paused.headers.get('etag')).toBe('"1"');
    const { dispatch } = paused.body;
    expect((await post<Agent>(api, agent.id, 'pause')).body.dispatch).toEqual(dispatch);
    expect((await describeAgent(api, agent.id)).dispatch).toEqual(dispatch);
    expect((await listed(api, agent.id))?.dispatch).toEqual(dispatch);
    expect((await rowOf(`NUMBER#${number}`)).bindings).toMatchObject([{ pausedAt: dispatch.since }]);

    const edited = await api.putAgent(
      agent.id,
      agentRequest(agent, await connectionOf(api), number, quiet),
      overwrite(1),
    );
    expect(edited.body).toMatchObject({ version: 2, dispatch });

    for (let i = 0; i < 2; i++) {
      const resumed = await post<Agent>(api, agent.id, 'resume');
      expect(resumed.body, resumed.text).toMatchObject({ version: 2, dispatch: { state: 'active', since: null } });
    }
    expect((await rowOf(`NUMBER#${number}`)).bindings).toMatchObject([{ pausedAt: null }]);
    await heardBy(agent, number, 'good morning');
  });

  const connectionOf = async (api: Api) => {
    const [credential] = (await api.get<{ items: Credential[] }>('/v1/credentials')).body.items;
    if (credential === undefined) throw new Error('The tenant has no credential');
    return { credential };
  };

  test.each([
    ['gone', 'gone'],
    ['open', 'suspended'],
    ['failing', 'active'],
  ])(
    'whose target the router has found %s is shown as %s, until it is resumed or has another target',
    async (found, shown) => {
      const { api, agent, number, credential } = await newConversationPartner(host, 'shaky', quiet);
      const since = new Date().toISOString();
      const trouble = async () => {
        const item = await rowOf(`NUMBER#${number}`);
        await putRow('Directory', { ...item, circuits: { [agent.id]: { state: found, since } } });
      };
      const dispatch = { state: shown, since: shown === 'active' ? null : since };
      await trouble();
      expect((await describeAgent(api, agent.id)).dispatch).toEqual(dispatch);
      expect((await listed(api, agent.id))?.dispatch).toEqual(dispatch);
      const renamed = { ...agentRequest(agent, { credential }, number, quiet), name: 'Another name' };
      expect((await api.putAgent(agent.id, renamed, overwrite(1))).body.dispatch).toEqual(dispatch);

      expect((await post<Agent>(api, agent.id, 'resume')).body.dispatch).toEqual({ state: 'active', since: null });
      expect((await rowOf(`NUMBER#${number}`)).circuits).toEqual({});

      await trouble();
      const elsewhere = agentRequest(host.place('elsewhere'), { credential }, number, quiet);
      expect((await api.putAgent(agent.id, elsewhere, overwrite(2))).body.dispatch).toEqual({
        state: 'active',
        since: null,
      });
      expect((await rowOf(`NUMBER#${number}`)).circuits).toEqual({});
    },
  );

  test('is removed with its secrets, and its number is free; a new one under its id is another', async () => {
    const { api, agent, number, credential } = await newConversationPartner(host, 'leaver', quiet);
    const former = agent.signingSecret;
    await heardBy(agent, number, 'hello');
    await post(api, agent.id, 'signing-secret');
    const path = `/v1/agents/${agent.id}`;
    expectProblem(await api.call('DELETE', path), { status: 428, code: 'precondition-required' });
    const stale = await api.call('DELETE', path, { headers: overwrite(7) });
    expectProblem(stale, { status: 412, code: 'precondition-failed' });
    expect(await sealedOf(api, agent.id)).toHaveLength(2);

    const answer = await api.call<Agent>('DELETE', path, { headers: overwrite(1) });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({
      id: agent.id,
      whatsapp: { enabled: false },
      connection: { status: 'disabled' },
    });
    expectProblem(await api.get(path), { status: 404, code: 'not-found' });
    expectProblem(await api.call('DELETE', path, { headers: overwrite(1) }), { status: 404, code: 'not-found' });
    expect(await sealedOf(api, agent.id)).toEqual([]);
    const { body } = await api.get<Credential>(`/v1/credentials/${credential.id}`);
    expect(body.phoneNumbers).toMatchObject([{ phoneNumberId: number, claimed: false, agentIds: [] }]);
    await write(number, 'anybody?');
    await throughout(aWhile, () => expect(agent.texts).toEqual(['hello']));

    const created = await api.putAgent(agent.id, agentRequest(agent, { credential }, number, quiet));
    expect(created.status, created.text).toBe(201);
    const secret = created.body.signingSecret ?? '';
    await eventually(async () => {
      const { targets } = await meta.targets(number);
      expect(targets.map(({ level }) => level)).toContain('phone');
    });
    // The router may still have the former agent's secret at hand.
    expect([former, secret].map((await heardBy(agent, number, 'hello again')).verifiedBy)).toEqual([false, true]);
    expect(await sealedOf(api, agent.id)).toEqual(['agent-signature#3']);
  });
});

describe('an agent in the platform’s own runtime', () => {
  const platform = { type: 'platform' } as const;

  test('gets its events from the queue that the operator has set, signed, in the order of its conversations', async () => {
    const connection = await newConnection('resident');
    const [number = ''] = connection.numbers;
    const request = { ...agentRequest(host.place('nowhere'), connection, number, quiet), target: platform };
    const created = await connection.api.putAgent('resident', request);
    expect(created.status, created.text).toBe(201);
    expect(created.body.target).toEqual(platform);
    const secret = created.body.signingSecret ?? '';
    await eventually(async () => expect((await meta.targets(number)).targets).toMatchObject([{ level: 'phone' }]));

    await write(number, 'is anybody home?');
    const [taken] = await eventually(async () => {
      const found = await takenFor(connection.api.tenant);
      expect(found).toHaveLength(1);
      return found;
    });
    if (taken === undefined) throw new Error('Nothing was taken');
    expect(verifies(secret, taken.headers, taken.raw)).toBe(true);
    expect(taken.event).toMatchObject({
      type: 'whatsapp.message.received',
      data: { agentId: 'resident', tenantId: connection.api.tenant, message: { text: { body: 'is anybody home?' } } },
    });
    expect(taken.headers['webhook-id']).toBe(taken.event.data.eventId);
    expect(taken.group).toBe(taken.event.data.conversation?.id);
  });

  test('is tested there', async () => {
    const api = await Api.asNewTenant('resident');
    const created = await api.putAgent('resident', { name: 'Resident', target: platform });
    expect(created.status, created.text).toBe(201);
    const answer = await post<AgentTest>(api, 'resident', 'test');
    expect(answer.body, answer.text).toMatchObject({ outcome: 'answered', httpStatus: null, replies: 0 });
    const [taken] = await takenFor(api.tenant);
    expect(taken?.event.data.test).toBe(true);
    expect(verifies(created.body.signingSecret ?? '', taken?.headers ?? {}, taken?.raw ?? '')).toBe(true);
  });

  test('cannot say which runtime', async () => {
    const api = await Api.asNewTenant('chooser');
    const target = { ...platform, functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:other' };
    expectProblem(await api.putAgent('resident', { name: 'Resident', target }), {
      status: 422,
      code: 'invalid-request',
    });
  });
});
