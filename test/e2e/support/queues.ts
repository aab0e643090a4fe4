import {
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  SendMessageCommand,
  type SendMessageCommandInput,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { awsClient } from './aws.ts';
import { outputOf } from './lambdas.ts';
import { stack } from './stack.ts';

export interface QueuedMessage {
  readonly queue: string;
  readonly Body: string;
  readonly MessageGroupId: string | null;
  readonly MessageDeduplicationId: string | null;
  readonly [attribute: string]: unknown;
}

/** Everything in every queue of this copy, hidden messages included. Looks without receiving. */
export async function queuedMessages(): Promise<readonly QueuedMessage[]> {
  const response = await fetch(`${stack.awsEndpoint}/_ministack/sqs/messages`);
  const { messages } = (await response.json()) as {
    messages: Record<string, Record<string, Record<string, Omit<QueuedMessage, 'queue'>[]>>>;
  };
  return Object.values(messages)
    .flatMap((regions) => Object.values(regions))
    .flatMap((queues) => Object.entries(queues))
    .flatMap(([queue, found]) => found.map((message) => ({ ...message, queue }) as QueuedMessage));
}

const client = new SQSClient(awsClient);

/** Puts a message on events.fifo as nobody but the account's owner can, past the receiver. */
export async function putOnEvents(message: Omit<SendMessageCommandInput, 'QueueUrl'>): Promise<void> {
  await client.send(new SendMessageCommand({ ...message, QueueUrl: await outputOf('EventsQueueUrl') }));
}

/** Whatever other tests have left among the dead letters of events. */
export async function forgetDeadLetters(): Promise<void> {
  await client.send(new PurgeQueueCommand({ QueueUrl: await outputOf('EventsDeadLetterQueueUrl') }));
}

/** From now on an event that fails once is a dead letter, and not only after twenty times. Lasts until it is disposed of. */
export async function deadLettersAtOnce(): Promise<AsyncDisposable> {
  const QueueUrl = await outputOf('EventsQueueUrl');
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['RedrivePolicy'] }),
  );
  const usual = Attributes?.RedrivePolicy ?? '';
  const set = (RedrivePolicy: string) =>
    client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { RedrivePolicy } }));
  await set(JSON.stringify({ ...(JSON.parse(usual) as object), maxReceiveCount: 1 }));
  return { [Symbol.asyncDispose]: async () => void (await set(usual)) };
}
