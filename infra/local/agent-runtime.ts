import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type AwsEndpoint, clientConfiguration } from './aws-endpoint.ts';
import { Refusal } from './refusal.ts';

const QUEUE = 'agent-runtime.fifo';

/**
 * Plays the operator's part: a queue of the platform, outside of the stack, which agents with the target `platform` get their events
 * from. Nobody reads it but the tests. @throws Refusal when the endpoint makes none
 */
export async function obtainAgentRuntime(endpoint: AwsEndpoint): Promise<{ type: 'sqs'; queueArn: string }> {
  const sqs = new SQSClient(clientConfiguration(endpoint));
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: QUEUE, Attributes: { FifoQueue: 'true' } }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  if (Attributes?.QueueArn === undefined) throw new Refusal(`The endpoint made no queue ${QUEUE} for agents.`);
  return { type: 'sqs', queueArn: Attributes.QueueArn };
}
