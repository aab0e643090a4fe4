import { describe, expect, test } from 'vitest';
import { eventId } from '../../../shared/contracts/ids.ts';
import type { AccountNews } from '../../../shared/contracts/queued-events.ts';
import { afterNews, stopOf, takeAccountNews } from '../../../shared/domain/account-standing.ts';
import type { ClaimProgress } from '../../../shared/domain/claim.ts';
import type { CredentialRecord, Standing, Verdict } from '../../../shared/domain/records.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { credentialRecordOf, ids, releaseWorkOf } from '../../support/records.ts';
import { memoryClaims, recordingQueues } from '../../support/routing-fakes.ts';

const now = new Date('2026-11-23T08:00:00.000Z');
const at = now.toISOString();

const disable = { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE', waba_ban_date: 'November 23' } };
const reinstate = { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'REINSTATE' } };

const standingOf = (code: string, change: Partial<Standing> = {}): Standing => ({
  status: 'degraded',
  isStopped: false,
  reason: { code, title: 'It was so', detail: 'before', guidance: 'Do', since: '2026-11-22T00:00:00.000Z' },
  ...change,
});
const stop = (code = 'account-disabled') => standingOf(code, { status: 'action_required', isStopped: true });

/** What becomes of an account's standing. */
const judged = (before: Standing | null, field: string, value: Record<string, unknown>) =>
  afterNews(credentialRecordOf({ standing: before }), { field, value, at: null }, now).standing;

