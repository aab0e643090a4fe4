import { LRUCache } from 'lru-cache';
import { expect, test } from 'vitest';
import { type ListTemplatesPorts, listTemplates } from '../../../functions/credentials/list-templates.ts';
import { tenantId } from '../../../shared/contracts/ids.ts';
import type { MessageTemplate } from '../../../shared/contracts/template.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { packParts } from '../../../shared/crypto/secret-parts.ts';
import type { GraphFailure } from '../../../shared/domain/graph.ts';
import type { MetaUsage } from '../../../shared/domain/meta-usage.ts';
import type { CredentialRecord } from '../../../shared/domain/records.ts';
import { failing, memoryVault, ok } from '../../support/fakes.ts';
import { credentialRecordOf, ids } from '../../support/records.ts';

const template = (name: string, status = 'APPROVED'): MessageTemplate => ({
  name,
  language: 'de',
  status,
  category: 'UTILITY',
  components: [{ type: 'BODY', text: 'Hello {{1}}' }],
});
const all = [template('order_shipped'), template('order_late', 'PAUSED'), template('hello')];

const world = ({
  failure,
  credential = credentialRecordOf(),
  managementPercent = 0,
}: {
  failure?: GraphFailure;
  credential?: CredentialRecord;
  managementPercent?: number;
} = {}) => {
  let asked = 0;
  let clock = 1;
  const noted: MetaUsage[] = [];
  const secret = () => packParts(SecretBytes.fromText('the token'), SecretBytes.fromText('the proof'));
  const path = 'acme/cred_01J0000000000000000000000A/graph-api';
  const current = { ...credential };
  const ports: ListTemplatesPorts = {
    credentials: { find: (tenant) => Promise.resolve(tenant === ids.tenant ? current : undefined) },
    opener: memoryVault({ [`${path}/1`]: secret, [`${path}/2`]: secret }),
    graph: {
      listTemplates: (access, waba) => {
        expect([access.accessToken.revealText(), waba]).toEqual(['the token', ids.waba]);
        asked++;
        access.onUsage?.({ appPercent: 1, managementPercent, regainMinutes: 0 });
        return failure === undefined ? ok(all) : failing(failure);
      },
    },
    known: new LRUCache({ max: 10, ttlResolution: 0, perf: { now: () => clock } }),
    usage: {
      note: (_of, usage) => Promise.resolve(void noted.push(usage)),
      find: () => Promise.resolve(undefined),
    },
    now: () => new Date(),
  };
  const list = (query = {}, tenant = ids.tenant) =>
    listTemplates({ tenantId: tenant, subject: 'ada' }, ids.credential, query, ports);
  const pass = (milliseconds: number) => {
    clock += milliseconds;
  };
  return { list, current, noted, pass, asked: () => asked };
};
const namesIn = (answer: unknown) =>
  (answer as { body: { items: MessageTemplate[] } }).body.items.map(({ name }) => name);

test('lists all templates of the account, or those that are asked for', async () => {
  const it = world();
  expect(await it.list()).toEqual({ kind: 'ok', body: { items: all, nextCursor: null } });
  expect(namesIn(await it.list({ status: 'APPROVED' }))).toEqual(['order_shipped', 'hello']);
  expect(namesIn(await it.list({ name: 'order' }))).toEqual(['order_shipped', 'order_late']);
  expect(namesIn(await it.list({ name: 'order', status: 'REJECTED' }))).toEqual([]);
});

test('asks Meta once for as long as it is remembered, and again with other secrets', async () => {
  const it = world();
  for (let time = 0; time < 3; time++) await it.list();
  expect(it.asked()).toBe(1);
  it.current.secretVersion = 2;
  await it.list();
  expect(it.asked()).toBe(2);
});

test('does not remember that it failed, and says why', async () => {
  const it = world({ failure: { kind: 'refused', refusal: 'rate-limited', code: 80_007 } });
  for (let time = 1; time <= 2; time++) {
    expect(await it.list()).toMatchObject({
      refused: 'message-limited',
      details: { meta: { code: 80_007 }, retryAfterSeconds: 3600 },
    });
    expect(it.asked()).toBe(time);
  }
  expect(await world({ failure: { kind: 'unknown-outcome' } }).list()).toMatchObject({ refused: 'meta-unreachable' });
});

test('asks nothing for a credential that is another tenant’s, or on its way out', async () => {
  const it = world();
  expect(await it.list({}, tenantId.parse('globex'))).toMatchObject({ refused: 'not-found' });
  it.current.status = 'removing';
  expect(await it.list()).toMatchObject({ refused: 'removing' });
  expect(it.asked()).toBe(0);
});

test.each([
  [0, 60_000, 0],
  [49, 60_000, 0],
  [79, 60_000, 1],
  [80, 15 * 60_000, 1],
  [100, 15 * 60_000, 1],
])('with %d percent of Meta’s limit used, what it said is good for %d ms', async (managementPercent, good, notes) => {
  const it = world({ managementPercent });
  await it.list();
  it.pass(good - 1);
  await it.list();
  expect(it.asked()).toBe(1);
  it.pass(2);
  await it.list();
  expect(it.asked()).toBe(2);
  expect(it.noted).toHaveLength(notes * 2);
});
