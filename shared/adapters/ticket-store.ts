import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, type DynamoDBDocumentClient, PutCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { work } from '../contracts/work.ts';
import { dueBefore, type Ticket, type Tickets } from '../domain/work.ts';
import { calling, unavailable } from './aws-errors.ts';
import { directoryKey } from './directory-keys.ts';
import { directoryReader } from './directory-reader.ts';
import { queryRows } from './query-rows.ts';

const ticketRow = z.object({ sk: z.string(), work, attempts: z.number().int() });
const ticketOf = ({ sk, ...row }: z.infer<typeof ticketRow>): Ticket => ({ id: sk, ...row });

/** The note of work to be done, for the transaction that makes it necessary. */
export const ticketPut = (table: string, { id, work, attempts }: Ticket) => ({
  Put: { TableName: table, Item: { ...directoryKey.ticket(id), work, attempts } },
});

const ticketDelete = (table: string, id: string) => ({
  Delete: { TableName: table, Key: directoryKey.ticket(id) },
});

/** @throws {Fault} store-unavailable, row-malformed */
export const ticketStore = (
  client: DynamoDBDocumentClient,
  table: string,
): Tickets & {
  open(ticket: Ticket): Promise<void>;
  due(now: Date, limit: number): Promise<readonly Ticket[]>;
} => ({
  /** For work that no transaction makes necessary. */
  async open(ticket) {
    await calling('store-unavailable', () => client.send(new PutCommand(ticketPut(table, ticket).Put)));
  },

  async find(id) {
    const row = await directoryReader(client, table).get(directoryKey.ticket(id), ticketRow);
    return row && ticketOf(row);
  },

  async replace(id, next) {
    const items = [
      { Delete: { ...ticketDelete(table, id).Delete, ConditionExpression: 'attribute_exists(pk)' } },
      ticketPut(table, next),
    ];
    try {
      await client.send(new TransactWriteCommand({ TransactItems: items }));
      return true;
    } catch (error) {
      if (error instanceof TransactionCanceledException) return false;
      throw unavailable(error);
    }
  },

  async close(id) {
    await calling('store-unavailable', () =>
      client.send(new DeleteCommand({ TableName: table, Key: directoryKey.ticket(id) })),
    );
  },

  /** What somebody must look after by now, the longest overdue first. Rows that nobody can read keep none of them waiting. */
  async due(now, limit) {
    const rows = queryRows(client, {
      TableName: table,
      KeyConditionExpression: 'pk = :pk AND sk < :now',
      ExpressionAttributeValues: { ':pk': directoryKey.ticket('').pk, ':now': dueBefore(now) },
      ConsistentRead: true,
      Limit: limit,
    });
    const found: Ticket[] = [];
    for await (const row of rows) {
      const parsed = ticketRow.safeParse(row);
      if (parsed.success) found.push(ticketOf(parsed.data));
      if (found.length === limit) break;
    }
    return found;
  },
});
