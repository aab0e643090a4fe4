import { describe, expect, test } from 'vitest';
import { compare, isFlagged, type Opening } from '../../../infra/audit/comparison.ts';
import { report } from '../../../infra/audit/report.ts';
import type { TrailOpen } from '../../../infra/audit/trail.ts';
import type { AuditItem } from '../../../shared/contracts/audit.ts';

const credential = 'cred_1';
const since = new Date('2026-11-22T09:00:00Z');
const now = new Date('2026-11-22T12:00:00Z');

const open = (change: Partial<TrailOpen> = {}): TrailOpen => ({
  eventId: 'event-1',
  at: '2026-11-22T10:00:00.000Z',
  requestId: 'kms-1',
  who: 'arn:aws:sts::111122223333:assumed-role/RouteEvent/RouteEvent',
  answer: 'allowed',
  tenantId: 'acme',
  ownerId: credential,
  purpose: 'graph-api',
  secretVersion: 1,
  ...change,
});
const line = (change: Partial<AuditItem> = {}): AuditItem => ({
  id: '01J0000000000000000000000A',
  at: '2026-11-22T10:00:00.100Z',
  action: 'open',
  phase: 'outcome',
  outcome: 'ok',
  purpose: 'graph-api',
  secretVersion: 1,
  owner: credential,
  actor: { kind: 'function', id: 'RouteEvent' },
  requestId: 'request-1',
  kmsRequestId: 'kms-1',
  ...change,
});
const refusal = (change: Partial<AuditItem> = {}): AuditItem => {
  const { kmsRequestId: _, ...rest } = line({ outcome: 'refused', ...change });
  return rest;
};
const verdicts = (opens: readonly TrailOpen[], items: readonly AuditItem[], knowsSince?: Date) =>
  compare({ opens, knowsSince }, items, credential, { since, now }).map(({ verdict }) => verdict);

describe('nothing is flagged', () => {
  test('where the line names the very request to KMS', () => {
    expect(verdicts([open()], [line()])).toEqual(['agreed']);
  });

  test('where a shared secret was opened on behalf of this credential', () => {
    const shared = { ownerId: 'app_1', tenantId: 'shared', purpose: 'webhook-signature' } as const;
    expect(verdicts([open(shared)], [line({ owner: 'app_1', purpose: 'webhook-signature' })])).toEqual(['agreed']);
  });

  test('where a shared secret was opened for somebody else: that is in their list', () => {
    expect(verdicts([open({ ownerId: 'app_1', tenantId: 'shared' })], [])).toEqual([]);
  });

  test('where both tell of a refusal of the same secret within a minute', () => {
    expect(verdicts([open({ answer: 'refused' })], [refusal()])).toEqual(['agreed']);
    expect(verdicts([open({ answer: 'untold' })], [refusal({ at: '2026-11-22T10:01:00.000Z' })])).toEqual(['agreed']);
  });

  test('for a refusal that did not come as far as KMS', () => {
    expect(verdicts([], [refusal()])).toEqual([]);
  });

  test('while the trail may not know yet: 15 minutes', () => {
    expect(verdicts([], [line({ at: '2026-11-22T11:45:00.000Z' })])).toEqual(['unknown-to-trail']);
  });

  test('for what was before the trail began to remember', () => {
    expect(verdicts([], [line()], new Date('2026-11-22T11:00:00Z'))).toEqual(['unknown-to-trail']);
  });

  test('for attempts, seals and changes: they are no openings', () => {
    const attempt = refusal({ phase: 'attempt' });
    expect(
      verdicts([], [attempt, refusal({ action: 'seal' }), refusal({ action: 'update', about: ['label'] })]),
    ).toEqual([]);
  });
});

