import { Duration } from 'aws-cdk-lib';
import { FilterCriteria, FilterRule } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { CapabilityProps } from './capability.ts';
import { deliverChanges, givenUpQueue } from './change-feed.ts';
import { HandlerFunction } from './handler-function.ts';
import type { HealthWatch } from './health-watch.ts';
import { TenantTopics } from './tenant-topics.ts';
import { WorkQueue } from './work-queue.ts';

/** Each tenant is a partition of the Directory: whose credentials change all the time keeps nobody else's alerts waiting. */
const lanes = 10;

/** What one invocation writes within half its time, when every write takes half a second. */
const changesAtOnce = 25;

/**
 * SNS switches an e-mail subscription off to which more than ten messages a second go. Each of these takes a quarter of a second for one
 * (shared/adapters/sns-topics.ts). Source: Amazon SNS endpoints and quotas.
 */
const publishersAtOnce = 2;

/** An alert that comes later than a customer's complaint is none. */
const longestWait = Duration.minutes(15);

/** Rings when somebody may not have been told: a row that nobody can read, or a batch that was given up. */
const changesUnheard = {
  severity: 'warning',
  meaning: 'A change of a credential was not judged: whoever should be told of it may not have been.',
} as const;

export interface AlertDeliveryProps extends CapabilityProps {
  /** Who finds out that Meta is out of order. */
  readonly healthWatch: HealthWatch;
}

/** Tells owners and operators what becomes of credentials: hears of every change, writes down who is told what, and has SNS tell them. */
export class AlertDelivery extends Construct {
  readonly requests: WorkQueue;
  readonly #topics: TenantTopics;

  constructor(scope: Construct, id: string, props: AlertDeliveryProps) {
    super(scope, id);
    this.#topics = new TenantTopics(props.dataKey);
    this.requests = new WorkQueue(this, 'Requests', {
      settings: props.settings,
      dataKey: props.dataKey,
      alerts: props.alerts,
      variable: environmentName.alertQueueUrl,
      ordered: false,
    });
    props.alerts.onAge(this.requests.queue, longestWait, {
      name: 'AlertsDelayed',
      severity: 'warning',
      meaning: 'An alert has waited a quarter of an hour to be told.',
    });
    this.#watch(props);
    this.#send(props);
    this.#manage(props);
    // An outage of Meta is told from the checks.
    this.grantRequest(props.healthWatch.planChecks);
  }

  /** Lets the grantee have alerts sent, and subscriptions brought up to date. */
  grantRequest(grantee: HandlerFunction): void {
    this.requests.grantSend(grantee);
  }

  #watch({ settings, dataKey, api, directory, alerts }: CapabilityProps): void {
    const unheard = givenUpQueue(
      this,
      'Unheard',
      dataKey,
      'What lies in it are batches that the function could not judge: they wait for an operator.',
    );
    const watch = new HandlerFunction(this, 'WatchCredentials', {
      settings,
      dataKey,
      description: 'Writes down what changes of credentials mean, and who is told of them',
      timeout: Duration.seconds(30),
    });
    api.tellAddress(watch);
    directory.grantTell(watch);
    this.grantRequest(watch);
    deliverChanges(watch, {
      dataKey,
      alerts,
      streamArn: directory.streamArn,
      hear: directory.grantWatch(watch),
      filters: [FilterCriteria.filter({ dynamodb: { Keys: { sk: { S: FilterRule.beginsWith('CRED#') } } } })],
      batchSize: changesAtOnce,
      lanes,
      givenUp: unheard,
    });
    alerts.onAny('ChangesUnheard', changesUnheard);
    alerts.onDeadLetters(unheard, { ...changesUnheard, name: 'ChangesUnheard' });
  }

  #send({ settings, dataKey, directory, alerts }: CapabilityProps): void {
    const send = new HandlerFunction(this, 'SendAlerts', {
      settings,
      dataKey,
      description: 'Publishes alerts, and keeps the subscriptions of tenants as they want them',
      timeout: Duration.seconds(30),
    });
    this.requests.deliverTo(send, { batchSize: 1, maxConcurrency: publishersAtOnce });
    this.grantRequest(send);
    directory.grantReadTold(send);
    directory.grantWorkOff(send);
    alerts.grantTellOperators(send);
    this.#topics.grantTell(send);
  }

  #manage({ settings, dataKey, api, directory, auditLog }: CapabilityProps): void {
    const manage = new HandlerFunction(this, 'ManageNotifications', {
      settings,
      dataKey,
      description: 'Shows and changes where the alerts of a tenant go',
      timeout: Duration.seconds(15),
    });
    manage.setVariable(environmentName.allowLoopbackTargets, String(settings.allowLoopbackTargets));
    // Each asks SNS, whose quota everybody's alerts need.
    api.serveWaitingTenants(manage, 'GET /v1/notifications', 'PUT /v1/notifications');
    directory.grantReadTold(manage);
    directory.grantTell(manage);
    this.grantRequest(manage);
    auditLog.grantRecord(manage);
    this.#topics.grantList(manage);
  }
}
