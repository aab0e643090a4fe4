import * as z from 'zod';
import { dueCheck, suspicion } from '../../shared/contracts/work.ts';
import { checkCredential, checkDue, checkSuspect } from '../../shared/domain/check-credential.ts';
import { jsonOf } from '../../shared/domain/json.ts';
import * as ports from '../edge/ports.ts';
import { queueLambda } from '../edge/queue-lambda.ts';
import { serveWork } from '../edge/work-lambda.ts';

/** Kept back of an invocation's time for writing down what was seen. In milliseconds. */
const closingReserve = 5_000;

const withoutTicket = z.union([dueCheck, suspicion]);

const serveAsked = serveWork((work, timeLeft) => {
  if (work.kind !== 'check-credential') throw new RangeError('Not work of this function');
  return checkCredential(work, ports.checking(timeLeft));
});

/**
 * Asks Meta about credentials: those whose time has come, and those that somebody has asked about or that a refused send or wrong signatures have
 * made doubtful. Disables on proof alone.
 */
export const handler = queueLambda(
  async (record, context, alongside) => {
    const check = withoutTicket.safeParse(jsonOf(record.body)).data;
    if (check === undefined) return serveAsked(record, context, alongside);
    const checking = ports.checking(() => context.getRemainingTimeInMillis() - closingReserve);
    if ('suspectedAt' in check) await checkSuspect(check, checking);
    else await checkDue(check, { ...checking, schedule: ports.checkSchedule(), outages: ports.outages() });
    return true;
  },
  () => Promise.resolve(),
);
