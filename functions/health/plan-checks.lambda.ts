import { sqs } from '../../shared/adapters/aws-clients.ts';
import { dueChecksQueue } from '../../shared/adapters/sqs-queues.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { judgeOutage } from '../../shared/domain/meta-outage.ts';
import { planChecks } from '../../shared/domain/plan-checks.ts';
import { setting } from '../edge/environment.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { scheduledLambda } from '../edge/scheduled-lambda.ts';

/** Queues every check of a credential whose time has come, and tells from those that were made whether Meta is out of order. */
export const handler = scheduledLambda(async (context) => {
  const now = () => new Date();
  // Neither waits for the other to be well.
  const [planned, judged] = await Promise.allSettled([
    planChecks({
      schedule: ports.checkSchedule(),
      queue: dueChecksQueue(sqs(), setting(environmentName.dueCheckQueueUrl)),
      concurrency: Number(setting(environmentName.checkConcurrency)),
      journal,
      now,
      timeLeft: () => context.getRemainingTimeInMillis(),
    }),
    judgeOutage({ outages: ports.outages(), telling: ports.workQueues(), journal, now }),
  ]);
  for (const result of [planned, judged]) if (result.status === 'rejected') throw result.reason;
});
