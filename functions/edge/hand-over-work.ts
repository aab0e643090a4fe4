import type { Journal } from '../../shared/domain/journal.ts';
import type { Ticket, WorkQueues } from '../../shared/domain/work.ts';
import { safeError } from './operator-journal.ts';

/**
 * Queues work whose ticket is stored. False when the queue fails: that must not cost the answer, for the sweeper finds the ticket.
 */
export const handOverWork = async (
  ticket: Ticket,
  { queues, journal }: { readonly queues: WorkQueues; readonly journal: Journal },
): Promise<boolean> => {
  try {
    await queues.send(ticket);
    return true;
  } catch (error) {
    journal.error('work-not-queued', { kind: ticket.work.kind, ...safeError(error) });
    return false;
  }
};
