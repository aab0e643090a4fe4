import {
  ChangeMessageVisibilityBatchCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { TenantId } from '../contracts/ids.ts';
import type { TransferMessage } from '../contracts/media.ts';
import type { DueCheck, Suspicion, Work, WorkKind, WorkMessage } from '../contracts/work.ts';
import { digestOf } from '../crypto/identifiers.ts';
import { Fault } from '../domain/fault.ts';
import type { QueueMessage } from '../domain/queue-packing.ts';
import type { WorkQueues } from '../domain/work.ts';
import { calling } from './aws-errors.ts';

/** SQS delays a message no longer; what must wait longer is queued by the sweeper. */
const maxDelaySeconds = 900;

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

/** The receiving side of a queue. */
export const queueConsumer = (client: SQSClient, queueUrl: string) => ({
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

/**
 * One queue for each kind of work that a function must do; which of them it may send to is a matter of its role. Who has much of it to do waits
 * behind who has little: a standard queue hands out fairly by group ("Amazon SQS fair queues", SQS Developer Guide).
 */
export const workQueues = (client: SQSClient, urlOf: (kind: WorkKind) => string): WorkQueues => ({
  async send({ id, work }, delay = 0) {
    const body: WorkMessage = { version: 1, ticket: id, work };
    await calling('queue-unavailable', () =>
      client.send(
        new SendMessageCommand({
          QueueUrl: urlOf(work.kind),
          MessageBody: JSON.stringify(body),
          MessageGroupId: digestOf(ownerOf(work)),
          DelaySeconds: Math.min(maxDelaySeconds, Math.ceil(delay / 1000)),
        }),
      ),
    );
  },
});

/** What is done for a Meta app is done for all its tenants, and what operators are told is nobody's. */
const ownerOf = (work: Work): string => ('tenantId' in work ? work.tenantId : 'appId' in work ? work.appId : work.kind);

/** The queue of checks that nobody waits for: those whose time has come, and those of credentials that are suspected of something. */
export const dueChecksQueue = (client: SQSClient, queueUrl: string) => ({
  /** @throws {Fault} queue-unavailable */
  async suspect(check: Suspicion): Promise<void> {
    await calling('queue-unavailable', () =>
      client.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageBody: JSON.stringify(check),
          MessageGroupId: digestOf(check.tenantId),
        }),
      ),
    );
  },

  /** Up to ten. @throws {Fault} queue-unavailable unless it has taken all of them */
  async send(checks: readonly DueCheck[]): Promise<void> {
    const { Failed = [] } = await calling('queue-unavailable', () =>
      client.send(
        new SendMessageBatchCommand({
          QueueUrl: queueUrl,
          Entries: checks.map((check, index) => ({
            Id: String(index),
            MessageBody: JSON.stringify(check),
            MessageGroupId: digestOf(check.tenantId),
          })),
        }),
      ),
    );
    if (Failed.length > 0) throw new Fault('queue-unavailable', { retryable: true });
  },
});

/** The queue of media to be moved: who moves many waits behind who moves few. */
export const mediaQueue = (client: SQSClient, queueUrl: string) => ({
  /** @throws {Fault} queue-unavailable */
  async send(tenant: TenantId, message: TransferMessage): Promise<void> {
    await calling('queue-unavailable', () =>
      client.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageBody: JSON.stringify(message),
          MessageGroupId: digestOf(tenant),
        }),
      ),
    );
  },
});