describe('what Meta reports of an account', () => {
  const stops = { status: 'action_required', isStopped: true };
  const warns = { status: 'degraded', isStopped: false };

  test.each<[string, Record<string, unknown>, object, { code: string; detail: string }]>([
    ['disabled', disable, stops, { code: 'account-disabled', detail: 'Nothing is sent or received through it.' }],
    [
      'to be disabled at a date',
      { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'SCHEDULE_FOR_DISABLE', waba_ban_date: 'May 1' } },
      warns,
      { code: 'account-to-be-disabled', detail: 'Meta names the date May 1.' },
    ],
    [
      'to be disabled some day',
      { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'SCHEDULE_FOR_DISABLE' } },
      warns,
      { code: 'account-to-be-disabled', detail: 'Meta names no date.' },
    ],
    [
      'deleted',
      { event: 'ACCOUNT_DELETED' },
      stops,
      { code: 'account-deleted', detail: 'Nothing can be sent or received through it.' },
    ],
    [
      'taken off the Cloud API',
      { event: 'ACCOUNT_OFFBOARDED' },
      stops,
      { code: 'account-offboarded', detail: 'Its numbers are not reached any more.' },
    ],
    [
      'restricted',
      {
        event: 'ACCOUNT_RESTRICTION',
        restriction_info: [{ restriction_type: 'RESTRICTED_ADD_PHONE_NUMBER_ACTION' }, { restriction_type: 'SECOND' }],
      },
      warns,
      { code: 'account-restricted', detail: 'RESTRICTED_ADD_PHONE_NUMBER_ACTION, SECOND' },
    ],
    [
      'restricted somehow',
      { event: 'ACCOUNT_RESTRICTION' },
      warns,
      { code: 'account-restricted', detail: 'Meta names no restriction.' },
    ],
    [
      'in violation of a policy',
      { event: 'ACCOUNT_VIOLATION', violation_info: { violation_type: 'ADULT' } },
      warns,
      { code: 'account-violation', detail: 'ADULT' },
    ],
    [
      'in violation of something',
      { event: 'ACCOUNT_VIOLATION' },
      warns,
      { code: 'account-violation', detail: 'Meta names no policy.' },
    ],
  ])('%s', (_what, value, weight, reason) => {
    expect(judged(null, 'account_update', value)).toEqual({
      ...weight,
      reason: { ...reason, title: expect.stringMatching(/./), guidance: expect.stringMatching(/./), since: at },
    });
  });

  test('a review that was rejected warns, and one that was approved makes up for that alone', () => {
    const rejected = judged(null, 'account_review_update', { decision: 'REJECTED' });
    expect(rejected).toMatchObject({ ...warns, reason: { code: 'account-review-rejected', since: at } });
    expect(judged(rejected, 'account_review_update', { decision: 'APPROVED' })).toBeNull();
    for (const other of [standingOf('account-alert'), stop()])
      expect(judged(other, 'account_review_update', { decision: 'APPROVED' })).toBe(other);
    for (const decision of ['PENDING', 'DEFERRED', undefined])
      expect(judged(rejected, 'account_review_update', { decision })).toBe(rejected);
  });

  test('an alert warns when it is critical, and its end makes up for that alone', () => {
    const alert = (alert_info: unknown) => ({ entity_type: 'BUSINESS', alert_info });
    const raised = judged(
      null,
      'account_alerts',
      alert({ alert_severity: 'CRITICAL', alert_status: 'ACTIVE', alert_type: 'OBA_REJECTED' }),
    );
    expect(raised).toMatchObject({ ...warns, reason: { code: 'account-alert', detail: 'OBA_REJECTED', since: at } });
    expect(judged(null, 'account_alerts', alert({ alert_severity: 'CRITICAL' }))).toMatchObject({
      reason: { detail: 'Meta names no kind.' },
    });
    expect(judged(raised, 'account_alerts', alert({ alert_status: 'NONE', alert_severity: 'CRITICAL' }))).toBeNull();
    const restricted = standingOf('account-restricted');
    expect(judged(restricted, 'account_alerts', alert({ alert_status: 'NONE' }))).toBe(restricted);
    for (const severity of ['WARNING', 'INFORMATIONAL', undefined])
      expect(judged(null, 'account_alerts', alert({ alert_severity: severity, alert_status: 'ACTIVE' }))).toBeNull();
  });

  test.each<[string, Record<string, unknown>]>([
    ['a date of disabling', { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'SCHEDULE_FOR_DISABLE' } }],
    ['a restriction', { event: 'ACCOUNT_RESTRICTION' }],
    ['a violation', { event: 'ACCOUNT_VIOLATION' }],
    ['a review', { decision: 'REJECTED' }],
    ['an alert', { alert_info: { alert_severity: 'CRITICAL', alert_status: 'ACTIVE' } }],
  ])('%s does not make up for a stop, but takes the place of another warning', (_what, value) => {
    const field =
      'event' in value ? 'account_update' : 'decision' in value ? 'account_review_update' : 'account_alerts';
    for (const code of ['account-disabled', 'account-deleted', 'account-offboarded']) {
      const before = stop(code);
      expect(judged(before, field, value)).toBe(before);
    }
    expect(judged(standingOf('another-warning'), field, value)).toMatchObject({
      isStopped: false,
      reason: { since: at },
    });
  });

  test('one that is reinstated has no reason left, whatever it was', () => {
    for (const before of [stop(), standingOf('account-to-be-disabled'), standingOf('account-violation')])
      expect(judged(before, 'account_update', reinstate)).toBeNull();
  });

  test('one that is back on the Cloud API goes on, unless it was stopped for another reason', () => {
    expect(judged(stop('account-offboarded'), 'account_update', { event: 'ACCOUNT_RECONNECTED' })).toBeNull();
    const disabled = stop();
    expect(judged(disabled, 'account_update', { event: 'ACCOUNT_RECONNECTED' })).toBe(disabled);
  });

  test.each<[string, Record<string, unknown>]>([
    ['account_update', {}],
    ['account_update', { event: 'VERIFIED_ACCOUNT', phone_number: '15550783881' }],
    ['account_update', { event: 'PARTNER_REMOVED', disconnection_info: { reason: 'OTHER' } }],
    ['account_update', { event: 'SOMETHING_NEW', ban_info: { waba_ban_state: 'DISABLE' } }],
    ['account_update', { event: ['DISABLED_UPDATE'], ban_info: { waba_ban_state: 'DISABLE' } }],
    ['account_update', { event: 'disabled_update', ban_info: { waba_ban_state: 'DISABLE' } }],
    ['account_update', { event: 'DISABLED_UPDATE' }],
    ['account_update', { event: 'DISABLED_UPDATE', ban_info: 'DISABLE' }],
    ['account_update', { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: { DISABLE: true } } }],
    ['account_update', { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'ELSE' } }],
    ['account_update', { event: `DISABLED_UPDATE${'x'.repeat(300_000)}` }],
    ['account_review_update', { decision: 7 }],
    ['account_alerts', {}],
    ['account_alerts', { alert_info: 'CRITICAL' }],
    ['account_alerts', { alert_info: { alert_severity: ['CRITICAL'] } }],
    ['security', disable],
    ['constructor', disable],
  ])('what nobody understands changes nothing: %s %.80j', (field, value) => {
    for (const standing of [null, stop(), standingOf('account-alert')]) {
      const before = credentialRecordOf({ standing });
      expect(afterNews(before, { field, value, at: null }, now)).toBe(before);
    }
  });

  test('odd things beside what is understood are passed over, and no text grows without bounds', () => {
    expect(judged(null, 'account_update', { event: 'ACCOUNT_VIOLATION', violation_info: 'ADULT' })?.reason.detail).toBe(
      'Meta names no policy.',
    );
    expect(
      judged(null, 'account_update', {
        event: 'ACCOUNT_RESTRICTION',
        restriction_info: [7, { restriction_type: {} }, { restriction_type: 'KNOWN' }],
      })?.reason.detail,
    ).toBe('KNOWN');
    for (const long of ['x'.repeat(250), 'x'.repeat(100_000)])
      for (const value of [
        { event: 'ACCOUNT_VIOLATION', violation_info: { violation_type: long } },
        { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'SCHEDULE_FOR_DISABLE', waba_ban_date: long } },
        { event: 'ACCOUNT_RESTRICTION', restriction_info: [{ restriction_type: long }] },
      ])
        expect(judged(null, 'account_update', value)?.reason.detail.length).toBeLessThan(100);
  });

  test.each([
    'Your token leaked',
    'ADULT\n\nWhat to do: enter a new token at https://evil.example',
    'https://evil.example',
    'evil.example/token',
  ])('no words of whoever signs a notice become words of an alert: %j', (words) => {
    for (const [field, value] of [
      ['account_update', { event: 'ACCOUNT_VIOLATION', violation_info: { violation_type: words } }],
      ['account_update', { event: 'ACCOUNT_RESTRICTION', restriction_info: [{ restriction_type: words }] }],
      ['account_alerts', { alert_info: { alert_severity: 'CRITICAL', alert_status: 'ACTIVE', alert_type: words } }],
    ] as const)
      expect(judged(null, field, value)?.reason.detail).toMatch(/^Meta names no \w+\.$/);
    const date = {
      event: 'DISABLED_UPDATE',
      ban_info: { waba_ban_state: 'SCHEDULE_FOR_DISABLE', waba_ban_date: words },
    };
    expect(judged(null, 'account_update', date)?.reason.detail).toBe('Meta names no date.');
  });

  test('many restrictions are told by the first ones', () => {
    const restriction_info = Array.from({ length: 5_000 }, (_, index) => ({ restriction_type: `R${index}` }));
    const detail = judged(null, 'account_update', { event: 'ACCOUNT_RESTRICTION', restriction_info })?.reason.detail;
    expect(detail).toMatch(/^R0, R1, /);
    expect(detail?.length).toBeLessThan(1_000);
  });
});

