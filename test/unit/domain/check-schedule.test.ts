import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appointmentOf, firstCheckOf, nextCheckAt, spread } from '../../../shared/domain/check-schedule.ts';
import type { CredentialRecord } from '../../../shared/domain/records.ts';
import { credentialRecordOf } from '../../support/records.ts';

const now = new Date('2026-11-26T10:00:00.000Z');
const hour = 60 * 60 * 1000;
const day = 24 * hour;
const ago = (milliseconds: number) => new Date(now.getTime() - milliseconds).toISOString();
const reasonOf = (code: string, since: string) => ({ code, title: '', detail: '', guidance: '', since });

/** In hours, by the middle of its luck. */
const pauseOf = (change: Partial<CredentialRecord> = {}, misses = 0, isStrained = false) => {
  const next = nextCheckAt(credentialRecordOf(change), { misses }, { isStrained, random: () => 0.5 }, now);
  return (next.getTime() - now.getTime()) / hour;
};
const invalidSince = (since: string) => ({
  verdict: { status: 'invalid', reason: reasonOf('token-revoked', since) } as const,
});

describe('the next check of a credential', () => {
  test('is in six hours where all is well', () => {
    expect(pauseOf()).toBe(6);
  });

  test('is in an hour during the first day of a trouble, and in six after that', () => {
    expect(pauseOf(invalidSince(ago(day - 1)))).toBe(1);
    expect(pauseOf(invalidSince(ago(day)))).toBe(6);
    expect(pauseOf({ finding: { status: 'degraded', reason: reasonOf('number-flagged', ago(hour)) } })).toBe(1);
  });

  test('comes with growing pauses while Meta gives no verdict, up to an hour', () => {
    expect([1, 2, 3, 4, 5, 50].map((misses) => pauseOf({ unreachableSince: ago(0) }, misses) * 60)).toEqual([
      5, 10, 20, 40, 60, 60,
    ]);
  });

  test('is four times as far off where the account’s allowance at Meta is almost used', () => {
    expect([pauseOf({}, 0, true), pauseOf(invalidSince(ago(0)), 0, true)]).toEqual([24, 4]);
  });

  test('is never later than the token ends or has to be announced', () => {
    const ending = (inHours: number) => ({
      accessTokenExpiresAt: new Date(now.getTime() + inHours * hour).toISOString(),
    });
    expect(pauseOf(ending(2))).toBe(2);
    expect(pauseOf(ending(24 + 3))).toBe(3);
    expect(pauseOf(ending(7 * 24 + 5))).toBe(5);
    expect(pauseOf(ending(30 * 24))).toBe(6);
    expect(pauseOf(ending(-1))).toBe(6);
  });

  test('is never later than a number has waited a day for its first message', () => {
    const waiting = (since: string) => ({
      finding: { status: 'connected' as const, reason: reasonOf('awaiting-first-message', since) },
    });
    expect(pauseOf(waiting(ago(22 * hour)))).toBe(2);
    expect(pauseOf(waiting(ago(10 * hour)))).toBe(6);
  });

  test('is in the future, and never further off than a day and some, whatever is known', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 100 }),
        fc.boolean(),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.option(fc.integer({ min: -100, max: 1_000 })),
        (misses, isStrained, luck, endsInHours) => {
          const credential = credentialRecordOf({
            accessTokenExpiresAt:
              endsInHours === null ? null : new Date(now.getTime() + endsInHours * hour).toISOString(),
          });
          const next = nextCheckAt(credential, { misses }, { isStrained, random: () => luck }, now);
          expect(next.getTime()).toBeGreaterThan(now.getTime());
          expect(next.getTime() - now.getTime()).toBeLessThanOrEqual(26.5 * hour);
        },
      ),
    );
  });

  test('is spread by a tenth to either side', () => {
    expect([spread(100, () => 0), spread(100, () => 0.5), spread(100, () => 0.999_999)].map(Math.round)).toEqual([
      90, 100, 110,
    ]);
  });
});

test('a new credential is checked within the hour, every other one when its last check has said', () => {
  const { createdAt } = credentialRecordOf();
  const first = firstCheckOf({ createdAt });
  expect(first.getTime() - Date.parse(createdAt)).toBe(hour);
  expect(appointmentOf({ createdAt }, undefined)).toEqual(first);
  expect(appointmentOf({ createdAt }, { nextCheckAt: null })).toEqual(first);
  expect(appointmentOf({ createdAt }, { nextCheckAt: now.toISOString() })).toEqual(now);
});
