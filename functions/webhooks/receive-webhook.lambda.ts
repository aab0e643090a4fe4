import { sqs } from '../../shared/adapters/aws-clients.ts';
import { dueChecksQueue, eventsQueue } from '../../shared/adapters/sqs-queues.ts';
import { cachedOpener } from '../../shared/adapters/vault.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { webhookId } from '../../shared/contracts/ids.ts';
import { failedSignatures } from '../../shared/domain/failed-signatures.ts';
import {
  type DeliveryOutcome,
  type ReceiveDeliveryPorts,
  receiveDelivery,
} from '../../shared/domain/receive-delivery.ts';
import { setting } from '../edge/environment.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { type WebhookAnswer, type WebhookRequest, webhookLambda } from '../edge/webhook-lambda.ts';

const status = {
  accepted: 200,
  discarded: 200,
  malformed: 400,
  refused: 401,
  'unknown-webhook': 404,
  throttled: 429,
  'not-queued': 500,
} as const satisfies Record<DeliveryOutcome, number>;

/** Takes Meta's signed deliveries into the queue. 200 only when the queue has all of it; anything unsigned is a fixed 401. */
export const receiveWebhook = async (
  { webhookId: claimedId, rawBody, signature }: WebhookRequest,
  ports: ReceiveDeliveryPorts,
): Promise<WebhookAnswer> => {
  const id = webhookId.safeParse(claimedId);
  if (!id.success) return { status: 404 };
  return { status: status[await receiveDelivery({ webhookId: id.data, rawBody, signature }, ports)] };
};

const receivePorts = ports.once(
  (): ReceiveDeliveryPorts => ({
    webhooks: ports.webhooks(),
    vault: cachedOpener(ports.opener()),
    failures: failedSignatures(() => new Date()),
    suspect: (credential) =>
      dueChecksQueue(sqs(), setting(environmentName.dueCheckQueueUrl)).suspect({
        ...credential,
        suspectedAt: new Date().toISOString(),
      }),
    relay: ports.relay(),
    queue: eventsQueue(sqs(), setting(environmentName.eventsQueueUrl)),
    journal,
    now: () => new Date(),
  }),
);

export const handler = webhookLambda((request) => receiveWebhook(request, receivePorts()));
