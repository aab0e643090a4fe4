import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Agent } from '../../shared/contracts/agent.ts';
import type { Credential } from '../../shared/contracts/credential.ts';
import { AgentHost } from './support/agent-host.ts';
import { Api, overwrite } from './support/api.ts';
import { newBusiness, newCustomer } from './support/business.ts';
import { agentRequest, bindAgent, type Connection, connect, newConnection } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { stack } from './support/stack.ts';

const aWhile = 1500;

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

const plain = (changes: object = {}) => ({
  name: 'Support',
  target: { type: 'https', url: 'https://agents.example.com/support' },
  ...changes,
});

describe('without any credentials', () => {
  test('an agent cannot enable WhatsApp, is told where to connect them, and is not stored', async () => {
    const api = await Api.asNewTenant('penniless');
    const whatsapp = { enabled: true, credentialId: 'cred_none', phoneNumberId: '12345' };
    const problem = expectProblem(await api.putAgent('support', plain({ whatsapp })), {
      status: 409,
      code: 'credentials-required',
    });
    expect(problem.link?.href).toBe(`${stack.api}/openapi.json`);
    expect(problem.link?.title).toMatch(/\w+ \w+/);
    expect(problem.guidance).toMatch(/\w+ \w+/);
    expectProblem(await api.get('/v1/agents/support'), { status: 404, code: 'not-found' });
  });

  test('an agent without WhatsApp can be kept', async () => {
    const api = await Api.asNewTenant('modest');
    const answer = await api.putAgent('support', plain());
    expect(answer.status, answer.text).toBe(201);
    expect(answer.body).toMatchObject({ whatsapp: { enabled: false }, connection: { status: 'disabled' } });
  });
});

describe('preconditions', () => {
  let api: Api;
  beforeAll(async () => {
    api = await Api.asNewTenant('careful');
    const answer = await api.putAgent('support', plain());
    expect(answer.status).toBe(201);
    expect(answer.headers.get('etag')).toBe('"1"');
  });

  test('without one nothing is written', async () => {
    expectProblem(await api.putAgent('support', plain(), {}), { status: 428, code: 'precondition-required' });
    expectProblem(await api.putAgent('new', plain(), {}), { status: 428, code: 'precondition-required' });
    expectProblem(await api.get('/v1/agents/new'), { status: 404, code: 'not-found' });
  });

  test('an agent that exists is not created again', async () => {
    expectProblem(await api.putAgent('support', plain({ name: 'Other' })), { status: 412, code: 'agent-exists' });
    expect((await api.get<Agent>('/v1/agents/support')).body.name).toBe('Support');
  });

  test('one that does not exist is not changed', async () => {
    expectProblem(await api.putAgent('nobody', plain(), overwrite(1)), { status: 404, code: 'not-found' });
  });

  test('only the version that was read is changed, and gets the next one', async () => {
    const changed = await api.putAgent('support', plain({ name: 'Second' }), overwrite(1));
    expect(changed).toMatchObject({ status: 200, body: { name: 'Second', version: 2 } });
    expect(changed.headers.get('etag')).toBe('"2"');
    const stale = await api.putAgent('support', plain({ name: 'Lost update' }), overwrite(1));
    expectProblem(stale, { status: 412, code: 'precondition-failed' });
    expect((await api.get<Agent>('/v1/agents/support')).body).toMatchObject({ name: 'Second', version: 2 });
  });

  test('of several changes at once, of the same version, one wins', async () => {
    const before = (await api.get<Agent>('/v1/agents/support')).body.version;
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        api.putAgent('support', plain({ name: `Racer ${index}` }), overwrite(before)),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409 || status === 412)).toHaveLength(4);
    expect((await api.get<Agent>('/v1/agents/support')).body.version).toBe(before + 1);
  });

  test('agents are listed page by page', async () => {
    for (const id of ['a', 'b']) expect((await api.putAgent(id, plain())).status).toBe(201);
    const first = await api.get<{ items: Agent[]; nextCursor: string }>('/v1/agents?limit=2');
    const second = await api.get<{ items: Agent[]; nextCursor: null }>(
      `/v1/agents?limit=2&cursor=${first.body.nextCursor}`,
    );
    expect([...first.body.items, ...second.body.items].map(({ id }) => id)).toEqual(['a', 'b', 'support']);
    expect(second.body.nextCursor).toBeNull();
  });
});

test('the signing secret is shown once: in the answer that created the agent', async () => {
  const api = await Api.asNewTenant('discreet');
  const created = await api.putAgent('support', plain());
  const secret = created.body.signingSecret ?? '';
  expect(Buffer.from(secret.replace(/^whsec_/, ''), 'base64').byteLength).toBeGreaterThanOrEqual(24);
  const later = await Promise.all([
    api.putAgent('support', plain(), overwrite(1)),
    api.get('/v1/agents/support'),
    api.get('/v1/agents'),
  ]);
  for (const { status, text } of later) {
    expect(status).toBe(200);
    expect(text).not.toContain('signingSecret');
    expect(text).not.toContain(secret);
  }
});

