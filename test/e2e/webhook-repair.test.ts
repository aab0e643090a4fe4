import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Credential, WebhookLevel } from '../../shared/contracts/credential.ts';
import { AgentHost } from './support/agent-host.ts';
import { Api } from './support/api.ts';
import { credentialRequest, newBusiness, newCustomer, newForeignCallback, newTokenOf } from './support/business.ts';
import { byHand } from './support/by-hand.ts';
import { type ConversationPartner, connect, newConversationPartner, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { configuredFor, hearersOf } from './support/meta-state.ts';
import { eventually } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { stack } from './support/stack.ts';
import { credentialRow } from './support/tables.ts';
import { getWebhook } from './support/webhook-request.ts';

interface Described {
  readonly state: string;
  readonly reason: { readonly code: string; readonly detail: string; readonly guidance: string } | null;
  readonly levels: readonly WebhookLevel[];
}
interface Repaired {
  readonly changed: readonly WebhookLevel[];
  readonly webhook: Credential['webhook'];
}

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

type Owner = Pick<ConversationPartner, 'api' | 'credential'>;
const path = ({ credential }: Owner) => `/v1/credentials/${credential.id}`;
const describeWebhook = async (owner: Owner) => (await owner.api.get<Described>(`${path(owner)}/webhook`)).body;
const repair = async (owner: Owner, body?: object) => {
  const answer = await owner.api.call<Repaired>('POST', `${path(owner)}/webhook/repair`, { body });
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
};

describe('drift', () => {
  let partner: ConversationPartner;
  let foreign: { readonly url: string; readonly verifyToken: string };
  beforeEach(async () => {
    [partner, foreign] = await Promise.all([newConversationPartner(host, 'drifting', quiet), newForeignCallback()]);
    foreign = { ...foreign, url: foreign.url.replace('{self}', stack.simulator) };
  });

  const none = { url: '', verifyToken: '' };
  const drifts: readonly (readonly [
    string,
    string,
    string,
    (it: ConversationPartner) => Promise<void>,
    'ours' | 'theirs',
  ])[] = [
    [
      'app',
      'missing',
      'the subscription of the app is gone',
      ({ business }) => byHand(business).unsubscribeApp(),
      'ours',
    ],
    [
      'app',
      'messages-missing',
      'it has lost the messages',
      async ({ business }) => {
        const ours = (await meta.state()).appSubscriptions.find(({ appId }) => appId === business.app.id);
        const callback = { url: ours?.callbackUrl ?? '', verifyToken: ours?.verifyToken ?? '' };
        await byHand(business).subscribeApp(callback, ['account_update']);
      },
      'ours',
    ],
    [
      'app',
      'replaced',
      'somebody has put another callback there',
      ({ business }) => byHand(business).subscribeApp(foreign, ['messages']),
      'theirs',
    ],
    [
      'account',
      'missing',
      'the app is no longer subscribed to the account',
      ({ business, wabaId }) => byHand(business).unsubscribeAccount(wabaId),
      'ours',
    ],
    [
      'number',
      'missing',
      'the number’s callback is gone',
      ({ business, number }) => byHand(business).overrideNumber(number, none),
      'ours',
    ],
    [
      'number',
      'replaced',
      'somebody has put another callback at the number',
      ({ business, number }) => byHand(business).overrideNumber(number, foreign),
      'ours',
    ],
  ];

  test.each(drifts)(
    'at the %s (%s): %s. It is found, explained, noted, and mended by one call',
    async (level, difference, _what, change, owner) => {
      const before = await describeWebhook(partner);
      expect(before).toMatchObject({ state: 'configured', reason: null });
      expect(before.levels.map((it) => [it.level, it.matches])).toEqual([
        ['app', true],
        ['account', true],
        ['number', true],
      ]);
      const configured = await configuredFor(partner.business);

      await change(partner);
      const drifted = await describeWebhook(partner);
      // Messages go to the number's own callback: what somebody else gets at the app is notices of the account.
      const code = owner === 'ours' ? 'webhook-drifted' : 'account-notices-elsewhere';
      expect(drifted).toMatchObject({ state: 'drifted', reason: { code } });
      expect(drifted.reason?.guidance).toContain('repair');
      const wrong = drifted.levels.filter(({ matches }) => !matches);
      expect(wrong).toContainEqual(expect.objectContaining({ level, difference }));
      expect(drifted.reason?.detail).toContain(wrong[0]?.detail);
      expect((await partner.api.get<Credential>(path(partner))).body.webhook).toMatchObject({
        state: 'drifted',
        reason: { code },
      });

      const { changed, webhook } = await repair(partner);
      expect(changed).toEqual(wrong);
      expect(webhook).toMatchObject({ state: 'configured', reason: null });
      const after = await describeWebhook(partner);
      expect(after.state).toBe('configured');
      expect(after.levels.every(({ matches }) => matches)).toBe(true);
      expect(await hearersOf(partner.number)).toBe('ours (phone)');
      await meta.message({ phoneNumberId: partner.number, from: newCustomer().waId, body: 'back again' });
      await eventually(() => expect(partner.agent.texts).toContain('back again'));
      const mended = await configuredFor(partner.business);
      if (owner === 'ours') expect(mended).toEqual(configured);
      // Somebody else's callback at the app stays, and a removal leaves it alone.
      else expect(mended[`app ${partner.business.app.id}`]).toContain('/_foreign/');

      const removed = await partner.api.deleteCredential(partner.credential.id, 'unbind');
      expect(removed.body.leftAtMeta).toEqual([]);
      expect(Object.keys(await configuredFor(partner.business))).toEqual(
        owner === 'ours' ? [] : [`app ${partner.business.app.id}`],
      );
    },
  );

  test('is not taken back by a mere change of the credential: only a repair does that', async () => {
    // The consent that was given once does not cover it.
    expect((await repair(partner, { onExistingCallback: 'replace' })).changed).toEqual([]);
    await byHand(partner.business).overrideNumber(partner.number, foreign);
    const { value } = await newTokenOf(partner.business);
    expect((await partner.api.patchCredential(partner.credential.id, { accessToken: value }, 1)).status).toBe(200);
    await eventually(async () =>
      expect(await credentialRow(partner.credential.id)).toMatchObject({
        webhookReason: { code: 'existing-callback' },
      }),
    );
    expect(await hearersOf(partner.number)).toBe('theirs (phone)');
    expect((await repair(partner)).webhook.state).toBe('configured');
  });

  test('of others is none of their business: neither shown nor repaired', async () => {
    const other = await Api.asNewTenant('curious');
    const stranger = { api: other, credential: partner.credential };
    for (const [method, suffix] of [
      ['GET', ''],
      ['POST', '/repair'],
      ['POST', '/manual-setup'],
    ] as const)
      expectProblem(await other.call(method, `${path(stranger)}/webhook${suffix}`), { status: 404, code: 'not-found' });
  });

  test('is not judged while Meta does not answer, or refuses', async () => {
    {
      await using _fault = await meta.fault({
        path: `${partner.wabaId}/subscribed_apps`,
        dropConnection: true,
        times: null,
      });
      expectProblem(await partner.api.get(`${path(partner)}/webhook`), { status: 503, code: 'meta-unreachable' });
      expectProblem(await partner.api.call('POST', `${path(partner)}/webhook/repair`), {
        status: 503,
        code: 'meta-unreachable',
      });
    }
    await meta.tokenDies(partner.business.token.name, 'revoke');
    const problem = expectProblem(await partner.api.get(`${path(partner)}/webhook`), {
      status: 422,
      code: 'credential-refused',
    });
    expect(problem.meta?.code).toBe(190);
    expect((await credentialRow(partner.credential.id)).webhookState).toBe('configured');
  });
});

test('a callback that somebody else has at the number needs consent in a repair too, and is given back on removal', async () => {
  const [api, business, foreign] = await Promise.all([Api.asNewTenant('consent'), newBusiness(), newForeignCallback()]);
  const [waba] = business.wabas;
  const number = waba?.numbers[0] ?? '';
  const { url, verifyToken } = foreign;
  await meta.seed({
    phoneOverrides: [{ appId: business.app.id, phoneNumberId: number, overrideCallbackUri: url, verifyToken }],
  });
  const created = await api.postCredential(credentialRequest(business, { phoneNumberIds: [number] }));
  const owner = { api, credential: created.body };
  for (const body of [undefined, {}, { onExistingCallback: 'keep' }]) {
    expect((await repair(owner, body)).webhook).toMatchObject({
      state: 'action_required',
      reason: { code: 'existing-callback' },
    });
    expect(await hearersOf(number)).toBe('theirs (phone)');
  }
  const { changed, webhook } = await repair(owner, { onExistingCallback: 'replace', previousVerifyToken: verifyToken });
  expect(changed).toMatchObject([{ level: 'number', id: number, difference: 'foreign' }]);
  expect(webhook.state).toBe('configured');
  expect(await hearersOf(number)).toBe('ours (phone)');
  const removed = await api.deleteCredential(created.body.id);
  expect(removed.body.leftAtMeta).toEqual([]);
  expect((await configuredFor(business))[`number ${number}`]).toContain(`/_foreign/${foreign.name}`);
});

describe('when Meta refuses the set-up, the credential is kept with the reason, and can be set up by hand', () => {
  test.each([
    ['the handshake at the app', 'POST', 'APP/subscriptions', { code: 2200 }, 'callback-not-reachable'],
    ['the handshake at the number', 'POST', 'NUMBER$', { code: 2200 }, 'callback-not-reachable'],
    ['the subscription to the account', 'POST', 'WABA/subscribed_apps', { code: 200 }, 'permission-missing'],
    ['the number, for a permission', 'POST', 'NUMBER$', { code: 10 }, 'permission-missing'],
  ] as const)('%s', async (_what, method, where, fault, code) => {
    const [api, business] = await Promise.all([Api.asNewTenant('refused-set-up'), newBusiness()]);
    const [waba] = business.wabas;
    const [wabaId, number = ''] = [waba?.id ?? '', ...(waba?.numbers ?? [])];
    const regex = where.replace('APP', business.app.id).replace('WABA', wabaId).replace('NUMBER', number);
    {
      await using _fault = await meta.fault({ method, path: regex, times: null, ...fault });
      const created = await api.postCredential(credentialRequest(business, { phoneNumberIds: [number] }));
      expect(created.status, created.text).toBe(201);
      expect(created.body).toMatchObject({
        status: 'action_required',
        webhook: { state: 'action_required', reason: { code } },
      });
      expect(created.body.webhook.reason?.guidance).toMatch(/\w+ \w+/);
      const owner = { api, credential: created.body };

      const key = { 'idempotency-key': `by-hand-${number}` };
      const guide = await api.call<{
        url: string;
        numberUrl: string;
        verifyToken: string;
        fields: string[];
        steps: string[];
      }>('POST', `${path(owner)}/webhook/manual-setup`, { headers: key });
      expect(guide.status, guide.text).toBe(200);
      const { url, numberUrl, verifyToken, fields, steps } = guide.body;
      expect(fields[0]).toBe('messages');
      expect(steps.length).toBeGreaterThan(4);
      expect(numberUrl).toBe(created.body.webhook.url);
      const again = await api.call('POST', `${path(owner)}/webhook/manual-setup`, { headers: key });
      expectProblem(again, { status: 409, code: 'already-shown' });
      expect(again.text).not.toContain(verifyToken);
      for (const target of [url, numberUrl]) {
        const offer = { 'hub.mode': 'subscribe', 'hub.challenge': '4711', 'hub.verify_token': verifyToken };
        expect(await getWebhook(target, offer)).toMatchObject({ status: 200, text: '4711' });
        expect(await getWebhook(target, { ...offer, 'hub.verify_token': `${verifyToken}x` })).toMatchObject({
          status: 403,
        });
      }
      Object.assign(byHandPlan, { owner, url, numberUrl, verifyToken });
    }
    const { owner, url, numberUrl, verifyToken } = byHandPlan as Required<typeof byHandPlan>;
    const hand = byHand(business);
    await hand.subscribeApp({ url, verifyToken }, ['messages']);
    if (where.startsWith('WABA') || where.startsWith('APP')) await hand.subscribeAccount(wabaId);
    await hand.overrideNumber(number, { url: numberUrl, verifyToken });
    expect(await repair(owner)).toMatchObject({ changed: [], webhook: { state: 'configured', reason: null } });
    expect((await api.get<Credential>(path(owner))).body.status).toBe('connected');
    const removed = await api.deleteCredential(owner.credential.id);
    expect(removed.body.leftAtMeta).toEqual([]);
    expect(await configuredFor(business)).toEqual({});
  });
  const byHandPlan: { owner?: Owner; url?: string; numberUrl?: string; verifyToken?: string } = {};
});

test('fifty numbers are set up, a few at a time, each once, and all are given free again', async () => {
  /** As many as the set-up may do at once. */
  const atOnce = 5;
  const [api, business] = await Promise.all([Api.asNewTenant('fifty'), newBusiness({ numbers: [50] })]);
  const numbers = business.wabas[0]?.numbers ?? [];
  const created = await api.postCredential(credentialRequest(business, { phoneNumberIds: numbers }));
  expect(created.status, created.text).toBe(201);
  await eventually(async () => {
    const { body } = await api.get<Credential>(`/v1/credentials/${created.body.id}`);
    expect(body.webhook.state).toBe('configured');
  }, 60_000);
  const { phoneOverrides } = await meta.state();
  const ours = phoneOverrides.filter(({ appId }) => appId === business.app.id);
  expect(new Set(ours.map(({ overrideCallbackUri }) => overrideCallbackUri))).toEqual(
    new Set([created.body.webhook.url]),
  );
  expect(ours.map(({ phoneNumberId }) => phoneNumberId).sort()).toEqual([...numbers].sort());
  const calls = await meta.calls(`/(${numbers.join('|')})$`, 'POST');
  expect(calls).toHaveLength(numbers.length);
  const spans = calls.map(({ at, ms }) => ({ from: Date.parse(at) - ms, to: Date.parse(at) }));
  for (const { from } of spans)
    expect(spans.filter((other) => other.from <= from && from < other.to).length).toBeLessThanOrEqual(atOnce);

  const removed = await api.deleteCredential(created.body.id);
  expect([200, 202]).toContain(removed.status);
  await eventually(async () => expect(await configuredFor(business)).toEqual({}), 60_000);
  await connect(api, business, { phoneNumberIds: numbers.slice(0, 1) });
});
