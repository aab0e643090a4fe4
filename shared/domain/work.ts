import { ulid } from 'ulid';
import type { Work } from '../contracts/work.ts';
import { Fault } from './fault.ts';

/**
 * A note that work is to be done, written in the transaction that makes it necessary and taken away when it is done: whoever dies in
 * between, the sweeper finds the note. Ids sort by the time at which somebody must look again.
 */
export interface Ticket {
  readonly id: string;
  readonly work: Work;
  /** How often the work could not be done yet. */
  readonly attempts: number;
}

/** How long whoever made a ticket, or took it up, has before the sweeper looks after it. In milliseconds. */
const grace = 2 * 60 * 1000;

/** Meta's short troubles last seconds, its outages hours: the pause doubles from one to the other. In milliseconds. */
const firstPause = 5_000;
const longestPause = 60 * 60 * 1000;

const idFor = (due: number): string => `${new Date(due).toISOString()}#${ulid()}`;

/** Everything that is due sorts before this. */
export const dueBefore = (now: Date): string => now.toISOString();

/** For work that is queued at once; `due` for work that must wait. */
export const newTicket = (work: Work, now: Date, due?: Date): Ticket => ({
  id: idFor(due?.getTime() ?? now.getTime() + grace),
  work,
  attempts: 0,
});

export interface Postponed {
  readonly ticket: Ticket;
  /** When the work is to be tried again, in milliseconds from now. */
  readonly pause: number;
}

/** The same work, to be tried again later; never later than `deadline`. */
export const postponed = (
  { work, attempts }: Pick<Ticket, 'work' | 'attempts'>,
  now: Date,
  { deadline, pause: wanted }: { readonly deadline?: Date; readonly pause?: number } = {},
): Postponed => {
  const pause =
    wanted ??
    Math.min(
      firstPause * 2 ** Math.min(attempts, 20),
      longestPause,
      Math.max(0, (deadline?.getTime() ?? Number.POSITIVE_INFINITY) - now.getTime()),
    );
  return { ticket: { id: idFor(now.getTime() + pause + grace), work, attempts: attempts + 1 }, pause };
};

export interface Tickets {
  /** Undefined when somebody has dealt with it meanwhile. */
  find(id: string): Promise<Ticket | undefined>;
  /** Puts another ticket in its place. False when it is gone. */
  replace(id: string, next: Ticket): Promise<boolean>;
  close(id: string): Promise<void>;
}

export interface WorkQueues {
  /** `delay` in milliseconds. @throws {Fault} queue-unavailable */
  send(ticket: Pick<Ticket, 'id' | 'work'>, delay?: number): Promise<void>;
}

/**
 * `again`: there is more of it, at once; `work`: what is left. `later`: it can't be done now; `pause`: when it is to be tried again, in
 * milliseconds from now; else the pause grows with the attempts.
 */
export type WorkOutcome =
  | 'done'
  | 'again'
  | { readonly outcome: 'again'; readonly work: Work }
  | { readonly outcome: 'later'; readonly deadline?: Date; readonly pause?: number };

/**
 * Does the work of one message and takes its ticket away, or gives it another date. A ticket that is gone was dealt with by
 * somebody else. What Meta leaves open is tried again later, what was removed in the middle of it is done with; whatever else is
 * thrown leaves the message in the queue.
 */
export const workOff = async (
  message: { readonly ticket: string; readonly work: Work },
  perform: (work: Work) => Promise<WorkOutcome>,
  ports: { readonly tickets: Tickets; readonly queues: WorkQueues; readonly now: () => Date },
): Promise<void> => {
  const ticket = await ports.tickets.find(message.ticket);
  if (ticket === undefined) return;
  const outcome = await perform(ticket.work).catch(outcomeOf);
  if (outcome === 'done') return ports.tickets.close(ticket.id);
  if (outcome === 'again') return ports.queues.send(ticket);
  const { ticket: next, pause } =
    outcome.outcome === 'again'
      ? { ticket: { ...newTicket(outcome.work, ports.now()), attempts: ticket.attempts }, pause: 0 }
      : postponed(ticket, ports.now(), outcome);
  if (await ports.tickets.replace(ticket.id, next)) await ports.queues.send(next, pause);
};

const outcomeOf = (error: unknown): WorkOutcome => {
  if (error instanceof Fault && error.code === 'credential-removed') return 'done';
  if (error instanceof Fault && error.code === 'meta-unreachable') return { outcome: 'later' };
  throw error;
};
