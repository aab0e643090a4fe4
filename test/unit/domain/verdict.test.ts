import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Check } from '../../../shared/contracts/problem.ts';
import { furtherReasonsOf, knownStateOf, stateOf } from '../../../shared/domain/credential-state.ts';
import type { CredentialRecord, Finding, Standing } from '../../../shared/domain/records.ts';
import { afterCheck, type Evidence, nextOfToken, noticeOf, type Seen } from '../../../shared/domain/verdict.ts';
import { credentialRecordOf, ids } from '../../support/records.ts';

const now = new Date('2026-11-26T10:00:00.000Z');
const later = new Date('2026-11-26T16:00:00.000Z');
const day = 24 * 60 * 60 * 1000;
const inDays = (days: number) => new Date(now.getTime() + days * day);

const failed: Check = {
  check: 'access-token',
  verdict: 'failed',
  code: 'token-revoked',
  detail: 'The access token was revoked.',
  guidance: 'Generate a new token.',
};
const proof: Evidence = { evidence: 'refuted', checks: [failed] };
const outage: Evidence = { evidence: 'none', isVouchedFor: false, misses: 10 };
const seenAs = (change: Partial<Seen> = {}): Seen => ({
  phoneNumbers: credentialRecordOf().phoneNumbers,
  findings: [],
  drift: null,
  isAccountAvailable: true,
  ...change,
});
const goodAs = (change: Partial<Seen> = {}): Evidence => ({
  evidence: 'vouched',
  tokenExpiresAt: null,
  seen: seenAs(change),
});
const good = goodAs();
const reasonOf = (code: string, since = now.toISOString()) => ({
  code,
  title: 'It is so',
  detail: 'Because',
  guidance: 'Do something',
  since,
});
const flagged = (since = now.toISOString(), phoneNumberIds = [ids.number]): Finding => ({
  status: 'degraded',
  reason: { ...reasonOf('number-flagged', since), phoneNumberIds },
});

describe('a proof', () => {
  test('makes a credential invalid, in the words of the check that failed, with what to do', () => {
    const after = afterCheck(credentialRecordOf(), proof, now);
    expect(stateOf(after)).toMatchObject({
      status: 'invalid',
      reason: { code: 'token-revoked', detail: failed.detail, since: now.toISOString() },
    });
    expect(after.verdict?.reason.guidance).toMatch(/^Generate a new token\. Then update the credential/);
  });

  test('found again says since when it has been so', () => {
    const once = afterCheck(credentialRecordOf(), proof, now);
    expect(afterCheck(once, proof, later)).toEqual(once);
  });

  test('ends that Meta was not reached', () => {
    const before = credentialRecordOf({ unreachableSince: now.toISOString() });
    expect(afterCheck(before, proof, later).unreachableSince).toBeNull();
  });
});

describe('that Meta gives no verdict', () => {
  test('is said since the first time, and is over with the next verdict', () => {
    const once = afterCheck(credentialRecordOf(), outage, now);
    expect(stateOf(once)).toMatchObject({ status: 'unreachable', reason: { since: now.toISOString() } });
    expect(afterCheck(once, outage, later)).toEqual(once);
    expect(stateOf(afterCheck(once, good, later)).status).toBe('connected');
  });

  test('is not said of a credential that Meta has just let send', () => {
    const before = credentialRecordOf();
    expect(afterCheck(before, { evidence: 'none', isVouchedFor: true, misses: 1 }, now)).toEqual(before);
    const lost = afterCheck(before, outage, now);
    expect(afterCheck(lost, { evidence: 'none', isVouchedFor: true, misses: 1 }, later).unreachableSince).toBeNull();
  });

  test('changes nothing else of what is known', () => {
    const before = credentialRecordOf({
      finding: flagged(),
      verdict: { status: 'invalid', reason: reasonOf('token-revoked') },
      webhookState: 'drifted',
      webhookReason: reasonOf('webhook-drifted'),
    });
    expect(afterCheck(before, outage, later)).toEqual({ ...before, unreachableSince: later.toISOString() });
  });

  describe('for a day', () => {
    const before = credentialRecordOf({ unreachableSince: now.toISOString() });
    const long = afterCheck(before, outage, inDays(1));

    test('is a finding, by which its owner is told, since the first time and while it is shown as unreachable', () => {
      expect(afterCheck(before, outage, new Date(inDays(1).getTime() - 1)).finding).toBeNull();
      expect(knownStateOf(long)).toMatchObject({
        status: 'degraded',
        reason: { code: 'meta-unanswered', since: now.toISOString() },
      });
      expect(stateOf(long).status).toBe('unreachable');
      expect(afterCheck(long, outage, inDays(3))).toEqual(long);
    });

    test('in which nobody asked is none', () => {
      expect(afterCheck(before, { ...outage, misses: 9 }, inDays(2)).finding).toBeNull();
    });

    test('takes the place of a remark and of nothing that is worse', () => {
      const remark: Finding = { status: 'connected', reason: reasonOf('awaiting-first-message') };
      const findingAfter = (finding: Finding) => afterCheck({ ...before, finding }, outage, inDays(2)).finding;
      expect(findingAfter(remark)?.reason.code).toBe('meta-unanswered');
      expect(findingAfter(flagged())).toEqual(flagged());
    });

    test.each<[string, Evidence]>([
      ['a verdict', good],
      ['a message that Meta takes', { evidence: 'none', isVouchedFor: true, misses: 1 }],
    ])('is over with %s', (_what, evidence) => {
      expect(knownStateOf(afterCheck(long, evidence, inDays(2)))).toEqual({ status: 'connected', reason: null });
    });
  });
});

