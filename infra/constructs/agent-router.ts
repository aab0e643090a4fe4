import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { Limit } from './alerts.ts';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import type { HealthWatch } from './health-watch.ts';
import type { MediaRelay } from './media-relay.ts';
import type { WebhookInbox } from './webhook-inbox.ts';
import { WorkQueue } from './work-queue.ts';

export interface AgentRouterProps extends CapabilityProps {
  /** Who checks a credential that Meta refuses. */
  readonly healthWatch: HealthWatch;
  /** Where the events come from. */
  readonly inbox: WebhookInbox;
  /** Where bodies lie that the queue can't carry or that are held. */
  readonly relay: MediaRelay;
}

/** 25 s of work and 5 s to put back what is left. A claim is held as long, so that no invocation outlives its claims. */
const timeout = Duration.seconds(30);

/** What a FIFO event source hands over at once, at most. */
const batchSize = 10;

/**
 * A single message that nothing can be done with is given back for 5 to 30 s each time, so it fails 13 times in five minutes, and is a dead letter
 * after eight. So many failures are of three at least: something is wrong that all need.
 */
const failures: Limit = { atLeast: 30, within: Duration.minutes(5) };

/** Takes each event to the agent that it is for, and the agent's answer to the customer; holds what can't be delivered now. */
export class AgentRouter extends Construct {
  readonly routeEvent: HandlerFunction;
  readonly releases: WorkQueue;

  constructor(scope: Construct, id: string, props: AgentRouterProps) {
    super(scope, id);
    const { settings, dataKey, inbox, eventStore, relay, graphApi, agentRuntime, vault, directory, auditLog, alerts } =
      props;
    this.releases = new WorkQueue(this, 'ReleaseRequests', {
      settings,
      dataKey,
      variable: environmentName.releaseQueueUrl,
      ordered: false,
      alerts,
    });
    const route = new HandlerFunction(this, 'RouteEvent', {
      settings,
      dataKey,
      description: 'Dispatches events to agents and sends their answers',
      timeout,
    });
    this.routeEvent = route;
    route.setVariable(environmentName.allowLoopbackTargets, String(settings.allowLoopbackTargets));
    inbox.events.deliverTo(route, { batchSize, maxConcurrency: settings.routeEventMaximumConcurrency });
    inbox.events.grantSend(route);
    eventStore.grantRoute(route, timeout);
    // GetItem and UpdateItem: what Meta reports of an account changes credential and numbers.
    directory.grantRead(route, 'GetItem', 'BatchGetItem');
    directory.grantWrite(route, 'PutItem', 'UpdateItem');
    relay.grantWrite(route);
    relay.grantRead(route);
    relay.grantDelete(route);
    this.grantRelease(route);
    props.healthWatch.grantRequest(route);
    graphApi.grantCall(route);
    agentRuntime.grantDispatch(route);
    vault.grantOpen(route, 'graph-api', 'agent-signature');
    auditLog.grantRecord(route);
    alerts.onMany('EventFailed', failures, {
      severity: 'critical',
      meaning: 'The router fails at several events by a fault of ours; in minutes they are dead letters.',
    });

    const release = new HandlerFunction(this, 'ReleaseHeld', {
      settings,
      dataKey,
      description: 'Has held events replayed once nothing holds them any more',
      timeout,
    });
    this.releases.deliverTo(release, { batchSize: 1 });
    this.grantRelease(release);
    inbox.events.grantSend(release);
    eventStore.grantListHeld(release);
    directory.grantRead(release, 'GetItem', 'BatchGetItem');
    directory.grantWrite(release, 'PutItem', 'DeleteItem');
    // What a check enables goes on.
    this.grantRelease(props.healthWatch.checkCredential);
  }

  /** Lets the grantee ask for the held events of a number to be looked at again. */
  grantRelease(grantee: HandlerFunction): void {
    this.releases.grantSend(grantee);
  }
}
