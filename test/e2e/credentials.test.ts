import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Credential } from '../../shared/contracts/credential.ts';
import { AgentHost, type TestAgent } from './support/agent-host.ts';
import { Api } from './support/api.ts';
import { credentialRequest, newBusiness, newCustomer, newForeignCallback, newTokenOf } from './support/business.ts';
import { agentRequest, bindAgent, type Connection, connect, newConnection } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { recordedCanaries } from './support/record.ts';
import { stack } from './support/stack.ts';

const webhookUrlForm = new RegExp(`^${stack.api}/webhooks/wh_[A-Za-z0-9_-]{43}$`);

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

describe('a first credential', () => {
  let connection: Connection;
  beforeAll(async () => {
    connection = await newConnection('first', { numbers: [2] });
  });

  test('is answered with its representation and a webhook of its own', () => {
    const { credential, business, wabaId, numbers } = connection;
    expect(credential).toMatchObject({
      id: expect.stringMatching(/^cred_[0-9A-HJKMNP-TV-Z]{26}$/),
      label: 'Shop',
      appId: business.app.id,
      wabaId,
      version: 1,
      status: 'connected',
      reason: null,
      secrets: {
        accessToken: { lastFour: business.token.value.slice(-4), expiresAt: null },
        appSecret: { lastFour: business.app.secret.slice(-4), previousAcceptedUntil: null },
      },
      webhook: { url: expect.stringMatching(webhookUrlForm), state: 'configured', reason: null },
      leftAtMeta: [],
    });
    expect(credential.phoneNumbers.map(({ phoneNumberId }) => phoneNumberId).sort()).toEqual([...numbers].sort());
    expect(credential.phoneNumbers.every(({ claimed, agentIds }) => !claimed && agentIds.length === 0)).toBe(true);
  });

  test('is shown without any secret', async () => {
    const answers = await Promise.all([
      connection.api.get('/v1/credentials'),
      connection.api.get(`/v1/credentials/${connection.credential.id}`),
    ]);
    const shown = JSON.stringify([connection.credential, ...answers.map(({ text }) => text)]);
    for (const { name, value } of recordedCanaries()) expect(shown.includes(value), name).toBe(false);
  });

  test('is described with its version as ETag, as it was answered', async () => {
    const answer = await connection.api.get<Credential>(`/v1/credentials/${connection.credential.id}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('etag')).toBe('"1"');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual(connection.credential);
  });

  test('subscribes its app and its account at Meta, with the token in the header and a valid proof', async () => {
    const { business, wabaId } = connection;
    const { appSubscriptions, wabaSubscriptions } = await meta.state();
    const ofApp = appSubscriptions.find(({ appId }) => appId === business.app.id);
    expect(ofApp?.callbackUrl).toMatch(webhookUrlForm);
    expect(ofApp?.callbackUrl, 'the app has a webhook of its own').not.toBe(connection.credential.webhook.url);
    expect(ofApp?.fields).toContain('messages');
    expect(wabaSubscriptions).toContainEqual({ appId: business.app.id, wabaId });
    for (const call of await meta.calls(`/${wabaId}`)) {
      expect(call).toMatchObject({ tokenIn: 'header', proof: 'valid' });
      expect(call.secretsInUrl).toEqual(['appsecret_proof']);
    }
  });

  test('of the same account is refused to the same tenant', async () => {
    const answer = await connection.api.postCredential(credentialRequest(connection.business));
    expectProblem(answer, { status: 409, code: 'waba-taken', pointer: '/wabaId' });
  });
});

describe('a second account under one Meta app', () => {
  test('is connected without the App Secret that the tenant has proved already', async () => {
    const first = await newConnection('two-accounts', { numbers: [1, 1] });
    const second = await connect(first.api, first.business, {
      appSecret: undefined,
      wabaId: first.business.wabas[1]?.id,
    });

    expect(second.credential.webhook.url).not.toBe(first.credential.webhook.url);
    const { appSubscriptions } = await meta.state();
    expect(appSubscriptions.filter(({ appId }) => appId === first.business.app.id)).toHaveLength(1);
    const pages = await pagesOf(first.api);
    expect(pages).toEqual([[first.credential.id], [second.credential.id]]);
  });

  test('needs the App Secret in another tenant, and is connected with it', async () => {
    const first = await newConnection('app-owner', { numbers: [1, 1] });
    const other = await Api.asNewTenant('app-sharer');
    const wabaId = first.business.wabas[1]?.id;

    const without = await other.postCredential(credentialRequest(first.business, { appSecret: undefined, wabaId }));
    expectProblem(without, { status: 422, code: 'invalid-request', pointer: '/appSecret' });
    await connect(other, first.business, { wabaId });
  });
});

describe('a number', () => {
  test('that is named in the request is claimed and gets its own callback', async () => {
    const api = await Api.asNewTenant('claims');
    const business = await newBusiness({ numbers: [2] });
    const [number = '', unnamed = ''] = business.wabas[0]?.numbers ?? [];
    const { credential } = await connect(api, business, { phoneNumberIds: [number] });

    const claimed = credential.phoneNumbers.filter((shown) => shown.claimed).map(({ phoneNumberId }) => phoneNumberId);
    expect(claimed).toEqual([number]);
    expect((await meta.targets(number)).targets).toMatchObject([{ url: credential.webhook.url, level: 'phone' }]);
    expect((await meta.targets(unnamed)).targets).toMatchObject([{ level: 'app' }]);
  });

  test('of another tenant is refused, the holder not named', async () => {
    const holder = await Api.asNewTenant('holder');
    const business = await newBusiness({ numbers: [2] });
    const [free = '', number = ''] = business.wabas[0]?.numbers ?? [];
    const held = await connect(holder, business, { phoneNumberIds: [number] });

    const other = await Api.asNewTenant('latecomer');
    const answer = await other.postCredential(credentialRequest(business, { phoneNumberIds: [free, number] }));
    expectProblem(answer, { status: 409, code: 'number-taken', pointer: '/phoneNumberIds/1' });
    for (const secret of [holder.tenant, held.credential.id]) expect(answer.text).not.toContain(secret);
    expect((await other.get<{ items: [] }>('/v1/credentials')).body.items).toEqual([]);

    await connect(other, business, { phoneNumberIds: [free] });
  });
});

describe('a callback of somebody else', () => {
  test('on the number is kept by default, and the user is told what to do', async () => {
    const { business, number, foreign, api } = await withForeignCallback('keeps', 'phone');
    const answer = await api.postCredential(credentialRequest(business, { phoneNumberIds: [number] }));

    expect(answer.status, answer.text).toBe(201);
    expect(answer.body).toMatchObject({
      status: 'action_required',
      webhook: { state: 'action_required', configuredAt: null, reason: { code: 'existing-callback' } },
    });
    expect(answer.body.webhook.reason?.guidance).toContain('onExistingCallback "replace"');
    expect((await meta.targets(number)).targets).toMatchObject([
      { url: expect.stringContaining(foreign), level: 'phone' },
    ]);
  });

  test('on the number is replaced where the user consents', async () => {
    const { business, number, api } = await withForeignCallback('replaces', 'phone');
    const { credential } = await connect(api, business, { phoneNumberIds: [number], onExistingCallback: 'replace' });
    expect((await meta.targets(number)).targets).toMatchObject([{ url: credential.webhook.url, level: 'phone' }]);
  });

  test.each(['app', 'waba'] as const)(
    'at the level of the %s stays, and we hear the number all the same',
    async (level) => {
      const { business, number, foreign, api } = await withForeignCallback(`beside-${level}`, level);
      const before = await meta.state();
      const connection = await connect(api, business, { phoneNumberIds: [number] });
      const agent = await bindAgent(host, 'beside', connection, number);
      await hears(agent, number);

      const after = await meta.state();
      const ofApp = <T extends { appId: string }>(list: readonly T[]) =>
        list.filter((it) => it.appId === business.app.id);
      if (level === 'app') expect(ofApp(after.appSubscriptions)).toEqual(ofApp(before.appSubscriptions));
      else expect(ofApp(after.wabaSubscriptions)).toEqual(ofApp(before.wabaSubscriptions));
      expect(JSON.stringify(after)).toContain(foreign);
    },
  );

  test('at the app that does not ask for messages needs the user', async () => {
    const { business, api } = await withForeignCallback('deaf', 'app', ['account_update']);
    const answer = await api.postCredential(credentialRequest(business));
    expect(answer.status, answer.text).toBe(201);
    expect(answer.body.webhook).toMatchObject({
      state: 'action_required',
      reason: { code: 'app-subscription-lacks-messages' },
    });
  });
});

test('an account is subscribed once, before its numbers get their callback, and never again', async () => {
  const connection = await newConnection('never-bare', { numbers: [2] });
  const [one = '', two = ''] = connection.numbers;
  await bindAgent(host, 'one', connection, one);
  const second = await bindAgent(host, 'two', connection, two);
  const moved = await connection.api.putAgent('two', agentRequest(second, connection, two), { 'if-match': '"1"' });
  expect(moved.status, moved.text).toBe(200);

  await eventually(async () => expect(await meta.calls(`/${two}$`, 'POST')).not.toEqual([]));
  const bare = await meta.calls(`/${connection.wabaId}/subscribed_apps$`, 'POST');
  const overrides = await meta.calls(`/(${one}|${two})$`, 'POST');
  expect(bare.map(({ status }) => status)).toEqual([200]);
  expect(overrides.map(({ status }) => status)).toEqual([200, 200]);
  expect(overrides.every(({ at }) => at > (bare[0]?.at ?? ''))).toBe(true);
});

test('a token whose messaging permission stands in `scopes` alone, and which expires, is accepted', async () => {
  const api = await Api.asNewTenant('expiring');
  const business = await newBusiness();
  const token = await newTokenOf(business, {
    expiresInSeconds: 3600,
    granularScopes: [{ scope: 'whatsapp_business_management' }],
  });
  const { credential } = await connect(api, business, { accessToken: token.value });
  const expiresAt = Date.parse(credential.secrets.accessToken.expiresAt ?? '');
  expect(Math.abs(expiresAt - Date.now() - 3_600_000)).toBeLessThan(60_000);
});

async function withForeignCallback(name: string, level: 'app' | 'waba' | 'phone', fields = ['messages']) {
  const [api, business, foreign] = await Promise.all([Api.asNewTenant(name), newBusiness(), newForeignCallback()]);
  const appId = business.app.id;
  const [waba] = business.wabas;
  const wabaId = waba?.id ?? '';
  const number = waba?.numbers[0] ?? '';
  const override = { overrideCallbackUri: foreign.url, verifyToken: foreign.verifyToken };
  await meta.seed({
    appSubscriptions: [{ appId, callbackUrl: foreign.url, verifyToken: foreign.verifyToken, fields }],
    wabaSubscriptions: [{ appId, wabaId, ...(level === 'waba' ? override : {}) }],
    phoneOverrides: level === 'phone' ? [{ appId, phoneNumberId: number, ...override }] : [],
  });
  return { api, business, number, foreign: `/_foreign/${foreign.name}` };
}

async function hears(agent: TestAgent, number: string): Promise<void> {
  await meta.message({ phoneNumberId: number, from: newCustomer().waId, body: 'Anybody there?' });
  await eventually(() => expect(agent.texts).toEqual(['Anybody there?']));
}

/** Ids of the credentials, page by page of one. */
async function pagesOf(api: Api): Promise<string[][]> {
  const pages: string[][] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page = await api.get<{ items: Credential[]; nextCursor: string | null }>(`/v1/credentials?limit=1${query}`);
    pages.push(page.body.items.map(({ id }) => id));
    cursor = page.body.nextCursor;
  }
  return pages.filter((page) => page.length > 0);
}