describe('Meta’s word for a credential', () => {
  test('enables it again', () => {
    const after = afterCheck(afterCheck(credentialRecordOf(), proof, now), good, later);
    expect(stateOf(after)).toEqual({ status: 'connected', reason: null });
  });

  test('takes what is found over from check to check, since it was found first', () => {
    const once = afterCheck(credentialRecordOf(), goodAs({ findings: [flagged()] }), now);
    const again = afterCheck(once, goodAs({ findings: [flagged(later.toISOString())] }), later);
    expect(again).toEqual(once);
  });

  test('keeps what else was found, the worse first and each since it was found first', () => {
    const low: Finding = { status: 'degraded', reason: reasonOf('number-quality-low') };
    const lowLater: Finding = { ...low, reason: reasonOf('number-quality-low', later.toISOString()) };
    const both = afterCheck(credentialRecordOf(), goodAs({ findings: [flagged(), low] }), now);
    expect([both.finding, both.furtherFindings]).toEqual([flagged(), [low]]);
    expect(furtherReasonsOf(both)).toEqual([low.reason]);
    const left = afterCheck(both, goodAs({ findings: [lowLater] }), later);
    expect([left.finding, left.furtherFindings]).toEqual([low, []]);
    expect(furtherReasonsOf(left)).toEqual([]);
  });

  test('knows what is new: the same trouble of another number', () => {
    const once = afterCheck(credentialRecordOf(), goodAs({ findings: [flagged()] }), now);
    const other = flagged(later.toISOString(), [ids.otherNumber]);
    expect(afterCheck(once, goodAs({ findings: [other] }), later).finding).toEqual(other);
  });

  test('given about the secrets alone leaves what was found as it was', () => {
    const before = credentialRecordOf({ finding: flagged(), webhookState: 'drifted' });
    const after = afterCheck(before, { evidence: 'vouched', tokenExpiresAt: null }, later);
    expect(after).toEqual(before);
  });
});

describe('the webhook', () => {
  const drift = { ...reasonOf('webhook-drifted'), phoneNumberIds: [ids.number] };
  const webhookOf = ({ webhookState, webhookReason, status }: CredentialRecord) => ({
    webhookState,
    code: webhookReason?.code,
    status,
  });

  test('is drifted while something is different, and configured once nothing is', () => {
    const drifted = afterCheck(credentialRecordOf(), goodAs({ drift }), now);
    expect(webhookOf(drifted)).toEqual({ webhookState: 'drifted', code: 'webhook-drifted', status: 'connected' });
    expect(afterCheck(drifted, goodAs({ drift: { ...drift, since: later.toISOString() } }), later)).toEqual(drifted);
    expect(webhookOf(afterCheck(drifted, good, later))).toMatchObject({ webhookState: 'configured', code: undefined });
  });

  test('is left as it is where Meta did not show it', () => {
    const drifted = afterCheck(credentialRecordOf(), goodAs({ drift }), now);
    expect(afterCheck(drifted, goodAs({ drift: undefined }), later)).toEqual(drifted);
  });

  test.each([drift, null])('is left to a set-up that is under way: %j', (found) => {
    const pending = credentialRecordOf({ webhookState: 'pending' });
    expect(afterCheck(pending, goodAs({ drift: found }), now)).toEqual(pending);
  });

  test('that the user had to set up by hand is configured once it is', () => {
    const own = reasonOf('existing-callback');
    const stuck = credentialRecordOf({
      status: 'action_required',
      reason: own,
      webhookState: 'action_required',
      webhookReason: own,
    });
    expect(afterCheck(stuck, goodAs({ drift }), now)).toEqual(stuck);
    expect(webhookOf(afterCheck(stuck, good, now))).toEqual({
      webhookState: 'configured',
      code: undefined,
      status: 'connected',
    });
  });
});