describe('the number of an agent', () => {
  const claimsOf = async ({ api, credential }: Connection) => {
    const { body } = await api.get<Credential>(`/v1/credentials/${credential.id}`);
    return new Map<string, object>(
      body.phoneNumbers.map(({ phoneNumberId, claimed, agentIds }) => [phoneNumberId, { claimed, agentIds }]),
    );
  };
  const write = (phoneNumberId: string, body: string) =>
    meta.message({ phoneNumberId, from: newCustomer().waId, body });

  test('is claimed and shown, and Meta calls the credential’s own URL for it', async () => {
    const connection = await newConnection('claimant');
    const [number = ''] = connection.numbers;
    await bindAgent(host, 'support', connection, number);
    expect((await claimsOf(connection)).get(number)).toEqual({ claimed: true, agentIds: ['support'] });
    const agent = await connection.api.get<Agent>('/v1/agents/support');
    expect(agent.body).toMatchObject({
      whatsapp: {
        enabled: true,
        credentialId: connection.credential.id,
        phoneNumberId: number,
        routing: { default: true },
      },
      connection: { status: 'connected', displayPhoneNumber: expect.stringMatching(/^\+1 555/) },
    });
  });

  test('has one default agent: a second is refused, and the first keeps answering', async () => {
    const connection = await newConnection('crowded');
    const [number = ''] = connection.numbers;
    const first = await bindAgent(host, 'first', connection, number);
    const second = host.place('second');
    const refused = await connection.api.putAgent('second', agentRequest(second, connection, number));
    const problem = expectProblem(refused, {
      status: 409,
      code: 'default-taken',
      pointer: '/whatsapp/routing/default',
    });
    expect(problem.detail).toContain('first');
    await write(number, 'who is there');
    await eventually(() => expect(first.texts).toEqual(['who is there']));
    expect(second.heard).toEqual([]);
  });

  test('is left when the agent takes another one, and is free for the next agent', async () => {
    const connection = await newConnection('mover', { numbers: [2] });
    const [one = '', two = ''] = connection.numbers;
    const mover = await bindAgent(host, 'mover', connection, one);
    const moved = await connection.api.putAgent('mover', agentRequest(mover, connection, two), overwrite(1));
    expect(moved.status, moved.text).toBe(200);
    expect(await claimsOf(connection)).toEqual(
      new Map([
        [one, { claimed: false, agentIds: [] }],
        [two, { claimed: true, agentIds: ['mover'] }],
      ]),
    );
    await write(one, 'to the old number');
    await write(two, 'to the new number');
    await eventually(() => expect(mover.texts).toEqual(['to the new number']));

    const heir = await bindAgent(host, 'heir', connection, one);
    await write(one, 'to the heir');
    await eventually(() => expect(heir.texts).toEqual(['to the heir']));
    await throughout(aWhile, () => expect(mover.texts).toEqual(['to the new number']));
  });

  test('is another tenant’s to take once WhatsApp is switched off, and not before', async () => {
    const [owner, successor, business] = await Promise.all([
      Api.asNewTenant('owner'),
      Api.asNewTenant('successor'),
      newBusiness(),
    ]);
    const before = await connect(owner, business);
    // The number's callback still is the owner's: the successor has to say that it may go.
    const after = await connect(successor, business, { onExistingCallback: 'replace' });
    const [number = ''] = before.numbers;
    const first = await bindAgent(host, 'first', before, number);

    const wish = host.place('second');
    const tooEarly = await successor.putAgent('second', agentRequest(wish, after, number));
    expectProblem(tooEarly, { status: 409, code: 'number-taken', pointer: '/whatsapp/phoneNumberId' });
    for (const secret of [owner.tenant, before.credential.id, 'first']) expect(tooEarly.text).not.toContain(secret);
    expectProblem(await successor.get('/v1/agents/second'), { status: 404, code: 'not-found' });

    const off = { ...agentRequest(first, before, number), whatsapp: { enabled: false } };
    expect((await owner.putAgent('first', off, overwrite(1))).status).toBe(200);
    await write(number, 'to nobody');
    const second = await bindAgent(host, 'second', after, number);
    await write(number, 'to the successor');
    await eventually(() => expect(second.texts).toEqual(['to the successor']));
    expect(first.texts).toEqual([]);
  });
});

describe('a target that must not be called is refused', () => {
  const targets = [
    'http://agents.example.com/',
    'ftp://agents.example.com/',
    'javascript:alert(1)',
    'https://user:password@agents.example.com/',
    'https://user@agents.example.com/',
    'http://user@localhost/',
    'https://93.184.215.14/',
    'https://10.0.0.1/',
    'https://192.168.1.1./',
    'https://169.254.169.254/latest/meta-data',
    'https://0.0.0.0/',
    'https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/',
    'https://[::ffff:169.254.169.254]/',
    'http://127.0.0.2/',
    'https://0xa9fea9fe/',
    'https://2852039166/',
    'https://intranet/',
    'https://intranet.agents.example.com.internal/',
    'https://metadata.google.internal/',
    'https://agents.example.com./',
    'https://agents.example.com:22/',
    'https://１６９.２５４.１６９.２５４/',
    'https://%31%30.0.0.1/',
    'https://[64:ff9b::a9fe:a9fe]/',
  ];
  test.each(targets)('%s', async (url) => {
    const api = await sharedApi();
    const answer = await api.putAgent('support', plain({ target: { type: 'https', url } }));
    expectProblem(answer, { status: 422, code: 'target-refused', pointer: '/target/url' });
    expect(answer.text).not.toContain('169.254');
    expectProblem(await api.get('/v1/agents/support'), { status: 404, code: 'not-found' });
  });

  let shared: Promise<Api> | undefined;
  const sharedApi = () => (shared ??= Api.asNewTenant('curious'));
});
