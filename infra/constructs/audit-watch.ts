import { Duration, Validations } from 'aws-cdk-lib';
import { Grant } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping, FilterCriteria, FilterRule, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Alerts } from './alerts.ts';
import type { AuditLog } from './audit-log.ts';
import { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';

/** The stream keeps records for 24 hours: a fault that passes within this time costs no alarm. */
const repeats = 100;

export interface AuditWatchProps extends HouseProps {
  readonly auditLog: AuditLog;
  readonly alerts: Alerts;
}

/** Notices when a record of the audit is changed or removed, which no function may do and an administrator can. */
export class AuditWatch extends Construct {
  constructor(scope: Construct, id: string, props: AuditWatchProps) {
    super(scope, id);
    const { settings, dataKey, auditLog, alerts } = props;
    const unheard = new Queue(this, 'Unheard', {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: dataKey.key,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const isDeadLetterQueue =
      'What lies in it are batches that the function could not judge: they wait for an operator.';
    Validations.of(unheard).acknowledge(
      { id: 'AwsSolutions-SQS3', reason: isDeadLetterQueue },
      { id: 'Serverless-SQSRedrivePolicy', reason: isDeadLetterQueue },
    );
    const watch = new HandlerFunction(this, 'WatchAudit', {
      settings,
      dataKey,
      description: 'Raises the alarm when a record of the audit is changed or removed',
    });
    dataKey.grantWrite(watch, 'sqs');
    const giveUp = Grant.addToPrincipal({
      grantee: watch,
      actions: ['sqs:SendMessage'],
      resourceArns: [unheard.queueArn],
    });
    const hear = auditLog.grantWatch(watch);
    const mapping = new EventSourceMapping(watch, 'Changes', {
      target: watch.function,
      eventSourceArn: auditLog.streamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      // Why not leave out removals by time to live as well: a filter that matches less than it says would hide the others.
      filters: [FilterCriteria.filter({ eventName: FilterRule.or('MODIFY', 'REMOVE') })],
      batchSize: 100,
      bisectBatchOnError: true,
      retryAttempts: repeats,
      // Why not SqsDlq: it would grant the data key for more than SQS.
      onFailure: { bind: () => ({ destination: unheard.queueArn }) },
    });
    for (const grant of [hear, giveUp]) grant.applyBefore(mapping);
    alerts.onDeadLetters(unheard, {
      name: 'AuditUnheard',
      severity: 'critical',
      meaning: 'Changes of the audit could not be judged, so a forged one may be among them.',
    });
    alerts.onAny('AuditTampered', {
      severity: 'critical',
      meaning: 'A record of the audit was changed or removed, which nothing of ours does.',
    });
  }
}