describe('what Meta has reported of the account', () => {
  const standingOf = (change: Partial<Standing>): Standing => ({
    status: 'degraded',
    isStopped: false,
    reason: reasonOf('account-violation'),
    ...change,
  });
  const standingIn = (standing: Standing, age: number, change: Partial<Seen> = {}) =>
    afterCheck(credentialRecordOf({ standing }), goodAs(change), new Date(now.getTime() + age)).standing;

  test('is over when the account is available: a stop after an hour, a warning after a week', () => {
    const stop = standingOf({
      status: 'action_required',
      isStopped: true,
      reason: reasonOf('account-disabled'),
    });
    expect([standingIn(stop, day / 24), standingIn(stop, day / 24 + 1)]).toEqual([stop, null]);
    const warning = standingOf({});
    expect([standingIn(warning, 7 * day), standingIn(warning, 7 * day + 1)]).toEqual([warning, null]);
  });

  test.each(['account-deleted', 'account-offboarded'])('is not over by that: %s', (code) => {
    const stop = standingOf({ status: 'action_required', isStopped: true, reason: reasonOf(code) });
    expect(standingIn(stop, 30 * day)).toEqual(stop);
  });

  test('stays while Meta does not say that it is available', () => {
    const stop = standingOf({ status: 'action_required', isStopped: true });
    expect(standingIn(stop, 30 * day, { isAccountAvailable: false })).toEqual(stop);
  });
});

describe('the end of a token', () => {
  const expiresAt = inDays(20);
  const at = (daysBefore: number) => new Date(expiresAt.getTime() - daysBefore * day);

  test.each([
    [14.001, undefined],
    [14, 14],
    [7.001, 14],
    [7, 7],
    [1.001, 7],
    [1, 1],
    [0.001, 1],
  ])('is announced %d days before: %s', (daysBefore, days) => {
    expect(noticeOf(expiresAt, null, at(daysBefore))?.days).toBe(days);
  });

  test('is announced once for each of the days, whatever checks come in between', () => {
    const told: number[] = [];
    let last: ReturnType<typeof noticeOf> = null;
    for (let hours = 20 * 24; hours > 0; hours -= 6) {
      const next: ReturnType<typeof noticeOf> = noticeOf(expiresAt, last, at(hours / 24));
      if (next !== last && next !== null) told.push(next.days);
      last = next;
    }
    expect(told).toEqual([14, 7, 1]);
  });

  test('is announced anew for another token, and not for one without end', () => {
    const last = { expiresAt: expiresAt.toISOString(), days: 1 } as const;
    const other = inDays(6);
    expect(noticeOf(other, last, now)).toEqual({ expiresAt: other.toISOString(), days: 7 });
    expect(noticeOf(null, last, now)).toBeNull();
    expect(noticeOf(inDays(30), last, now)).toBeNull();
  });

  test('is not announced any more once it has come', () => {
    expect(noticeOf(expiresAt, null, expiresAt)).toBeNull();
    const last = { expiresAt: expiresAt.toISOString(), days: 1 } as const;
    expect(noticeOf(expiresAt, last, expiresAt)).toEqual(last);
  });

  test('is looked at when a notice is due, and when it comes', () => {
    expect([20, 14, 13, 7, 3, 1, 0.5].map((days) => nextOfToken(expiresAt, at(days)))).toEqual(
      [14, 7, 7, 1, 1, 0, 0].map(at),
    );
    expect([nextOfToken(expiresAt, expiresAt), nextOfToken(null, now)]).toEqual([undefined, undefined]);
  });

  test('is kept with the credential', () => {
    const soon = inDays(5);
    const after = afterCheck(credentialRecordOf(), { evidence: 'vouched', tokenExpiresAt: soon }, now);
    expect(after).toMatchObject({
      accessTokenExpiresAt: soon.toISOString(),
      expiryNotice: { expiresAt: soon.toISOString(), days: 7 },
    });
  });
});

describe('whatever comes in whatever order', () => {
  const evidence = fc.oneof(
    fc.constant(outage),
    fc.constant<Evidence>({ evidence: 'none', isVouchedFor: true, misses: 1 }),
    fc.constant(proof),
    fc.constant(good),
    fc.constant(goodAs({ findings: [flagged()] })),
    fc.constant(goodAs({ drift: reasonOf('webhook-drifted') })),
  );
  const run = (before: CredentialRecord, all: readonly Evidence[]) =>
    all.reduce((record, it, index) => afterCheck(record, it, new Date(now.getTime() + index * 60_000)), before);

  test('no sequence of outages disables, and none enables', () => {
    fc.assert(
      fc.property(fc.array(evidence), fc.array(fc.constantFrom(outage)), (before, outages) => {
        const known = run(credentialRecordOf(), before);
        const after = run(known, outages);
        expect(after.verdict).toEqual(known.verdict);
        expect({ ...after, unreachableSince: null }).toEqual({ ...known, unreachableSince: null });
      }),
    );
  });

  test('a proof disables within one check, and one word of Meta enables', () => {
    fc.assert(
      fc.property(fc.array(evidence), (before) => {
        const known = run(credentialRecordOf(), before);
        expect(stateOf(afterCheck(known, proof, later)).status).toBe('invalid');
        expect(afterCheck(known, good, later).verdict).toBeNull();
      }),
    );
  });

  test('the same evidence twice is the same as once', () => {
    fc.assert(
      fc.property(fc.array(evidence), evidence, (before, last) => {
        const once = afterCheck(run(credentialRecordOf(), before), last, later);
        expect(afterCheck(once, last, new Date(later.getTime() + 1000))).toEqual(once);
      }),
    );
  });
});
