import { DeleteMessageCommand, GetQueueUrlCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { AgentEvent } from '../../../shared/contracts/agent-event.ts';
import { awsClient } from './aws.ts';

/** What an agent finds in the platform's own queue. */
export interface Taken {
  readonly raw: string;
  readonly event: AgentEvent;
  readonly headers: Readonly<Record<string, string>>;
  readonly group: string | undefined;
}

const sqs = new SQSClient(awsClient);
const QueueName = 'agent-runtime.fifo';
const mostAtOnce = 10;
const patienceSeconds = 5;

/** Takes what lies in the queue for the agents of a tenant, as the platform would; what is not theirs was left by somebody else and goes. */
export async function takenFor(tenantId: string): Promise<readonly Taken[]> {
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: mostAtOnce,
      WaitTimeSeconds: patienceSeconds,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['MessageGroupId'],
    }),
  );
  for (const { ReceiptHandle } of Messages) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  return Messages.filter(({ Body = '' }) => Body.includes(`"tenantId":"${tenantId}"`)).map(
    ({ Body: raw = '', MessageAttributes = {}, Attributes }) => ({
      raw,
      event: JSON.parse(raw) as AgentEvent,
      headers: Object.fromEntries(
        Object.entries(MessageAttributes).map(([name, { StringValue = '' }]) => [name, StringValue]),
      ),
      group: Attributes?.MessageGroupId,
    }),
  );
}
