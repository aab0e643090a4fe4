import { stack } from './stack.ts';

export interface QueuedMessage {
  readonly queue: string;
  readonly Body: string;
  readonly MessageGroupId: string | null;
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
