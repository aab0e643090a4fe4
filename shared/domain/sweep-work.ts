import type { Journal } from './journal.ts';
import type { CredentialRecord } from './records.ts';
import { newTicket, postponed, type Ticket, type Tickets, type WorkQueues } from './work.ts';

export interface SweepPorts {
  readonly tickets: Tickets & {
    open(ticket: Ticket): Promise<void>;
    due(now: Date, limit: number): Promise<readonly Ticket[]>;
  };
  readonly deployments: {
    /** Where the webhooks of this stack were last moved to, and how far that has come. */
    read(): Promise<Deployment | undefined>;
    write(deployment: Deployment): Promise<void>;
    /** A page of all credentials, in no particular order. */
    credentials(cursor: string | undefined): Promise<{
      readonly credentials: readonly CredentialRecord[];
      readonly cursor: string | undefined;
    }>;
  };
  readonly queues: WorkQueues;
  readonly journal: Journal;
  readonly publicUrl: string;
  readonly now: () => Date;
  readonly timeLeft: () => number;
}

export interface Deployment {
  readonly publicUrl: string;
  /** While webhooks are being moved: where to go on. */
  readonly cursor?: string | undefined;
  readonly isMoving: boolean;
}

const ticketsAtOnce = 25;

/** Between two set-ups of a move: Meta counts calls per app and account, and ours must not crowd out the users'. In milliseconds. */
const pauseBetweenSetUps = 1_000;

/** No new page is begun in the last part of an invocation. In milliseconds. */
const closingReserve = 5_000;

/** Looks after work that nobody has finished in its time, and moves webhooks to a new public address. */
export const sweepWork = async (ports: SweepPorts): Promise<void> => {
  await queueOverdue(ports);
  await moveWebhooks(ports);
};

const queueOverdue = async (ports: SweepPorts): Promise<void> => {
  let queued = 0;
  while (ports.timeLeft() > closingReserve) {
    const due = await ports.tickets.due(ports.now(), ticketsAtOnce);
    for (const ticket of due) {
      // Given its next date first: whoever dies here leaves a ticket that comes up again.
      const { ticket: next } = postponed(ticket, ports.now());
      if (!(await ports.tickets.replace(ticket.id, next))) continue;
      await ports.queues.send(next);
      queued++;
    }
    if (due.length < ticketsAtOnce) break;
  }
  if (queued > 0) ports.journal.warn('work-overdue', { count: queued });
};

const moveWebhooks = async (ports: SweepPorts): Promise<void> => {
  const known = await ports.deployments.read();
  const { publicUrl } = ports;
  if (known === undefined) return ports.deployments.write({ publicUrl, isMoving: false });
  if (known.publicUrl === publicUrl && !known.isMoving) return;
  let cursor = known.publicUrl === publicUrl ? known.cursor : undefined;
  let moved = 0;
  do {
    const page = await ports.deployments.credentials(cursor);
    for (const { tenantId, credentialId, status, webhookUrl } of page.credentials) {
      if (status === 'removing' || webhookUrl.startsWith(`${publicUrl}/`)) continue;
      const ticket = newTicket({ kind: 'set-up', tenantId, credentialId, reclaim: false }, ports.now());
      await ports.tickets.open(ticket);
      await ports.queues.send(ticket, moved++ * pauseBetweenSetUps);
    }
    cursor = page.cursor;
    await ports.deployments.write({ publicUrl, cursor, isMoving: cursor !== undefined });
  } while (cursor !== undefined && ports.timeLeft() > closingReserve);
  if (moved > 0) ports.journal.info('webhooks-moving', { count: moved });
};
