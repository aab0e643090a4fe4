import { describe, expect, test } from 'vitest';
import { phoneNumberId } from '../../../shared/contracts/ids.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import type { Graph, TokenFacts } from '../../../shared/domain/graph.ts';
import { validateCredential } from '../../../shared/domain/validate-credential.ts';
import { failing, goodToken, ok, refusedBy, scriptedGraph } from '../../support/fakes.ts';
import { credentialRecordOf, ids } from '../../support/records.ts';

const now = new Date('2026-11-22T10:00:00Z');
const { phoneNumbers } = credentialRecordOf();
const goodGraph: Partial<Graph> = {
  inspectToken: () => ok(goodToken),
  readBusinessAccount: () => ok({ name: 'Shop' }),
  listPhoneNumbers: () => ok(phoneNumbers),
};

const validate = (change: Partial<Graph>, numbers = [ids.number]) =>
  validateCredential(
    {
      appId: ids.app,
      appToken: SecretBytes.fromText('app|secret'),
      access: { accessToken: SecretBytes.fromText('token'), proof: SecretBytes.fromText('proof') },
      wabaId: ids.waba,
      phoneNumberIds: numbers,
    },
    scriptedGraph({ ...goodGraph, ...change }),
    now,
  );
const token = (change: Partial<TokenFacts>): Partial<Graph> => ({
  inspectToken: () => ok({ ...goodToken, ...change }),
});

test('credentials that Meta confirms in every respect are valid', async () => {
  const outcome = await validate({});
  expect(outcome).toMatchObject({ outcome: 'valid', tokenExpiresAt: null, phoneNumbers });
  expect(outcome.outcome === 'valid' && outcome.checks.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual([
    'app passed',
    'access-token passed',
    'permissions passed',
    'business-account passed',
    'phone-numbers passed',
  ]);
});

test('a token that will expire is valid with a warning that says when', async () => {
  const outcome = await validate(token({ expiresAt: new Date('2026-12-01T10:00:00Z') }));
  const warning = expect.objectContaining({
    verdict: 'warning',
    code: 'token-expires',
    detail: expect.stringContaining('2026-12-01T10:00:00.000Z'),
  });
  expect(outcome).toMatchObject({ outcome: 'valid', checks: expect.arrayContaining([warning]) });
});

test('an account without numbers is valid with a warning', async () => {
  const outcome = await validate({ listPhoneNumbers: () => ok([]) }, []);
  expect(outcome).toMatchObject({
    outcome: 'valid',
    checks: expect.arrayContaining([expect.objectContaining({ verdict: 'warning' })]),
  });
});

test.each<[string, Partial<Graph>, string, string]>([
  ['an unknown app', { inspectToken: () => refusedBy('app-unknown', 101) }, '/appId', 'app-unknown'],
  ['a wrong App Secret', { inspectToken: () => refusedBy('app-secret-wrong', 1) }, '/appSecret', 'app-secret-wrong'],
  ['a wrong proof', { readBusinessAccount: () => refusedBy('proof-invalid') }, '/appSecret', 'app-secret-wrong'],
  ['a garbage token', token({ valid: false, appId: null, errorCode: 190 }), '/accessToken', 'token-invalid'],
  ['a token that Meta calls invalid without saying why', token({ valid: false }), '/accessToken', 'token-invalid'],
  ['an expired token', token({ valid: false, errorCode: 190, errorSubcode: 463 }), '/accessToken', 'token-expired'],
  ['a token that expires this very moment', token({ expiresAt: now }), '/accessToken', 'token-expired'],
  ['a revoked token', token({ valid: false, errorCode: 190, errorSubcode: 460 }), '/accessToken', 'token-revoked'],
  [
    'a token of another app by its code',
    token({ valid: false, appId: null, errorCode: 100 }),
    '/accessToken',
    'token-of-another-app',
  ],
  ['a token of another app by its App ID', token({ appId: '1' }), '/accessToken', 'token-of-another-app'],
  [
    'a token without messaging',
    token({ permissions: new Set(['whatsapp_business_management']) }),
    '/accessToken',
    'permission-missing',
  ],
  [
    'a token without management',
    token({ permissions: new Set(['whatsapp_business_messaging']) }),
    '/accessToken',
    'permission-missing',
  ],
  [
    'an account that the token can’t see',
    { readBusinessAccount: () => refusedBy('object-invisible') },
    '/wabaId',
    'business-account-invisible',
  ],
  [
    'numbers that the token can’t list',
    { listPhoneNumbers: () => refusedBy('permission-missing', 200) },
    '/wabaId',
    'business-account-invisible',
  ],
  [
    'a token that dies in between',
    { listPhoneNumbers: () => refusedBy('token-invalid', 190) },
    '/accessToken',
    'token-invalid',
  ],
])('refuses %s with the field and the cure', async (_what, change, pointer, code) => {
  const outcome = await validate(change);
  if (outcome.outcome !== 'invalid') throw new Error(`was ${outcome.outcome}`);
  const failed = outcome.checks.filter(({ verdict }) => verdict === 'failed');
  expect(failed).toMatchObject([{ pointer, code }]);
  expect(failed[0]?.guidance).toMatch(/\w+/);
  const after = outcome.checks.slice(outcome.checks.findIndex(({ verdict }) => verdict === 'failed') + 1);
  expect(after.every(({ verdict }) => verdict === 'skipped')).toBe(true);
});

test('what Meta calls by no name that we know, and a proof that is being made anew, is refused and no proof', async () => {
  for (const refusal of ['other', 'proof-invalid', 'not-subscribed', 'callback-refused'] as const)
    for (const call of ['inspectToken', 'readBusinessAccount', 'listPhoneNumbers'] as const)
      expect(await validate({ [call]: () => refusedBy(refusal) })).toMatchObject({
        outcome: 'invalid',
        isProof: false,
      });
  expect(await validate(token({ expiresAt: now }))).toMatchObject({ outcome: 'invalid', isProof: false });
  expect(await validate(token({ valid: false }))).toMatchObject({ outcome: 'invalid', isProof: true });
});

test('a number of another account is refused by its place in the list', async () => {
  const outcome = await validate({}, [ids.number, phoneNumberId.parse('99999')]);
  expect(outcome).toMatchObject({
    outcome: 'invalid',
    checks: expect.arrayContaining([expect.objectContaining({ pointer: '/phoneNumberIds/1' })]),
  });
});

test('a token that expires later is valid, and the expiry is known', async () => {
  const expiresAt = new Date(now.getTime() + 1);
  expect(await validate(token({ expiresAt }))).toMatchObject({ outcome: 'valid', tokenExpiresAt: expiresAt });
});

describe('no verdict of Meta’s is never taken for a bad credential:', () => {
  const nothing = [
    ['no answer', () => failing({ kind: 'unknown-outcome' })],
    ['no connection', () => failing({ kind: 'not-sent' })],
    ['a passing fault', () => refusedBy('temporary', 2)],
    ['a rate limit', () => refusedBy('rate-limited', 80008)],
  ] as const;
  test.each(nothing)('%s at the token', async (_what, answer) => {
    expect(await validate({ inspectToken: answer })).toMatchObject({ outcome: 'unreachable' });
  });
  test.each(nothing)('%s at the account', async (_what, answer) => {
    expect(await validate({ readBusinessAccount: answer })).toMatchObject({ outcome: 'unreachable' });
  });
  test.each(nothing)('%s at the numbers', async (_what, answer) => {
    expect(await validate({ listPhoneNumbers: answer })).toMatchObject({ outcome: 'unreachable' });
  });
});
