import {
  ChangeMessageVisibilityBatchCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SetUpWebhookRequest } from '../contracts/queued-events.ts';
import type { QueueMessage } from '../domain/queue-packing.ts';
import { calling } from './aws-errors.ts';

/** events.fifo, the sending side. */
export const eventsQueue = (client: SQSClient, queueUrl: string) => ({
  /** @returns the groups of messages that SQS did not take @throws {Fault} queue-unavailable */
  async send(batch: readonly QueueMessage[]): Promise<ReadonlySet<string>> {
    const { Failed } = await calling('queue-unavailable', () =>
      client.send(
        new SendMessageBatchCommand({
          QueueUrl: queueUrl,
          Entries: batch.map((message, index) => ({
            Id: String(index),
            MessageBody: message.body,
            MessageGroupId: message.groupId,
            MessageDeduplicationId: message.deduplicationId,
          })),
        }),
      ),
    );
    return new Set((Failed ?? []).flatMap(({ Id }) => batch[Number(Id)]?.groupId ?? []));
  },
});

/** events.fifo, the receiving side. */
export const eventsQueueConsumer = (client: SQSClient, queueUrl: string) => ({
  /** When messages that go back shall be seen again. Best effort: without it they wait for the queue's own visibility timeout. */
  async returnIn(seconds: number, receiptHandles: readonly string[]): Promise<void> {
    if (receiptHandles.length === 0) return;
    await calling('queue-unavailable', () =>
      client.send(
        new ChangeMessageVisibilityBatchCommand({
          QueueUrl: queueUrl,
          Entries: receiptHandles.map((handle, index) => ({
            Id: String(index),
            ReceiptHandle: handle,
            VisibilityTimeout: seconds,
          })),
        }),
      ),
    );
  },
});

export const setUpQueue = (client: SQSClient, queueUrl: string) => ({
  /** @throws {Fault} queue-unavailable */
  async request(request: Omit<SetUpWebhookRequest, 'version'>): Promise<void> {
    const body: SetUpWebhookRequest = { version: 1, ...request };
    await calling('queue-unavailable', () =>
      client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(body) })),
    );
  },
});

export type SetUpQueue = ReturnType<typeof setUpQueue>;
