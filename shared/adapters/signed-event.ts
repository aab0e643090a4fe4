import { Webhook } from 'standardwebhooks';
import type { AgentEvent } from '../contracts/agent-event.ts';
import { sqsSafe } from '../domain/queue-packing.ts';

/** An event as it travels: exactly these bytes are signed. */
export interface SignedEvent {
  readonly body: string;
  /** Standard Webhooks: id, timestamp in seconds, one signature for each secret with a space between them. */
  readonly headers: Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>>;
}

/** `webhook-id` is the event id and stays the same over all repeats. */
export const signedEvent = (event: AgentEvent, signingSecrets: readonly Uint8Array[]): SignedEvent => {
  const body = sqsSafe(JSON.stringify(event));
  const { eventId } = event.data;
  const timestamp = new Date();
  return {
    body,
    headers: {
      'webhook-id': eventId,
      'webhook-timestamp': String(Math.floor(timestamp.getTime() / 1000)),
      'webhook-signature': signingSecrets
        .map((secret) => new Webhook(secret, { format: 'raw' }).sign(eventId, timestamp, body))
        .join(' '),
    },
  };
};
