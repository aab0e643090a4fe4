import { describe, expect, test } from 'vitest';
import { afterFailure, probePause } from '../../../shared/domain/circuit.ts';
import type { Circuit } from '../../../shared/domain/records.ts';

const start = Date.parse('2026-11-22T10:00:00.000Z');
const later = (milliseconds: number) => new Date(start + milliseconds);
const since = later(0).toISOString();
const failing: Circuit = { state: 'failing', since };
const open: Circuit = { state: 'open', since };
const gone: Circuit = { state: 'gone', since };
const minute = 60_000;

describe('a failed round', () => {
  test.each<[string, Circuit | undefined, number, number, Circuit | 'event-at-fault']>([
    ['is the first of a target', undefined, 1, 0, failing],
    ['is the second of an event that others overtook', undefined, 2, 0, failing],
    ['is the last of an event although others got through', undefined, 3, 0, 'event-at-fault'],
    ['of an event that has failed ever since', undefined, 4, 0, 'event-at-fault'],
    ['is one of several within two minutes', failing, 2, 2 * minute - 1, failing],
    [
      'is the third of an event of a failing target',
      failing,
      3,
      5_000,
      { state: 'open', since: later(5_000).toISOString() },
    ],
    [
      'comes after two minutes of failures',
      failing,
      1,
      2 * minute,
      { state: 'open', since: later(2 * minute).toISOString() },
    ],
    ['of a target that is suspended already', open, 20, 60 * minute, open],
    ['of a target that is gone already', gone, 20, 60 * minute, gone],
  ])('%s', (_what, before, rounds, at, expected) => {
    const result = afterFailure(before, { isGone: false, rounds }, later(at));
    expect(result).toEqual(expected);
    // Whether something is to be written is told by the object itself.
    if (before !== undefined && typeof expected === 'object' && expected.state === before.state)
      expect(result).toBe(before);
  });

  test.each([undefined, failing, open, gone])(
    'a target that answers 410 is gone at once, whatever it was: %j',
    (before) => {
      expect(afterFailure(before, { isGone: true, rounds: 1 }, later(minute))).toEqual({
        state: 'gone',
        since: later(minute).toISOString(),
      });
    },
  );
});

test.each([
  [0, 30_000],
  [5 * minute - 1, 30_000],
  [5 * minute, 5 * minute],
  [24 * 60 * minute, 5 * minute],
])('a target that was suspended %d ms ago is left alone for %d ms', (ago, pause) => {
  expect(probePause(open, later(ago))).toBe(pause);
});
