import { DynamoDBClient, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, test } from 'vitest';
import { activityStore } from '../../../shared/adapters/activity-store.ts';
import { activityStepOf, ids } from '../../support/records.ts';

const dynamo = mockClient(DynamoDBDocumentClient);
beforeEach(() => dynamo.reset());

const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'eu-central-1' }));
const count = () => activityStore(client, 'Events').count([activityStepOf()]);

const cancelled = (reason: object) =>
  new TransactionCanceledException({ $metadata: {}, message: 'cancelled', CancellationReasons: [{}, reason] });
const full = cancelled({
  Code: 'ValidationError',
  Message: 'Item size to update has exceeded the maximum allowed size',
});

/** What each transaction that was tried adds to: names of counters, of all rows together. */
const tried = () =>
  dynamo.commandCalls(TransactWriteCommand).map(({ args }) => [
    ...new Set(
      (args[0].input.TransactItems ?? [])
        .slice(1)
        .flatMap(({ Update }) => Object.values(Update?.ExpressionAttributeNames ?? {}))
        .filter((name) => name !== 'expiresAt'),
    ),
  ]);

test('a row that is full counts no more by number and agent, and goes on as a whole', async () => {
  dynamo.on(TransactWriteCommand).rejectsOnce(full).resolves({});
  await count();
  expect(tried()).toEqual([['in', `n:${ids.number}:in`, `a:${ids.agent}:in`], ['in']]);
});

test('a row in which nothing fits keeps no other from being counted', async () => {
  dynamo.on(TransactWriteCommand).rejectsOnce(full).rejectsOnce(full).resolves({});
  await count();
  expect(tried().at(-1)).toEqual([]);
});

test('whatever else DynamoDB refuses is thrown', async () => {
  dynamo.on(TransactWriteCommand).rejects(cancelled({ Code: 'ValidationError', Message: 'The provided key is wrong' }));
  await expect(count()).rejects.toMatchObject({ code: 'store-unavailable' });
  expect(tried()).toHaveLength(1);
});
