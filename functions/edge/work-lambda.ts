import { type WorkMessage, workMessage } from '../../shared/contracts/work.ts';
import { type WorkOutcome, workOff } from '../../shared/domain/work.ts';
import * as ports from './ports.ts';
import { queueLambda, type ServeMessage } from './queue-lambda.ts';

/** Kept back of an invocation's time for giving the work another date. In milliseconds. */
const closingReserve = 3_000;

type Perform = (work: WorkMessage['work'], timeLeft: () => number) => Promise<WorkOutcome>;

/** Does the work that one message names, if its ticket is still there. */
export const serveWork =
  (perform: Perform): ServeMessage =>
  async (record, context) => {
    const message = workMessage.parse(JSON.parse(record.body));
    const timeLeft = () => context.getRemainingTimeInMillis() - closingReserve;
    await workOff(message, (work) => perform(work, timeLeft), {
      tickets: ports.tickets(),
      queues: ports.workQueues(),
      now: () => new Date(),
    });
    return true;
  };

/** A Lambda that serves a queue of work. What an outage of ours stops stays in the queue. */
export const workLambda = (perform: Perform) => queueLambda(serveWork(perform), () => Promise.resolve());
