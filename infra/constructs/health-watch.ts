import { Duration, Validations } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import { WorkQueue } from './work-queue.ts';

/** How often what is due is queued. */
const interval = Duration.minutes(5);

/** A check takes seconds. Sending is paused for a minute at most while it is awaited, so after so long nobody can rely on what is shown. */
const longestWait = Duration.minutes(30);

/**
 * Asks Meta how credentials are: each by the clock, and at once where a refused send or a suspicion makes it necessary. Beside it only the check
 * that a user waits for (`ManageCredentials`) may disable one.
 */
export class HealthWatch extends Construct {
  /** Checks that somebody waits for. */
  readonly checks: WorkQueue;
  /** Checks whose time has come, and those of a suspicion: apart, so that ten thousand of them keep nobody waiting. */
  readonly dueChecks: WorkQueue;
  readonly checkCredential: HandlerFunction;
  readonly planChecks: HandlerFunction;

  constructor(scope: Construct, id: string, props: CapabilityProps) {
    super(scope, id);
    const { settings, dataKey, alerts } = props;
    const common = { settings, dataKey, ordered: false, alerts };
    this.checks = new WorkQueue(this, 'Checks', { ...common, variable: environmentName.checkQueueUrl });
    this.dueChecks = new WorkQueue(this, 'DueChecks', { ...common, variable: environmentName.dueCheckQueueUrl });
    this.checkCredential = this.#check(props);
    this.planChecks = this.#plan(props);
    for (const { queue } of [this.checks, this.dueChecks])
      alerts.onAge(queue, longestWait, {
        name: 'ChecksDelayed',
        severity: 'warning',
        meaning: 'A credential has waited half an hour to be checked.',
      });
    alerts.onSilence('ChecksPlanned', interval, {
      severity: 'critical',
      meaning: 'The planner of checks has not run for a quarter of an hour: no credential is checked by the clock.',
    });
    // Counted by the planner, of what it still finds in the line: a backlog, or checks that do not come to their end.
    alerts.onMany(
      'ChecksOverdue',
      { atLeast: 1, within: interval, timesInARow: 3 },
      {
        severity: 'warning',
        meaning: 'Credentials have been due to be checked for more than an hour, for a quarter of an hour on end.',
      },
    );
  }

  /** Lets the grantee have a credential checked. */
  grantRequest(grantee: HandlerFunction): void {
    this.checks.grantSend(grantee);
  }

  /** Lets the grantee have a credential checked that it suspects of something, without anybody waiting. */
  grantSuspect(grantee: HandlerFunction): void {
    this.dueChecks.grantSend(grantee);
  }

  #check({
    settings,
    dataKey,
    api,
    graphApi,
    vault,
    directory,
    eventStore,
    auditLog,
  }: CapabilityProps): HandlerFunction {
    const check = new HandlerFunction(this, 'CheckCredential', {
      settings,
      dataKey,
      description: 'Checks credentials at Meta, disables what is proved to be invalid and enables what is right again',
      // Half of the time for which a refused send pauses its number at the most.
      timeout: Duration.seconds(30),
    });
    this.checks.deliverTo(check, { batchSize: 1 });
    this.dueChecks.deliverTo(check, { batchSize: 1, maxConcurrency: settings.checkMaximumConcurrency });
    this.grantRequest(check);
    api.tellAddress(check);
    graphApi.grantCall(check);
    vault.grantOpen(check, 'app-access', 'graph-api');
    directory.grantRead(check, 'GetItem');
    directory.grantWrite(check, 'PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem');
    eventStore.grantReadTimes(check);
    auditLog.grantRecord(check);
    return check;
  }

  #plan({ settings, dataKey, directory }: CapabilityProps): HandlerFunction {
    const plan = new HandlerFunction(this, 'PlanChecks', {
      settings,
      dataKey,
      description: 'Queues the checks of credentials whose time has come',
      timeout: Duration.seconds(60),
    });
    plan.setVariable(environmentName.checkConcurrency, String(settings.checkMaximumConcurrency));
    directory.grantPlan(plan);
    this.dueChecks.grantSend(plan);
    const rule = new Rule(this, 'Interval', {
      description: 'Starts the planner of checks',
      schedule: Schedule.rate(interval),
      targets: [new LambdaFunction(plan.function, { retryAttempts: 2, maxEventAge: interval })],
    });
    Validations.of(rule).acknowledge({
      id: 'Serverless-EventBusDLQ',
      reason: 'A start that is missed is made up for by the next, five minutes later.',
    });
    return plan;
  }
}
