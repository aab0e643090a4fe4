import { Duration, Validations } from 'aws-cdk-lib';
import { Grant } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Alerts } from './alerts.ts';
import type { DataKey } from './data-key.ts';
import type { HandlerFunction } from './handler-function.ts';

/** A stream forgets after 24 hours. */
const longestLag = Duration.hours(1);

/** A fault that is mended before costs nothing; after it the place of the batch in the stream, which keeps it for 24 hours, lies in the queue. */
const repeats = 100;

export interface ChangeFeed {
  readonly dataKey: DataKey;
  readonly alerts: Alerts;
  readonly streamArn: string;
  /** Lets the worker hear of the changes. */
  readonly hear: Grant;
  /** Which changes it hears of. Source: AWS Lambda developer guide, "Event filter patterns". */
  readonly filters: NonNullable<ConstructorParameters<typeof EventSourceMapping>[2]['filters']>;
  /** Changes per invocation. */
  readonly batchSize: number;
  /**
   * How many batches of a shard are heard at the same time, each of other partitions of the table. Default: one after the other. Source: AWS Lambda
   * developer guide, "ParallelizationFactor".
   */
  readonly lanes?: number;
  /** Where the place of what it has failed at a hundred times is kept. */
  readonly givenUp: Queue;
}

/** An encrypted queue for the places in a stream of batches that were given up. `meaning` says what lies in it. */
export function givenUpQueue(scope: Construct, id: string, dataKey: DataKey, meaning: string): Queue {
  const queue = new Queue(scope, id, {
    encryption: QueueEncryption.KMS,
    encryptionMasterKey: dataKey.key,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  });
  Validations.of(queue).acknowledge(
    { id: 'AwsSolutions-SQS3', reason: meaning },
    { id: 'Serverless-SQSRedrivePolicy', reason: meaning },
  );
  return queue;
}

/** Has the worker hear of the changes of a table from the oldest on that its stream has. */
export function deliverChanges(worker: HandlerFunction, feed: ChangeFeed): void {
  feed.dataKey.grantWrite(worker, 'sqs');
  const giveUp = Grant.addToPrincipal({
    grantee: worker,
    actions: ['sqs:SendMessage'],
    resourceArns: [feed.givenUp.queueArn],
  });
  const mapping = new EventSourceMapping(worker, 'Changes', {
    target: worker.function,
    eventSourceArn: feed.streamArn,
    startingPosition: StartingPosition.TRIM_HORIZON,
    filters: [...feed.filters],
    batchSize: feed.batchSize,
    ...(feed.lanes === undefined ? {} : { parallelizationFactor: feed.lanes }),
    bisectBatchOnError: true,
    retryAttempts: repeats,
    // Why not SqsDlq: it would grant the data key for more than SQS.
    onFailure: { bind: () => ({ destination: feed.givenUp.queueArn }) },
  });
  for (const grant of [feed.hear, giveUp]) grant.applyBefore(mapping);
  feed.alerts.onLag(worker, longestLag, {
    name: 'ChangesDelayed',
    severity: 'critical',
    meaning: 'A function hears of changes an hour late, and what it has not heard after 24 hours is lost to it.',
  });
}
