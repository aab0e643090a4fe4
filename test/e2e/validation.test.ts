import { randomInt } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Check, Problem } from '../../shared/contracts/problem.ts';
import { Api } from './support/api.ts';
import {
  type Business,
  credentialRequest,
  newAccessToken,
  newAppSecret,
  newBusiness,
  newForeignCallback,
  newTokenOf,
} from './support/business.ts';
import { type Connection, connect } from './support/connection.ts';
import { logLines } from './support/logs.ts';
import { meta } from './support/meta.ts';
import { configuredFor } from './support/meta-state.ts';
import { expectProblem } from './support/problems.ts';
import { recordCanary } from './support/record.ts';
import { rowsOf } from './support/tables.ts';

interface Verdict {
  readonly valid: boolean;
  readonly checks: readonly Check[];
}

let api: Api;
let business: Business;
beforeEach(async () => {
  [api, business] = await Promise.all([Api.asNewTenant('dry'), newBusiness({ numbers: [2] })]);
});

const validate = (changes?: Readonly<Record<string, unknown>>, by = api, of = business) => {
  const { label: _label, ...request } = credentialRequest(of, changes);
  return by.call<Verdict>('POST', '/v1/credentials/validate', { body: request });
};
const verdicts = ({ checks }: Verdict) => Object.fromEntries(checks.map(({ check, verdict }) => [check, verdict]));
const allPassed = {
  app: 'passed',
  'access-token': 'passed',
  permissions: 'passed',
  'business-account': 'passed',
  'phone-numbers': 'passed',
  availability: 'passed',
  webhook: 'passed',
};

/** Rows of the tenant, of the app and of its numbers, in all tables. */
async function traces(): Promise<readonly string[]> {
  const rows = (await Promise.all((['Directory', 'Vault', 'Events', 'Audit'] as const).map(rowsOf))).flat();
  return rows
    .filter((row) => [api.tenant, business.app.id].some((id) => JSON.stringify(row).includes(id)))
    .map((row) => `${row.pk} ${row.sk}`);
}

describe('a dry run', () => {
  test('of good values passes every check, stores nothing and changes nothing at Meta', async () => {
    const before = await traces();
    const answer = await validate({ phoneNumberIds: business.wabas[0]?.numbers });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.valid).toBe(true);
    expect(verdicts(answer.body)).toEqual(allPassed);
    expect(await traces()).toEqual(before);
    expect(await configuredFor(business)).toEqual({});
    const calls = await meta.calls(business.wabas[0]?.id ?? '-');
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.every(({ method }) => method === 'GET')).toBe(true);
    expect((await api.get<{ items: [] }>('/v1/credentials')).body.items).toEqual([]);
  });

  const secret = () => recordCanary('a wrong App Secret', newAppSecret());
  const token = () => recordCanary('a wrong token', newAccessToken());
  const order = Object.keys(allPassed);
  const failures: readonly (readonly [string, string, string, string, () => object | Promise<object>])[] = [
    ['an App ID that nobody has', 'app', '/appId', 'app-unknown', () => ({ appId: '81999999999999999' })],
    ['a wrong App Secret', 'app', '/appSecret', 'app-secret-wrong', () => ({ appSecret: secret() })],
    ['an unknown token', 'access-token', '/accessToken', 'token-invalid', () => ({ accessToken: token() })],
    [
      'a token without a permission',
      'permissions',
      '/accessToken',
      'permission-missing',
      async () => {
        const scopes = ['whatsapp_business_messaging'];
        const granularScopes = scopes.map((scope) => ({ scope }));
        return { accessToken: (await newTokenOf(business, { scopes, granularScopes })).value };
      },
    ],
    [
      'an account of others',
      'business-account',
      '/wabaId',
      'business-account-invisible',
      () => ({ wabaId: '82999999999999999' }),
    ],
    [
      'a number of others',
      'phone-numbers',
      '/phoneNumberIds/0',
      'number-not-in-account',
      () => ({ phoneNumberIds: ['84999999999999999'] }),
    ],
  ];
  test.each(failures)(
    'of %s fails at %s, names the field and the cure, and skips the rest',
    async (_what, check, pointer, code, changes) => {
      const before = await traces();
      const answer = await validate({ ...(await changes()) });
      expect(answer.status, answer.text).toBe(200);
      expect(answer.body.valid).toBe(false);
      const failedAt = order.indexOf(check);
      const expected = order.map((name, at) => [
        name,
        at < failedAt ? 'passed' : at === failedAt ? 'failed' : 'skipped',
      ]);
      expect(verdicts(answer.body)).toEqual(Object.fromEntries(expected));
      const failed = answer.body.checks[failedAt];
      expect(failed).toMatchObject({ pointer, code, guidance: expect.stringMatching(/\w+ \w+/) });
      expect(await traces()).toEqual(before);
    },
  );

  test('while Meta does not answer gives no verdict', async () => {
    await using _fault = await meta.fault({ path: `/${business.wabas[0]?.id}$`, dropConnection: true, times: null });
    expectProblem(await validate(), { status: 503, code: 'meta-unreachable' });
  });

  test.each([
    ['an empty body', {}],
    ['an unknown field', { color: 'red' }],
  ])('of %s is refused: 422', async (what, changes) => {
    const body = what === 'an empty body' ? {} : { ...credentialRequest(business), ...changes };
    const answer = await api.call<Problem>('POST', '/v1/credentials/validate', { body });
    expectProblem(answer, { status: 422, code: 'invalid-request' });
  });

  test('tells what is taken: the own holder by name, another tenant’s not at all', async () => {
    const [number = ''] = business.wabas[0]?.numbers ?? [];
    const { credential } = await connect(api, business, { label: 'Holder', phoneNumberIds: [number] });
    const own = await validate();
    expect(own.body.checks.find(({ check }) => check === 'availability')).toMatchObject({
      verdict: 'failed',
      code: 'waba-taken',
      detail: expect.stringContaining(credential.id),
    });
    const other = await validate({ phoneNumberIds: [number] }, await Api.asNewTenant('nosy'));
    expect(other.body.valid).toBe(false);
    expect(other.body.checks.find(({ check }) => check === 'availability')).toMatchObject({
      verdict: 'failed',
      code: 'number-taken',
      pointer: '/phoneNumberIds/0',
    });
    for (const text of [credential.id, api.tenant, 'Holder']) expect(other.text).not.toContain(text);
  });

  test('may leave out the App Secret where it is proved, and only there', async () => {
    await connect(api, business);
    const two = await validate({ appSecret: undefined });
    expect(two.status, two.text).toBe(200);
    expectProblem(await validate({ appSecret: undefined }, await Api.asNewTenant('unproved')), {
      status: 422,
      code: 'invalid-request',
      pointer: '/appSecret',
    });
  });

  const warnings: readonly (readonly [string, 'app' | 'phone', readonly string[], object, string | null])[] = [
    ['at the app', 'app', ['messages'], {}, null],
    ['at the app, without messages', 'app', ['account_update'], {}, 'app-subscription-lacks-messages'],
    ['at the number', 'phone', ['messages'], {}, 'existing-callback'],
    ['at the number, to be replaced', 'phone', ['messages'], { onExistingCallback: 'replace' }, null],
  ];
  test.each(warnings)(
    'warns of a callback of somebody else %s, where it matters',
    async (_where, level, fields, changes, code) => {
      const { url, verifyToken } = await newForeignCallback();
      const [appId, wabaId, number = ''] = [
        business.app.id,
        business.wabas[0]?.id ?? '',
        business.wabas[0]?.numbers[0],
      ];
      await meta.seed({
        appSubscriptions: [{ appId, callbackUrl: url, verifyToken, fields: [...fields] }],
        wabaSubscriptions: [{ appId, wabaId }],
        phoneOverrides:
          level === 'phone' ? [{ appId, phoneNumberId: number, overrideCallbackUri: url, verifyToken }] : [],
      });
      const before = await configuredFor(business);
      const { body } = await validate({ phoneNumberIds: [number], ...changes });
      expect(body.valid, 'a warning is no failure').toBe(true);
      const webhook = body.checks.find(({ check }) => check === 'webhook');
      expect(webhook?.verdict).toBe(code === null ? 'passed' : 'warning');
      if (code !== null) expect(webhook).toMatchObject({ code, guidance: expect.stringMatching(/\w+ \w+/) });
      expect(await configuredFor(business)).toEqual(before);
    },
  );
});

