import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { Alerts, Limit } from './alerts.ts';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import type { HealthWatch } from './health-watch.ts';
import type { MediaRelay } from './media-relay.ts';
import { WorkQueue } from './work-queue.ts';

export interface WebhookInboxProps extends CapabilityProps {
  /** Who checks a credential whose deliveries are signed with another secret. */
  readonly healthWatch: HealthWatch;
  /** Where events go that the queue can't carry. */
  readonly relay: MediaRelay;
}

/** An event waits for seconds; an agent that fails has its events held within minutes. Then it is not the agents that are slow, but we. */
const longestWait = Duration.minutes(15);

/** Meta repeats what fails now and then. What fails so often will not be healed by a repeat. */
const failures: Limit = { atLeast: 5, within: Duration.minutes(5) };

/**
 * An app whose secret was changed at Meta alone has every delivery refused and repeated. A quiet one stays below this, and its owner is told by the
 * check of the credential; so many are of a busy one, or of somebody who tries.
 */
const forgeries: Limit = { atLeast: 50, within: Duration.minutes(5) };

/** Where Meta delivers: signed posts are verified and queued by conversation, handshakes are answered by a function of their own. */
export class WebhookInbox extends Construct {
  /** Verified events, in order within a conversation. */
  readonly events: WorkQueue;
  readonly receiveWebhook: HandlerFunction;

  constructor(scope: Construct, id: string, props: WebhookInboxProps) {
    super(scope, id);
    const { settings, dataKey, api, vault, directory, auditLog, relay, alerts } = props;
    this.events = new WorkQueue(this, 'Events', {
      settings,
      dataKey,
      variable: environmentName.eventsQueueUrl,
      ordered: true,
      alerts,
      deadLetterAlarm: {
        name: 'EventsDeadLettered',
        severity: 'critical',
        meaning: 'Events failed for good by a fault of ours, so agents have not got them.',
      },
    });
    alerts.onAge(this.events.queue, longestWait, {
      name: 'EventsDelayed',
      severity: 'warning',
      meaning: 'An event has waited 15 minutes to be dispatched.',
    });

    const receive = new HandlerFunction(this, 'ReceiveWebhook', {
      settings,
      dataKey,
      description: 'Verifies the signature of what Meta posts and queues its events',
    });
    api.serveMeta(
      receive,
      'Meta has no token of ours: the handler verifies the signature over the raw bytes before it reads them.',
      'POST /webhooks/{webhookId}',
    );
    directory.grantRead(receive, 'GetItem', 'BatchGetItem', 'Query');
    vault.grantOpen(receive, 'webhook-signature');
    auditLog.grantRecord(receive);
    this.events.grantSend(receive);
    relay.grantWrite(receive);
    props.healthWatch.grantSuspect(receive);
    this.receiveWebhook = receive;
    this.#watchReceiver(alerts);

    const verify = new HandlerFunction(this, 'VerifyWebhook', {
      settings,
      dataKey,
      description: "Answers Meta's handshake for a webhook whose verify token matches",
    });
    api.serveMeta(
      verify,
      'Meta has no token of ours: the handler compares the verify token with the hashes of the webhook.',
      'GET /webhooks/{webhookId}',
    );
    directory.grantRead(verify, 'GetItem');
  }

  #watchReceiver(alerts: Alerts): void {
    alerts.onMany('WebhookFailed', failures, {
      severity: 'critical',
      meaning: 'Deliveries of Meta could not be taken and were answered with a 500.',
    });
    alerts.onCrashes(this.receiveWebhook, failures, {
      name: 'ReceiverCrashed',
      severity: 'critical',
      meaning: 'The receiver of webhooks ended without an answer of its own.',
    });
    alerts.onThrottles(this.receiveWebhook, failures, {
      name: 'ReceiverThrottled',
      severity: 'critical',
      meaning: 'Lambda had no room for the receiver of webhooks.',
    });
    alerts.onMany('WebhookRefused', forgeries, {
      severity: 'warning',
      meaning: 'Many deliveries were not signed with the App Secret that we have.',
    });
  }
}
