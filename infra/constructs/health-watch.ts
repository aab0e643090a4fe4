import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import { WorkQueue } from './work-queue.ts';

/** A check takes seconds. Sending is paused for a minute at most while it is awaited, so after so long nobody can rely on what is shown. */
const longestWait = Duration.minutes(30);

/** Asks Meta whether a credential is as bad as a refused send made it look. Nobody else may disable one. */
export class HealthWatch extends Construct {
  readonly checks: WorkQueue;

  constructor(scope: Construct, id: string, props: CapabilityProps) {
    super(scope, id);
    const { settings, dataKey, graphApi, vault, directory, auditLog, alerts } = props;
    this.checks = new WorkQueue(this, 'Checks', {
      settings,
      dataKey,
      variable: environmentName.checkQueueUrl,
      ordered: false,
      alerts,
    });
    alerts.onAge(this.checks.queue, longestWait, {
      name: 'ChecksDelayed',
      severity: 'warning',
      meaning: 'A credential has waited half an hour to be checked.',
    });
    const check = new HandlerFunction(this, 'CheckCredential', {
      settings,
      dataKey,
      description: 'Checks credentials at Meta after a refused send, and disables what is proved to be invalid',
      // Half of the time for which sending is paused at the most.
      timeout: Duration.seconds(30),
    });
    this.checks.deliverTo(check, { batchSize: 1 });
    this.grantRequest(check);
    graphApi.grantCall(check);
    vault.grantOpen(check, 'app-access', 'graph-api');
    directory.grantRead(check, 'GetItem');
    directory.grantWrite(check, 'PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem');
    auditLog.grantRecord(check);
  }

  /** Lets the grantee have a credential checked. */
  grantRequest(grantee: HandlerFunction): void {
    this.checks.grantSend(grantee);
  }
}
