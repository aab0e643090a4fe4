import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentHost } from './support/agent-host.ts';
import { Api } from './support/api.ts';
import {
  type Business,
  credentialRequest,
  newAccessToken,
  newAppSecret,
  newBusiness,
  newId,
  newTokenOf,
} from './support/business.ts';
import { agentRequest, type ConversationPartner, newConversationPartner } from './support/connection.ts';
import { carelessToken, tampered, unsignedToken } from './support/forged-token.ts';
import { meta } from './support/meta.ts';
import { expectProblem } from './support/problems.ts';
import { recordCanary } from './support/record.ts';
import { storedKeys } from './support/tables.ts';
import { newTenant, tokenFor } from './support/tenant.ts';

let host: AgentHost;
let api: Api;
let business: Business;
let partner: ConversationPartner;
beforeAll(async () => {
  host = await AgentHost.open();
  [api, business, partner] = await Promise.all([
    Api.asNewTenant('refused'),
    newBusiness({ numbers: [2] }),
    newConversationPartner(host, 'bystander'),
  ]);
});
afterAll(() => host[Symbol.asyncDispose]());

type Changes = Readonly<Record<string, unknown>>;

describe('wrong credentials: the field is named, the cure too, and nothing is stored', () => {
  const tokenOf = async (token: Parameters<typeof newTokenOf>[1]) => (await newTokenOf(business, token)).value;
  const deadToken = async (how: Parameters<typeof meta.tokenDies>[1]) => {
    const { name, value } = await newTokenOf(business);
    await meta.tokenDies(name, how);
    return value;
  };
  const cases: readonly (readonly [string, string, string, () => Changes | Promise<Changes>])[] = [
    ['an unknown access token', '/accessToken', 'token-invalid', () => ({ accessToken: newAccessToken() })],
    [
      'a truncated access token',
      '/accessToken',
      'token-invalid',
      () => ({ accessToken: business.token.value.slice(0, -1) }),
    ],
    [
      'an expired access token',
      '/accessToken',
      'token-expired',
      async () => ({ accessToken: await deadToken('expire') }),
    ],
    [
      'a revoked access token',
      '/accessToken',
      'token-revoked',
      async () => ({ accessToken: await deadToken('revoke') }),
    ],
    [
      'an access token from before a password change',
      '/accessToken',
      'token-revoked',
      async () => ({ accessToken: await deadToken('change-password') }),
    ],
    [
      'an access token of another app',
      '/accessToken',
      'token-of-another-app',
      () => ({ accessToken: partner.business.token.value }),
    ],
    [
      'no permission to send',
      '/accessToken',
      'permission-missing',
      async () => ({ accessToken: await tokenOf({ scopes: ['whatsapp_business_management'] }) }),
    ],
    [
      'no permission to manage',
      '/accessToken',
      'permission-missing',
      async () => ({ accessToken: await tokenOf({ scopes: ['whatsapp_business_messaging'] }) }),
    ],
    [
      'an access token without any account',
      '/wabaId',
      'business-account-invisible',
      async () => ({ accessToken: await tokenOf({ assets: [] }) }),
    ],
    ['a wrong App Secret', '/appSecret', 'app-secret-wrong', () => ({ appSecret: newAppSecret() })],
    [
      'the App Secret of another app',
      '/appSecret',
      'app-secret-wrong',
      () => ({ appSecret: partner.business.app.secret }),
    ],
    ['an unknown app', '/appId', 'app-unknown', () => ({ appId: newId(1) })],
    ['an account of somebody else', '/wabaId', 'business-account-invisible', () => ({ wabaId: partner.wabaId })],
    ['an account that does not exist', '/wabaId', 'business-account-invisible', () => ({ wabaId: newId(2) })],
    [
      'a number of another account',
      '/phoneNumberIds/1',
      'number-not-in-account',
      () => ({ phoneNumberIds: [business.wabas[0]?.numbers[0], partner.number] }),
    ],
    [
      'a number that does not exist',
      '/phoneNumberIds/0',
      'number-not-in-account',
      () => ({ phoneNumberIds: [newId(4)] }),
    ],
  ];

  test.each(cases)('%s', async (_title, pointer, check, changes) => {
    const request = credentialRequest(business, await changes());
    const before = await storedKeys(api.tenant);
    const problem = expectProblem(await api.postCredential(request), {
      status: 422,
      code: 'credential-refused',
      pointer,
    });
    expect(problem.checks?.filter(({ verdict }) => verdict === 'failed')).toMatchObject([{ code: check, pointer }]);
    expect(problem.errors?.[0]?.guidance).toMatch(/\w+ \w+/);
    expectNothingOf(request, JSON.stringify(problem));
    await expectNothingStored(before);
  });
});

