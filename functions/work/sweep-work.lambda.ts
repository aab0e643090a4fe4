import type { Context } from 'aws-lambda';
import { dynamoDb } from '../../shared/adapters/aws-clients.ts';
import { deploymentStore } from '../../shared/adapters/deployment-store.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { sweepWork } from '../../shared/domain/sweep-work.ts';
import { setting } from '../edge/environment.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { scheduledLambda } from '../edge/scheduled-lambda.ts';

/** Looks after work that nobody has finished in its time, and moves webhooks to a new public address. */
export const handler = scheduledLambda((context: Context) =>
  sweepWork({
    tickets: ports.tickets(),
    deployments: deploymentStore(dynamoDb(), setting(environmentName.directoryTable)),
    queues: ports.workQueues(),
    journal,
    publicUrl: setting(environmentName.publicUrl),
    now: () => new Date(),
    timeLeft: () => context.getRemainingTimeInMillis(),
  }),
);
