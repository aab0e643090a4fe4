import { type DynamoDBDocumentClient, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { OutageStore } from '../domain/meta-outage.ts';
import { calling } from './aws-errors.ts';
import { directoryKey } from './directory-keys.ts';
import { directoryReader, parsed } from './directory-reader.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems } from './transactions.ts';

const minute = 60_000;

/** What is counted together, and how much of it is recent. In milliseconds. */
const span = 5 * minute;
const recently = 10 * minute;

/** A count is of no use to anybody the day after. In seconds. */
const kept = 24 * 60 * 60;

const countRow = z.object({ answered: z.number().default(0), unanswered: z.number().default(0) });
const outageRow = z.object({ since: z.iso.datetime().nullable() });

const spanOf = (at: number): string => new Date(at - (at % span)).toISOString();

/** What checks tell of Meta as a whole, in the Directory. @throws {Fault} store-unavailable, row-malformed */
export const outageStore = (client: DynamoDBDocumentClient, table: string): OutageStore => ({
  async count(isOutage, now) {
    await calling('store-unavailable', () =>
      client.send(
        new UpdateCommand({
          TableName: table,
          Key: directoryKey.metaAnswers(spanOf(now.getTime())),
          UpdateExpression: `ADD ${isOutage ? 'unanswered' : 'answered'} :one SET expiresAt = :expiresAt`,
          ExpressionAttributeValues: { ':one': 1, ':expiresAt': Math.floor(now.getTime() / 1000) + kept },
        }),
      ),
    );
  },

  async recent(now) {
    const { pk, sk } = directoryKey.metaAnswers(spanOf(now.getTime() - recently));
    const { Items = [] } = await calling('store-unavailable', () =>
      client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :last',
          ExpressionAttributeValues: {
            ':pk': pk,
            ':first': sk,
            ':last': directoryKey.metaAnswers(spanOf(now.getTime())).sk,
          },
          ConsistentRead: true,
        }),
      ),
    );
    return Items.map((row) => parsed(countRow, row)).reduce(
      (sum, it) => ({ answered: sum.answered + it.answered, unanswered: sum.unanswered + it.unanswered }),
      { answered: 0, unanswered: 0 },
    );
  },

  async find() {
    const row = await directoryReader(client, table).get(directoryKey.metaOutage(), outageRow);
    return row?.since == null ? null : new Date(row.since);
  },

  async change(before, after, ticket) {
    const failed = await failedItems(client, [
      {
        Update: {
          TableName: table,
          Key: directoryKey.metaOutage(),
          UpdateExpression: 'SET since = :after',
          ConditionExpression: before === null ? 'attribute_not_exists(pk) OR since = :before' : 'since = :before',
          ExpressionAttributeValues: {
            ':before': before?.toISOString() ?? null,
            ':after': after?.toISOString() ?? null,
          },
        },
      },
      ticketPut(table, ticket),
    ]);
    return failed === undefined;
  },
});
