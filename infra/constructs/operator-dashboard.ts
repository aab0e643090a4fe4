import { Duration, Stack } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  type Metric,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { AgentRouter } from './agent-router.ts';
import type { Alerts } from './alerts.ts';
import { countedMetric } from './counted-metric.ts';
import type { HandlerFunction } from './handler-function.ts';
import type { HealthWatch } from './health-watch.ts';
import type { PublicApi } from './public-api.ts';
import type { WebhookInbox } from './webhook-inbox.ts';
import { WorkQueue } from './work-queue.ts';

export interface OperatorDashboardProps {
  readonly api: PublicApi;
  readonly inbox: WebhookInbox;
  readonly router: AgentRouter;
  readonly healthWatch: HealthWatch;
  readonly alerts: Alerts;
}

/** One point on a line. Fine enough for a day at a glance, and as long as the limits of most alarms. */
const period = Duration.minutes(5);

const wholeWidth = 24;
const rowHeight = 6;

/**
 * The way of a message on one page, from the alarms down to keys and audit: what comes in, what waits, where it goes, what Meta and KMS
 * say. Numbers of the whole stack; of a single tenant it shows nothing. Made last: it shows every queue that is there by then.
 */
export class OperatorDashboard extends Construct {
  readonly dashboardName: string;

  constructor(scope: Construct, id: string, props: OperatorDashboardProps) {
    super(scope, id);
    const { api, inbox, router, healthWatch, alerts } = props;
    const queues = WorkQueue.allIn(Stack.of(this)).map(({ queue }) => queue);
    // What our functions count, under the names of their journal.
    const counts = (title: string, ...names: string[]) =>
      lines(title, ...names.map((name) => countedMetric(this, name, Stats.SUM, period)));
    const dashboard = new Dashboard(this, 'Dashboard', {
      defaultInterval: Duration.days(1),
      widgets: [
        [alarmsOf(alerts)],
        ...row(
          'Receiving: what Meta delivers, and what of it is for somebody',
          counts('Deliveries', 'WebhookAccepted', 'WebhookRefused', 'WebhookThrottled', 'WebhookFailed'),
          counts('Events', 'EventsQueued', 'EventsRelayed', 'EventsForeign', 'EventsUnwanted', 'EventsMalformed'),
          lines('Receiver', ...functionMetrics(inbox.receiveWebhook)),
          lines('API', ...apiMetrics(api)),
        ),
        ...row(
          'Queues: what waits, and what failed for good',
          lines('Messages', ...queues.map(messagesIn)),
          lines('Age of the oldest, seconds', ...queues.map(ageIn)),
          lines('Dead letters', ...alerts.deadLetterQueues.map(messagesIn)),
          lines('Age of the oldest dead letter, seconds', ...alerts.deadLetterQueues.map(ageIn)),
        ),
        ...row(
          'Routing: to agents, and their answers to customers',
          counts('Dispatched', 'EventsDispatched', 'DispatchFailed', 'EventsRefusedByAgent', 'EventFailed'),
          counts('Held', 'EventsHeld', 'EventsReplayed', 'EventsDiscarded', 'EventsExpired', 'TargetsSuspended'),
          counts('Replies', 'RepliesSent', 'RepliesRefused', 'RepliesUnknown'),
          lines('Router', ...functionMetrics(router.routeEvent)),
        ),
        ...row(
          'Sending: what agents and users send by themselves',
          counts('Messages', 'MessagesSent', 'MessagesRefused', 'MessagesUnknown'),
          counts('Media', 'MediaTransferred', 'MediaRefused'),
        ),
        ...row(
          'Meta and keys',
          lines('Error rate of the Graph API, 1 = all', countedMetric(this, 'GraphFailed', Stats.AVERAGE, period)),
          lines('Calls of the Graph API', countedMetric(this, 'GraphFailed', Stats.SAMPLE_COUNT, period)),
          counts('KMS', 'KmsFailed', 'SecretsRefused'),
        ),
        ...row(
          'Checks, audit, and what nobody foresaw',
          lines('Checks that wait, seconds', ageIn(healthWatch.checks.queue), ageIn(healthWatch.dueChecks.queue)),
          counts('Checks', 'ChecksPlanned', 'ChecksOverdue', 'ChecksDone', 'ChecksUnanswered'),
          counts('What checks have done', 'SendingPaused', 'CredentialsDisabled', 'CredentialsEnabled'),
          counts('Told', 'AlertsPublished', 'AlertsUnheard', 'ChangesUnheard'),
          counts('Audit', 'AuditTampered'),
          counts('Unforeseen', 'UnhandledError'),
        ),
      ],
    });
    this.dashboardName = dashboard.dashboardName;
  }
}

/** A heading, and its graphs side by side. */
function row(title: string, ...graphs: ((width: number) => IWidget)[]): IWidget[][] {
  const width = Math.floor(wholeWidth / graphs.length);
  const heading = new TextWidget({ markdown: `## ${title}`, width: wholeWidth, height: 1 });
  return [[heading], graphs.map((graph) => graph(width))];
}

function alarmsOf(alerts: Alerts): IWidget {
  return new AlarmStatusWidget({
    title: 'Alarms: each has an article of its name in docs/runbook.md',
    alarms: [...alerts.alarms],
    width: wholeWidth,
    height: rowHeight,
  });
}

function lines(title: string, ...left: IMetric[]): (width: number) => IWidget {
  return (width) => new GraphWidget({ title, left, period, width, height: rowHeight, leftYAxis: { min: 0 } });
}

function functionMetrics({ function: lambda }: HandlerFunction): IMetric[] {
  return [
    lambda.metricInvocations({ statistic: Stats.SUM, period }),
    lambda.metricErrors({ statistic: Stats.SUM, period }),
    lambda.metricThrottles({ statistic: Stats.SUM, period }),
  ];
}

function apiMetrics({ stage }: PublicApi): IMetric[] {
  return [
    stage.metricCount({ statistic: Stats.SUM, period }),
    stage.metricClientError({ statistic: Stats.SUM, period }),
    stage.metricServerError({ statistic: Stats.SUM, period }),
  ];
}

function messagesIn(queue: Queue): Metric {
  return queue.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period, label: labelOf(queue) });
}

function ageIn(queue: Queue): Metric {
  return queue.metricApproximateAgeOfOldestMessage({ statistic: Stats.MAXIMUM, period, label: labelOf(queue) });
}

/** Which queue it is: the constructs above it, without the stack and itself. */
function labelOf(queue: Queue): string {
  return queue.node.scopes
    .slice(2, -1)
    .map(({ node }) => node.id)
    .join(' ');
}
