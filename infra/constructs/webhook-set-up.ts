import { Duration } from 'aws-cdk-lib';
import type { Grant } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import { WorkQueue } from './work-queue.ts';

/** Configures webhooks at Meta, one request at a time, resumable after any failure. */
export class WebhookSetUp extends Construct {
  readonly #requests: WorkQueue;

  constructor(scope: Construct, id: string, props: CapabilityProps) {
    super(scope, id);
    const { settings, dataKey, api, graphApi, vault, directory, auditLog } = props;
    this.#requests = new WorkQueue(this, 'Requests', {
      settings,
      dataKey,
      variable: environmentName.setUpQueueUrl,
      ordered: false,
    });
    const setUp = new HandlerFunction(this, 'SetUpWebhook', {
      settings,
      dataKey,
      description: 'Subscribes webhooks at Meta and reads back what is there',
      timeout: Duration.seconds(30),
    });
    this.#requests.deliverTo(setUp, { batchSize: 1 });
    api.tellAddress(setUp);
    graphApi.grantCall(setUp);
    vault.grantOpen(setUp, 'app-access', 'graph-api');
    directory.grantRead(setUp, 'GetItem');
    directory.grantWrite(setUp, 'UpdateItem');
    auditLog.grantRecord(setUp);
  }

  /** Lets the grantee ask for the set-up of a webhook. */
  grantRequest(grantee: HandlerFunction): Grant {
    return this.#requests.grantSend(grantee);
  }
}