describe('Meta gives no verdict: 503, a time to repeat, and nothing is stored', () => {
  const faults: readonly (readonly [string, Changes])[] = [
    ['closes the connection', { path: 'debug_token', dropConnection: true }],
    ['answers 500 in HTML', { path: 'debug_token', status: 500, answer: '<html>Sorry</html>' }],
    [
      'answers 200 with something that is no answer',
      { path: 'debug_token', status: 200, answer: { unexpected: true } },
    ],
    ['is temporarily out of service', { path: 'debug_token', code: 2 }],
    ['limits the rate', { path: 'debug_token', code: 4 }],
    ['takes too long', { path: 'debug_token', delayMs: 7000 }],
    ['fails at the account only', { path: '^/v[0-9.]+/82[0-9]+$', code: 2 }],
    ['fails at the numbers only', { path: '/phone_numbers$', dropConnection: true }],
  ];

  test.each(faults)('%s', async (_title, fault) => {
    const before = await storedKeys(api.tenant);
    await using _fault = await meta.fault({ ...fault, times: null });
    const answer = await api.postCredential(credentialRequest(business));
    const problem = expectProblem(answer, { status: 503, code: 'meta-unreachable' });
    expect(problem.retryAfterSeconds).toBeGreaterThan(0);
    expect(answer.headers.get('retry-after')).toBe(String(problem.retryAfterSeconds));
    await expectNothingStored(before);
  });
});

