import { dueCheck } from '../../shared/contracts/work.ts';
import { checkCredential, checkDue } from '../../shared/domain/check-credential.ts';
import { jsonOf } from '../../shared/domain/json.ts';
import * as ports from '../edge/ports.ts';
import { queueLambda } from '../edge/queue-lambda.ts';
import { serveWork } from '../edge/work-lambda.ts';

/** Kept back of an invocation's time for writing down what was seen. In milliseconds. */
const closingReserve = 5_000;

const serveAsked = serveWork((work, timeLeft) => {
  if (work.kind !== 'check-credential') throw new RangeError('Not work of this function');
  return checkCredential(work, ports.checking(timeLeft));
});

/**
 * Asks Meta about credentials: those whose time has come, and those that somebody has asked about or that a refused send has cast doubt on. Disables on
 * proof alone.
 */
export const handler = queueLambda(
  async (record, context, alongside) => {
    const due = dueCheck.safeParse(jsonOf(record.body));
    if (!due.success) return serveAsked(record, context, alongside);
    await checkDue(due.data, {
      ...ports.checking(() => context.getRemainingTimeInMillis() - closingReserve),
      schedule: ports.checkSchedule(),
      random: Math.random,
    });
    return true;
  },
  () => Promise.resolve(),
);
