import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { CapabilityProps } from './capability.ts';
import type { EventStore } from './event-store.ts';
import { HandlerFunction } from './handler-function.ts';
import type { MediaRelay } from './media-relay.ts';
import type { WebhookInbox } from './webhook-inbox.ts';

export interface AgentRouterProps extends CapabilityProps {
  /** Where the events come from. */
  readonly inbox: WebhookInbox;
  /** Where events lie that the queue can't carry. */
  readonly relay: MediaRelay;
  /** Where it is written down how far each event got. */
  readonly eventStore: EventStore;
}

/** 25 s of work and 5 s to put back what is left. A claim is held as long, so that no invocation outlives its claims. */
const timeout = Duration.seconds(30);

/** What a FIFO event source hands over at once, at most. */
const batchSize = 10;

/** Takes each event to the agent that it is for, and the agent's answer to the customer. */
export class AgentRouter extends Construct {
  readonly routeEvent: HandlerFunction;

  constructor(scope: Construct, id: string, props: AgentRouterProps) {
    super(scope, id);
    const { settings, dataKey, inbox, relay, eventStore, graphApi, vault, directory, auditLog } = props;
    const route = new HandlerFunction(this, 'RouteEvent', {
      settings,
      dataKey,
      description: 'Dispatches events to agents and sends their answers',
      timeout,
    });
    this.routeEvent = route;
    route.setVariable(environmentName.allowLoopbackTargets, String(settings.allowLoopbackTargets));
    inbox.events.deliverTo(route, { batchSize, maxConcurrency: settings.routeEventMaximumConcurrency });
    relay.grantRead(route);
    eventStore.grantClaim(route, timeout);
    directory.grantRead(route, 'GetItem');
    graphApi.grantCall(route);
    vault.grantOpen(route, 'graph-api', 'agent-signature');
    auditLog.grantRecord(route);
  }
}
