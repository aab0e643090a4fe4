import type { AgentId } from '../contracts/ids.ts';
import type { Circuit, NumberRecord } from './records.ts';
import type { Ticket } from './work.ts';

/** One event that failed in so many rounds opens the circuit of its target. */
const mostRounds = 3;

/** Nothing but failures for so long opens it too. In milliseconds. */
const longestFailing = 2 * 60 * 1000;

export interface CircuitStore {
  /**
   * Writes the state of a target with the work that it makes necessary; `after` undefined: it is in order. False when somebody else has
   * written it since it was read, or the number is no longer the tenant's.
   */
  change(
    number: NumberRecord,
    agentId: AgentId,
    after: Circuit | undefined,
    tickets: readonly Ticket[],
  ): Promise<boolean>;
}

/**
 * What a failed round makes of a target; the same object: nothing new. `event-at-fault`: the event has failed in all its rounds although
 * others got through meanwhile, so the target is not to blame.
 */
export const afterFailure = (
  before: Circuit | undefined,
  failure: { readonly isGone: boolean; readonly rounds: number },
  now: Date,
): Circuit | 'event-at-fault' => {
  const at = now.toISOString();
  if (failure.isGone) return { state: 'gone', since: at };
  if (before === undefined) return failure.rounds >= mostRounds ? 'event-at-fault' : { state: 'failing', since: at };
  if (before.state !== 'failing') return before;
  const failingFor = now.getTime() - new Date(before.since).getTime();
  return failure.rounds >= mostRounds || failingFor >= longestFailing ? { state: 'open', since: at } : before;
};

/** Soon after a target began to fail it is tried again often, later seldom. In milliseconds. */
const earlyProbes = 30_000;
const lateProbes = 5 * 60 * 1000;
const earlyTime = 5 * 60 * 1000;

/** How long an open target is left alone until the next try, in milliseconds. */
export const probePause = (circuit: Circuit, now: Date): number =>
  now.getTime() - new Date(circuit.since).getTime() < earlyTime ? earlyProbes : lateProbes;
