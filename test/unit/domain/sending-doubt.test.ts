import { describe, expect, test } from 'vitest';
import type { GraphFailure } from '../../../shared/domain/graph.ts';
import type { Doubt, NumberRecord } from '../../../shared/domain/records.ts';
import {
  afterCheck,
  afterRefusal,
  type DoubtStore,
  isPaused,
  longestPause,
  pauseOnDoubt,
  refusedSince,
} from '../../../shared/domain/sending-doubt.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { ids, numberRecordOf } from '../../support/records.ts';
import { recordingQueues } from '../../support/routing-fakes.ts';

const now = new Date('2026-11-26T10:00:00.000Z');
const plus = (milliseconds: number) => new Date(now.getTime() + milliseconds);
const refused = (code: number, refusal: Extract<GraphFailure, { kind: 'refused' }>['refusal']): GraphFailure => ({
  kind: 'refused',
  refusal,
  code,
});
const revoked = refused(190, 'token-invalid');
const forbidden = refused(10, 'permission-missing');
const inOrder = numberRecordOf();

const doubtAfter = (failure: GraphFailure, number: NumberRecord = inOrder, at = now): Doubt => {
  const doubt = afterRefusal(number, failure, at);
  if (doubt === undefined) throw new Error('It casts no doubt');
  return doubt;
};

describe('sending from a number is paused', () => {
  test.each([
    [0, 'token-invalid'],
    [190, 'token-invalid'],
    [3, 'permission-missing'],
    [10, 'permission-missing'],
    [200, 'permission-missing'],
    [131_005, 'permission-missing'],
  ] as const)('by %d, for a minute at the most', (code, refusal) => {
    const doubt = doubtAfter(refused(code, refusal));
    expect(doubt).toMatchObject({ code, since: now.toISOString() });
    expect(isPaused({ doubt }, now)).toBe(true);
    expect(isPaused({ doubt }, plus(longestPause - 1))).toBe(true);
    expect(isPaused({ doubt }, plus(longestPause))).toBe(false);
  });

  test.each<[string, GraphFailure]>([
    ['a message that is not acceptable', refused(131_009, 'other')],
    ['a closed window', refused(131_047, 'other')],
    ['an object that is not there', refused(100, 'object-invisible')],
    ['a limit', refused(130_429, 'rate-limited')],
    ['an outage', refused(131_000, 'temporary')],
    ['a proof that is being made anew', refused(100, 'proof-invalid')],
    ['an answer that never came', { kind: 'unknown-outcome' }],
    ['a request that never left', { kind: 'not-sent' }],
  ])('by nothing else: not by %s', (_what, failure) => {
    expect(afterRefusal(inOrder, failure, now)).toBeUndefined();
  });

  test('once: what is refused while it is paused, or while the integration is disabled, changes nothing', () => {
    const doubt = doubtAfter(revoked);
    expect(afterRefusal({ ...inOrder, doubt }, revoked, plus(longestPause - 1))).toBeUndefined();
    const stopped = { code: 'token-revoked', since: now.toISOString() };
    expect(afterRefusal({ ...inOrder, stopped }, revoked, now)).toBeUndefined();
  });

  test('anew when the check died and Meta refuses again', () => {
    const doubt = doubtAfter(revoked);
    expect(afterRefusal({ ...inOrder, doubt }, revoked, plus(longestPause))).toMatchObject({
      since: plus(longestPause).toISOString(),
    });
  });
});

describe('a check that confirms nothing', () => {
  const checked = (failure: GraphFailure, quietUntil?: Date) => ({
    ...inOrder,
    doubt: afterCheck(doubtAfter(failure), null, now, quietUntil),
  });

  test('lets the number send at once', () => {
    for (const failure of [revoked, forbidden]) expect(isPaused(checked(failure), now)).toBe(false);
  });

  test('is not repeated for an odd message that is sent again and again', () => {
    const number = checked(forbidden);
    for (const minutes of [0, 1, 4]) expect(afterRefusal(number, forbidden, plus(minutes * 60_000))).toBeUndefined();
    expect(afterRefusal(number, forbidden, plus(5 * 60_000))).toBeDefined();
  });

  test('is soon repeated for the token, which no message makes invalid', () => {
    expect(afterRefusal(checked(revoked), revoked, plus(14_999))).toBeUndefined();
    expect(afterRefusal(checked(revoked), revoked, plus(15_000))).toBeDefined();
    // An odd message does not hide that the token is revoked.
    expect(afterRefusal(checked(forbidden), revoked, now)).toBeDefined();
    expect(afterRefusal(checked(revoked), forbidden, now)).toBeUndefined();
  });

  test('because Meta gave no verdict leaves it to the next one, which comes by itself', () => {
    const number = checked(revoked, plus(600_000));
    expect(isPaused(number, now)).toBe(false);
    expect(afterRefusal(number, revoked, plus(599_999))).toBeUndefined();
    expect(afterRefusal(number, revoked, plus(600_000))).toBeDefined();
  });
});

