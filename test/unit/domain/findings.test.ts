import { describe, expect, test } from 'vitest';
import type { PhoneNumber } from '../../../shared/contracts/credential.ts';
import { type BoundNumber, findingsOf } from '../../../shared/domain/findings.ts';
import type { AccountHealth, NumberHealth } from '../../../shared/domain/records.ts';
import { ids } from '../../support/records.ts';

const now = new Date('2026-11-26T10:00:00.000Z');
const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 60 * 60 * 1000).toISOString();

const listed = (change: Partial<PhoneNumber> = {}): PhoneNumber => ({
  phoneNumberId: ids.number,
  displayPhoneNumber: '+1 555 0100',
  verifiedName: 'Shop',
  status: 'CONNECTED',
  qualityRating: 'GREEN',
  messagingLimit: 'TIER_250',
  ...change,
});
const healthy = (change: Partial<NumberHealth> = {}): NumberHealth => ({
  canSend: 'AVAILABLE',
  problem: null,
  platformType: 'CLOUD_API',
  throughput: 'STANDARD',
  nameStatus: 'APPROVED',
  ...change,
});
const numberAs = (change: Partial<BoundNumber> = {}): BoundNumber => ({
  phoneNumberId: ids.number,
  listed: listed(),
  health: healthy(),
  boundAt: hoursAgo(100),
  deliversSince: hoursAgo(99),
  silentSince: undefined,
  refusedSince: undefined,
  ...change,
});
const findingOf = (sight: Parameters<typeof findingsOf>[0], at: Date) => findingsOf(sight, at)[0] ?? null;
const found = (number: Partial<BoundNumber>, account: AccountHealth | null = null) =>
  findingOf({ account, numbers: [numberAs(number)] }, now);

test('nothing is found of a credential that is in order, with numbers or without', () => {
  expect(found({})).toBeNull();
  expect(findingOf({ account: { canSend: 'AVAILABLE', problem: null, entity: null }, numbers: [] }, now)).toBeNull();
});

describe('a number that agents answer', () => {
  test.each<[string, Partial<BoundNumber>, string, string]>([
    ['that Meta no longer lists', { listed: undefined }, 'action_required', 'number-gone'],
    ['that is banned', { listed: listed({ status: 'BANNED' }) }, 'action_required', 'number-banned'],
    ['that is deleted', { listed: listed({ status: 'DELETED' }) }, 'action_required', 'number-gone'],
    ['that has moved', { listed: listed({ status: 'MIGRATED' }) }, 'action_required', 'number-migrated'],
    [
      'that is not registered',
      { health: healthy({ platformType: 'NOT_APPLICABLE', canSend: 'BLOCKED' }) },
      'action_required',
      'number-not-registered',
    ],
    [
      'that was deregistered',
      { listed: listed({ status: 'DISCONNECTED' }) },
      'action_required',
      'number-not-registered',
    ],
    ['that may send nothing', { health: healthy({ canSend: 'BLOCKED' }) }, 'action_required', 'number-blocked'],
    ['that is flagged', { listed: listed({ status: 'FLAGGED' }) }, 'degraded', 'number-flagged'],
    ['that is restricted', { listed: listed({ status: 'RESTRICTED' }) }, 'degraded', 'number-flagged'],
    ['of low quality', { listed: listed({ qualityRating: 'RED' }) }, 'degraded', 'number-quality-low'],
    ['that is limited', { health: healthy({ canSend: 'LIMITED' }) }, 'degraded', 'number-limited'],
    ['from which Meta takes nothing', { refusedSince: hoursAgo(1) }, 'degraded', 'sends-refused'],
    ['that is silent', { silentSince: hoursAgo(50) }, 'degraded', 'number-silent'],
  ])('%s', (_what, number, status, code) => {
    expect(found(number)).toMatchObject({ status, reason: { code, phoneNumberIds: [ids.number] } });
    expect(found(number)?.reason.guidance).toMatch(/\w+ \w+/);
  });

  test.each<[string, Partial<BoundNumber>]>([
    ['of middling quality', { listed: listed({ qualityRating: 'YELLOW' }) }],
    ['of unknown quality', { listed: listed({ qualityRating: 'UNKNOWN' }) }],
    ['of a status that nobody knows', { listed: listed({ status: 'LINKED' }) }],
    ['of which Meta shows no health', { health: undefined }],
    ['of which Meta shows nothing', { listed: listed({ status: null, qualityRating: null }) }],
  ])('%s is nobody’s trouble', (_what, number) => {
    expect(found(number)).toBeNull();
  });

  test('is named as it is shown, with Meta’s own words', () => {
    const blocked = found({ health: healthy({ canSend: 'BLOCKED', problem: 'Add a payment method.' }) });
    expect(blocked?.reason.detail).toBe('+1 555 0100: Add a payment method.');
  });
});

