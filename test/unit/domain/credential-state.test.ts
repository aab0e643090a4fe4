import { expect, test } from 'vitest';
import type { Reason } from '../../../shared/contracts/credential.ts';
import { knownStateOf, stateOf } from '../../../shared/domain/credential-state.ts';
import type { Standing, Verdict } from '../../../shared/domain/records.ts';
import { credentialRecordOf } from '../../support/records.ts';

const reasonOf = (code: string): Reason => ({
  code,
  title: 'It is so',
  detail: 'Because',
  guidance: 'Do something',
  since: '2026-11-22T10:00:00.000Z',
});
const own = reasonOf('own');
const metas = reasonOf('of the account');
const warning: Standing = { status: 'degraded', isStopped: false, reason: metas };
const stop: Standing = { status: 'action_required', isStopped: true, reason: metas };

test.each(['connected', 'degraded', 'action_required', 'invalid', 'unreachable', 'removing'] as const)(
  'a credential of whose account Meta says nothing is what it is itself: %s',
  (status) => {
    const reason = status === 'connected' ? null : own;
    expect(stateOf(credentialRecordOf({ status, reason, standing: null }))).toEqual({ status, reason });
  },
);

test('a warning is shown while nothing worse is known', () => {
  expect(stateOf(credentialRecordOf({ status: 'connected', standing: warning }))).toEqual({
    status: 'degraded',
    reason: metas,
  });
});

test.each(['degraded', 'action_required', 'invalid', 'unreachable'] as const)(
  'a warning does not hide what is known otherwise: %s',
  (status) => {
    expect(stateOf(credentialRecordOf({ status, reason: own, standing: warning }))).toEqual({ status, reason: own });
  },
);

test.each(['connected', 'degraded', 'action_required'] as const)(
  'that nothing goes through the account is worse than anything else: %s',
  (status) => {
    expect(stateOf(credentialRecordOf({ status, reason: own, standing: stop }))).toEqual({
      status: 'action_required',
      reason: metas,
    });
  },
);

const verdict: Verdict = { status: 'invalid', reason: reasonOf('proved') };

test.each([null, warning, stop])(
  'that a check has proved it invalid comes first, whatever Meta says: %j',
  (standing) => {
    for (const status of ['connected', 'action_required'] as const)
      expect(stateOf(credentialRecordOf({ status, reason: own, standing, verdict }))).toEqual(verdict);
    expect(stateOf(credentialRecordOf({ status: 'removing', reason: own, standing, verdict }))).toEqual({
      status: 'removing',
      reason: own,
    });
  },
);

test.each([warning, stop])('a credential on its way out is that, whatever Meta says: $status', (standing) => {
  expect(stateOf(credentialRecordOf({ status: 'removing', reason: own, standing }))).toEqual({
    status: 'removing',
    reason: own,
  });
});

const webhookReason = reasonOf('webhook-drifted');
const since = '2026-11-22T11:00:00.000Z';

test('a webhook that was changed at Meta needs action, one of which only notices go elsewhere less so', () => {
  const drifted = credentialRecordOf({ webhookState: 'drifted', webhookReason });
  expect(stateOf(drifted)).toEqual({ status: 'action_required', reason: webhookReason });
  const notices = reasonOf('account-notices-elsewhere');
  expect(stateOf({ ...drifted, webhookReason: notices })).toEqual({ status: 'degraded', reason: notices });
});

test.each(['connected', 'degraded', 'action_required'] as const)('what a check has found is shown: %s', (status) => {
  expect(stateOf(credentialRecordOf({ finding: { status, reason: own } }))).toEqual({ status, reason: own });
});

test('what a check has found comes before what Meta warned of, and after what stops', () => {
  const finding = { status: 'degraded', reason: own } as const;
  expect(stateOf(credentialRecordOf({ finding, standing: warning })).reason).toEqual(own);
  expect(stateOf(credentialRecordOf({ finding, standing: stop })).reason).toEqual(metas);
});

test.each([
  [{}, 'unreachable'],
  [{ finding: { status: 'degraded', reason: own } }, 'unreachable'],
  [{ standing: stop }, 'action_required'],
  [{ verdict: { status: 'invalid', reason: own } }, 'invalid'],
  [{ status: 'removing' }, 'removing'],
] as const)('that Meta does not answer hides nothing that needs somebody to act: %j', (change, status) => {
  const record = credentialRecordOf({ ...change, unreachableSince: since });
  expect(stateOf(record).status).toBe(status);
  expect(knownStateOf(record)).toEqual(knownStateOf({ ...record, unreachableSince: null }));
});