describe('what is refused again and again though every check finds the credential in order', () => {
  const minutes = (count: number) => plus(count * 60_000);
  /** A refusal and a check every ten minutes; `takenAt`: when Meta last took something, as each check knows it. */
  const refusedAt = (times: readonly number[], takenAt: (minute: number) => number | null = () => null) =>
    times.reduce<NumberRecord>((number, minute) => {
      const doubt = afterRefusal(number, forbidden, minutes(minute));
      if (doubt === undefined) throw new Error('It casts doubt');
      const taken = takenAt(minute);
      const known = taken === null ? null : minutes(taken).toISOString();
      return { ...inOrder, doubt: afterCheck(doubt, known, minutes(minute)) };
    }, inOrder);
  const since = (number: NumberRecord, at: number, takenAt: number | null = null) =>
    refusedSince(number, takenAt === null ? null : minutes(takenAt).toISOString(), minutes(at));

  test('is no odd message any more: three refusals over half an hour, and nothing taken since the first', () => {
    expect(since(refusedAt([0, 10, 30]), 30)).toBe(now.toISOString());
    // What was taken before the first says nothing.
    expect(since(refusedAt([0, 10, 30]), 30, -1)).toBe(now.toISOString());
  });

  test.each<[string, NumberRecord, number, number | null]>([
    ['twice', refusedAt([0, 30]), 31, null],
    ['within half an hour', refusedAt([0, 10, 20]), 29, null],
    ['while Meta takes something, too', refusedAt([0, 10, 30]), 30, 15],
    ['before Meta took something, and twice since', refusedAt([0, 10, 30, 40], (at) => (at >= 30 ? 20 : null)), 60, 20],
    ['and not tried for a day', refusedAt([0, 10, 30]), 30 + 24 * 60, null],
  ])('is not: %s', (_what, number, at, takenAt) => {
    expect(since(number, at, takenAt)).toBeUndefined();
  });

  test('begins anew after what was taken', () => {
    const number = refusedAt([0, 10, 30, 40, 61], (at) => (at >= 30 ? 20 : null));
    expect(since(number, 61, 20)).toBe(minutes(30).toISOString());
  });

  test('is read from what a version before has written, too', () => {
    const { refusals: _, refusedSince: __, ...doubt } = doubtAfter(forbidden);
    expect(refusedSince({ doubt }, null, minutes(60))).toBeUndefined();
    expect(afterRefusal({ ...inOrder, doubt }, forbidden, minutes(60))).toMatchObject({
      refusals: 2,
      refusedSince: doubt.since,
    });
  });
});

describe('after a send', () => {
  const world = (change: DoubtStore['change'] = () => Promise.resolve(true)) => {
    const queues = recordingQueues();
    const journal = recordingJournal();
    const doubts: DoubtStore = {
      async change(...args) {
        const isWritten = await change(...args);
        if (isWritten) for (const ticket of args[2]) await queues.tickets.open(ticket);
        return isWritten;
      },
    };
    const run = (failure: GraphFailure | undefined, number = inOrder) =>
      pauseOnDoubt(number, failure === undefined ? { ok: true, value: null } : { ok: false, failure }, {
        doubts,
        checks: queues,
        journal,
        now: () => now,
      });
    return { run, queues, journal };
  };

  test('that casts doubt, a check of the secrets that it was made with is asked for', async () => {
    const it = world();
    expect(await it.run(revoked, numberRecordOf({ secretVersion: 4 }))).toBe(true);
    expect(it.queues.asked).toEqual([
      {
        delay: 0,
        work: {
          kind: 'check-credential',
          tenantId: ids.tenant,
          credentialId: ids.credential,
          secretVersion: 4,
          phoneNumberId: ids.number,
          askedAt: now.toISOString(),
        },
      },
    ]);
    expect(it.journal.counts.get('SendingPaused')).toBe(1);
  });

  test.each([
    ['went well', undefined],
    ['was refused for what it was', refused(131_009, 'other')],
  ])('that %s, nothing is written', async (_what, failure) => {
    const it = world(() => Promise.reject(new Error('Nothing is to be written')));
    expect(await it.run(failure)).toBe(false);
    expect(it.journal.events()).toEqual([]);
  });

  test('that somebody else has written down before, or whose secrets were replaced since, nothing is asked for', async () => {
    const it = world(() => Promise.resolve(false));
    expect(await it.run(revoked)).toBe(false);
    expect(it.queues.asked).toEqual([]);
    expect(it.journal.counts.get('SendingPaused')).toBeUndefined();
  });

  test('what goes wrong with ourselves costs the caller nothing', async () => {
    const it = world(() => Promise.reject(new Error('DynamoDB is away')));
    expect(await it.run(revoked)).toBe(false);
    expect(it.journal.events()).toEqual(['sending-not-paused']);
  });
});
