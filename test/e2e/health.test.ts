import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Agent } from '../../shared/contracts/agent.ts';
import type { Credential } from '../../shared/contracts/credential.ts';
import type { Dashboard } from '../../shared/contracts/dashboard.ts';
import type { CredentialHealthView, DescribedHealth } from '../../shared/contracts/health.ts';
import { AgentHost } from './support/agent-host.ts';
import { Api } from './support/api.ts';
import { newCustomer, newForeignCallback, withNewAppSecret } from './support/business.ts';
import { type ConversationPartner, newConversationPartner, quiet } from './support/connection.ts';
import { planChecks } from './support/lambdas.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { Subscriber } from './support/subscriber.ts';
import { auditOf, dropRow, putRow, rowsOf } from './support/tables.ts';

// Everything that can go wrong at Meta, and what becomes of it. As a table: HEALTH_TABLE=/path/of/a/file npm test -- --project e2e test/e2e/health.test.ts

let host: AgentHost;
let operators: Subscriber;
beforeAll(async () => {
  [host, operators] = await Promise.all([AgentHost.open(), Subscriber.open()]);
  await operators.joinOperators();
  await eventually(() => operators.confirm());
});
afterAll(() => Promise.all([host[Symbol.asyncDispose](), operators[Symbol.asyncDispose]()]));

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

/** What the dashboard says of the credential. */
const onDashboard = async ({ api, credential }: Asking) => {
  const { body } = await api.get<Dashboard>('/v1/dashboard');
  const found = body.credentials.find(({ id }) => id === credential.id);
  if (found === undefined) throw new Error('The dashboard does not show it');
  return stateOf(found);
};
const heard = (subscriber: Subscriber, { credential }: Asking) =>
  subscriber.alerts.filter(({ credentialId }) => credentialId === credential.id).map(({ kind }) => kind);

/** What the owner is told of each status, and the operators. */
const kindOf = {
  invalid: 'credential.invalid',
  action_required: 'credential.action-required',
  degraded: 'credential.degraded',
} as const satisfies Partial<Record<Credential['status'], string>>;

