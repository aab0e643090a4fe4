import { describe, expect, test } from 'vitest';
import { graphApi } from '../../../shared/adapters/graph-api.ts';
import { usageOf } from '../../../shared/adapters/graph-usage.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { type MetaUsage, watchingUsage } from '../../../shared/domain/meta-usage.ts';
import { loopbackServer } from '../../support/loopback-server.ts';
import { ids } from '../../support/records.ts';

const app = (call_count: number, total_time = 0, total_cputime = 0) =>
  JSON.stringify({ call_count, total_time, total_cputime });
const account = (type: string, call_count: number, regain = 0, more: object = {}) => ({
  type,
  call_count,
  total_cputime: 0,
  total_time: 0,
  estimated_time_to_regain_access: regain,
  ...more,
});
const management = 'whatsapp_business_management';
const headers = (ofApp?: string, ofAccounts?: object | string) =>
  new Headers({
    ...(ofApp === undefined ? {} : { 'X-App-Usage': ofApp }),
    ...(ofAccounts === undefined
      ? {}
      : { 'X-Business-Use-Case-Usage': typeof ofAccounts === 'string' ? ofAccounts : JSON.stringify(ofAccounts) }),
  });

describe('what Meta says of its limits', () => {
  test.each<[string, Headers, MetaUsage | undefined]>([
    ['nothing', headers(), undefined],
    ['the app’s', headers(app(28, 25, 30)), { appPercent: 30, managementPercent: 0, regainMinutes: 0 }],
    [
      'the account’s',
      headers(undefined, { '1': [account(management, 81, 7)] }),
      { appPercent: 0, managementPercent: 81, regainMinutes: 7 },
    ],
    [
      'the fullest of several, and none of another kind',
      headers(app(1), {
        '1': [account(management, 10), account('whatsapp', 99, 60)],
        '2': [account(management, 20, 3, { total_time: 55 })],
      }),
      { appPercent: 1, managementPercent: 55, regainMinutes: 3 },
    ],
    ['what nobody can read', headers('x', '[1]'), { appPercent: 0, managementPercent: 0, regainMinutes: 0 }],
    [
      'half of it',
      headers('{"call_count":"many"}', { '1': [{ type: management, call_count: 60 }] }),
      { appPercent: 0, managementPercent: 60, regainMinutes: 0 },
    ],
  ])('is read: %s', (_what, given, expected) => {
    expect(usageOf(given)).toEqual(expected);
  });

  test('is heard beside an answer and beside a refusal, by who wants to hear it', async () => {
    for (const status of [200, 400]) {
      await using meta = await loopbackServer((_heard, response) =>
        response
          .writeHead(status, { 'x-app-usage': app(60), 'content-type': 'application/json' })
          .end('{"name":"Shop"}'),
      );
      const heard: MetaUsage[] = [];
      const access = { accessToken: SecretBytes.fromText('token'), proof: SecretBytes.fromText('proof') };
      const graph = graphApi({ baseUrl: meta.url, version: 'v25.0' });
      await graph.readBusinessAccount({ ...access, onUsage: (usage) => heard.push(usage) }, ids.waba);
      await graph.readBusinessAccount(access, ids.waba);
      expect(heard).toEqual([{ appPercent: 60, managementPercent: 0, regainMinutes: 0 }]);
    }
  });
});

describe('who watches them', () => {
  const of = { tenantId: ids.tenant, credentialId: ids.credential };
  const told = (managementPercent: number, appPercent = 0): MetaUsage => ({
    appPercent,
    managementPercent,
    regainMinutes: 0,
  });
  const watch = async (run: (onUsage: (usage: MetaUsage) => void) => Promise<unknown>, fails = false) => {
    const noted: MetaUsage[] = [];
    const usage = {
      note: (_of: unknown, it: MetaUsage) => {
        noted.push(it);
        return fails ? Promise.reject(new Error('DynamoDB is away')) : Promise.resolve();
      },
    };
    const result = await watchingUsage(of, { usage, now: () => new Date() }, run).catch((error: unknown) => error);
    return { noted, result };
  };

  test('notes the last word, once half of a limit is used', async () => {
    const both = (first: MetaUsage, last: MetaUsage) => (onUsage: (usage: MetaUsage) => void) => {
      onUsage(first);
      onUsage(last);
      return Promise.resolve('done');
    };
    expect(await watch(both(told(90), told(50)))).toEqual({ noted: [told(50)], result: 'done' });
    expect(await watch(both(told(0), told(0, 50)))).toEqual({ noted: [told(0, 50)], result: 'done' });
    expect(await watch(both(told(90), told(49, 49)))).toEqual({ noted: [], result: 'done' });
    expect(await watch(() => Promise.resolve('quiet'))).toEqual({ noted: [], result: 'quiet' });
  });

  test('notes it when the work fails, and never fails by itself', async () => {
    const failure = new Error('Meta is away');
    const failing = (onUsage: (usage: MetaUsage) => void) => {
      onUsage(told(90));
      return Promise.reject(failure);
    };
    expect(await watch(failing)).toEqual({ noted: [told(90)], result: failure });
    const working = (onUsage: (usage: MetaUsage) => void) => {
      onUsage(told(90));
      return Promise.resolve('done');
    };
    expect(await watch(working, true)).toMatchObject({ result: 'done' });
  });
});
