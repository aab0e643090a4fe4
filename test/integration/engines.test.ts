import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, test } from 'vitest';
import { dynamoDbOf, engineNames, makeKey, makeTable } from './support/engines.ts';

describe.each(engineNames)('%s', (engine) => {
  test('keeps what is written into a table', async () => {
    const table = await makeTable(engine, { stream: true });
    const item = { pk: 'a', sk: 'b', bytes: Uint8Array.of(1, 2, 3) };
    await dynamoDbOf(engine).send(new PutCommand({ TableName: table, Item: item }));
    const { Item } = await dynamoDbOf(engine).send(new GetCommand({ TableName: table, Key: { pk: 'a', sk: 'b' } }));
    expect(Item).toEqual(item);
  });

  test('makes keys', async () => {
    expect(await makeKey(engine)).toMatch(/^arn:aws:kms:us-east-1:\d{12}:key\//);
  });
});
