import { describe, expect, test } from 'vitest';
import { putNotifications } from '../../../functions/notifications/put-notifications.ts';
import { viewNotifications } from '../../../functions/notifications/view-notifications.ts';
import type { Destination } from '../../../shared/contracts/notification.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import type { NotificationsRecord } from '../../../shared/domain/records.ts';
import type { Subscription } from '../../../shared/domain/tell-alert.ts';
import type { Ticket } from '../../../shared/domain/work.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { ids, notificationsRecordOf } from '../../support/records.ts';

const caller = { tenantId: ids.tenant, subject: 'grace' };
const ada: Destination = { protocol: 'email', endpoint: 'ada@example.com' };
const pager: Destination = { protocol: 'https', endpoint: 'http://127.0.0.1:9/alerts' };
const plenty = () => 20_000;

const world = (stored?: NotificationsRecord, present: readonly Subscription[] | undefined = []) => {
  let record = stored;
  const saved: NotificationsRecord[] = [];
  const opened: Ticket[] = [];
  const queued: string[] = [];
  const slept: number[] = [];
  const open = new Set<string>();
  const journal = recordingJournal();
  const ports = {
    notifications: {
      find: () => Promise.resolve(record),
      save(next: NotificationsRecord, version: number, ticket: Ticket) {
        if ((record?.version ?? 0) !== version) return Promise.resolve(false);
        record = next;
        saved.push(next);
        opened.push(ticket);
        open.add(ticket.id);
        return Promise.resolve(true);
      },
    },
    topics: {
      subscriptions: () => Promise.resolve(present),
      isConfirmed: (arn: string) => Promise.resolve(arn.endsWith('confirmed')),
    },
    tickets: { find: (id: string) => Promise.resolve(opened.find((it) => it.id === id && open.has(id))) },
    queues: { send: ({ id }: Pick<Ticket, 'id'>) => Promise.resolve(void queued.push(id)) },
    targetRules: { allowLoopback: true },
    journal,
    now: () => new Date('2026-11-22T10:00:00.000Z'),
    sleep: (milliseconds: number) => {
      slept.push(milliseconds);
      if (slept.length === 3) open.clear();
      return Promise.resolve();
    },
  };
  const change = (next: NotificationsRecord) => {
    record = next;
  };
  return { ports, saved, opened, queued, slept, journal, change };
};
const put = (
  { ports }: Pick<ReturnType<typeof world>, 'ports'>,
  destinations: Destination[],
  ifMatch: string | undefined,
  timeLeft = plenty,
) => putNotifications(caller, { destinations }, ifMatch, timeLeft, ports);

test('the first choice is based on nothing, and has its ticket beside it', async () => {
  const it = world();
  expect(await put(it, [ada], '"0"')).toMatchObject({
    kind: 'ok',
    version: 1,
    body: { version: 1, destinations: [{ ...ada, confirmed: false }] },
  });
  expect(it.saved).toMatchObject([{ tenantId: ids.tenant, version: 1, destinations: [ada], decidedBy: 'grace' }]);
  expect(it.opened).toMatchObject([{ work: { kind: 'subscribe', tenantId: ids.tenant } }]);
  expect(it.queued).toEqual(it.opened.map(({ id }) => id));
});

test('the answer waits for the worker while it can, and no longer', async () => {
  const quick = world();
  await put(quick, [ada], '*');
  expect(quick.slept).toHaveLength(3);
  const hurried = world();
  await put(hurried, [ada], '*', () => 3_100);
  expect(hurried.slept).toHaveLength(1);
  const late = world();
  await put(late, [ada], '*', () => 1_000);
  expect(late.slept).toEqual([]);
});

describe('a change is refused, and nothing stored', () => {
  test.each([
    ['without the version that it is based on', undefined, 'precondition-required'],
    ['for a version that is no more', '"1"', 'precondition-failed'],
    ['for nothing, where there is something', '"0"', 'precondition-failed'],
  ])('%s', async (_what, ifMatch, refused) => {
    const it = world(notificationsRecordOf({ version: 2 }));
    expect(await put(it, [ada], ifMatch)).toMatchObject({ refused });
    expect([it.saved, it.queued]).toEqual([[], []]);
  });

  test('for an address that may not be called, named by its place and not by itself', async () => {
    const it = world();
    const ports = { ...it.ports, targetRules: { allowLoopback: false } };
    const answer = await put({ ...it, ports }, [ada, pager], '*');
    expect(answer).toMatchObject({
      refused: 'target-refused',
      details: { errors: [{ pointer: '/destinations/1/endpoint' }] },
    });
    expect(JSON.stringify(answer)).not.toContain('127.0.0.1:9');
    expect(it.saved).toEqual([]);
  });

  test('when somebody was quicker', async () => {
    const it = world(notificationsRecordOf({ version: 1 }));
    const save = it.ports.notifications.save;
    it.ports.notifications.save = (...args) => {
      it.change(notificationsRecordOf({ version: 5 }));
      return save(...args);
    };
    expect(await put(it, [ada], '"1"')).toMatchObject({ refused: 'precondition-failed' });
    expect(it.saved).toEqual([]);
  });
});

test('whoever wants it whatever is there comes after who was quicker', async () => {
  const it = world(notificationsRecordOf({ version: 1 }));
  const save = it.ports.notifications.save;
  let isFirst = true;
  it.ports.notifications.save = (...args) => {
    if (isFirst) it.change(notificationsRecordOf({ version: 5 }));
    isFirst = false;
    return save(...args);
  };
  expect(await put(it, [ada], '*')).toMatchObject({ kind: 'ok', version: 6 });
});

test('a queue that fails costs no answer: the sweeper finds the ticket', async () => {
  const it = world();
  it.ports.queues.send = () => Promise.reject(new Fault('queue-unavailable', { retryable: true }));
  expect(await put(it, [ada], '*')).toMatchObject({ kind: 'ok' });
  expect(it.slept).toEqual([]);
});

describe('what is shown of an address', () => {
  const shown = async (present: readonly Subscription[] | undefined) =>
    (await viewNotifications(ids.tenant, world(notificationsRecordOf(), present).ports)).body;

  test.each([
    ['true once it is confirmed', [{ arn: 'arn:confirmed', destination: ada }], true],
    ['false while SNS waits, and names it', [{ arn: 'arn:pending', destination: ada }], false],
    ['false while SNS waits, and does not', [{ arn: null, destination: ada }], false],
    ['false when SNS has forgotten it', [], false],
    ['false while there is no topic', undefined, false],
    [
      'false for the same address by another protocol',
      [{ arn: 'arn:confirmed', destination: { ...pager, endpoint: ada.endpoint } }],
      false,
    ],
  ] as const)('is %s', async (_what, present, confirmed) => {
    expect(await shown(present)).toMatchObject({ destinations: [{ ...ada, confirmed }] });
  });

  test('is null when SNS does not say, and the rest is shown', async () => {
    const it = world(notificationsRecordOf());
    const subscriptions = () => Promise.reject(new Fault('topic-unavailable', { retryable: true }));
    const ports = { ...it.ports, topics: { ...it.ports.topics, subscriptions } };
    expect(await viewNotifications(ids.tenant, ports)).toMatchObject({
      version: 1,
      body: { destinations: [{ ...ada, confirmed: null }] },
    });
    expect(JSON.stringify(it.journal.lines)).not.toContain('ada@');
  });

  test('is nothing of subscriptions that the tenant has not asked for', async () => {
    expect(await shown([{ arn: 'arn:confirmed', destination: pager }])).toMatchObject({
      destinations: [{ ...ada, confirmed: false }],
    });
  });
});