describe('the registration of a number', () => {
  const newPin = () => String(randomInt(100_000, 999_999));
  const pin = newPin();
  let connection: Connection;
  let number: string;
  beforeAll(async () => {
    const [owner, shop] = await Promise.all([
      Api.asNewTenant('registers'),
      newBusiness({ phoneNumber: { registered: false, pin, status: 'DISCONNECTED' } }),
    ]);
    connection = await connect(owner, shop);
    number = connection.numbers[0] ?? '';
  });
  const register = (body: unknown, by = connection.api, of = number) =>
    by.call('POST', `/v1/credentials/${connection.credential.id}/phone-numbers/${of}/register`, { body });

  test('is refused with a PIN that is none, and for numbers and credentials of others', async () => {
    for (const bad of [{}, { pin: 123456 }, { pin: '12345' }, { pin: 'abcdef' }, { pin, more: 1 }])
      expectProblem(await register(bad), { status: 422, code: 'invalid-request' });
    expectProblem(await register({ pin }, connection.api, '84999999999999999'), { status: 404, code: 'not-found' });
    expectProblem(await register({ pin }, await Api.asNewTenant('others')), { status: 404, code: 'not-found' });
  });

  test('with a wrong PIN is explained', async () => {
    const wrong = pin === '111111' ? '222222' : '111111';
    const problem = expectProblem(await register({ pin: wrong }), {
      status: 422,
      code: 'registration-refused',
      pointer: '/pin',
    });
    expect(problem.meta).toMatchObject({ code: 133005 });
    expect(problem.detail).toContain('PIN');
  });

  test('that Meta leaves open says so', async () => {
    await using _fault = await meta.fault({ path: `${number}/register`, dropConnection: true, times: null });
    expectProblem(await register({ pin }), { status: 503, code: 'meta-unreachable' });
  });

  test('with the right PIN is done, and the PIN stands in no log, no table and no answer', async () => {
    const answer = await register({ pin });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({ phoneNumberId: number, status: 'CONNECTED' });
    const alone = new RegExp(`(?<![0-9A-Za-z_.-])${pin}(?![0-9A-Za-z_.-])`);
    expect(answer.text).not.toMatch(alone);
    const rows = (await Promise.all((['Directory', 'Vault', 'Events', 'Audit'] as const).map(rowsOf))).flat();
    expect(rows.filter((row) => alone.test(JSON.stringify(row)))).toEqual([]);
    expect((await logLines()).filter(({ text }) => alone.test(text))).toEqual([]);
  });
});
