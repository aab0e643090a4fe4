import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';

/** Queues the body as it came, by the conversation that the path names. */
const sqs = new SQSClient({});

export const handler = async (event: APIGatewayProxyEventV2) => {
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: process.env.QUEUE_URL,
      MessageBody: event.body,
      MessageGroupId: event.pathParameters?.conversation,
      MessageDeduplicationId: event.requestContext.requestId,
    }),
  );
  console.log('queued');
  return { statusCode: 200, body: 'OK' };
};
