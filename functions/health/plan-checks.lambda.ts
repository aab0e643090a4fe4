import { sqs } from '../../shared/adapters/aws-clients.ts';
import { dueChecksQueue } from '../../shared/adapters/sqs-queues.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { planChecks } from '../../shared/domain/plan-checks.ts';
import { setting } from '../edge/environment.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { scheduledLambda } from '../edge/scheduled-lambda.ts';

/** Queues every check of a credential whose time has come. */
export const handler = scheduledLambda((context) =>
  planChecks({
    schedule: ports.checkSchedule(),
    queue: dueChecksQueue(sqs(), setting(environmentName.dueCheckQueueUrl)),
    journal,
    now: () => new Date(),
    timeLeft: () => context.getRemainingTimeInMillis(),
  }),
);
