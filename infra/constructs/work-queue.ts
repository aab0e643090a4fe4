import { Duration, Validations } from 'aws-cdk-lib';
import { Grant } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IConstruct } from 'constructs';
import type { EnvironmentName } from '../../shared/contracts/environment.ts';
import { mostReceives } from '../../shared/contracts/queued-events.ts';
import type { Alerts, NamedAlarm } from './alerts.ts';
import type { DataKey } from './data-key.ts';
import type { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';

/** The longest that SQS keeps a message. */
const retention = Duration.days(14);

/** What it tells the operator that a message of a queue failed for good, unless the queue says it in words of its own. */
const workDeadLettered: NamedAlarm = {
  name: 'WorkDeadLettered',
  severity: 'warning',
  meaning: 'Work that a change left behind failed for good.',
};

export interface WorkQueueProps extends HouseProps {
  readonly alerts: Alerts;
  /** Rings when a message failed for good. Default: `WorkDeadLettered`. */
  readonly deadLetterAlarm?: NamedAlarm;
  /** Variable that tells a grantee the URL of the queue. */
  readonly variable: EnvironmentName;
  /** When a message that nobody has dealt with is seen again. Default: as in the settings, for functions of up to 30 s. */
  readonly visibility?: Duration;
  /** Messages of a group keep their order; groups do not wait for each other. */
  readonly ordered: boolean;
}

export interface Work {
  /** Messages per invocation. An ordered queue allows 10. */
  readonly batchSize: number;
  /** Invocations at once. Default: 10, so that work that can wait leaves the account's concurrency to the webhooks. */
  readonly maxConcurrency?: number;
}

const workersAtOnce = 10;

/** An encrypted queue with its dead-letter queue, TLS only. */
export class WorkQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  readonly #dataKey: DataKey;
  readonly #variable: EnvironmentName;

  constructor(scope: Construct, id: string, props: WorkQueueProps) {
    super(scope, id);
    this.#dataKey = props.dataKey;
    this.#variable = props.variable;
    const kept = {
      ...(props.ordered
        ? {
            fifo: true,
            contentBasedDeduplication: false,
            deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
            fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
          }
        : {}),
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: props.dataKey.key,
      enforceSSL: true,
      retentionPeriod: retention,
    };
    this.deadLetterQueue = new Queue(this, 'DeadLetters', kept);
    Validations.of(this.deadLetterQueue).acknowledge({
      id: 'Serverless-SQSRedrivePolicy',
      reason: 'It is the dead-letter queue: what lies in it waits for an operator.',
    });
    props.alerts.onDeadLetters(this.deadLetterQueue, props.deadLetterAlarm ?? workDeadLettered);
    this.queue = new Queue(this, 'Queue', {
      ...kept,
      visibilityTimeout: props.visibility ?? Duration.seconds(props.settings.queueVisibilitySeconds),
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: mostReceives },
    });
  }

  /** Every queue of work below a construct, in the order in which they were made. */
  static allIn(scope: IConstruct): readonly WorkQueue[] {
    return scope.node.findAll().filter((it) => it instanceof WorkQueue);
  }

  /** Lets the grantee send messages and tells it the URL of the queue. */
  grantSend(grantee: HandlerFunction): Grant {
    this.#dataKey.grantWrite(grantee, 'sqs');
    return this.#grant(grantee, ['sqs:SendMessage']);
  }

  /** Has the worker handle the messages, with partial batch failures, and lets it postpone single ones. */
  deliverTo(worker: HandlerFunction, work: Work): void {
    this.#dataKey.grantRead(worker, 'sqs');
    const consume = this.#grant(worker, [
      'sqs:ReceiveMessage',
      'sqs:DeleteMessage',
      'sqs:ChangeMessageVisibility',
      'sqs:GetQueueAttributes',
    ]);
    const mapping = new EventSourceMapping(
      worker,
      worker.node.tryFindChild('Work') === undefined ? 'Work' : `${this.node.id}Work`,
      {
        maxConcurrency: workersAtOnce,
        ...work,
        target: worker.function,
        eventSourceArn: this.queue.queueArn,
        reportBatchItemFailures: true,
      },
    );
    consume.applyBefore(mapping);
    Validations.of(mapping).acknowledge({
      id: 'Serverless-LambdaEventSourceMappingDestination',
      reason: 'SQS moves what fails to the dead-letter queue; a failure destination is for streams.',
    });
  }

  #grant(grantee: HandlerFunction, actions: string[]): Grant {
    grantee.setVariable(this.#variable, this.queue.queueUrl);
    return Grant.addToPrincipal({ grantee, actions, resourceArns: [this.queue.queueArn] });
  }
}