describe('an opening that the trail tells of is flagged', () => {
  test.each<[string, AuditItem[]]>([
    ['without any line', []],
    ['with lines of other requests alone', [line({ kmsRequestId: 'kms-2', at: '2026-11-22T11:59:00.000Z' })]],
    ['with a line that names the request but another purpose', [line({ purpose: 'clean-up' })]],
    ['with a line that names the request but another version', [line({ secretVersion: 2 })]],
    ['with a line that names the request but another owner', [line({ owner: 'app_1' })]],
    ['with an attempt alone', [line({ phase: 'attempt' })]],
    ['with a line that says it was refused', [refusal()]],
  ])('%s', (_what, items) => {
    expect(verdicts([open()], items)).toContain('not-ours');
  });

  test('although another one explains itself by the same line: a line explains one event', () => {
    expect(verdicts([open(), open({ eventId: 'event-2' })], [line()]).sort()).toEqual(['agreed', 'not-ours']);
  });

  test('also where KMS refused somebody whom we do not know', () => {
    expect(verdicts([open({ answer: 'refused' })], [])).toEqual(['not-ours']);
    expect(verdicts([open({ answer: 'refused' })], [line()])).toContain('not-ours');
    expect(verdicts([open({ answer: 'refused' })], [refusal({ at: '2026-11-22T10:01:00.001Z' })])).toEqual([
      'not-ours',
    ]);
  });
});

describe('an opening that our line tells of is flagged', () => {
  test('when the trail had more than 15 minutes and does not know of it', () => {
    expect(verdicts([], [line({ at: '2026-11-22T11:44:59.999Z' })])).toEqual(['not-in-trail']);
  });

  test('also one that names no request to KMS', () => {
    const { kmsRequestId: _, ...nameless } = line();
    expect(verdicts([open()], [nameless]).sort()).toEqual(['not-in-trail', 'not-ours']);
  });
});

test('what lies before the time that was asked for explains, and is not told', () => {
  const before = { at: '2026-11-22T08:59:59.900Z' };
  expect(verdicts([open(before)], [line({ at: '2026-11-22T09:00:00.100Z' })])).toEqual([]);
  expect(verdicts([open(before)], [])).toEqual([]);
});

describe('the report', () => {
  const openings: readonly Opening[] = [
    { verdict: 'agreed', open: open(), item: line() },
    { verdict: 'not-ours', open: open({ at: '2026-11-22T10:30:00.000Z', who: 'arn:aws:iam::111122223333:user/eve' }) },
    { verdict: 'not-in-trail', item: line({ at: '2026-11-22T10:40:00.000Z' }) },
    { verdict: 'unknown-to-trail', item: line({ at: '2026-11-22T11:50:00.000Z' }) },
  ];

  test('says when, what for, with which answer, and who by the trail and by our own line', () => {
    const [head, agreed, bypassed, missing, young, sum] = report(openings, 0);
    expect(head).toMatch(/^when +purpose +answer +who, says the trail +who, says our line$/);
    expect(agreed).toMatch(
      /^2026-11-22T10:00:00.000Z +graph-api v1 +allowed +arn:.*RouteEvent +function RouteEvent \(request request-1\)$/,
    );
    expect(bypassed).toMatch(/user\/eve +- +FLAGGED: opened past our code/);
    expect(missing).toMatch(/ - +function RouteEvent .*FLAGGED: our line tells of it and the trail does not$/);
    expect(young).not.toContain('FLAGGED');
    expect(sum).toBe('4 openings, 2 flagged.');
    expect(openings.map(isFlagged)).toEqual([false, true, true, false]);
  });

  test('flags rows that are no lines of ours', () => {
    expect(report([], 2)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('FLAGGED: rows of the audit table that are no lines of ours: 2.'),
        '0 openings, 2 flagged.',
      ]),
    );
  });

  test('prints nothing that steers the terminal', () => {
    const lines = report([{ verdict: 'not-ours', open: open({ who: 'eve\u001b[2K\u0007\n' }) }], 0);
    expect(lines[1]).toContain('eve?[2K??');
  });
});
