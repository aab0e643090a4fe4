import { type WorkMessage, workMessage } from '../../shared/contracts/work.ts';
import { Fault } from '../../shared/domain/fault.ts';
import { type WorkOutcome, workOff } from '../../shared/domain/work.ts';
import * as ports from './ports.ts';
import { queueLambda } from './queue-lambda.ts';

/** Kept back of an invocation's time for giving the work another date. In milliseconds. */
const closingReserve = 3_000;

/**
 * A Lambda that serves a queue of work. What Meta leaves open is given another date; what an outage of ours stops stays in the
 * queue; and what was removed in the middle of it is done with.
 */
export const workLambda = (perform: (work: WorkMessage['work'], timeLeft: () => number) => Promise<WorkOutcome>) =>
  queueLambda(
    async (record, context) => {
      const message = workMessage.parse(JSON.parse(record.body));
      const timeLeft = () => context.getRemainingTimeInMillis() - closingReserve;
      const orLater = async (work: WorkMessage['work']): Promise<WorkOutcome> => {
        try {
          return await perform(work, timeLeft);
        } catch (error) {
          if (error instanceof Fault && error.code === 'credential-removed') return 'done';
          if (error instanceof Fault && error.code === 'meta-unreachable') return { outcome: 'later' };
          throw error;
        }
      };
      await workOff(message, orLater, { tickets: ports.tickets(), queues: ports.workQueues(), now: () => new Date() });
      return true;
    },
    () => Promise.resolve(),
  );
