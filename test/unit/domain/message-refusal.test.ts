import { describe, expect, test } from 'vitest';
import type { GraphFailure } from '../../../shared/domain/graph.ts';
import { failureOf, isWorthRepeating, refusalOf } from '../../../shared/domain/message-refusal.ts';

const refusedWith = (code: number, refusal: Extract<GraphFailure, { kind: 'refused' }>['refusal'] = 'other') =>
  ({ kind: 'refused', refusal, code, subcode: 33, fbtraceId: 'trace' }) as const;

describe('what Meta did not take', () => {
  test.each<[number, string, number | undefined]>([
    [131_047, 'message-refused', undefined],
    [132_001, 'message-refused', undefined],
    [131_056, 'message-limited', 6],
    [130_429, 'message-limited', 10],
    [131_048, 'message-limited', 86_400],
    [131_000, 'meta-unreachable', 5],
    [999_999, 'message-refused', undefined],
  ])('%d is told as %s', (code, refused, retryAfterSeconds) => {
    const refusal = refusalOf(refusedWith(code));
    expect(refusal).toMatchObject({ refused, details: { meta: { code, subcode: 33, fbtraceId: 'trace' } } });
    expect(refusal.details.retryAfterSeconds).toBe(retryAfterSeconds);
    expect(refusal.details.guidance).toMatch(/\w+ \w+/);
    expect(refusal.details.detail).toMatch(/\w+ \w+/);
  });

  test('outside the window comes with the advice to send a template', () => {
    expect(refusalOf(refusedWith(131_047)).details.guidance).toMatch(/template/);
  });

  test('because Meta is out of order is worth a repeat soon, whatever its words are', () => {
    expect(refusalOf(refusedWith(131_016, 'temporary'))).toMatchObject({ refused: 'meta-unreachable' });
    expect(refusalOf({ kind: 'not-sent' })).toMatchObject({
      refused: 'meta-unreachable',
      details: { retryAfterSeconds: 5, detail: expect.stringContaining('Nothing was sent') },
    });
  });

  test('is repeated at once only where that can help and nothing has taken effect', () => {
    expect(isWorthRepeating({ kind: 'not-sent' })).toBe(true);
    expect(isWorthRepeating(refusedWith(131_000))).toBe(true);
    expect(isWorthRepeating(refusedWith(131_056, 'rate-limited'))).toBe(false);
    expect(isWorthRepeating(refusedWith(131_047))).toBe(false);
    expect(isWorthRepeating({ kind: 'unknown-outcome' })).toBe(false);
  });

  test('is written down in words', () => {
    expect(failureOf(refusedWith(131_047))).toMatchObject({ code: 131_047, retry: 'never' });
    expect(failureOf({ kind: 'not-sent' })).toMatchObject({ code: null, retry: 'now' });
  });
});
