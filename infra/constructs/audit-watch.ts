import { FilterCriteria, FilterRule } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Alerts } from './alerts.ts';
import type { AuditLog } from './audit-log.ts';
import { deliverChanges, givenUpQueue } from './change-feed.ts';
import { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';

export interface AuditWatchProps extends HouseProps {
  readonly auditLog: AuditLog;
  readonly alerts: Alerts;
}

/** Notices when a record of the audit is changed or removed, which no function may do and an administrator can. */
export class AuditWatch extends Construct {
  constructor(scope: Construct, id: string, props: AuditWatchProps) {
    super(scope, id);
    const { settings, dataKey, auditLog, alerts } = props;
    const unheard = givenUpQueue(
      this,
      'Unheard',
      dataKey,
      'What lies in it are batches that the function could not judge: they wait for an operator.',
    );
    const watch = new HandlerFunction(this, 'WatchAudit', {
      settings,
      dataKey,
      description: 'Raises the alarm when a record of the audit is changed or removed',
    });
    deliverChanges(watch, {
      dataKey,
      alerts,
      streamArn: auditLog.streamArn,
      hear: auditLog.grantWatch(watch),
      // Why not leave out removals by time to live as well: a filter that matches less than it says would hide the others.
      filters: [FilterCriteria.filter({ eventName: FilterRule.or('MODIFY', 'REMOVE') })],
      batchSize: 100,
      givenUp: unheard,
    });
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
