import { Duration, Stack, Validations } from 'aws-cdk-lib';
import type { HttpStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { Alarm, ComparisonOperator, type IMetric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Grant, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import { countedMetric } from './counted-metric.ts';
import type { DataKey } from './data-key.ts';
import type { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';

/** `critical`: somebody has to look now. `warning`: within the day. */
export type Severity = 'critical' | 'warning';

export interface MetricAlarm {
  readonly severity: Severity;
  /** What has happened when it rings, in one sentence. */
  readonly meaning: string;
}

export interface NamedAlarm extends MetricAlarm {
  /** Names the alarm and its article. */
  readonly name: string;
}

/** How much is too much. */
export interface Limit {
  readonly atLeast: number;
  readonly within: Duration;
  /** Rings when it was as much in so many of these times in a row. Default: 1. */
  readonly timesInARow?: number;
}

/** How often CloudWatch hears of a queue that is in use. Source: SQS developer guide, "Available CloudWatch metrics". */
const queuePeriod = Duration.minutes(1);

/** Of the 14 days that a dead letter is kept. The four that are left hold a long weekend. */
const longestStay = Duration.days(10);

/** One fault is made up for by the next try. What fails for a quarter of an hour fails again and again. */
const persistent: Limit = { atLeast: 1, within: Duration.minutes(5), timesInARow: 3 };

/** One that is missed is made up for by the next. */
const severalTimes = (interval: Duration): Duration => Duration.minutes(3 * interval.toMinutes());

/** Tells the operator: one topic, and the alarms that ring there. Each has an article in docs/runbook.md under its own name. */
export class Alerts extends Construct {
  readonly operatorTopic: Topic;
  readonly #alarms: Alarm[] = [];
  readonly #deadLetterQueues: Queue[] = [];
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
    this.onMany('UnhandledError', persistent, {
      severity: 'warning',
      meaning: 'Functions have failed in unforeseen ways for a quarter of an hour.',
    });
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

  /** Every alarm that rings here. */
  get alarms(): readonly Alarm[] {
    return this.#alarms;
  }

  /** Every dead-letter queue that an alarm watches. */
  get deadLetterQueues(): readonly Queue[] {
    return this.#deadLetterQueues;
  }

  /** Rings as soon as the functions count one of what never happens in good order. `metric` names metric, alarm and article. */
  onAny(metric: string, alarm: MetricAlarm): void {
    this.onMany(metric, { atLeast: 1, within: Duration.minutes(1) }, alarm);
  }

  /** Rings when the functions count more of it than the limit allows. `metric` names metric, alarm and article. */
  onMany(metric: string, limit: Limit, alarm: MetricAlarm): void {
    this.#ring(this, { ...alarm, name: metric }, countedMetric(this, metric, Stats.SUM, limit.within), limit);
  }

  /**
   * Rings when so large a part of the tries has failed. The functions count 1 for a failure and 0 for a success, so the average is that part.
   * `metric` names metric, alarm and article.
   */
  onRate(metric: string, limit: Limit, alarm: MetricAlarm): void {
    this.#ring(this, { ...alarm, name: metric }, countedMetric(this, metric, Stats.AVERAGE, limit.within), limit);
  }

  /**
   * Rings when what the functions count that often, be it nothing, has not been counted several times in a row: who counts it does not run. `metric`
   * names metric, alarm and article.
   */
  onSilence(metric: string, interval: Duration, alarm: MetricAlarm): void {
    const counts = countedMetric(this, metric, Stats.SAMPLE_COUNT, severalTimes(interval));
    this.#ring(this, { ...alarm, name: metric }, counts, { below: 1 });
  }

  /** Rings when a function that is started that often has missed several starts in a row. */
  onIdle(handler: HandlerFunction, interval: Duration, alarm: NamedAlarm): void {
    const starts = handler.function.metricInvocations({ statistic: Stats.SUM, period: severalTimes(interval) });
    this.#ring(handler, alarm, starts, { below: 1 });
  }

  /** Rings when what the function hears of a stream is as old as that. */
  onLag(handler: HandlerFunction, age: Duration, alarm: NamedAlarm): void {
    const lag = handler.function.metric('IteratorAge', { statistic: Stats.MAXIMUM, period: queuePeriod });
    this.#ring(handler, alarm, lag, { atLeast: age.toMilliseconds() });
  }

  /** Rings when the function ends so often without an answer: out of time, out of memory, or before the first line of ours. */
  onCrashes(handler: HandlerFunction, limit: Limit, alarm: NamedAlarm): void {
    const errors = handler.function.metricErrors({ statistic: Stats.SUM, period: limit.within });
    this.#ring(handler, alarm, errors, limit);
  }

  /** Rings when Lambda has so often no room for the function. */
  onThrottles(handler: HandlerFunction, limit: Limit, alarm: NamedAlarm): void {
    const throttles = handler.function.metricThrottles({ statistic: Stats.SUM, period: limit.within });
    this.#ring(handler, alarm, throttles, limit);
  }

  /** Rings when the API answers so often that it has failed. */
  onServerErrors(stage: HttpStage, limit: Limit, alarm: NamedAlarm): void {
    this.#ring(stage, alarm, stage.metricServerError({ statistic: Stats.SUM, period: limit.within }), limit);
  }

  /**
   * Rings while a message lies among these dead letters, and once more before it is lost. Each queue has alarms of its own, which say where
   * to look.
   */
  onDeadLetters(queue: Queue, alarm: NamedAlarm): void {
    this.#deadLetterQueues.push(queue);
    const messages = queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period: queuePeriod });
    this.#ring(queue, alarm, messages, { atLeast: 1 });
    this.onAge(queue, longestStay, {
      name: 'DeadLettersExpiring',
      severity: 'critical',
      meaning: 'What failed for good has lain there for 10 of its 14 days, after which it is lost.',
    });
  }

  /** Rings while the oldest message of the queue has waited as long as that. */
  onAge(queue: Queue, age: Duration, alarm: NamedAlarm): void {
    const oldest = queue.metricApproximateAgeOfOldestMessage({ statistic: Stats.MAXIMUM, period: queuePeriod });
    this.#ring(queue, alarm, oldest, { atLeast: age.toSeconds() });
  }

  #ring(
    scope: Construct,
    { name, severity, meaning }: NamedAlarm,
    metric: IMetric,
    limit: Omit<Limit, 'within'> | { readonly below: number },
  ): void {
    // Where silence is what rings, nothing at all is the worst of it.
    const rule =
      'below' in limit
        ? {
            comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
            threshold: limit.below,
            evaluationPeriods: 1,
            treatMissingData: TreatMissingData.BREACHING,
          }
        : {
            comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            threshold: limit.atLeast,
            evaluationPeriods: limit.timesInARow ?? 1,
            treatMissingData: TreatMissingData.NOT_BREACHING,
          };
    const alarm = new Alarm(scope, name, {
      alarmDescription: `${severity.toUpperCase()}: ${meaning} What to do: docs/runbook.md#${name.toLowerCase()}`,
      metric,
      ...rule,
    });
    alarm.addAlarmAction(new SnsAction(this.operatorTopic));
    this.#alarms.push(alarm);
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