describe('a number without its first message', () => {
  const waiting = (hours: number): Partial<BoundNumber> => ({ deliversSince: null, boundAt: hoursAgo(hours) });

  test('is worth a word at first, and somebody’s look after 24 hours, with the likely causes', () => {
    expect(found(waiting(23.99))).toMatchObject({
      status: 'connected',
      reason: { code: 'awaiting-first-message', since: hoursAgo(23.99) },
    });
    expect(found(waiting(24))).toMatchObject({
      status: 'degraded',
      reason: { code: 'awaiting-first-message', since: hoursAgo(24) },
    });
    expect(found(waiting(24))?.reason.guidance).toMatch(/app is not live.*subscribed.*assigned/s);
  });

  test('is waited for as long as nobody knows since when agents answer it', () => {
    expect(found({ deliversSince: null, boundAt: null })).toMatchObject({ status: 'connected' });
  });

  test('is told of under what is worse, where something is', () => {
    expect(found({ ...waiting(30), listed: listed({ status: 'BANNED' }) })?.reason.code).toBe('number-banned');
  });
});

describe('of several troubles', () => {
  test('the worst is told, of all numbers that have it', () => {
    const numbers = [
      numberAs({ listed: listed({ status: 'FLAGGED' }) }),
      numberAs({ phoneNumberId: ids.otherNumber, listed: undefined }),
    ];
    expect(findingOf({ account: null, numbers }, now)?.reason).toMatchObject({
      code: 'number-gone',
      phoneNumberIds: [ids.otherNumber],
    });
    const both = numbers.map((number) => ({ ...number, listed: listed({ status: 'BANNED' }) }));
    expect(findingOf({ account: null, numbers: both }, now)?.reason.phoneNumberIds).toEqual([
      ids.number,
      ids.otherNumber,
    ]);
  });

  test('what is wrong with several is all found, the worst first', () => {
    const numbers = [
      numberAs({ listed: listed({ qualityRating: 'RED' }) }),
      numberAs({ phoneNumberId: ids.otherNumber, listed: listed({ status: 'BANNED' }) }),
    ];
    const account = { canSend: 'LIMITED', problem: null, entity: 'WABA' };
    expect(findingsOf({ account, numbers }, now).map(({ reason }) => reason.code)).toEqual([
      'number-banned',
      'account-limited',
      'number-quality-low',
    ]);
  });

  test('the account comes before its numbers, whose trouble it is too', () => {
    const account = { canSend: 'BLOCKED', problem: 'There is an error with the payment method.', entity: 'WABA' };
    expect(found({ listed: listed({ status: 'BANNED' }) }, account)).toMatchObject({
      status: 'action_required',
      reason: { code: 'account-blocked', detail: account.problem },
    });
    const limited = { canSend: 'LIMITED', problem: null, entity: null };
    expect(found({ listed: listed({ status: 'BANNED' }) }, limited)?.reason.code).toBe('number-banned');
    expect(found({}, limited)).toMatchObject({ status: 'degraded', reason: { code: 'account-limited' } });
  });

  test.each([
    ['APP', 'app-blocked', /App Dashboard/],
    ['BUSINESS', 'business-blocked', /Business Support/],
    ['WABA', 'account-blocked', /WhatsApp Manager/],
    ['SOMETHING_NEW', 'account-blocked', /WhatsApp Manager/],
  ])('what is blocked is named, and where to look: %s', (entity, code, guidance) => {
    const reason = found({}, { canSend: 'BLOCKED', problem: null, entity })?.reason;
    expect(reason?.code).toBe(code);
    expect(reason?.guidance).toMatch(guidance);
  });
});
