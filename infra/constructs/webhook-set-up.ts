import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import { WorkQueue } from './work-queue.ts';

/** Configures webhooks at Meta, one credential at a time, resumable after any failure. */
export class WebhookSetUp extends Construct {
  readonly requests: WorkQueue;

  constructor(scope: Construct, id: string, props: CapabilityProps) {
    super(scope, id);
    const { settings, dataKey, api, graphApi, vault, directory, auditLog, alerts } = props;
    this.requests = new WorkQueue(this, 'Requests', {
      settings,
      dataKey,
      variable: environmentName.setUpQueueUrl,
      ordered: false,
      alerts,
    });
    const setUp = new HandlerFunction(this, 'SetUpWebhook', {
      settings,
      dataKey,
      description: 'Configures webhooks at Meta and reads back what is there',
      timeout: Duration.seconds(30),
    });
    this.requests.deliverTo(setUp, { batchSize: 1 });
    this.grantRequest(setUp);
    api.tellAddress(setUp);
    graphApi.grantCall(setUp);
    vault.grantOpen(setUp, 'app-access', 'graph-api');
    directory.grantRead(setUp, 'GetItem', 'BatchGetItem', 'Query');
    directory.grantWrite(setUp, 'PutItem', 'UpdateItem', 'DeleteItem');
    auditLog.grantRecord(setUp);
  }

  /** Lets the grantee ask for the set-up of a webhook. */
  grantRequest(grantee: HandlerFunction): void {
    this.requests.grantSend(grantee);
  }
}
