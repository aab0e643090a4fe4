import { Duration, Validations } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { AgentRouter } from './agent-router.ts';
import type { AlertDelivery } from './alert-delivery.ts';
import type { CapabilityProps } from './capability.ts';
import type { CredentialManagement } from './credential-management.ts';
import { HandlerFunction } from './handler-function.ts';
import type { HealthWatch } from './health-watch.ts';
import type { WebhookSetUp } from './webhook-set-up.ts';

export interface WorkSweeperProps extends Omit<CapabilityProps, 'vault' | 'graphApi' | 'agentRuntime' | 'auditLog'> {
  readonly webhookSetUp: WebhookSetUp;
  readonly healthWatch: HealthWatch;
  readonly credentialManagement: CredentialManagement;
  readonly router: AgentRouter;
  readonly alertDelivery: AlertDelivery;
}

/** How often somebody looks after work that was left undone. Its tickets are due two minutes after they were written. */
const interval = Duration.minutes(5);

/** Finds work that nobody has finished, after a crash or an outage, and queues it again. Opens nothing. */
export class WorkSweeper extends Construct {
  readonly sweep: HandlerFunction;

  constructor(scope: Construct, id: string, props: WorkSweeperProps) {
    super(scope, id);
    const { settings, dataKey, api, directory, webhookSetUp, healthWatch, credentialManagement, router } = props;
    this.sweep = new HandlerFunction(this, 'SweepWork', {
      settings,
      dataKey,
      description: 'Queues unfinished work again and moves webhooks to a new public address',
      timeout: Duration.seconds(60),
    });
    api.tellAddress(this.sweep);
    directory.grantRead(this.sweep, 'GetItem', 'Query');
    directory.grantScan(this.sweep);
    directory.grantWrite(this.sweep, 'PutItem', 'DeleteItem');
    webhookSetUp.grantRequest(this.sweep);
    healthWatch.grantRequest(this.sweep);
    credentialManagement.grantRequest(this.sweep);
    router.grantRelease(this.sweep);
    props.alertDelivery.grantRequest(this.sweep);
    props.alerts.onIdle(this.sweep, interval, {
      name: 'SweeperStopped',
      severity: 'critical',
      meaning: 'The sweeper has not run for a quarter of an hour: what a crash leaves undone stays undone.',
    });
    const rule = new Rule(this, 'Interval', {
      description: 'Starts the sweeper',
      schedule: Schedule.rate(interval),
      targets: [new LambdaFunction(this.sweep.function, { retryAttempts: 2, maxEventAge: interval })],
    });
    Validations.of(rule).acknowledge({
      id: 'Serverless-EventBusDLQ',
      reason: 'A start that is missed is made up for by the next, five minutes later.',
    });
  }
}
