import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterInbound,
  afterOutbound,
  type NumberActivity,
  silentSince,
} from '../../../shared/domain/number-activity.ts';

const hour = 60 * 60 * 1000;
const day = 24 * hour;
const start = Date.parse('2026-01-05T09:00:00.000Z');
const at = (milliseconds: number): string => new Date(start + milliseconds).toISOString();
const heard = (times: readonly number[]): NumberActivity | undefined =>
  times.reduce<NumberActivity | undefined>((activity, time) => afterInbound(activity, at(time)), undefined);
const silence = (times: readonly number[], now: number, listens: number | null = null): string | undefined => {
  const activity = heard(times);
  return activity && silentSince(activity, listens === null ? null : at(listens), new Date(start + now));
};
/** Every so often, so many times. */
const every = (pause: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => index * pause);

const times = fc.array(fc.integer({ min: 0, max: 90 * day }), { minLength: 1, maxLength: 60 });

describe('a number that is written to', () => {
  test('remembers the first and the last time, the longest pause and the days', () => {
    expect(heard([0, hour, 30 * hour])).toMatchObject({
      firstInboundAt: at(0),
      lastInboundAt: at(30 * hour),
      longestGapSeconds: (29 * hour) / 1000,
      activeDays: 2,
    });
  });

  test('is changed by nothing that is not newer, so that what is told again counts once', () => {
    const activity = heard([0, day]);
    if (activity === undefined) throw new Error('Something came in');
    for (const time of [0, day, day - 1, -5 * day]) expect(afterInbound(activity, at(time))).toBe(activity);
  });

  test('never goes back, whatever comes in whatever order', () => {
    fc.assert(
      fc.property(times, (inAnyOrder) => {
        let last = '';
        inAnyOrder.reduce<NumberActivity | undefined>((activity, time) => {
          const after = afterInbound(activity, at(time));
          expect((after.lastInboundAt ?? '') >= last).toBe(true);
          last = after.lastInboundAt ?? '';
          return after;
        }, undefined);
        expect(last).toBe(at(Math.max(...inAnyOrder)));
      }),
    );
  });

  test('told twice of everything knows the same as told once', () => {
    fc.assert(
      fc.property(times, (unordered) => {
        const ordered = [...unordered].sort((one, other) => one - other);
        expect(heard(ordered.flatMap((time) => [time, time]))).toEqual(heard(ordered));
        expect(heard([...ordered, ...ordered])).toEqual(heard(ordered));
      }),
    );
  });

  test('counts as many days as there were', () => {
    fc.assert(
      fc.property(times, (unordered) => {
        const ordered = [...unordered].sort((one, other) => one - other);
        expect(heard(ordered)?.activeDays).toBe(new Set(ordered.map((time) => at(time).slice(0, 10))).size);
      }),
    );
  });

  test('forgets half of a holiday within a month', () => {
    const holiday = 20 * day;
    const after = [0, holiday, ...every(day, 30).map((time) => holiday + day + time)];
    const gap = heard(after)?.longestGapSeconds ?? 0;
    expect(gap).toBeGreaterThan((0.45 * holiday) / 1000);
    expect(gap).toBeLessThan((0.55 * holiday) / 1000);
  });
});

test('the time of the last message that was sent never goes back', () => {
  const activity = { lastInboundAt: null, lastOutboundAt: at(hour) };
  expect(afterOutbound(activity, at(0))).toBe(activity);
  expect(afterOutbound(activity, at(2 * hour)).lastOutboundAt).toBe(at(2 * hour));
});

describe('silence', () => {
  test('is none of a number that was never written to, or on fewer than seven days', () => {
    expect(silence(every(day, 6), 365 * day)).toBeUndefined();
    expect(silence(every(day, 7), 365 * day)).toBe(at(6 * day));
  });

  test('begins after a day at the earliest, however lively the number was', () => {
    const lively = every(hour, 10 * 24);
    const last = (10 * 24 - 1) * hour;
    expect(silence(lively, last + day)).toBeUndefined();
    expect(silence(lively, last + day + 1)).toBe(at(last));
  });

  test('is twice the longest pause where that is more: weekends are no silence', () => {
    const weekdays = every(day, 28).filter((_, index) => index % 7 < 5);
    const friday = 25 * day;
    expect(weekdays.at(-1)).toBe(friday);
    expect(silence(weekdays, friday + 3 * day)).toBeUndefined();
    expect(silence(weekdays, friday + 5 * day)).toBeUndefined();
    expect(silence(weekdays, friday + 7 * day)).toBe(at(friday));
  });

  test('is never told of a number within twice its last pause', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 30 * day }), (unordered, wait) => {
        const ordered = [...unordered].sort((one, other) => one - other);
        const last = ordered.at(-1) ?? 0;
        const since = silence(ordered, last + wait);
        const lastGap = last - (ordered.findLast((time) => time < last) ?? last);
        if (wait <= day || wait <= 2 * (lastGap - 1000)) expect(since).toBeUndefined();
        if (since !== undefined) expect(since).toBe(at(last));
      }),
    );
  });

  test('once there stays until something comes in', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 300 * day }), (unordered, wait) => {
        const ordered = [...unordered].sort((one, other) => one - other);
        const last = ordered.at(-1) ?? 0;
        if (silence(ordered, last + wait) === undefined) return;
        expect(silence(ordered, last + wait + day)).toBe(at(last));
        expect(silence([...ordered, last + wait], last + wait)).toBeUndefined();
      }),
    );
  });
});
