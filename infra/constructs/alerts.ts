import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Grant, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import { metricNamespace, metricService } from '../../shared/contracts/metrics.ts';
import type { DataKey } from './data-key.ts';
import type { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';

/** `critical`: somebody has to look now. `warning`: within the day. */
export type Severity = 'critical' | 'warning';

export interface CountAlarm {
  readonly severity: Severity;
  /** What has happened when it rings, in one sentence. */
  readonly meaning: string;
}

export interface QueueAlarm extends CountAlarm {
  /** Names the alarm and its article. */
  readonly name: string;
}

/** How often CloudWatch hears of a queue that is in use. Source: SQS developer guide, "Available CloudWatch metrics". */
const queuePeriod = Duration.minutes(1);

/** Tells the operator: one topic, and the alarms that ring there. Each has an article in docs/runbook.md under its own name. */
export class Alerts extends Construct {
  readonly operatorTopic: Topic;
  readonly #dataKey: DataKey;

  constructor(scope: Construct, id: string, props: HouseProps) {
    super(scope, id);
    const { settings, dataKey } = props;
    this.#dataKey = dataKey;
    this.operatorTopic = new Topic(this, 'OperatorTopic', {
      displayName: `${Stack.of(this).stackName} operators`,
      masterKey: dataKey.key,
      enforceSSL: true,
    });
    this.#admitAlarms();
    dataKey.admitAlarms();
    if (settings.operatorEmail === undefined) return;
    const subscription = this.operatorTopic.addSubscription(new EmailSubscription(settings.operatorEmail));
    Validations.of(subscription).acknowledge({
      id: 'Serverless-SNSRedrivePolicy',
      reason: 'A message that no mail server took tells nothing that the state of the alarm does not keep.',
    });
  }

  /** Lets the grantee tell operators something. Alarms do so by themselves. */
  grantTellOperators(grantee: HandlerFunction): void {
    grantee.setVariable(environmentName.operatorTopicArn, this.operatorTopic.topicArn);
    this.#dataKey.grantWrite(grantee, 'sns');
    Grant.addToPrincipal({ grantee, actions: ['sns:Publish'], resourceArns: [this.operatorTopic.topicArn] });
  }

  /** Rings as soon as the functions count one of what never happens in good order. `metric` names metric, alarm and article. */
  onAny(metric: string, alarm: CountAlarm): void {
    const count = new Metric({
      namespace: metricNamespace,
      metricName: metric,
      dimensionsMap: { service: metricService },
      statistic: Stats.SUM,
      period: Duration.minutes(1),
    });
    this.#ring(this, { ...alarm, name: metric }, count, 1);
  }

  /** Rings while a message lies in the queue. Each queue has an alarm of its own, which says where to look. */
  onMessages(queue: Queue, alarm: QueueAlarm): void {
    const messages = queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period: queuePeriod });
    this.#ring(queue, alarm, messages, 1);
  }

  /** Rings while the oldest message of the queue has waited as long as that. */
  onAge(queue: Queue, age: Duration, alarm: QueueAlarm): void {
    const oldest = queue.metricApproximateAgeOfOldestMessage({ statistic: Stats.MAXIMUM, period: queuePeriod });
    this.#ring(queue, alarm, oldest, age.toSeconds());
  }

  #ring(scope: Construct, { name, severity, meaning }: QueueAlarm, metric: IMetric, threshold: number): void {
    const alarm = new Alarm(scope, name, {
      alarmDescription: `${severity.toUpperCase()}: ${meaning} What to do: docs/runbook.md#${name.toLowerCase()}`,
      metric,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      threshold,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.operatorTopic));
  }

  /** A topic with a policy of its own lets nobody publish who is not named in it. Source: CloudWatch user guide, "Notifying users on alarm changes". */
  #admitAlarms(): void {
    const { account, partition, region, stackName } = Stack.of(this);
    this.operatorTopic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsOfThisStack',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.operatorTopic.topicArn],
        conditions: {
          StringEquals: { 'aws:SourceAccount': account },
          ArnLike: { 'aws:SourceArn': `arn:${partition}:cloudwatch:${region}:${account}:alarm:${stackName}-*` },
        },
      }),
    );
  }
}
