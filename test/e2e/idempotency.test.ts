import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Credential } from '../../shared/contracts/credential.ts';
import { type Answer, Api } from './support/api.ts';
import { type Business, credentialRequest, newBusiness, newTokenOf } from './support/business.ts';
import { connect } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { expectProblem } from './support/problems.ts';
import { dropRow, putRow, type Row, rowsOf } from './support/tables.ts';

let api: Api;
let business: Business;
let key: string;
beforeEach(async () => {
  [api, business] = await Promise.all([Api.asNewTenant('repeats'), newBusiness()]);
  key = randomUUID();
});

const post = (body: unknown, idempotencyKey = key, by = api): Promise<Answer<Credential>> =>
  by.call('POST', '/v1/credentials', { body, headers: { 'idempotency-key': idempotencyKey } });
const credentialIds = async () =>
  (await api.get<{ items: Credential[] }>('/v1/credentials')).body.items.map(({ id }) => id);

/** How often Meta was asked what a token of the app is worth. */
const looks = async () =>
  (await meta.calls('debug_token')).filter(({ caller }) => caller === `app:${business.app.id}`).length;

/** What is kept of the tenant's requests. */
const records = async (tenant = api.tenant): Promise<readonly Row[]> =>
  (await rowsOf('Directory')).filter(({ pk }) => pk === `IDEMPOTENCY#${tenant}`);
async function theRecord(): Promise<Row> {
  const [record, ...others] = await records();
  if (record === undefined || others.length > 0) throw new Error('Not exactly one request is kept.');
  return record;
}
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

describe('the same key', () => {
  test('with the same body makes one credential and gets the same answer, without asking Meta again', async () => {
    const first = await post(credentialRequest(business));
    expect(first.status, first.text).toBe(201);
    const asked = await looks();
    const second = await post(credentialRequest(business));
    expect([second.status, second.text]).toEqual([201, first.text]);
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
    expect(await looks()).toBe(asked);
    expect(await credentialIds()).toEqual([first.body.id]);
  });

  test('five times at once makes one credential; who does not get it is told when to come again', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => post(credentialRequest(business))));
    const made = answers.filter(({ status }) => status === 201);
    expect(made.length).toBeGreaterThanOrEqual(1);
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      const problem = expectProblem(answer, { status: 409, code: 'idempotency-in-progress' });
      expect(Number(answer.headers.get('retry-after'))).toBe(problem.retryAfterSeconds);
      expect(problem.retryAfterSeconds).toBeGreaterThan(0);
    }
    expect(await credentialIds()).toEqual([made[0]?.body.id]);
    expect((await post(credentialRequest(business))).text).toBe(made[0]?.text);
  });

  test.each([
    ['label', (it: Business) => credentialRequest(it, { label: 'Another' })],
    ['number', (it: Business) => credentialRequest(it, { phoneNumberIds: it.wabas[0]?.numbers })],
    ['order of fields', (it: Business) => Object.fromEntries(Object.entries(credentialRequest(it)).reverse())],
  ])('with another %s is refused: 422', async (_what, other) => {
    const first = await post(credentialRequest(business));
    expectProblem(await post(other(business)), { status: 422, code: 'idempotency-key-reused' });
    expect(await credentialIds()).toEqual([first.body.id]);
  });

  test('of another tenant is another request', async () => {
    const two = await newBusiness();
    const first = await post(credentialRequest(business));
    const other = await post(credentialRequest(two), key, await Api.asNewTenant('other-repeats'));
    expect([first.status, other.status]).toEqual([201, 201]);
    expect(other.body.id).not.toBe(first.body.id);
  });

  test('gets the same refusal for the same mistake, and may be used again after an outage', async () => {
    {
      await using _fault = await meta.fault({
        app: business.app.id,
        path: 'debug_token',
        dropConnection: true,
        times: null,
      });
      expectProblem(await post(credentialRequest(business)), { status: 503, code: 'meta-unreachable' });
    }
    expect(await records()).toEqual([]);
    expect((await post(credentialRequest(business))).status).toBe(201);

    const wrong = credentialRequest(await newBusiness(), { accessToken: business.token.value });
    const mistake = randomUUID();
    const refused = await post(wrong, mistake);
    expectProblem(refused, { status: 422, code: 'credential-refused' });
    expect((await post(wrong, mistake)).status).toBe(422);
  });
});

test.each(['', ' ', 'with space', 'x'.repeat(256), 'ümlaut'])('a key that is none is refused: %j', async (bad) => {
  const latin1 = Buffer.from(bad, 'utf8').toString('latin1');
  const answer = await post(credentialRequest(business), latin1);
  // An empty header is no header: HTTP takes blanks away.
  if (bad.trim() === '') expect([201, 422], answer.text).toContain(answer.status);
  else {
    expectProblem(answer, { status: 422, code: 'idempotency-key-invalid' });
    expect(await credentialIds()).toEqual([]);
  }
});

