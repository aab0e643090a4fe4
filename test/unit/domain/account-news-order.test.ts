import { describe, expect, test } from 'vitest';
import { eventId } from '../../../shared/contracts/ids.ts';
import type { AccountNews } from '../../../shared/contracts/queued-events.ts';
import { afterNews, takeAccountNews } from '../../../shared/domain/account-standing.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import type { CredentialRecord } from '../../../shared/domain/records.ts';
import type { Ticket } from '../../../shared/domain/work.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { credentialRecordOf, ids, releaseWorkOf } from '../../support/records.ts';
import { memoryClaims } from '../../support/routing-fakes.ts';

const now = () => new Date('2026-11-22T10:00:00.000Z');
const noon = 1_795_000_000;

type News = Pick<AccountNews['news'][number], 'field' | 'value' | 'at'>;
const ban = (state: string, at: number | null = null): News => ({
  field: 'account_update',
  value: { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: state } },
  at,
});
const update = (event: string, at: number | null = null): News => ({ field: 'account_update', value: { event }, at });
const review = (decision: string, at: number | null = null): News => ({
  field: 'account_review_update',
  value: { decision },
  at,
});
const alert = (info: object, at: number | null = null): News => ({
  field: 'account_alerts',
  value: { alert_info: { alert_type: 'OBA_REJECTED', ...info } },
  at,
});
const flagged: News = {
  field: 'phone_number_quality_update',
  value: { display_phone_number: '15550100', event: 'FLAGGED', current_limit: 'TIER_2K' },
  at: null,
};

const known = (...news: readonly News[]): CredentialRecord =>
  news.reduce((record, one) => afterNews(record, one, now()), credentialRecordOf());
const codeAfter = (...news: readonly News[]) => known(...news).standing?.reason.code ?? null;

/** Takes news as the router does, on a Directory that refuses as many changes as it is told to. */
const world = ({ credential = credentialRecordOf(), races = 0, queueIsDown = false } = {}) => {
  let record = credential;
  let refusals = races;
  const claims = memoryClaims();
  const opened: Ticket[] = [];
  const sent: Ticket['work'][] = [];
  let writes = 0;
  let letter = 0;
  return {
    opened,
    sent,
    writes: () => writes,
    record: () => record,
    take: (...news: readonly News[]) =>
      takeAccountNews(
        {
          version: 1,
          type: 'account-news',
          tenantId: ids.tenant,
          credentialId: ids.credential,
          receivedAt: now().toISOString(),
          news: news.map((one) => ({ ...one, eventId: eventId.parse(`evt_${String(letter++).padStart(43, '0')}`) })),
        },
        {
          credentials: {
            find: () => Promise.resolve(record),
            recordStanding(_before, next, tickets) {
              if (refusals-- > 0) return Promise.resolve(false);
              writes++;
              record = next;
              opened.push(...tickets);
              return Promise.resolve(true);
            },
          },
          claims,
          releases: {
            send({ id, work }) {
              if (queueIsDown) return Promise.reject(new Fault('queue-unavailable', { retryable: true }));
              if (!opened.some((ticket) => ticket.id === id)) return Promise.reject(new Error('It has no ticket'));
              sent.push(work);
              return Promise.resolve();
            },
          },
          journal: recordingJournal(),
          now,
        },
      ),
  };
};

describe('what an account’s news make of its standing', () => {
  test.each<[string, readonly News[], string | null, boolean]>([
    ['disabled', [ban('DISABLE')], 'account-disabled', true],
    ['disabled and reinstated', [ban('DISABLE'), ban('REINSTATE')], null, false],
    ['to be disabled', [ban('SCHEDULE_FOR_DISABLE')], 'account-to-be-disabled', false],
    ['in a state that we do not know', [ban('DISABLE'), ban('PONDERED')], 'account-disabled', true],
    ['deleted', [update('ACCOUNT_DELETED')], 'account-deleted', true],
    ['offboarded and back', [update('ACCOUNT_OFFBOARDED'), update('ACCOUNT_RECONNECTED')], null, false],
    ['disabled, and back after offboarding', [ban('DISABLE'), update('ACCOUNT_RECONNECTED')], 'account-disabled', true],
    ['restricted', [update('ACCOUNT_RESTRICTION')], 'account-restricted', false],
    ['disabled and restricted', [ban('DISABLE'), update('ACCOUNT_RESTRICTION')], 'account-disabled', true],
    ['rejected', [review('REJECTED')], 'account-review-rejected', false],
    ['rejected and approved', [review('REJECTED'), review('APPROVED')], null, false],
    ['in alert', [alert({ alert_severity: 'CRITICAL', alert_status: 'ACTIVE' })], 'account-alert', false],
    ['not even in alert', [alert({ alert_severity: 'INFORMATIONAL', alert_status: 'ACTIVE' })], null, false],
  ])('%s', (_what, news, code, isStopped) => {
    expect(known(...news).standing?.reason.code ?? null).toBe(code);
    expect(known(...news).standing?.isStopped ?? false).toBe(isStopped);
  });

  test.each([
    update('SOMETHING_NEW'),
    review('PENDING'),
    { field: 'security', value: { event: 'PIN_CHANGED' }, at: 1 },
  ])('nothing: $field, $value', (news) => {
    const before = credentialRecordOf();
    expect(afterNews(before, news, now())).toBe(before);
  });

  test('touches the number that they name, and it alone', () => {
    const two = credentialRecordOf({
      phoneNumbers: credentialRecordOf().phoneNumbers.map((number, index) => ({
        ...number,
        displayPhoneNumber: `+1 555 010${index}`,
      })),
    });
    expect(
      afterNews(two, flagged, now()).phoneNumbers.map(({ status, messagingLimit }) => [status, messagingLimit]),
    ).toEqual([
      ['FLAGGED', 'TIER_2K'],
      ['CONNECTED', 'TIER_250'],
    ]);
  });
});

