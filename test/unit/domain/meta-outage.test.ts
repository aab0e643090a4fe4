import { describe, expect, test } from 'vitest';
import { messageOf } from '../../../shared/domain/alert-message.ts';
import { judged, judgeOutage } from '../../../shared/domain/meta-outage.ts';
import type { Ticket } from '../../../shared/domain/work.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { outageContract } from '../../support/outage-contract.ts';
import { memoryOutages } from '../../support/outage-fake.ts';

describe('the store of outages in memory', () => {
  outageContract(() => Promise.resolve(memoryOutages()));
});

const now = new Date('2026-11-26T10:04:00.000Z');

describe('an outage of Meta', () => {
  test.each([
    [{ answered: 0, unanswered: 4 }, undefined],
    [{ answered: 0, unanswered: 5 }, 'begins'],
    [{ answered: 5, unanswered: 5 }, 'begins'],
    [{ answered: 6, unanswered: 5 }, undefined],
    [{ answered: 500, unanswered: 100 }, undefined],
  ] as const)('begins when at least five checks, and half of them, got no answer: %j', (count, change) => {
    expect(judged(null, count)).toBe(change);
  });

  test.each([
    [{ answered: 0, unanswered: 0 }, undefined],
    [{ answered: 9, unanswered: 1 }, undefined],
    [{ answered: 10, unanswered: 1 }, 'ends'],
    [{ answered: 1, unanswered: 0 }, 'ends'],
  ] as const)('ends when Meta answers nine of ten, and not because nobody asks: %j', (count, change) => {
    expect(judged(now, count)).toBe(change);
  });

  test('is told operators once when it begins and once when it ends, whoever judges and however often', async () => {
    const outages = memoryOutages();
    const tickets: Pick<Ticket, 'work'>[] = [];
    const ports = {
      outages,
      telling: { send: (ticket: Pick<Ticket, 'work'>) => Promise.resolve(void tickets.push(ticket)) },
      journal: recordingJournal(),
      now: () => now,
    };
    for (let check = 0; check < 6; check++) await outages.count(true, now);
    await Promise.all([judgeOutage(ports), judgeOutage(ports)]);
    await judgeOutage(ports);
    for (let check = 0; check < 100; check++) await outages.count(false, now);
    await Promise.all([judgeOutage(ports), judgeOutage(ports)]);
    const notices = tickets.flatMap(({ work }) => (work.kind === 'tell-operators' ? [work.notice] : []));
    expect(notices.map(({ kind, severity }) => `${kind} ${severity}`)).toEqual([
      'meta.outage warning',
      'meta.outage-over info',
    ]);
    const [begun] = notices;
    if (begun === undefined) throw new Error('It was told');
    expect(messageOf(begun)).toMatchObject({
      subject: '[warning] Meta does not answer',
      text: expect.stringMatching(/No credential is disabled.*What to do: Nothing/s),
    });
  });

  test('is told by the sweeper where the queue does not take it', async () => {
    const outages = memoryOutages();
    for (let check = 0; check < 6; check++) await outages.count(true, now);
    const telling = { send: () => Promise.reject(new Error('The queue is away')) };
    await judgeOutage({ outages, telling, journal: recordingJournal(), now: () => now });
    expect(await outages.find()).toEqual(now);
  });
});
