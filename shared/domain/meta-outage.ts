import type { OperatorNotice } from '../contracts/alert.ts';
import { digestOf } from '../crypto/identifiers.ts';
import type { Journal } from './journal.ts';
import { newTicket, type Ticket, type WorkQueues } from './work.ts';

// An outage of Meta is one thing, however many credentials it hits: their owners are not told, and operators once. It is told from the checks by
// the clock, each of which asks about another credential.

/** How often Meta answered checks of late, and how often it failed to. */
export interface AnswerCount {
  readonly answered: number;
  readonly unanswered: number;
}

export interface OutageStore {
  /** Counts one check. Best effort: nothing hangs on a single one. @throws {Fault} store-unavailable */
  count(isOutage: boolean, now: Date): Promise<void>;
  /** Of the last ten minutes or so. @throws {Fault} store-unavailable, row-malformed */
  recent(now: Date): Promise<AnswerCount>;
  /** Since when Meta is out of order; null: it is not. @throws {Fault} store-unavailable, row-malformed */
  find(): Promise<Date | null>;
  /** With the ticket of who is told; false when somebody else has changed it since. @throws {Fault} store-unavailable */
  change(before: Date | null, after: Date | null, ticket: Ticket): Promise<boolean>;
}

export interface JudgeOutagePorts {
  readonly outages: OutageStore;
  /** Where what is told is asked for. */
  readonly telling: WorkQueues;
  readonly journal: Journal;
  readonly now: () => Date;
}

/** Fewer are no outage, whatever share they are: with a handful of credentials the rate of failed calls tells operators. */
const fewestUnanswered = 5;

/** Half of the checks make an outage, and a tenth of them still is one: it does not end and begin again with every other check. */
const shareToBegin = 0.5;
const shareToEnd = 0.1;

/** Undefined: it is as it was. */
export const judged = (since: Date | null, { answered, unanswered }: AnswerCount): 'begins' | 'ends' | undefined => {
  const share = unanswered / Math.max(1, answered + unanswered);
  if (since === null) return unanswered >= fewestUnanswered && share >= shareToBegin ? 'begins' : undefined;
  return answered > 0 && share < shareToEnd ? 'ends' : undefined;
};

/** Finds out whether an outage of Meta has begun or ended, and has operators told, once for each. */
export const judgeOutage = async ({ outages, telling, journal, now }: JudgeOutagePorts): Promise<void> => {
  const at = now();
  const since = await outages.find();
  const count = await outages.recent(at);
  const change = judged(since, count);
  if (change === undefined) return;
  const ticket = newTicket({ kind: 'tell-operators', notice: noticeOf(change, since ?? at, at, count) }, at);
  if (!(await outages.change(since, change === 'begins' ? at : null, ticket))) return;
  journal.warn(change === 'begins' ? 'meta-outage' : 'meta-outage-over', { count: count.unanswered });
  // One that is not queued is found by the sweeper.
  await telling.send(ticket).catch(() => undefined);
};

const statusPage = 'https://metastatus.com/whatsapp-business-api';

const noticeOf = (
  change: 'begins' | 'ends',
  since: Date,
  at: Date,
  { answered, unanswered }: AnswerCount,
): OperatorNotice => {
  const kind = change === 'begins' ? 'meta.outage' : 'meta.outage-over';
  const common = {
    id: `alert_${digestOf(kind, since.toISOString())}`,
    kind,
    at: at.toISOString(),
    link: statusPage,
  } as const;
  return change === 'begins'
    ? {
        ...common,
        severity: 'warning',
        title: 'Meta does not answer',
        detail: `Of the last ${answered + unanswered} checks of credentials ${unanswered} got no answer. No credential is disabled by that, and no owner is told.`,
        guidance:
          'Nothing to do: Meta is asked again by itself. Sends may fail meanwhile; what agents answer is repeated for minutes.',
      }
    : {
        ...common,
        severity: 'info',
        title: 'Meta answers again',
        detail: `It did not answer as it should since ${since.toISOString()}.`,
        guidance: 'Nothing to do.',
      };
};
