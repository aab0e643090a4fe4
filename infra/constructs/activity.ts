import { Duration } from 'aws-cdk-lib';
import { FilterCriteria, FilterRule } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { CapabilityProps } from './capability.ts';
import { deliverChanges, givenUpQueue } from './change-feed.ts';
import { HandlerFunction } from './handler-function.ts';

export interface ActivityProps extends CapabilityProps {}

/** What went through each credential, number and agent: counted from the changes of events and messages, and shown. */
export class Activity extends Construct {
  constructor(scope: Construct, id: string, props: ActivityProps) {
    super(scope, id);
    this.#project(props);
    this.#show(props);
  }

  #project({ settings, dataKey, eventStore, alerts }: ActivityProps): void {
    const uncounted = givenUpQueue(
      this,
      'Uncounted',
      dataKey,
      'What lies in it are batches that could not be counted: they wait for an operator.',
    );
    alerts.onDeadLetters(uncounted, {
      name: 'ActivityUncounted',
      severity: 'warning',
      meaning: 'Changes of events could not be counted: activity on dashboards is too low.',
    });
    const project = new HandlerFunction(this, 'ProjectActivity', {
      settings,
      dataKey,
      description: 'Counts what becomes of events and messages, as the changes of their rows tell',
      timeout: Duration.seconds(30),
    });
    deliverChanges(project, {
      dataKey,
      alerts,
      streamArn: eventStore.streamArn,
      hear: eventStore.grantProject(project),
      // Its own rows come through the same stream: without a filter every count would call it once more.
      filters: [
        FilterCriteria.filter({
          eventName: FilterRule.or('INSERT', 'MODIFY'),
          dynamodb: { Keys: { sk: { S: FilterRule.or('CLAIM', 'MESSAGE') } } },
        }),
        FilterCriteria.filter({
          dynamodb: { Keys: { sk: { S: [{ prefix: 'HELD#' }, { prefix: 'ASIDE#' }] } } },
        }),
      ],
      batchSize: 100,
      givenUp: uncounted,
    });
  }

  #show({ settings, dataKey, api, directory, eventStore }: ActivityProps): void {
    const show = new HandlerFunction(this, 'ShowActivity', {
      settings,
      dataKey,
      description: 'Shows what went through credentials, and the dashboard; cannot open a secret',
    });
    api.serveTenants(show, 'GET /v1/credentials/{credentialId}/activity', 'GET /v1/dashboard');
    directory.grantRead(show, 'GetItem', 'BatchGetItem', 'Query');
    eventStore.grantShowActivity(show);
  }
}