describe('a body that is no request is refused and not repeated', () => {
  const canary = recordCanary('a body that was refused', 'CANARYBODY7f3e9b');
  const credential = (changes: Changes) => JSON.stringify(credentialRequest(business, changes));
  const bodies: readonly (readonly [string, number, () => string])[] = [
    ['empty', 400, () => ''],
    ['cut off', 400, () => credential({ label: canary }).slice(0, -2)],
    ['no JSON', 400, () => `label=${canary}&appId=1`],
    ['a prefix in front of JSON', 400, () => `${canary}${credential({})}`],
    ['a list', 422, () => JSON.stringify([canary])],
    ['a string', 422, () => JSON.stringify(canary)],
    ['null', 422, () => 'null'],
    ['an unknown field', 422, () => credential({ [canary]: true })],
    [
      'an unknown field named like a prototype',
      422,
      () => credential({}).replace('{', `{"__proto__":{"a":"${canary}"},`),
    ],
    ['a label that is a number', 422, () => credential({ label: 7 })],
    ['a label of blanks', 422, () => credential({ label: '   ' })],
    ['an App ID with letters', 422, () => credential({ appId: canary })],
    ['an App ID that is a number', 422, () => credential({ appId: 900100000000001 })],
    ['an App Secret of 31 characters', 422, () => credential({ appSecret: newAppSecret().slice(1) })],
    ['an access token with a line break', 422, () => credential({ accessToken: `EAA${canary}\r\nX-Evil: 1` })],
    ['an access token that is an object', 422, () => credential({ accessToken: { $ne: canary } })],
    ['an account that is a path', 422, () => credential({ wabaId: `../${canary}` })],
    ['numbers that are no list', 422, () => credential({ phoneNumberIds: canary })],
    ['a number twice', 422, () => credential({ phoneNumberIds: [newId(4), '8400000'].concat('8400000') })],
    ['51 numbers', 422, () => credential({ phoneNumberIds: Array.from({ length: 51 }, () => newId(4)) })],
    ['an unknown choice', 422, () => credential({ onExistingCallback: canary })],
    ['more than 64 KiB', 413, () => credential({ label: canary.repeat(5000) })],
  ];

  test.each(bodies)('for a credential: %s', async (_title, status, rawBody) => {
    const before = await storedKeys(api.tenant);
    const answer = await api.call('POST', '/v1/credentials', { rawBody: rawBody() });
    const code = { 400: 'malformed-body', 413: 'body-too-large', 422: 'invalid-request' }[status] ?? '';
    const problem = expectProblem(answer, { status, code });
    if (status === 422) expect(problem.errors?.every(({ message }) => message.length > 0)).toBe(true);
    expectNothingOf({ canary, ...credentialRequest(business) }, answer.text);
    await expectNothingStored(before);
  });

  const agentBodies: readonly (readonly [string, number, () => string])[] = [
    ['empty', 400, () => ''],
    ['cut off', 400, () => `{"name":"${canary}`],
    ['no target', 422, () => JSON.stringify({ name: canary })],
    ['an unknown field', 422, () => agentBody({ [canary]: 1 })],
    ['an unknown field inside', 422, () => agentBody({ whatsapp: { enabled: false, [canary]: 1 } })],
    ['a target that is no URL', 422, () => agentBody({ target: { type: 'https', url: canary } })],
    ['a target of an unknown type', 422, () => agentBody({ target: { type: canary, url: 'https://example.com/' } })],
    ['an unknown kind of event', 422, () => agentBody({ whatsapp: wanting([canary]) })],
    ['WhatsApp enabled without a number', 422, () => agentBody({ whatsapp: { enabled: true, credentialId: 'x' } })],
  ];
  const wanting = (forward: string[]) => ({
    enabled: true,
    credentialId: partner.credential.id,
    phoneNumberId: partner.number,
    behaviour: { forward },
  });
  const agentBody = (changes: Changes) =>
    JSON.stringify({ name: 'A', target: { type: 'https', url: 'https://example.com/' }, ...changes });

  test.each(agentBodies)('for an agent: %s', async (_title, status, rawBody) => {
    const before = await storedKeys(api.tenant);
    const answer = await partner.api.call('PUT', '/v1/agents/refused', {
      rawBody: rawBody(),
      headers: { 'if-none-match': '*' },
    });
    expectProblem(answer, { status, code: status === 400 ? 'malformed-body' : 'invalid-request' });
    expectNothingOf({ canary }, answer.text);
    await expectNothingStored(before);
  });

  test.each(['limit=0', 'limit=101', 'limit=abc', 'cursor=%2F..%2F', 'cursor=TENANT%23acme'])(
    'for a list: ?%s',
    async (query) => {
      const answer = await api.get(`/v1/credentials?${query}`);
      expectProblem(answer, { status: 422, code: 'invalid-request' });
    },
  );
});

describe('a token that is not good is refused', () => {
  const past = Math.floor(Date.now() / 1000) - 60;
  const tokens: readonly (readonly [string, () => string | Promise<string>])[] = [
    ['none at all', () => ''],
    ['no JWT', () => 'letmein'],
    ['signed by nobody (alg none)', () => unsignedToken()],
    [
      'another tenant under the old signature',
      async () => tampered(await tokenFor(newTenant('t')), { tenant: 'acme' }),
    ],
    ['for another audience', () => carelessToken({ aud: 'somebody-else' })],
    ['without an audience', () => carelessToken({ aud: undefined })],
    ['of another issuer', () => carelessToken({ iss: 'http://localhost:1' })],
    ['expired', () => carelessToken({ exp: past })],
    ['not valid yet', () => carelessToken({ nbf: past + 3600 })],
    ['that never expires', () => carelessToken({ exp: undefined })],
    ['without a subject', () => carelessToken({ sub: undefined })],
  ];
  test.each(tokens)('%s', async (_title, token) => {
    const caller = Api.withToken(await token());
    for (const path of ['/v1/credentials', '/v1/agents']) expect((await caller.get(path)).status).toBe(401);
    expect((await caller.postCredential(credentialRequest(business))).status).toBe(401);
    expect((await caller.putAgent('x', {})).status).toBe(401);
  });

  test('a good one is the twin that passes', async () => {
    expect((await Api.withToken(await carelessToken({})).get('/v1/agents')).status).toBe(200);
  });

  const tenants: readonly (readonly [string, string | number | undefined])[] = [
    ['none', undefined],
    ['an empty one', ''],
    ['one that reaches into another key', 'acme#CRED'],
    ['one that is no text', 7],
  ];
  test.each(tenants)('a tenant in the token: %s', async (_title, tenant) => {
    const caller = Api.withToken(await carelessToken({ tenant }));
    expectProblem(await caller.get('/v1/credentials'), { status: 403, code: 'tenant-missing' });
    const refused = await caller.postCredential(credentialRequest(business));
    expectProblem(refused, { status: 403, code: 'tenant-missing' });
  });
});

