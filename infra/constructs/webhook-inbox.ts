import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import type { MediaRelay } from './media-relay.ts';
import { WorkQueue } from './work-queue.ts';

export interface WebhookInboxProps extends CapabilityProps {
  /** Where events go that the queue can't carry. */
  readonly relay: MediaRelay;
}

/** An event waits for seconds; an agent that fails has its events held within minutes. Then it is not the agents that are slow, but we. */
const longestWait = Duration.minutes(15);

/** Where Meta delivers: signed posts are verified and queued by conversation, handshakes are answered by a function of their own. */
export class WebhookInbox extends Construct {
  /** Verified events, in order within a conversation. */
  readonly events: WorkQueue;

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
}
