import { Duration, Validations } from 'aws-cdk-lib';
import { Grant } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping, FilterCriteria, FilterRule, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';

/** A fault that is mended before costs no count; after it the place of the batch in the stream, which keeps it for 24 hours, lies in the queue. */
const repeats = 100;

export interface ActivityProps extends CapabilityProps {}

/** What went through each credential, number and agent: counted from the changes of events and messages, and shown. */
export class Activity extends Construct {
  constructor(scope: Construct, id: string, props: ActivityProps) {
    super(scope, id);
    this.#project(props);
    this.#show(props);
  }

  #project({ settings, dataKey, eventStore, alerts }: ActivityProps): void {
    const uncounted = new Queue(this, 'Uncounted', {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: dataKey.key,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const isDeadLetterQueue = 'What lies in it are batches that could not be counted: they wait for an operator.';
    Validations.of(uncounted).acknowledge(
      { id: 'AwsSolutions-SQS3', reason: isDeadLetterQueue },
      { id: 'Serverless-SQSRedrivePolicy', reason: isDeadLetterQueue },
    );
    alerts.onDeadLetters(uncounted, {
      name: 'ActivityUncounted',
      severity: 'warning',
      meaning: 'Changes of events could not be counted: activity on dashboards is too low.',
    });
    const project = new HandlerFunction(this, 'ProjectActivity', {
      settings,
      dataKey,
      description: 'Counts what becomes of events and messages, as the changes of their rows tell',
      timeout: Duration.seconds(30),
    });
    dataKey.grantWrite(project, 'sqs');
    const giveUp = Grant.addToPrincipal({
      grantee: project,
      actions: ['sqs:SendMessage'],
      resourceArns: [uncounted.queueArn],
    });
    const hear = eventStore.grantProject(project);
    const mapping = new EventSourceMapping(project, 'Changes', {
      target: project.function,
      eventSourceArn: eventStore.streamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      // Its own rows come through the same stream: without a filter every count would call it once more.
      filters: [
        FilterCriteria.filter({
          eventName: FilterRule.or('INSERT', 'MODIFY'),
          dynamodb: { Keys: { sk: { S: FilterRule.or('CLAIM', 'MESSAGE') } } },
        }),
        FilterCriteria.filter({
          dynamodb: { Keys: { sk: { S: [{ prefix: 'HELD#' }, { prefix: 'ASIDE#' }] } } },
        }),
      ],
      batchSize: 100,
      bisectBatchOnError: true,
      retryAttempts: repeats,
      // Why not SqsDlq: it would grant the data key for more than SQS.
      onFailure: { bind: () => ({ destination: uncounted.queueArn }) },
    });
    for (const grant of [hear, giveUp]) grant.applyBefore(mapping);
  }

  #show({ settings, dataKey, api, directory, eventStore }: ActivityProps): void {
    const show = new HandlerFunction(this, 'ShowActivity', {
      settings,
      dataKey,
      description: 'Shows what went through credentials, and the dashboard; cannot open a secret',
    });
    api.serveTenants(show, 'GET /v1/credentials/{credentialId}/activity', 'GET /v1/dashboard');
    directory.grantRead(show, 'GetItem', 'BatchGetItem', 'Query');
    eventStore.grantShowActivity(show);
  }
}
