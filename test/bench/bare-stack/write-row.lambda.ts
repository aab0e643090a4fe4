import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { SQSEvent, SQSRecord } from 'aws-lambda';

/** Writes each message as a row, then says so. The messages of a batch go in parallel. */
const dynamoDb = new DynamoDBClient({});
const connections = new Agent({ keepAlive: true });

export const handler = async (event: SQSEvent) => {
  await Promise.all(event.Records.map(writeRow));
  console.log('written');
};

const writeRow = async ({ messageId, body }: SQSRecord): Promise<void> => {
  await dynamoDb.send(
    new PutItemCommand({ TableName: process.env.TABLE, Item: { pk: { S: messageId }, body: { S: body } } }),
  );
  await tellListener(body);
};

/** The same kind of call as a dispatch to an agent: a POST on a kept connection, waited for. */
const tellListener = async (body: string): Promise<void> => {
  const outgoing = request(process.env.LISTENER_URL ?? '', {
    method: 'POST',
    agent: connections,
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  await response.resume().toArray();
};