describe('news that come late', () => {
  test('do not stop an account that was reinstated since', () => {
    expect(codeAfter(ban('DISABLE', noon), ban('REINSTATE', noon + 60), ban('DISABLE', noon + 59))).toBeNull();
  });

  test('do not stop it when its being reinstated is all that we had heard', () => {
    expect(codeAfter(ban('REINSTATE', noon), ban('DISABLE', noon - 1))).toBeNull();
  });

  test.each<[string, News]>([
    ['a reinstatement', ban('REINSTATE', noon - 1)],
    ['a warning', ban('SCHEDULE_FOR_DISABLE', noon - 1)],
  ])('do not let go what was stopped since: %s', (_what, news) => {
    expect(codeAfter(ban('DISABLE', noon), news)).toBe('account-disabled');
  });

  test.each<[string, News]>([
    ['of a review', review('REJECTED', noon - 1)],
    ['of an alert', alert({ alert_severity: 'CRITICAL', alert_status: 'ACTIVE' }, noon - 1)],
  ])('are of no interest either %s', (_what, news) => {
    expect(codeAfter(ban('REINSTATE', noon), news)).toBeNull();
  });

  test.each<[string, number | null]>([
    ['at the same second', noon],
    ['later', noon + 1],
    ['at a time that nobody knows', null],
  ])('are none when they are of what was %s', (_what, at) => {
    expect(codeAfter(ban('REINSTATE', noon), ban('DISABLE', at))).toBe('account-disabled');
  });

  test('are told by the last that had a time', () => {
    expect(known(ban('DISABLE', noon), ban('REINSTATE', null)).newsAt).toBe(noon);
    expect(known(ban('DISABLE', noon), update('SOMETHING_NEW', noon + 1)).newsAt).toBe(noon);
  });

  test('of a number are taken: they are of no standing', () => {
    const before = credentialRecordOf({ newsAt: noon });
    expect(afterNews(before, { ...flagged, at: noon - 1 }, now()).phoneNumbers[0]?.status).toBe('FLAGGED');
  });
});

describe('what was held while the account was stopped', () => {
  test('is let go by the news that lift the stop, once', async () => {
    const it = world();
    await it.take(ban('DISABLE'), flagged, update('ACCOUNT_RESTRICTION'));
    expect(it.sent).toEqual([]);
    await it.take(ban('REINSTATE'), ban('REINSTATE'));
    expect(it.sent).toEqual([releaseWorkOf({ phoneNumberIds: [ids.number, ids.otherNumber] })]);
    expect(it.opened).toHaveLength(1);
  });

  test.each<[string, readonly News[]]>([
    ['change nothing', [update('SOMETHING_NEW'), review('PENDING'), ban('REINSTATE')]],
    ['are of a number', [flagged]],
    ['warn', [update('ACCOUNT_RESTRICTION'), ban('SCHEDULE_FOR_DISABLE')]],
    ['take a warning back', [review('REJECTED'), review('APPROVED')]],
    ['stop it', [ban('DISABLE'), update('ACCOUNT_DELETED')]],
  ])('is not looked for after news that %s', async (_what, news) => {
    const it = world();
    await it.take(...news);
    expect(it.opened).toEqual([]);
    expect(it.sent).toEqual([]);
  });

  test('is the sweeper’s when the queue is out of order', async () => {
    const it = world({ queueIsDown: true });
    expect(await it.take(ban('DISABLE'), ban('REINSTATE'))).toBe('finished');
    expect(it.opened).toHaveLength(1);
    expect(it.record().standing).toBeNull();
  });
});

describe('news of a credential', () => {
  test('that has changed meanwhile are judged anew', async () => {
    const it = world({ races: 4 });
    expect(await it.take(ban('DISABLE'))).toBe('finished');
    expect(it.record().standing?.isStopped).toBe(true);
    await expect(world({ races: 5 }).take(ban('DISABLE'))).rejects.toMatchObject({ code: 'store-unavailable' });
  });

  test('that is on its way out change nothing', async () => {
    const it = world({ credential: credentialRecordOf({ status: 'removing' }) });
    await it.take(ban('DISABLE'));
    expect(it.writes()).toBe(0);
  });
});
