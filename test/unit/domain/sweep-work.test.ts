import { describe, expect, test } from 'vitest';
import { Fault } from '../../../shared/domain/fault.ts';
import { type Deployment, sweepWork } from '../../../shared/domain/sweep-work.ts';
import { newTicket, type Ticket } from '../../../shared/domain/work.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { credentialRecordOf, ids } from '../../support/records.ts';

const publicUrl = 'https://new.example';
const now = new Date('2026-11-22T10:00:00Z');
const overdue = (minutes: number): Ticket =>
  newTicket(
    { kind: 'clean-up', tenantId: ids.tenant, credentialId: ids.credential },
    new Date(now.getTime() - minutes * 60_000),
  );

interface Scene {
  readonly tickets?: readonly Ticket[];
  readonly deployment?: Deployment | undefined;
  readonly pages?: readonly (readonly ReturnType<typeof credentialRecordOf>[])[];
  readonly sends?: () => void;
  readonly timeLeft?: () => number;
}

const sweeping = (scene: Scene = {}) => {
  const tickets = new Map((scene.tickets ?? []).map((ticket) => [ticket.id, ticket]));
  const sent: { readonly id: string; readonly kind: string; readonly delay: number }[] = [];
  const written: Deployment[] = [];
  const run = () =>
    sweepWork({
      tickets: {
        find: (id) => Promise.resolve(tickets.get(id)),
        replace: (id, next) => {
          if (!tickets.delete(id)) return Promise.resolve(false);
          tickets.set(next.id, next);
          return Promise.resolve(true);
        },
        close: () => Promise.reject(new Error('The sweeper does no work')),
        open: (ticket) => Promise.resolve(void tickets.set(ticket.id, ticket)),
        due: (at, limit) =>
          Promise.resolve(
            [...tickets.values()]
              .filter(({ id }) => id < at.toISOString())
              .sort((a, b) => (a.id < b.id ? -1 : 1))
              .slice(0, limit),
          ),
      },
      deployments: {
        read: () => Promise.resolve('deployment' in scene ? scene.deployment : { publicUrl, isMoving: false }),
        write: (deployment) => Promise.resolve(void written.push(deployment)),
        credentials: (cursor) => {
          const page = Number(cursor ?? 0);
          const last = page + 1 >= (scene.pages?.length ?? 0);
          return Promise.resolve({
            credentials: scene.pages?.[page] ?? [],
            cursor: last ? undefined : String(page + 1),
          });
        },
      },
      queues: {
        send: ({ id, work }, delay = 0) => {
          scene.sends?.();
          sent.push({ id, kind: work.kind, delay });
          return Promise.resolve();
        },
      },
      journal: recordingJournal(),
      publicUrl,
      now: () => now,
      timeLeft: scene.timeLeft ?? (() => 60_000),
    });
  return { run, sent, tickets, written };
};

describe('unfinished work', () => {
  test('is queued again under a later ticket', async () => {
    const { run, sent, tickets } = sweeping({ tickets: [overdue(10)] });
    await run();
    expect(sent).toMatchObject([{ kind: 'clean-up' }]);
    expect([...tickets.keys()]).toEqual(sent.map(({ id }) => id));
    expect([...tickets.values()][0]?.attempts).toBe(1);
  });

  test('that somebody is still at is left to them', async () => {
    const { run, sent } = sweeping({ tickets: [overdue(0)] });
    await run();
    expect(sent).toEqual([]);
  });

  test('is all found, however much there is', async () => {
    const { run, sent } = sweeping({ tickets: Array.from({ length: 60 }, () => overdue(10)) });
    await run();
    expect(new Set(sent.map(({ id }) => id)).size).toBe(60);
  });

  test('is not lost when the queue fails: its ticket comes up again', async () => {
    const scene = sweeping({
      tickets: [overdue(10)],
      sends: () => {
        throw new Fault('queue-unavailable', { retryable: true });
      },
    });
    await expect(scene.run()).rejects.toMatchObject({ code: 'queue-unavailable' });
    expect(scene.tickets.size).toBe(1);
  });
});

describe('a new public address', () => {
  const former = credentialRecordOf({ webhookUrl: `https://old.example/webhooks/${ids.webhook}` });
  const moved = credentialRecordOf({ webhookUrl: `${publicUrl}/webhooks/${ids.webhook}` });

  test('is remembered at the first start, and nothing is moved', async () => {
    const { run, sent, written } = sweeping({ deployment: undefined, pages: [[former]] });
    await run();
    expect(written).toEqual([{ publicUrl, isMoving: false }]);
    expect(sent).toEqual([]);
  });

  test('has every webhook set up again, one after the other', async () => {
    const { run, sent, written, tickets } = sweeping({
      deployment: { publicUrl: 'https://old.example', isMoving: false },
      pages: [[former, moved], [former]],
    });
    await run();
    expect(sent).toMatchObject([
      { kind: 'set-up', delay: 0 },
      { kind: 'set-up', delay: 1000 },
    ]);
    expect(tickets.size).toBe(2);
    expect(written).toEqual([
      { publicUrl, cursor: '1', isMoving: true },
      { publicUrl, cursor: undefined, isMoving: false },
    ]);
  });

  test('goes on where the time was over', async () => {
    const times = [60_000, 1_000];
    const first = sweeping({
      deployment: { publicUrl: 'https://old.example', isMoving: false },
      pages: [[former], [former]],
      timeLeft: () => times.shift() ?? 1_000,
    });
    await first.run();
    expect(first.written).toEqual([{ publicUrl, cursor: '1', isMoving: true }]);
    const second = sweeping({ deployment: first.written[0], pages: [[former], [former]] });
    await second.run();
    expect(second.sent).toHaveLength(1);
    expect(second.written).toEqual([{ publicUrl, cursor: undefined, isMoving: false }]);
  });

  test('leaves credentials alone that are being removed', async () => {
    const { run, sent } = sweeping({
      deployment: { publicUrl: 'https://old.example', isMoving: false },
      pages: [[{ ...former, status: 'removing' }]],
    });
    await run();
    expect(sent).toEqual([]);
  });

  test('that stays the same moves nothing', async () => {
    const { run, sent, written } = sweeping({ pages: [[former]] });
    await run();
    expect(sent).toEqual([]);
    expect(written).toEqual([]);
  });
});
