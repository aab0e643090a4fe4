import { beforeEach, describe, expect, test } from 'vitest';
import type { Work } from '../../../shared/contracts/work.ts';
import {
  dueBefore,
  newTicket,
  postponed,
  type Ticket,
  type WorkOutcome,
  workOff,
} from '../../../shared/domain/work.ts';
import { ids } from '../../support/records.ts';

const now = new Date('2026-11-22T10:00:00Z');
const work: Work = { kind: 'clean-up', tenantId: ids.tenant, credentialId: ids.credential };

let open: Map<string, Ticket>;
let sent: { readonly id: string; readonly delay: number | undefined }[];
let performed: Work[];

beforeEach(() => {
  open = new Map();
  sent = [];
  performed = [];
});

const ports = {
  tickets: {
    find: (id: string) => Promise.resolve(open.get(id)),
    replace: (id: string, next: Ticket) => {
      if (!open.delete(id)) return Promise.resolve(false);
      open.set(next.id, next);
      return Promise.resolve(true);
    },
    close: (id: string) => {
      open.delete(id);
      return Promise.resolve();
    },
  },
  queues: {
    send: ({ id }: { readonly id: string }, delay?: number) => {
      sent.push({ id, delay });
      return Promise.resolve();
    },
  },
  now: () => now,
};

const workOn = (ticket: Ticket, outcome: WorkOutcome | Error) =>
  workOff(
    { ticket: ticket.id, work: ticket.work },
    (asked) => {
      performed.push(asked);
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
    ports,
  );

const opened = (): Ticket => {
  const ticket = newTicket(work, now);
  open.set(ticket.id, ticket);
  return ticket;
};

describe('a ticket', () => {
  test('is due two minutes after it was made: whoever made it has that long', () => {
    const { id } = newTicket(work, now);
    expect(id < dueBefore(now)).toBe(false);
    expect(id < dueBefore(new Date('2026-11-22T10:01:59.999Z'))).toBe(false);
    expect(id < dueBefore(new Date('2026-11-22T10:02:00.001Z'))).toBe(true);
  });

  test('for later is due then', () => {
    const { id } = newTicket(work, now, new Date('2026-11-29T10:00:00Z'));
    expect(id).toMatch(/^2026-11-29T10:00:00\.000Z#/);
  });

  test('is another one each time, also within a millisecond', () => {
    expect(newTicket(work, now).id).not.toBe(newTicket(work, now).id);
  });
});

describe('work that can’t be done yet', () => {
  test('waits twice as long each time, from seconds to an hour', () => {
    const pauses = [0, 1, 2, 9, 10, 40, 5000].map((attempts) => postponed({ work, attempts }, now).pause);
    expect(pauses).toEqual([5_000, 10_000, 20_000, 2_560_000, 3_600_000, 3_600_000, 3_600_000]);
  });

  test('is never put off beyond its deadline', () => {
    const deadline = new Date(now.getTime() + 90_000);
    expect(postponed({ work, attempts: 20 }, now, { deadline }).pause).toBe(90_000);
    expect(postponed({ work, attempts: 20 }, new Date(deadline.getTime() + 1), { deadline }).pause).toBe(0);
  });

  test('gets a later ticket in place of the one it had, and is queued with the pause', async () => {
    await workOn(opened(), { outcome: 'later' });
    const [next] = [...open.values()];
    expect(open.size).toBe(1);
    expect(next).toMatchObject({ work, attempts: 1 });
    expect(sent).toEqual([{ id: next?.id, delay: 5_000 }]);
  });
});

test('work that is done has no ticket any more', async () => {
  await workOn(opened(), 'done');
  expect(open.size).toBe(0);
  expect(sent).toEqual([]);
});

test('work of which there is more goes on at once, under the same ticket', async () => {
  const ticket = opened();
  await workOn(ticket, 'again');
  expect([...open.keys()]).toEqual([ticket.id]);
  expect(sent).toEqual([{ id: ticket.id, delay: undefined }]);
});

test('a message whose ticket is gone was dealt with: nothing is done', async () => {
  await workOn(newTicket(work, now), 'done');
  expect(performed).toEqual([]);
});

test('the ticket says what is to be done, whatever the message says', async () => {
  const ticket = opened();
  const forged: Work = { kind: 'clean-up', tenantId: ids.tenant, credentialId: ids.otherCredential };
  await workOff(
    { ticket: ticket.id, work: forged },
    (asked) => {
      performed.push(asked);
      return Promise.resolve('done');
    },
    ports,
  );
  expect(performed).toEqual([work]);
});

test('work that throws keeps its ticket', async () => {
  const ticket = opened();
  await expect(workOn(ticket, new Error('crash'))).rejects.toThrow('crash');
  expect([...open.keys()]).toEqual([ticket.id]);
});
