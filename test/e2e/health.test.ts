import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Agent } from '../../shared/contracts/agent.ts';
import type { Credential } from '../../shared/contracts/credential.ts';
import type { CredentialHealthView } from '../../shared/contracts/health.ts';
import { AgentHost } from './support/agent-host.ts';
import { Api } from './support/api.ts';
import { newCustomer, newForeignCallback, withNewAppSecret } from './support/business.ts';
import { type ConversationPartner, newConversationPartner, quiet } from './support/connection.ts';
import { planChecks } from './support/lambdas.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { auditOf, dropRow, putRow, rowsOf } from './support/tables.ts';

// Everything that can go wrong at Meta, and what becomes of it. As a table: HEALTH_TABLE=/path/of/a/file npm test -- --project e2e test/e2e/health.test.ts

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

const dayOf = 24 * 60 * 60;

type Asking = Pick<ConversationPartner, 'api' | 'credential'>;
const check = async ({ api, credential }: Asking): Promise<CredentialHealthView> => {
  const { status, body, text } = await api.call<CredentialHealthView>('POST', `/v1/credentials/${credential.id}/check`);
  expect(status, text).toBe(200);
  return body;
};
const shown = async ({ api, credential }: Asking) =>
  (await api.get<Credential>(`/v1/credentials/${credential.id}`)).body;
const healthOf = async ({ api, credential }: Asking) =>
  (await api.get<CredentialHealthView>(`/v1/credentials/${credential.id}/health`)).body;
const stateOf = ({ status, reason }: Pick<Credential, 'status' | 'reason'>) => ({ status, code: reason?.code ?? null });
const inOrder = { status: 'connected', code: null };
const waitingOf = async ({ api, credential }: Asking) =>
  (await api.get<{ items: { waiting: number }[] }>(`/v1/credentials/${credential.id}/held`)).body.items.reduce(
    (sum, { waiting }) => sum + waiting,
    0,
  );
const linesOf = async ({ credential }: Asking, action: string) =>
  (await auditOf(credential.id)).filter((line) => line.action === action);

/** One that has heard from a customer: it waits for nothing. */
const newPartner = async (name: string): Promise<ConversationPartner> => {
  const partner = await newConversationPartner(host, name, quiet);
  await meta.message({ phoneNumberId: partner.number, from: newCustomer().waId, body: 'first' });
  await eventually(async () => expect(stateOf(await shown(partner))).toEqual(inOrder));
  return partner;
};

interface Scenario {
  readonly name: string;
  /** What happens at Meta, and how it is put right again: there, or with us. */
  readonly goesWrong: (partner: ConversationPartner) => Promise<unknown>;
  readonly isMended: (partner: ConversationPartner) => Promise<unknown>;
  readonly becomes: { readonly status: Credential['status']; readonly code: string | null };
}

const token = ({ business }: ConversationPartner) => `tokens/${business.token.name}`;
const number = ({ number: id }: ConversationPartner) => `phone-numbers/${id}`;
const changes =
  (of: (partner: ConversationPartner) => string, patch: Readonly<Record<string, unknown>>) =>
  (partner: ConversationPartner) =>
    meta.change(of(partner), patch);
const restored = (partner: ConversationPartner) => meta.tokenDies(partner.business.token.name, 'restore');
const inDays = (days: number) => Math.floor(Date.now() / 1000) + days * dayOf;

