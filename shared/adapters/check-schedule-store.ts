import { DeleteCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { credentialId, tenantId } from '../contracts/ids.ts';
import type { DueCheck } from '../contracts/work.ts';
import { type CheckSchedule, entryOf, type NewCheck } from '../domain/check-schedule.ts';
import { calling } from './aws-errors.ts';
import { directoryKey, duePartition } from './directory-keys.ts';
import { directoryReader } from './directory-reader.ts';
import { queryRows } from './query-rows.ts';
import { failedItems, type TransactItem } from './transactions.ts';

const dueRow = z.object({ tenantId, credentialId, sk: z.string(), dueAt: z.iso.datetime() });
const checkOf = ({ sk: entry, ...row }: z.infer<typeof dueRow>): DueCheck => ({ ...row, entry });

/** An entry in the line of checks, for the transaction that makes it necessary. */
export const dueCheckPut = (
  TableName: string,
  { tenantId, credentialId }: NewCheck,
  at: Date,
  dueAt = at.toISOString(),
): TransactItem => ({
  Put: {
    TableName,
    Item: { ...directoryKey.dueCheck(credentialId, entryOf(at, credentialId)), tenantId, credentialId, dueAt },
  },
});

/** Its way to another place, on condition that it still stands there: the first of the items. Null: it stands nowhere. */
export const dueCheckMove = (
  TableName: string,
  check: NewCheck,
  from: DueCheck['entry'] | null,
  to: Date,
  dueAt?: string,
): readonly TransactItem[] => [
  ...(from === null
    ? []
    : [
        {
          Delete: {
            TableName,
            Key: directoryKey.dueCheck(check.credentialId, from),
            ConditionExpression: 'attribute_exists(pk)',
          },
        },
      ]),
  dueCheckPut(TableName, check, to, dueAt),
];

/** The line of checks, in the Directory. @throws {Fault} store-unavailable, row-malformed */
export const checkScheduleStore = (client: DynamoDBDocumentClient, table: string): CheckSchedule => ({
  /** Rows that nobody can read keep none of the others waiting. */
  async due(partition, now, limit) {
    const rows = queryRows(client, {
      TableName: table,
      KeyConditionExpression: 'pk = :pk AND sk < :now',
      ExpressionAttributeValues: { ':pk': duePartition(partition), ':now': now.toISOString() },
      ConsistentRead: true,
      Limit: limit,
    });
    const found: DueCheck[] = [];
    for await (const row of rows) {
      const parsed = dueRow.safeParse(row);
      if (parsed.success) found.push(checkOf(parsed.data));
      if (found.length === limit) break;
    }
    return found;
  },

  async lease(check, until) {
    const failed = await failedItems(client, dueCheckMove(table, check, check.entry, until, check.dueAt));
    return failed === undefined ? { ...check, entry: entryOf(until, check.credentialId) } : undefined;
  },

  async stands({ credentialId, entry }) {
    return (await directoryReader(client, table).get(directoryKey.dueCheck(credentialId, entry), dueRow)) !== undefined;
  },

  async end({ credentialId, entry }) {
    await calling('store-unavailable', () =>
      client.send(new DeleteCommand({ TableName: table, Key: directoryKey.dueCheck(credentialId, entry) })),
    );
  },
});