describe('what belongs to another tenant does not exist', () => {
  test('their credential and their agent are not shown', async () => {
    for (const path of [`/v1/credentials/${partner.credential.id}`, `/v1/agents/${partner.agent.id}`]) {
      expect((await partner.api.get(path)).status).toBe(200);
      expectProblem(await api.get(path), { status: 404, code: 'not-found' });
    }
  });

  test('their agent is not changed, but a namesake of it is created', async () => {
    const { agent } = partner;
    const mine = { name: 'Mine', target: { type: 'https', url: 'https://example.com/' } };
    const changed = await api.putAgent(agent.id, mine, { 'if-match': '"1"' });
    expectProblem(changed, { status: 404, code: 'not-found' });
    expect((await api.putAgent(agent.id, mine)).status).toBe(201);
    expect((await partner.api.get(`/v1/agents/${agent.id}`)).body).toMatchObject({ name: `Agent ${agent.id}` });
  });

  test('their credential and their number are of no use to an agent', async () => {
    const body = agentRequest(host.place('thief'), partner, partner.number);
    const withNothing = await Api.asNewTenant('has-nothing');
    expectProblem(await withNothing.putAgent('thief', body), { status: 409, code: 'credentials-required' });
    const { api: withOwn, credential } = await newConversationPartner(host, 'has-own');
    const theirs = await withOwn.putAgent('thief', body);
    expectProblem(theirs, { status: 422, code: 'credential-unknown', pointer: '/whatsapp/credentialId' });
    const number = await withOwn.putAgent('thief', agentRequest(host.place('thief'), { credential }, partner.number));
    expectProblem(number, { status: 422, code: 'number-not-in-credential', pointer: '/whatsapp/phoneNumberId' });
  });
});

describe('what is no route is a clear 404', () => {
  const routes: readonly (readonly [string, string])[] = [
    ['GET', '/'],
    ['GET', '/v1'],
    ['GET', '/v1/nothing'],
    ['DELETE', '/v1/credentials'],
    ['GET', '/v1/credentials/cred_1'],
    ['GET', '/v1/agents/a.b'],
    ['PUT', '/webhooks/wh_1'],
    ['DELETE', '/webhooks/wh_1'],
  ];
  test.each(routes)('%s %s', async (method, path) => {
    expectProblem(await api.call(method, path), { status: 404, code: 'not-found' });
  });

  test.each(['PUT', 'DELETE', 'PATCH'])('%s on a webhook that exists', async (method) => {
    const { pathname } = new URL(partner.credential.webhook.url);
    expectProblem(await api.call(method, pathname), { status: 404, code: 'not-found' });
  });

  test('while /health and /openapi.json answer without a token', async () => {
    const anybody = Api.withToken('');
    expect(await anybody.get('/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await anybody.get('/openapi.json')).toMatchObject({
      status: 200,
      body: { openapi: expect.stringMatching(/^3\.1/) },
    });
  });
});

async function expectNothingStored(before: readonly string[]): Promise<void> {
  expect(await storedKeys(api.tenant)).toEqual(before);
  expect((await api.get<{ items: [] }>('/v1/credentials')).body.items).toEqual([]);
}

/** An answer repeats nothing of what was sent; field names and the label are no secrets. */
function expectNothingOf(request: object, answer: string): void {
  for (const [name, value] of Object.entries(request))
    if (typeof value === 'string' && name !== 'label') expect(answer.includes(value), name).toBe(false);
}