describe('what Meta reports of a number', () => {
  const [shown] = credentialRecordOf().phoneNumbers;
  const credential = (change: object = {}, other: object = {}) =>
    credentialRecordOf({
      phoneNumbers: [
        { ...(shown as NonNullable<typeof shown>), displayPhoneNumber: '+1 555-078-3881', ...change },
        {
          ...(shown as NonNullable<typeof shown>),
          phoneNumberId: ids.otherNumber,
          displayPhoneNumber: '+1 555 0100',
          ...other,
        },
      ],
    });
  const after = (field: string, value: Record<string, unknown>, before = credential()) =>
    afterNews(before, { field, value: { display_phone_number: '15550783881', ...value }, at: null }, now).phoneNumbers;

  test.each<[string, Record<string, unknown>, object, object]>([
    ['phone_number_quality_update', { event: 'FLAGGED' }, {}, { status: 'FLAGGED' }],
    ['phone_number_quality_update', { event: 'UNFLAGGED' }, { status: 'FLAGGED' }, { status: 'CONNECTED' }],
    ['phone_number_quality_update', { event: 'UNFLAGGED' }, { status: 'BANNED' }, { status: 'BANNED' }],
    [
      'phone_number_quality_update',
      { event: 'DOWNGRADE', current_limit: 'TIER_1K' },
      {},
      { status: 'CONNECTED', messagingLimit: 'TIER_1K' },
    ],
    [
      'phone_number_quality_update',
      { event: 'FLAGGED', current_limit: 'TIER_1K', max_daily_conversations_per_business: 2000 },
      {},
      { status: 'FLAGGED', messagingLimit: 'TIER_1K' },
    ],
    [
      'phone_number_quality_update',
      { event: 'UPGRADE', max_daily_conversations_per_business: 'TIER_10K' },
      {},
      { messagingLimit: 'TIER_10K' },
    ],
    [
      'phone_number_name_update',
      { decision: 'APPROVED', requested_verified_name: 'New Shop' },
      {},
      { verifiedName: 'New Shop' },
    ],
  ])('%s %j: that number changes, the others stay', (field, value, before, changed) => {
    const [first, second] = after(field, value, credential(before, before));
    expect(first).toEqual({ ...credential(before).phoneNumbers[0], ...changed });
    expect(second).toEqual(credential({}, before).phoneNumbers[1]);
  });

  test.each<[string, Record<string, unknown>]>([
    ['phone_number_quality_update', { event: 'FLAGGED', display_phone_number: '' }],
    ['phone_number_quality_update', { event: 'FLAGGED', display_phone_number: 15_550_783_881 }],
    ['phone_number_quality_update', { event: 'FLAGGED', display_phone_number: '15550783880' }],
    ['phone_number_quality_update', { event: 'ONBOARDING', current_limit: { TIER_250: 1 } }],
    ['phone_number_quality_update', { event: 'UPGRADE', current_limit: 'as much as you like' }],
    ['phone_number_quality_update', { event: 'constructor', current_limit: 'constructor' }],
    ['phone_number_name_update', { decision: 'REJECTED', requested_verified_name: 'New Shop' }],
    ['phone_number_name_update', { decision: 'APPROVED' }],
    ['phone_number_name_update', { decision: 'APPROVED', requested_verified_name: 'x'.repeat(301) }],
    ['phone_number_name_update', { decision: 'APPROVED', requested_verified_name: ['New Shop'] }],
  ])('%s %.90j changes nothing', (field, value) => {
    const before = credential();
    expect(afterNews(before, { field, value: { display_phone_number: '15550783881', ...value }, at: null }, now)).toBe(
      before,
    );
  });

  test('a number without a name that Meta shows is none that it can mean', () => {
    const before = credential({ displayPhoneNumber: null }, { displayPhoneNumber: null });
    const value = { display_phone_number: '-', event: 'FLAGGED' };
    expect(afterNews(before, { field: 'phone_number_quality_update', value, at: null }, now)).toBe(before);
  });

  test.each<[Record<string, unknown>, string]>([
    [{ max_daily_conversations_per_business: 250 }, 'TIER_250'],
    [{ max_daily_conversations_per_business: 2000 }, 'TIER_2K'],
    [{ max_daily_conversations_per_business: '2000' }, 'TIER_2K'],
    [{ max_daily_conversations_per_business: 10_000 }, 'TIER_10K'],
    [{ max_daily_conversations_per_business: 100_000 }, 'TIER_100K'],
    [{ max_daily_conversations_per_business: -1 }, 'TIER_UNLIMITED'],
    [{ max_daily_conversations_per_business: 'TIER_UNLIMITED' }, 'TIER_UNLIMITED'],
    [{ max_daily_conversation_per_phone: -1 }, 'TIER_UNLIMITED'],
    [{ max_daily_conversations_per_business: 'TIER_2K', max_daily_conversation_per_phone: -1 }, 'TIER_2K'],
  ])('the limit %j of the account is that of all its numbers', (value, tier) => {
    const { phoneNumbers } = afterNews(credential(), { field: 'business_capability_update', value, at: null }, now);
    expect(phoneNumbers.map(({ messagingLimit }) => messagingLimit)).toEqual([tier, tier]);
  });

  test.each<[Record<string, unknown>]>([
    [{}],
    [{ max_daily_conversations_per_business: 3 }],
    [{ max_daily_conversations_per_business: 'constructor' }],
    [{ max_daily_conversations_per_business: '__proto__' }],
    [{ max_daily_conversations_per_business: 'TIER_' }],
    [{ max_daily_conversations_per_business: ' TIER_2K' }],
    [{ max_daily_conversations_per_business: `TIER_${'9'.repeat(21)}` }],
    [{ max_daily_conversations_per_business: ['TIER_2K'] }],
    // What it is already.
    [{ max_daily_conversations_per_business: 250 }],
  ])('the limit %.90j changes nothing', (value) => {
    const before = credential();
    expect(afterNews(before, { field: 'business_capability_update', value, at: null }, now)).toBe(before);
  });
});