const scenarios: readonly Scenario[] = [
  {
    name: 'token revoked',
    goesWrong: ({ business }) => meta.tokenDies(business.token.name, 'revoke'),
    isMended: restored,
    becomes: { status: 'invalid', code: 'token-revoked' },
  },
  {
    name: 'token expired',
    goesWrong: ({ business }) => meta.tokenDies(business.token.name, 'expire'),
    isMended: restored,
    becomes: { status: 'invalid', code: 'token-expired' },
  },
  {
    name: 'token expires in 5 days',
    goesWrong: (partner) => meta.change(token(partner), { expiresAt: inDays(5) }),
    isMended: changes(token, { expiresAt: 0 }),
    becomes: inOrder as Scenario['becomes'],
  },
  {
    name: 'App Secret reset',
    goesWrong: ({ business }) => withNewAppSecret(business),
    isMended: ({ business }) => meta.appSecretChanges(business.app.id, business.app.secret),
    becomes: { status: 'invalid', code: 'app-secret-wrong' },
  },
  {
    name: 'permission removed',
    goesWrong: changes(token, { scopes: ['whatsapp_business_management'] }),
    isMended: changes(token, { scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'] }),
    becomes: { status: 'invalid', code: 'permission-missing' },
  },
  {
    name: 'account taken from the token’s user',
    goesWrong: changes(token, { assets: [] }),
    isMended: (partner) => meta.change(token(partner), { assets: [partner.wabaId] }),
    becomes: { status: 'invalid', code: 'business-account-invisible' },
  },
  {
    name: 'account blocked',
    goesWrong: (partner) => meta.change(`wabas/${partner.wabaId}`, { healthOfSending: 'BLOCKED' }),
    isMended: (partner) => meta.change(`wabas/${partner.wabaId}`, { healthOfSending: 'AVAILABLE' }),
    becomes: { status: 'action_required', code: 'account-blocked' },
  },
  {
    name: 'number banned',
    goesWrong: changes(number, { status: 'BANNED', healthOfSending: 'BLOCKED' }),
    isMended: changes(number, { status: 'CONNECTED', healthOfSending: 'AVAILABLE' }),
    becomes: { status: 'action_required', code: 'number-banned' },
  },
  {
    name: 'number flagged',
    goesWrong: changes(number, { status: 'FLAGGED', healthOfSending: 'LIMITED' }),
    isMended: changes(number, { status: 'CONNECTED', healthOfSending: 'AVAILABLE' }),
    becomes: { status: 'degraded', code: 'number-flagged' },
  },
  {
    name: 'quality drops to red',
    goesWrong: changes(number, { qualityRating: 'RED' }),
    isMended: changes(number, { qualityRating: 'GREEN' }),
    becomes: { status: 'degraded', code: 'number-quality-low' },
  },
  {
    name: 'number unregistered',
    goesWrong: changes(number, { registered: false, status: 'DISCONNECTED' }),
    isMended: changes(number, { registered: true, status: 'CONNECTED' }),
    becomes: { status: 'action_required', code: 'number-not-registered' },
  },
  {
    name: 'callback of the number changed',
    goesWrong: async ({ business, number: id }) => {
      const foreign = await newForeignCallback();
      await meta.seed({
        phoneOverrides: [
          {
            appId: business.app.id,
            phoneNumberId: id,
            overrideCallbackUri: foreign.url,
            verifyToken: foreign.verifyToken,
          },
        ],
      });
    },
    isMended: async ({ api, credential }) => {
      const { status, text } = await api.call('POST', `/v1/credentials/${credential.id}/webhook/repair`, { body: {} });
      expect(status, text).toBe(200);
    },
    becomes: { status: 'action_required', code: 'webhook-drifted' },
  },
];

const rows: string[] = [];
afterAll(() => {
  const { HEALTH_TABLE } = process.env;
  const head = ['| at Meta | verdict | disabled | held and replayed |', '| --- | --- | --- | --- |'];
  if (HEALTH_TABLE !== undefined) writeFileSync(HEALTH_TABLE, [...head, ...rows.sort(), ''].join('\n'));
});

describe.concurrent('when it happens at Meta that', () => {
  test.each(scenarios)(
    '$name: it becomes $becomes.status, and connected again once it is mended',
    {
      timeout: 240_000,
    },
    async ({ name, goesWrong, isMended, becomes }) => {
      const partner = await newPartner('health');
      const { agent, number: id } = partner;
      const isDisabled = becomes.status === 'invalid';
      const { waId } = newCustomer();
      await goesWrong(partner);
      expect(stateOf(await check(partner))).toEqual(becomes);
      const now = await shown(partner);
      expect(stateOf(now)).toEqual(becomes);
      if (becomes.status !== 'connected') expect(now.reason?.guidance).toMatch(/\w+ \w+/);
      const { body: of } = await partner.api.get<Agent>(`/v1/agents/${agent.id}`);
      expect(of.connection.status).toBe(becomes.status);
      // What is known is known once, however often it is looked at.
      expect(stateOf(await check(partner))).toEqual(becomes);
      expect(await linesOf(partner, 'disable')).toHaveLength(isDisabled ? 1 : 0);

      // Meta goes on to deliver: what it signs with a secret that we do not have is not believed.
      const isHeard = !['app-secret-wrong', 'webhook-drifted'].includes(becomes.code ?? '');
      if (isHeard) await meta.message({ phoneNumberId: id, from: waId, body: 'meanwhile' });
      if (isHeard && isDisabled) await eventually(async () => expect(await waitingOf(partner)).toBe(1));
      if (isHeard && !isDisabled) await eventually(() => expect(agent.texts).toContain('meanwhile'));

      await isMended(partner);
      expect(stateOf(await check(partner))).toEqual(inOrder);
      expect(await linesOf(partner, 'enable')).toHaveLength(isDisabled ? 1 : 0);
      if (isHeard)
        await eventually(() => expect(agent.texts.filter((it) => it === 'meanwhile')).toHaveLength(1), 60_000);
      const code = becomes.code === null ? '' : `: ${becomes.code}`;
      rows.push(
        `| ${name} | ${becomes.status}${code} | ${isDisabled ? 'yes' : 'no'} | ${isDisabled ? (isHeard ? 'yes' : 'nothing verifiable came') : 'not held'} |`,
      );
    },
  );
});

describe('an outage of Meta', () => {
  test('is told as such, disables nobody, and is over with the first answer', { timeout: 120_000 }, async () => {
    const partner = await newPartner('outage');
    const { agent, wabaId, number: id } = partner;
    const before = await check(partner);
    for (const fault of [{ status: 500, code: 2 }, { dropConnection: true }, { delayMs: 8_000 }, { code: 80008 }]) {
      await using _out = await meta.fault({ path: `/${wabaId}`, times: null, ...fault });
      const health = await check(partner);
      expect(stateOf(health)).toEqual({ status: 'unreachable', code: 'meta-unreachable' });
      // What was seen before is not forgotten.
      expect(health).toMatchObject({ checkedAt: before.checkedAt, checks: before.checks, account: before.account });
      await meta.message({ phoneNumberId: id, from: newCustomer().waId, body: JSON.stringify(fault) });
      await eventually(() => expect(agent.texts).toContain(JSON.stringify(fault)));
    }
    expect(stateOf(await check(partner))).toEqual(inOrder);
    expect(await linesOf(partner, 'disable')).toEqual([]);
    rows.push('| 500s, lost connections, timeouts, limits | unreachable: meta-unreachable | no | not held |');
  });

  test('that a user has met is asked about again until Meta answers', { timeout: 120_000 }, async () => {
    const partner = await newPartner('asked-again');
    {
      await using _out = await meta.fault({ path: `/${partner.wabaId}`, times: null, status: 500, code: 2 });
      expect((await check(partner)).status).toBe('unreachable');
    }
    await eventually(async () => expect(stateOf(await shown(partner))).toEqual(inOrder), 60_000);
  });

  test('of what is not needed for the verdict wipes nothing that is known', { timeout: 120_000 }, async () => {
    const partner = await newPartner('optional');
    await meta.change(number(partner), { qualityRating: 'RED' });
    const before = await check(partner);
    expect(before.phoneNumbers).toMatchObject([{ canSend: 'AVAILABLE', platformType: 'CLOUD_API' }]);
    // The list of numbers answers, their nodes and the subscriptions do not.
    await using _node = await meta.fault({ path: `/${partner.number}$`, times: null, status: 500, code: 2 });
    await using _apps = await meta.fault({ path: 'subscribed_apps$', times: null, status: 500, code: 2 });
    const after = await check(partner);
    expect(stateOf(after)).toEqual({ status: 'degraded', code: 'number-quality-low' });
    expect(after).toMatchObject({ phoneNumbers: before.phoneNumbers, account: before.account });
    expect(after.reason).toEqual(before.reason);
  });
});

describe('a number that an agent answers', () => {
  test('waits for its first message, and no longer once it has come', { timeout: 120_000 }, async () => {
    const partner = await newConversationPartner(host, 'awaiting', quiet);
    await eventually(async () =>
      expect(stateOf(await shown(partner))).toEqual({ status: 'connected', code: 'awaiting-first-message' }),
    );
    expect(stateOf(await check(partner))).toEqual({ status: 'connected', code: 'awaiting-first-message' });
    await meta.message({ phoneNumberId: partner.number, from: newCustomer().waId, body: 'first' });
    await eventually(async () => expect(stateOf(await shown(partner))).toEqual(inOrder));
  });

  test('of an app that is not published gets no message: a day later somebody should look', {
    timeout: 120_000,
  }, async () => {
    const partner = await newConversationPartner(host, 'unpublished', quiet);
    await meta.change(`apps/${partner.business.app.id}`, { published: false });
    await meta.message({ phoneNumberId: partner.number, from: newCustomer().waId, body: 'unheard' });
    const row = (await rowsOf('Directory')).find(({ pk }) => pk === `NUMBER#${partner.number}`);
    if (row === undefined) throw new Error('It has its row');
    await putRow('Directory', { ...row, boundAt: new Date(Date.now() - 25 * 60 * 60 * 1000).toISOString() });
    const health = await check(partner);
    expect(stateOf(health)).toEqual({ status: 'degraded', code: 'awaiting-first-message' });
    expect(health.reason?.guidance).toMatch(/app is not live/);
    expect(partner.agent.texts).toEqual([]);
    await meta.change(`apps/${partner.business.app.id}`, { published: true });
    await meta.message({ phoneNumberId: partner.number, from: newCustomer().waId, body: 'heard' });
    await eventually(async () => expect(stateOf(await shown(partner))).toEqual(inOrder));
    rows.push('| app unpublished, for a day | degraded: awaiting-first-message | no | Meta delivers nothing |');
  });
});

describe('by the clock', () => {
  const entryOf = async ({ credential }: Asking) => {
    const own = (await rowsOf('Directory')).filter(
      ({ pk, sk }) => /^DUE#/.test(pk) && sk.endsWith(`#${credential.id}`),
    );
    expect(own).toHaveLength(1);
    return own[0] as (typeof own)[0];
  };
  const makeDue = async (partner: Asking) => {
    const entry = await entryOf(partner);
    await dropRow('Directory', entry);
    const dueAt = new Date(Date.now() - 1_000).toISOString();
    await putRow('Directory', { ...entry, sk: `${dueAt}#${partner.credential.id}`, dueAt });
  };
  const isChecked = async (partner: Asking) => {
    const { sk } = await entryOf(partner);
    // Once the entry has moved on by hours, not by the quarter of an hour of a lease.
    expect(Date.parse(sk.slice(0, 24)) - Date.now()).toBeGreaterThan(30 * 60_000);
  };

  test('a credential is checked once for each entry, however many planners start, and the next time is told', {
    timeout: 120_000,
  }, async () => {
    const partner = await newPartner('clock');
    expect(await healthOf(partner)).toMatchObject({ checkedAt: null, nextCheckAt: null, checks: [] });
    const looks = async () => (await meta.calls(`/${partner.wabaId}/phone_numbers$`, 'GET')).length;
    const before = await looks();
    await makeDue(partner);
    await Promise.all([planChecks(), planChecks(), planChecks()]);
    await eventually(() => isChecked(partner), 60_000);
    await throughout(2_000, async () => expect(await looks()).toBe(before + 1));
    const health = await healthOf(partner);
    expect(health.checks.map(({ check: name, verdict }) => `${name} ${verdict}`)).toEqual([
      'app passed',
      'access-token passed',
      'permissions passed',
      'business-account passed',
      'phone-numbers passed',
      'webhook passed',
      'sending passed',
      'traffic passed',
    ]);
    const pause = Date.parse(health.nextCheckAt ?? '') - Date.parse(health.checkedAt ?? '');
    expect(pause / 3_600_000).toBeGreaterThan(5.3);
    expect(pause / 3_600_000).toBeLessThan(6.7);
  });

  test('a dead token is found out though nobody sends, and its end too', { timeout: 120_000 }, async () => {
    const partner = await newPartner('clock-dead');
    await meta.tokenDies(partner.business.token.name, 'revoke');
    await makeDue(partner);
    await planChecks();
    await eventually(async () => expect(stateOf(await shown(partner)).status).toBe('invalid'), 60_000);
    await isChecked(partner);
    await restored(partner);
    await makeDue(partner);
    await planChecks();
    await eventually(async () => expect(stateOf(await shown(partner))).toEqual(inOrder), 60_000);
  });

  test('a credential that is removed leaves the line', { timeout: 120_000 }, async () => {
    const partner = await newPartner('clock-removed');
    await makeDue(partner);
    expect((await partner.api.deleteCredential(partner.credential.id, 'unbind')).status).toBeLessThan(300);
    await planChecks();
    await eventually(async () => {
      const left = (await rowsOf('Directory')).filter(
        ({ pk, sk }) => /^DUE#/.test(pk) && sk.includes(partner.credential.id),
      );
      expect(left).toEqual([]);
    }, 60_000);
  });
});

test('nobody checks or reads another tenant’s credential, nor one on its way out', async () => {
  const partner = await newPartner('foreign');
  const stranger = await Api.asNewTenant('stranger');
  const path = `/v1/credentials/${partner.credential.id}`;
  expectProblem(await stranger.call('POST', `${path}/check`), { status: 404, code: 'not-found' });
  expectProblem(await stranger.get(`${path}/health`), { status: 404, code: 'not-found' });
});
