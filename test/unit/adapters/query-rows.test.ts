import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, test } from 'vitest';
import { queryRows } from '../../../shared/adapters/query-rows.ts';

const dynamo = mockClient(DynamoDBDocumentClient);
beforeEach(() => dynamo.reset());

const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'eu-central-1' }));
const page = (name: string, isLast = false) => ({
  Items: [{ sk: `${name}1` }, { sk: `${name}2` }],
  ...(isLast ? {} : { LastEvaluatedKey: { sk: `${name}2` } }),
});
const taken = async (mostPages?: number) => {
  const rows = queryRows(client, { TableName: 'Events' }, mostPages);
  const names: unknown[] = [];
  let row = await rows.next();
  for (; row.done !== true; row = await rows.next()) names.push(row.value.sk);
  return { names, ...row.value, asked: dynamo.commandCalls(QueryCommand).length };
};
const twoPages = () => dynamo.on(QueryCommand).resolvesOnce(page('a')).resolvesOnce(page('b', true));

test('rows are read page by page to the end', async () => {
  twoPages();
  expect(await taken()).toEqual({ names: ['a1', 'a2', 'b1', 'b2'], isComplete: true, asked: 2 });
});

test('no more pages are read than were allowed, and it is said whether these are all', async () => {
  twoPages();
  expect(await taken(1)).toEqual({ names: ['a1', 'a2'], isComplete: false, asked: 1 });
  dynamo.reset();
  twoPages();
  expect(await taken(2)).toMatchObject({ isComplete: true, asked: 2 });
});

test('who has enough has no further page read', async () => {
  twoPages();
  for await (const row of queryRows(client, { TableName: 'Events' })) if (row.sk === 'a2') break;
  expect(dynamo.commandCalls(QueryCommand)).toHaveLength(1);
});

test('a fault of the table is one of the store', async () => {
  dynamo.on(QueryCommand).rejects(new Error('Away'));
  await expect(taken()).rejects.toMatchObject({ code: 'store-unavailable', retryable: true });
});