test('an account’s numbers are stopped with the reason of its standing, and by no warning', () => {
  expect(stopOf(credentialRecordOf())).toBeNull();
  expect(stopOf(credentialRecordOf({ standing: standingOf('account-alert') }))).toBeNull();
  expect(stopOf(credentialRecordOf({ standing: stop() }))).toEqual({
    code: 'account-disabled',
    since: '2026-11-22T00:00:00.000Z',
  });
});

const verdict: Verdict = { status: 'invalid', reason: { ...stop().reason, code: 'token-revoked' } };

test('a credential that a check has proved invalid stops its numbers, whatever Meta reports of the account', () => {
  for (const standing of [null, standingOf('account-alert'), stop()])
    expect(stopOf(credentialRecordOf({ verdict, standing }))).toMatchObject({ code: 'token-revoked' });
});

describe('news of an account are taken', () => {
  const idOf = (index: number) => eventId.parse(`evt_${String(index).padStart(43, '0')}`);
  const messageOf = (...values: readonly Record<string, unknown>[]): AccountNews => ({
    version: 1,
    type: 'account-news',
    tenantId: ids.tenant,
    credentialId: ids.credential,
    receivedAt: at,
    news: values.map((value, index) => ({ eventId: idOf(index), field: 'account_update', value, at: null })),
  });

  const world = (initial: CredentialRecord | undefined = credentialRecordOf(), claim?: ClaimProgress | 'busy') => {
    let credential: CredentialRecord | undefined = initial;
    let meanwhile: (() => void) | undefined;
    const claims = memoryClaims(claim);
    const releases = recordingQueues();
    const recorded: CredentialRecord[] = [];
    const order: string[] = [];
    const journal = recordingJournal();
    const take = (message: AccountNews) =>
      takeAccountNews(message, {
        credentials: {
          find: (tenantId, credentialId) => {
            expect([tenantId, credentialId]).toEqual([ids.tenant, ids.credential]);
            const found = credential;
            meanwhile?.();
            return Promise.resolve(found);
          },
          async recordStanding(before, after, tickets) {
            if (credential !== before) return false;
            credential = after;
            recorded.push(after);
            order.push('recorded');
            for (const ticket of tickets) await releases.tickets.open(ticket);
            return true;
          },
        },
        claims,
        releases: {
          send: (ticket) => {
            order.push('asked');
            return releases.send(ticket);
          },
        },
        journal,
        now: () => now,
      });
    return {
      take,
      claims,
      recorded,
      order,
      journal,
      asked: releases.asked,
      standing: () => credential?.standing,
      change: (next: CredentialRecord | undefined) => {
        credential = next;
      },
      whenRead: (act: () => void) => {
        meanwhile = act;
      },
    };
  };

  const releaseOfAll = {
    work: releaseWorkOf({ phoneNumberIds: [ids.number, ids.otherNumber] }),
    delay: 0,
  };

  test('in their order, each under a claim of its own that nobody answers', async () => {
    const it = world();
    expect(await it.take(messageOf({ event: 'ACCOUNT_RESTRICTION' }, disable))).toBe('finished');
    expect(it.recorded.map(({ standing }) => standing?.reason.code)).toEqual([
      'account-restricted',
      'account-disabled',
    ]);
    expect([...it.claims.claims].map(([id, { state, replies }]) => [id, state, replies])).toEqual([
      [idOf(0), 'done', null],
      [idOf(1), 'done', null],
    ]);
    expect(it.journal.lines.map(({ event, fields }) => [event, fields.eventId, fields.kind])).toEqual([
      ['account-news', idOf(0), 'account_update'],
      ['account-news', idOf(1), 'account_update'],
    ]);
  });

  test('each report once: Meta repeats them when the account has moved on', async () => {
    const it = world();
    await it.take(messageOf(disable, reinstate));
    expect(await it.take(messageOf(disable, reinstate))).toBe('finished');
    expect(it.standing()).toBeNull();
    expect(it.recorded).toHaveLength(2);
  });

  test('also those behind one that was taken before', async () => {
    const it = world();
    await it.take(messageOf({ event: 'ACCOUNT_RESTRICTION' }));
    await it.take(messageOf({ event: 'ACCOUNT_RESTRICTION' }, disable));
    expect(it.recorded.map(({ standing }) => standing?.reason.code)).toEqual([
      'account-restricted',
      'account-disabled',
    ]);
  });

  test('again when somebody else is just taking one, and what comes behind waits', async () => {
    const it = world(credentialRecordOf(), 'busy');
    expect(await it.take(messageOf(disable, { event: 'ACCOUNT_DELETED' }))).toBe('repeat');
    expect(it.recorded).toEqual([]);
    expect(it.claims.steps).toEqual([]);
  });

  test('after a stop nothing is let go, after its end everything, once that is written', async () => {
    const it = world();
    await it.take(messageOf(disable));
    expect(it.asked).toEqual([]);
    it.order.length = 0;
    const { take } = it;
    await take({
      ...messageOf(reinstate),
      news: [{ eventId: idOf(7), field: 'account_update', value: reinstate, at: null }],
    });
    expect(it.order).toEqual(['recorded', 'asked']);
    expect(it.asked).toEqual([releaseOfAll]);
  });

  test('and nothing is let go by news that lift no stop', async () => {
    const it = world();
    await it.take(messageOf(reinstate, { event: 'ACCOUNT_VIOLATION' }, reinstate));
    const stopped = world(credentialRecordOf({ standing: stop() }));
    await stopped.take(messageOf({ event: 'ACCOUNT_VIOLATION' }));
    expect([it.asked, stopped.asked]).toEqual([[], []]);
  });

  test('and nothing is let go when the account is reinstated whose credential is invalid: that stop is another’s', async () => {
    const it = world(credentialRecordOf({ verdict, standing: stop() }));
    await it.take(messageOf(reinstate));
    expect(it.recorded).toMatchObject([{ standing: null, verdict }]);
    expect(it.asked).toEqual([]);
  });

  test('and are done with although the release can’t be queued: the sweeper finds its ticket', async () => {
    const it = world(credentialRecordOf({ standing: stop() }));
    const { journal, claims } = it;
    const opened: unknown[] = [];
    await takeAccountNews(messageOf(reinstate), {
      credentials: {
        find: () => Promise.resolve(credentialRecordOf({ standing: stop() })),
        recordStanding: (_before, _after, tickets) => {
          opened.push(...tickets.map(({ work }) => work));
          return Promise.resolve(true);
        },
      },
      claims,
      releases: { send: () => Promise.reject(new Error('queue-unavailable')) },
      journal,
      now: () => now,
    });
    expect(opened).toEqual([releaseOfAll.work]);
    expect(claims.states()).toEqual(['done']);
  });

  test('anew when the credential has changed meanwhile, and judged by what it is then', async () => {
    const it = world();
    it.whenRead(() => {
      it.whenRead(() => undefined);
      it.change(credentialRecordOf({ version: 2, standing: stop('account-deleted') }));
    });
    await it.take(messageOf({ event: 'ACCOUNT_RESTRICTION' }));
    expect(it.standing()).toEqual(stop('account-deleted'));
    expect(it.recorded).toEqual([]);
  });

  test('later when the credential changes all the time: the claim is not done', async () => {
    const it = world();
    let version = 1;
    it.whenRead(() => it.change(credentialRecordOf({ version: ++version })));
    await expect(it.take(messageOf(disable))).rejects.toMatchObject({ code: 'store-unavailable', retryable: true });
    expect(it.claims.states()).not.toContain('done');
    expect(version).toBe(6);
    // And the next delivery need not wait for the lease to run out.
    expect(it.claims.released()).toBe(1);
  });

  test.each<[string, CredentialRecord | undefined]>([
    ['is removed', undefined],
    ['is being removed', credentialRecordOf({ status: 'removing', standing: stop() })],
  ])('but not for a credential that %s: nothing is written, nothing asked for', async (_what, gone) => {
    const it = world();
    it.change(gone);
    expect(await it.take(messageOf(disable, reinstate))).toBe('finished');
    expect(it.order).toEqual([]);
    expect(it.claims.states()).toEqual(['done', 'done']);
  });
});
