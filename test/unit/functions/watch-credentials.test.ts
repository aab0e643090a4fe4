import { describe, expect, test } from 'vitest';
import { watchCredentials } from '../../../functions/health/watch-credentials.lambda.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import type { Ticket } from '../../../shared/domain/work.ts';
import { memoryOutbox } from '../../support/alert-fakes.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { credentialRecordOf } from '../../support/records.ts';
import { recordOf } from '../../support/stream-records.ts';

const reason = { code: 'x', title: 'X', detail: 'X', guidance: 'X', since: '2026-11-22T10:00:00.000Z' };
const well = credentialRecordOf();
const bad = credentialRecordOf({ finding: { status: 'degraded', reason } });

const world = () => {
  const opened: Ticket[] = [];
  const queued: string[] = [];
  const journal = recordingJournal();
  const outbox = memoryOutbox((ticket) => void opened.push(ticket));
  const ports = {
    outbox,
    queues: { send: ({ id }: Pick<Ticket, 'id'>) => Promise.resolve(void queued.push(id)) },
    journal,
    consoleUrl: 'https://switchboard.example/console',
    now: () => new Date('2026-11-22T10:00:00.000Z'),
  };
  return { opened, queued, journal, outbox, ports };
};

test('an alert has its ticket in the transaction of the line, and is queued at once', async () => {
  const { opened, queued, outbox, ports } = world();
  await watchCredentials([recordOf(well, bad)], ports);
  expect(opened).toMatchObject([{ work: { kind: 'publish-alert', audience: 'tenant' } }]);
  expect(queued).toEqual(opened.map(({ id }) => id));
  expect(outbox.lines()).toMatchObject([{ verdict: { to: { status: 'degraded' } } }]);
});

test('a change that is heard of again is neither written nor queued', async () => {
  const { opened, queued, ports } = world();
  await watchCredentials([recordOf(well, bad), recordOf(well, bad)], ports);
  await watchCredentials([recordOf(well, bad)], ports);
  expect([opened.length, queued.length]).toEqual([1, 1]);
});

test('a notice that changes nothing of what is shown is written, too: it is told once', async () => {
  const { opened, outbox, ports } = world();
  const ending = { ...well, expiryNotice: { expiresAt: '2026-12-06T10:00:00.000Z', days: 14 as const } };
  await watchCredentials([recordOf(well, ending), recordOf(well, ending)], ports);
  expect(opened).toHaveLength(1);
  expect(outbox.lines()).toMatchObject([{ verdict: undefined }]);
});

test('nothing is written of a change that concerns nobody', async () => {
  const { outbox, ports } = world();
  await watchCredentials([recordOf(well, { ...well, label: 'Another' }), recordOf(undefined, well)], ports);
  expect(outbox.lines()).toEqual([]);
});

describe('whatever goes wrong', () => {
  test('with one row that nobody can read, the operator hears of it and the others go on', async () => {
    const { opened, journal, ports } = world();
    await watchCredentials([recordOf(well, bad, { NewImage: { label: { S: 'CANARY' } } }), recordOf(well, bad)], ports);
    expect(opened).toHaveLength(1);
    expect(journal.counts.get('ChangesUnheard')).toBe(1);
    expect(journal.lines).toMatchObject([{ level: 'error', event: 'change-unreadable' }]);
    expect(JSON.stringify(journal.lines)).not.toContain('CANARY');
  });

  test('with the queue, the ticket waits for the sweeper', async () => {
    const { opened, journal, ports } = world();
    const queues = { send: () => Promise.reject(new Fault('queue-unavailable', { retryable: true })) };
    await watchCredentials([recordOf(well, bad)], { ...ports, queues });
    expect(opened).toHaveLength(1);
    expect(journal.events()).toEqual(['work-not-queued']);
  });

  test.each([
    ['the table is away', () => Promise.reject(new Fault('store-unavailable', { retryable: true }))],
    ['another transaction got in between', () => Promise.resolve('again' as const)],
  ])('the batch is repeated when %s', async (_what, write) => {
    const { queued, ports } = world();
    await expect(watchCredentials([recordOf(well, bad)], { ...ports, outbox: { write } })).rejects.toMatchObject({
      code: 'store-unavailable',
      retryable: true,
    });
    expect(queued).toEqual([]);
  });
});
