import pMap from 'p-map';
import type { DueCheck } from '../contracts/work.ts';
import { type CheckSchedule, partitions } from './check-schedule.ts';
import type { Journal } from './journal.ts';

export interface PlanChecksPorts {
  readonly schedule: Pick<CheckSchedule, 'due' | 'lease'>;
  readonly queue: {
    /** Up to ten. @throws {Fault} queue-unavailable unless the queue has taken all of them */
    send(checks: readonly DueCheck[]): Promise<void>;
  };
  /** How many checks are made at once. */
  readonly concurrency: number;
  readonly journal: Journal;
  readonly now: () => Date;
  /** How much of the invocation is left, in milliseconds. */
  readonly timeLeft: () => number;
}

/**
 * So long a check may take from being queued to its end: what has not ended by then is queued again. Three times the interval of the planner, so that a
 * worker that died costs a quarter of an hour and a slow queue no second message every five minutes. In milliseconds.
 */
export const leaseLength = 15 * 60_000;

/**
 * What one worker can do until the next start of the planner, at two seconds a check. No more is queued than the workers can do: after an outage of ours
 * everything is due at once, and what waited longer than its lease would be queued again and again.
 */
const checksOfWorker = 150;

/** A check that has waited so long waits for us. In milliseconds. */
const overdueAfter = 60 * 60_000;

/** What one message batch of SQS takes. */
const atOnce = 10;
const partitionsAtOnce = 4;

/** As long as from one start of the planner to the next. In milliseconds. */
const rotation = 5 * 60_000;

/** No new batch is begun in the last part of an invocation. In milliseconds. */
const closingReserve = 5_000;

/**
 * Queues every check whose time has come. Each is leased before it is queued: whoever dies in between leaves an entry that comes up again, and no two
 * planners queue the same one.
 */
export const planChecks = async (ports: PlanChecksPorts): Promise<void> => {
  const counts = { queued: 0, overdue: 0 };
  const most = Math.ceil((ports.concurrency * checksOfWorker) / partitions);
  // Another one is the first each time: whatever stops a planner half-way stops it elsewhere next time.
  const first = Math.floor(ports.now().getTime() / rotation) % partitions;
  try {
    await pMap(
      Array.from({ length: partitions }, (_, index) => (first + index) % partitions),
      (partition) => planPartition(partition, most, counts, ports),
      { concurrency: partitionsAtOnce, stopOnError: false },
    );
  } finally {
    // Counted even when there are none: an alarm that hears nothing can't tell a good hour from a planner that does not run.
    ports.journal.count('ChecksPlanned', counts.queued);
    ports.journal.count('ChecksOverdue', counts.overdue);
    if (counts.queued > 0) ports.journal.info('checks-planned', { count: counts.queued });
  }
};

const planPartition = async (
  partition: number,
  most: number,
  counts: { queued: number; overdue: number },
  { schedule, queue, now, timeLeft }: PlanChecksPorts,
): Promise<void> => {
  for (let begun = 0; begun < most && timeLeft() > closingReserve; begun += atOnce) {
    const at = now();
    const due = await schedule.due(partition, at, Math.min(atOnce, most - begun));
    const leases = await Promise.allSettled(
      due.map((check) => schedule.lease(check, new Date(at.getTime() + leaseLength))),
    );
    const own = leases.flatMap((lease) => (lease.status === 'fulfilled' ? (lease.value ?? []) : []));
    if (own.length > 0) await queue.send(own);
    counts.queued += own.length;
    counts.overdue += own.filter(({ dueAt }) => at.getTime() - Date.parse(dueAt) > overdueAfter).length;
    const failed = leases.find((lease) => lease.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    if (due.length < atOnce) return;
  }
};