interface Scenario {
  readonly name: string;
  /** What happens at Meta, and how it is put right again: there, or with us. */
  readonly goesWrong: (partner: ConversationPartner) => Promise<unknown>;
  readonly isMended: (partner: ConversationPartner) => Promise<unknown>;
  readonly becomes: { readonly status: keyof typeof kindOf | 'connected'; readonly code: string | null };
  /** What else the owner is told. */
  readonly tells?: string;
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
    becomes: { status: 'connected', code: null },
    tells: 'credential.token-expiring',
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

interface Outcome {
  readonly name: string;
  readonly verdict: string;
  readonly owner: readonly string[];
  readonly operators: readonly string[];
  readonly isDisabled: boolean;
  readonly held: string;
}
const asRow = ({ name, verdict, owner, operators: byOperators, isDisabled, held }: Outcome): string =>
  `| ${[name, verdict, inWords(owner), inWords(byOperators), isDisabled ? 'yes' : 'no', held].join(' | ')} |`;
const inWords = (kinds: readonly string[]): string =>
  kinds.map((kind) => kind.replace('credential.', '')).join(', ') || 'nothing';

const rows: string[] = [];
afterAll(() => {
  const { HEALTH_TABLE } = process.env;
  const head = [
    '| at Meta | verdict, also on the dashboard | owner told | operators told | disabled | what came meanwhile |',
    '| --- | --- | --- | --- | --- | --- |',
  ];
  if (HEALTH_TABLE !== undefined) writeFileSync(HEALTH_TABLE, [...head, ...rows.sort(), ''].join('\n'));
});

describe.concurrent('when it happens at Meta that', () => {
  test.each(scenarios)(
    '$name: it becomes $becomes.status, and connected again once it is mended',
    {
      timeout: 240_000,
    },
    async ({ name, goesWrong, isMended, becomes, tells }) => {
      const partner = await newPartner('health');
      await using subscriber = await Subscriber.open();
      await subscriber.join(partner.api);
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
      expect(await onDashboard(partner)).toEqual(becomes);
      const told = becomes.status === 'connected' ? [] : [kindOf[becomes.status]];
      const toOperators = isDisabled ? told : [];
      const toOwner = [...told, ...(tells === undefined ? [] : [tells])];
      await eventually(() => expect(heard(subscriber, partner)).toEqual(toOwner));
      await eventually(() => expect(heard(operators, partner)).toEqual(toOperators));
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
      const recovered = told.map(() => 'credential.recovered');
      const recoveredToo = toOperators.map(() => 'credential.recovered');
      await eventually(() => expect(heard(subscriber, partner)).toEqual([...toOwner, ...recovered]));
      await eventually(() => expect(heard(operators, partner)).toEqual([...toOperators, ...recoveredToo]));
      expect(await onDashboard(partner)).toEqual(inOrder);
      const path = `/v1/credentials/${partner.credential.id}/health`;
      const [last, first] = (await partner.api.get<DescribedHealth>(path)).body.history;
      if (told.length > 0) expect([first?.to.status, last?.to.status]).toEqual([becomes.status, 'connected']);
      rows.push(
        asRow({
          name,
          verdict: becomes.code === null ? becomes.status : `${becomes.status}: ${becomes.code}`,
          owner: [...toOwner, ...recovered],
          operators: [...toOperators, ...recoveredToo],
          isDisabled,
          held: !isDisabled ? 'dispatched' : isHeard ? 'held, then replayed once' : 'nothing that could be verified',
        }),
      );
    },
  );
});

test('deliveries that are signed with another App Secret have the credential checked, without anybody asking', {
  timeout: 120_000,
}, async () => {
  const partner = await newPartner('resigned');
  await withNewAppSecret(partner.business);
  for (let time = 0; time < 5; time++)
    await meta.message({ phoneNumberId: partner.number, from: newCustomer().waId, body: 'unheard' });
  await eventually(
    async () => expect(stateOf(await shown(partner))).toEqual({ status: 'invalid', code: 'app-secret-wrong' }),
    60_000,
  );
});

/** Where it stands in the line of checks. */
const entryOf = async ({ credential }: Asking) => {
  const own = (await rowsOf('Directory')).filter(({ pk, sk }) => /^DUE#/.test(pk) && sk.endsWith(`#${credential.id}`));
  expect(own).toHaveLength(1);
  return own[0] as (typeof own)[0];
};
const makeDue = async (partner: Asking) => {
  const entry = await entryOf(partner);
  await dropRow('Directory', entry);
  const dueAt = new Date(Date.now() - 1_000).toISOString();
  await putRow('Directory', { ...entry, sk: `${dueAt}#${partner.credential.id}`, dueAt });
};

describe('an outage of Meta', () => {
  test('is told as such, disables nobody, and is over with the first answer', { timeout: 120_000 }, async () => {
    const partner = await newPartner('outage');
    const { agent, wabaId, number: id } = partner;
    const before = await check(partner);
    for (const fault of [{ status: 500, code: 2 }, { dropConnection: true }, { delayMs: 8_000 }, { code: 80008 }]) {
      await using _out = await meta.fault({ path: `/${wabaId}`, times: null, ...fault });
      const health = await check(partner);
      expect(stateOf(health)).toEqual({ status: 'unreachable', code: 'meta-unreachable' });
      expect(health.meta?.code).toBe(fault.code);
      // What was seen before is not forgotten.
      expect(health).toMatchObject({ checkedAt: before.checkedAt, checks: before.checks, account: before.account });
      await meta.message({ phoneNumberId: id, from: newCustomer().waId, body: JSON.stringify(fault) });
      await eventually(() => expect(agent.texts).toContain(JSON.stringify(fault)));
    }
    expect(stateOf(await check(partner))).toEqual(inOrder);
    expect(await linesOf(partner, 'disable')).toEqual([]);
    rows.push(
      asRow({
        name: '500s, lost connections, timeouts, limits, again and again',
        verdict: 'unreachable: meta-unreachable',
        owner: [],
        operators: [],
        isDisabled: false,
        held: 'dispatched',
      }),
    );
  });

  test('that lasts for a day is told to the owner, once, and its end too', { timeout: 120_000 }, async () => {
    const partner = await newPartner('unanswered');
    await using subscriber = await Subscriber.open();
    await subscriber.join(partner.api);
    {
      await using _out = await meta.fault({ path: `/${partner.wabaId}`, times: null, status: 500, code: 2 });
      await check(partner);
      const row = (await rowsOf('Directory')).find(({ sk }) => sk === `CRED#${partner.credential.id}`);
      if (row === undefined) throw new Error('It has its row');
      await putRow('Directory', { ...row, unreachableSince: new Date(Date.now() - 25 * 3_600_000).toISOString() });
      const seen = (await rowsOf('Directory')).find(({ sk }) => sk === `HEALTH#${partner.credential.id}`);
      if (seen === undefined) throw new Error('It has been tried');
      // The clock asks some thirty times in a day.
      await putRow('Directory', { ...seen, misses: 30 });
      for (let times = 0; times < 2; times++) expect((await check(partner)).status).toBe('unreachable');
      await eventually(() => expect(heard(subscriber, partner)).toEqual(['credential.degraded']));
    }
    expect(stateOf(await check(partner))).toEqual(inOrder);
    await eventually(() => expect(heard(subscriber, partner)).toEqual(['credential.degraded', 'credential.recovered']));
  });

  test('that a user has met is asked about again until Meta answers', { timeout: 120_000 }, async () => {
    const partner = await newPartner('asked-again');
    {
      await using _out = await meta.fault({ path: `/${partner.wabaId}`, times: null, status: 500, code: 2 });
      const asked = await check(partner);
      expect(asked.status).toBe('unreachable');
      // The clock was to come in an hour.
      expect(Date.parse(asked.nextCheckAt) - Date.parse(asked.triedAt ?? '')).toBeLessThan(6 * 60_000);
      expect((await entryOf(partner)).dueAt).toBe(asked.nextCheckAt);
    }
    await makeDue(partner);
    await planChecks();
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

  test('from which Meta takes nothing is told so, though its credential is in order, until Meta takes something', {
    timeout: 120_000,
  }, async () => {
    const partner = await newPartner('refused-sends');
    await using subscriber = await Subscriber.open();
    await subscriber.join(partner.api);
    const send = () =>
      partner.api.call('POST', `/v1/agents/${partner.agent.id}/messages`, {
        body: { to: newCustomer().waId, type: 'text', text: { body: 'Hello' } },
      });
    const doubted = async () => {
      const row = (await rowsOf('Directory')).find(({ pk }) => pk === `NUMBER#${partner.number}`);
      if (row?.doubt == null) throw new Error('It is doubted');
      return { row, doubt: row.doubt as Record<string, unknown> };
    };
    {
      await using _refuses = await meta.fault({
        method: 'POST',
        path: `/${partner.number}/messages$`,
        code: 10,
        times: null,
      });
      expect((await send()).status).toBe(422);
      await eventually(async () =>
        expect(String((await doubted()).doubt.pausedUntil) < new Date().toISOString()).toBe(true),
      );
      const { row, doubt } = await doubted();
      expect(doubt.refusals).toBe(1);
      const [long, over] = [31 * 60_000, 1_000].map((ago) => new Date(Date.now() - ago).toISOString());
      await putRow('Directory', { ...row, doubt: { ...doubt, refusals: 2, refusedSince: long, quietUntil: over } });
      await eventually(async () => expect((await send()).status).toBe(422));
      await eventually(async () => {
        expect(stateOf(await shown(partner))).toEqual({ status: 'degraded', code: 'sends-refused' });
        expect(heard(subscriber, partner)).toEqual(['credential.degraded']);
      }, 60_000);
    }
    await eventually(async () => expect((await send()).status).toBe(201), 60_000);
    await eventually(async () => expect(stateOf(await check(partner))).toEqual(inOrder), 60_000);
    await eventually(() => expect(heard(subscriber, partner)).toEqual(['credential.degraded', 'credential.recovered']));
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
    await using subscriber = await Subscriber.open();
    await subscriber.join(partner.api);
    const health = await check(partner);
    expect(stateOf(health)).toEqual({ status: 'degraded', code: 'awaiting-first-message' });
    await eventually(() => expect(heard(subscriber, partner)).toEqual(['credential.degraded']));
    expect(health.reason?.guidance).toMatch(/app is not live/);
    expect(partner.agent.texts).toEqual([]);
    await meta.change(`apps/${partner.business.app.id}`, { published: true });
    await meta.message({ phoneNumberId: partner.number, from: newCustomer().waId, body: 'heard' });
    await eventually(async () => expect(stateOf(await shown(partner))).toEqual(inOrder));
    await eventually(() => expect(heard(subscriber, partner)).toEqual(['credential.degraded', 'credential.recovered']));
    rows.push(
      asRow({
        name: 'app unpublished, for a day',
        verdict: 'degraded: awaiting-first-message',
        owner: ['credential.degraded', 'credential.recovered'],
        operators: [],
        isDisabled: false,
        held: 'Meta delivers nothing',
      }),
    );
  });
});

describe('by the clock', () => {
  const isChecked = async (partner: Asking) => {
    const { sk } = await entryOf(partner);
    // Once the entry has moved on by hours, not by the quarter of an hour of a lease.
    expect(Date.parse(sk.slice(0, 24)) - Date.now()).toBeGreaterThan(30 * 60_000);
  };

  test('a credential is checked once for each entry, however many planners start, and the next time is told', {
    timeout: 120_000,
  }, async () => {
    const partner = await newPartner('clock');
    expect(await healthOf(partner)).toMatchObject({
      checkedAt: null,
      nextCheckAt: (await entryOf(partner)).dueAt,
      checks: [],
    });
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
    const pause = Date.parse(health.nextCheckAt) - Date.parse(health.checkedAt ?? '');
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
    // Whoever asks puts it off no further, and while it is in trouble the clock comes hourly.
    expect((await check(partner)).nextCheckAt).toBe((await entryOf(partner)).dueAt);
    expect(Date.parse(String((await entryOf(partner)).dueAt)) - Date.now()).toBeLessThan(67 * 60_000);
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