describe('the record of a request', () => {
  test('holds neither the key nor a secret, nor what the secrets could be guessed from', async () => {
    await post(credentialRequest(business));
    const record = JSON.stringify(await theRecord());
    for (const secret of [key, business.app.secret, business.token.value]) expect(record).not.toContain(secret);
    const expiresIn = Number((await theRecord()).expiresAt) - inSeconds(0);
    expect(expiresIn).toBeGreaterThan(23 * 3600);
    expect(expiresIn).toBeLessThanOrEqual(24 * 3600);
  });

  test('of one that is still running keeps others waiting', async () => {
    await post(credentialRequest(business));
    const { answer: _answer, ...record } = await theRecord();
    await putRow('Directory', { ...record, runningUntil: inSeconds(30) } as Row);
    expectProblem(await post(credentialRequest(business)), { status: 409, code: 'idempotency-in-progress' });
  });

  test('of one that died after it had stored the credential is taken up: the answer is that credential', async () => {
    const first = await post(credentialRequest(business));
    const { answer: _answer, ...record } = await theRecord();
    await putRow('Directory', { ...record, runningUntil: inSeconds(-1) } as Row);
    const again = await post(credentialRequest(business));
    expect(again.status, again.text).toBe(201);
    expect(again.body.id).toBe(first.body.id);
    expect(await credentialIds()).toEqual([first.body.id]);
    expect((await post(credentialRequest(business))).text).toBe(again.text);
  });

  test('that is gone does not make other values pass for those that were stored', async () => {
    const first = await post(credentialRequest(business));
    await dropRow('Directory', await theRecord());
    const { value } = await newTokenOf(business);
    expectProblem(await post(credentialRequest(business, { accessToken: value })), { status: 409, code: 'waba-taken' });
    expect((await api.get<Credential>(`/v1/credentials/${first.body.id}`)).body.secrets.accessToken.lastFour).toBe(
      business.token.value.slice(-4),
    );
  });
});

describe('what is there already', () => {
  test('an account of one’s own is named, with a link', async () => {
    const { credential } = await connect(api, business, { label: 'The first' });
    const problem = expectProblem(await api.postCredential(credentialRequest(business)), {
      status: 409,
      code: 'waba-taken',
      pointer: '/wabaId',
    });
    expect(problem.detail).toContain(credential.id);
    expect(problem.detail).toContain('The first');
    expect(problem.link).toMatchObject({ href: `/v1/credentials/${credential.id}` });
    expect((await api.get(problem.link?.href ?? '')).status).toBe(200);
  });

  test('a number of one’s own is named, should Meta have moved it to another account; to another tenant it is not', async () => {
    const two = await newBusiness({ numbers: [2] });
    const [moving = '', other = ''] = two.wabas[0]?.numbers ?? [];
    const holder = await connect(api, two, { label: 'The holder', phoneNumberIds: [moving] });
    const wabaId = business.wabas[0]?.id ?? '';
    await meta.seed({ phoneNumbers: [{ id: moving, wabaId, displayPhoneNumber: '+1 555 1', verifiedName: 'Moved' }] });
    const request = credentialRequest(business, { phoneNumberIds: [moving] });
    const own = expectProblem(await api.postCredential(request), {
      status: 409,
      code: 'number-taken',
      pointer: '/phoneNumberIds/0',
    });
    expect(own.errors?.[0]?.message).toContain(holder.credential.id);
    expect(own.link).toMatchObject({ href: `/v1/credentials/${holder.credential.id}` });
    const stranger = await (await Api.asNewTenant('stranger')).postCredential(request);
    const theirs = expectProblem(stranger, { status: 409, code: 'number-taken' });
    expect(theirs.link).toBeUndefined();
    for (const secret of [holder.credential.id, api.tenant, 'The holder', other])
      expect(stranger.text).not.toContain(secret);
    expect((await api.get<{ items: [] }>('/v1/credentials')).body.items).toHaveLength(1);
  });
});

test('a tenant at the limit of credentials is refused one more, and gets it when one is gone', async () => {
  const two = await newBusiness();
  const { credential } = await connect(api, business);
  const tenant = (await rowsOf('Directory')).find(({ pk, sk }) => pk === `TENANT#${api.tenant}` && sk === 'TENANT');
  expect(tenant?.credentialCount).toBe(1);
  await putRow('Directory', { ...(tenant as Row), credentialCount: 25 });
  const problem = expectProblem(await api.postCredential(credentialRequest(two)), {
    status: 409,
    code: 'quota-exceeded',
  });
  expect(problem.detail).toContain('25');
  expect((await rowsOf('Directory')).filter((row) => JSON.stringify(row).includes(two.app.id))).toEqual([]);
  expect((await api.deleteCredential(credential.id)).status).toBe(200);
  expect((await api.postCredential(credentialRequest(two))).status).toBe(201);
});
