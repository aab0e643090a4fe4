import { describe, expect, test } from 'vitest';
import { watchCredentials } from '../../../functions/health/watch-credentials.lambda.ts';
import type { WorkMessage } from '../../../shared/contracts/work.ts';
import { sweepWork } from '../../../shared/domain/sweep-work.ts';
import { publishAlert, subscribe } from '../../../shared/domain/tell-alert.ts';
import { dueBefore, type Ticket, type WorkQueues, workOff } from '../../../shared/domain/work.ts';
import { MortalProcess } from '../../integration/support/mortal-process.ts';
import { memoryNotifications, memoryOutbox, memorySns } from '../../support/alert-fakes.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { credentialRecordOf, ids, notificationsRecordOf } from '../../support/records.ts';
import { recordOf } from '../../support/stream-records.ts';

// A process dies at every single call that it makes to the outside, before the call has an effect and after. Then the stream repeats the
// change to another one, which also sweeps up.

const reason = {
  code: 'token-revoked',
  title: 'The access token was revoked',
  detail: 'Meta says so.',
  guidance: 'Make a new one.',
  since: '2026-11-22T10:00:00.000Z',
};
const change = recordOf(credentialRecordOf(), credentialRecordOf({ verdict: { status: 'invalid', reason } }));
const address = 'ada@example.com';

/** What outlives every process. The clock goes on by ten minutes from one to the next. */
const lasting = async () => {
  const sns = memorySns();
  const opened = new Map<string, Ticket>();
  const notifications = memoryNotifications(notificationsRecordOf());
  const open = (ticket: Ticket) => void opened.set(ticket.id, ticket);
  const outbox = memoryOutbox(open);
  const store = {
    find: (id: string) => Promise.resolve(opened.get(id)),
    replace: (id: string, next: Ticket) => {
      if (!opened.delete(id)) return Promise.resolve(false);
      open(next);
      return Promise.resolve(true);
    },
    close: (id: string) => Promise.resolve(void opened.delete(id)),
    open: (ticket: Ticket) => Promise.resolve(open(ticket)),
    due: (now: Date, limit: number) =>
      Promise.resolve([...opened.values()].filter(({ id }) => id < dueBefore(now)).slice(0, limit)),
  };
  await subscribe(ids.tenant, { notifications, topics: sns.topics, journal: recordingJournal() });
  sns.confirm(ids.tenant, address);
  return { sns, outbox, store, notifications, opened };
};
type Lasting = Awaited<ReturnType<typeof lasting>>;

const mortal = <T extends object>(process: MortalProcess, port: T): T =>
  new Proxy(port, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as unknown;
      return typeof method === 'function'
        ? (...args: readonly unknown[]) => process.call(() => Promise.resolve(Reflect.apply(method, target, args)))
        : method;
    },
  });

const live = async (world: Lasting, process: MortalProcess, minutesLater: number): Promise<'finished' | 'died'> => {
  const now = () => new Date(Date.parse('2026-11-22T10:00:00.000Z') + minutesLater * 60_000);
  const journal = recordingJournal();
  const queue: WorkMessage[] = [];
  const queues: WorkQueues = mortal(process, {
    send: ({ id, work }) => Promise.resolve(void queue.push({ version: 1, ticket: id, work })),
  });
  const [outbox, tickets, topics, publisher, notifications] = [
    mortal(process, world.outbox),
    mortal(process, world.store),
    mortal(process, world.sns.topics),
    mortal(process, world.sns.publisher),
    mortal(process, world.notifications),
  ];
  const deployments = {
    read: () => Promise.resolve({ publicUrl: 'https://switchboard.example', isMoving: false }),
    write: () => Promise.resolve(),
    credentials: () => Promise.resolve({ credentials: [], cursor: undefined }),
  };
  return process.live(async () => {
    await watchCredentials([change, change], { outbox, queues, journal, consoleUrl: 'https://c.example', now });
    await sweepWork({
      tickets,
      deployments,
      queues,
      journal,
      publicUrl: 'https://switchboard.example',
      now,
      timeLeft: () => 60_000,
    });
    for (let message = queue.shift(); message !== undefined; message = queue.shift())
      await workOff(
        message,
        (work) => {
          if (work.kind !== 'publish-alert') throw new RangeError('Nothing else is to be done here');
          return publishAlert(work, { notifications, topics, publisher, journal });
        },
        { tickets, queues, now },
      );
  });
};

const heardBy = ({ sns }: Lasting, whom: string) => sns.heard.filter(({ by }) => by === whom).map(({ alert }) => alert);

const undisturbed = async () => {
  const world = await lasting();
  const process = new MortalProcess();
  await live(world, process, 0);
  return { world, calls: process.calls };
};

describe('that a credential has become invalid', () => {
  test('is told once to its owner and once to the operator, by a process that lives', async () => {
    const { world, calls } = await undisturbed();
    expect(calls).toBeGreaterThan(10);
    expect(heardBy(world, address)).toHaveLength(1);
    expect(heardBy(world, 'operator')).toHaveLength(1);
    expect(world.opened.size).toBe(0);
    expect(world.outbox.lines()).toHaveLength(1);
  });

  test('is told whatever call the process dies at: once, or once more under the same id where SNS had just taken it', async () => {
    const { calls } = await undisturbed();
    for (let at = 1; at <= calls; at++)
      for (const when of ['before', 'after'] as const) {
        const world = await lasting();
        expect(await live(world, new MortalProcess({ at, when }), 0)).toBe('died');
        const heardBefore = world.sns.heard.length;
        expect(await live(world, new MortalProcess(), 10)).toBe('finished');
        for (const whom of [address, 'operator']) {
          const alerts = heardBy(world, whom);
          const where = `${whom}, died ${when} call ${at}`;
          expect(new Set(alerts.map(({ id }) => id)).size, where).toBe(1);
          expect(alerts.length, where).toBeLessThanOrEqual(heardBefore > 0 ? 2 : 1);
        }
        expect(world.sns.heard.length).toBeLessThanOrEqual(3);
        expect(world.opened.size).toBe(0);
        expect(world.outbox.lines()).toHaveLength(1);
      }
  });
});
