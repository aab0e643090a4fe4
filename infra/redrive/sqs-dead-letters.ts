import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { Refusal } from '../local/refusal.ts';
import type { DeadLetter, DeadLetterQueue } from './dead-letter.ts';

/** Long enough to move ten messages on a slow line; short enough not to be waited for after a crash. */
const hiddenSeconds = 120;
/** Asks all servers of SQS: without waiting it asks some of them, and finds nothing though there is something. */
const waitSeconds = 2;
/** Limit of a batch call. */
const entriesAtOnce = 10;

const redrivePolicy = z.object({ deadLetterTargetArn: z.string() });

/** The dead letters of the queue at this URL: whichever SQS says they are. @throws Refusal when the queue has none */
export async function sqsDeadLetters(client: SQSClient, queueUrl: string): Promise<DeadLetterQueue> {
  const url = await deadLetterUrlOf(client, queueUrl);
  // A group of a standard queue says whose message it is, and nothing about order.
  const isOrdered = queueUrl.endsWith('.fifo');
  return {
    async receive(most) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: Math.min(most, entriesAtOnce),
          VisibilityTimeout: hiddenSeconds,
          WaitTimeSeconds: waitSeconds,
          MessageSystemAttributeNames: ['ApproximateReceiveCount', 'MessageGroupId', 'SentTimestamp'],
        }),
      );
      return Messages.map((message) => letterOf(message, isOrdered));
    },
    async send({ body, groupId }, deduplicationId) {
      await client.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageBody: body,
          ...(groupId === undefined ? {} : { MessageGroupId: groupId, MessageDeduplicationId: deduplicationId }),
        }),
      );
    },
    async remove({ receiptHandle }) {
      await client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: receiptHandle }));
    },
    async giveBack(receiptHandles) {
      for (let at = 0; at < receiptHandles.length; at += entriesAtOnce)
        await client.send(
          new ChangeMessageVisibilityBatchCommand({
            QueueUrl: url,
            Entries: receiptHandles.slice(at, at + entriesAtOnce).map((ReceiptHandle, index) => ({
              Id: String(index),
              ReceiptHandle,
              VisibilityTimeout: 0,
            })),
          }),
        );
    },
    async count() {
      const { Attributes } = await client.send(
        new GetQueueAttributesCommand({
          QueueUrl: url,
          AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
        }),
      );
      return (
        Number(Attributes?.ApproximateNumberOfMessages ?? 0) +
        Number(Attributes?.ApproximateNumberOfMessagesNotVisible ?? 0)
      );
    },
  };
}

async function deadLetterUrlOf(client: SQSClient, queueUrl: string): Promise<string> {
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['RedrivePolicy'] }),
  );
  const policy = redrivePolicy.safeParse(JSON.parse(Attributes?.RedrivePolicy ?? 'null'));
  const [name, account] = policy.data?.deadLetterTargetArn.split(':').reverse() ?? [];
  if (name === undefined)
    throw new Refusal('The queue has no dead letters: somebody has taken its redrive policy away.');
  const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: account }));
  if (QueueUrl === undefined) throw new Refusal('SQS does not say where the dead letters are.');
  return QueueUrl;
}

const letterOf = (
  { MessageId = '', ReceiptHandle = '', Body = '', Attributes }: Message,
  isOrdered: boolean,
): DeadLetter => ({
  messageId: MessageId,
  receiptHandle: ReceiptHandle,
  body: Body,
  groupId: isOrdered ? Attributes?.MessageGroupId : undefined,
  sentAt: new Date(Number(Attributes?.SentTimestamp)),
  receives: Number(Attributes?.ApproximateReceiveCount),
});
