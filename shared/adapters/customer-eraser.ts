import { BatchGetCommand, BatchWriteCommand, type DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { ConversationId } from '../contracts/ids.ts';
import { changed } from '../domain/conversation.ts';
import { Fault } from '../domain/fault.ts';
import { type ConversationRecord, conversationRecord } from '../domain/records.ts';
import { calling } from './aws-errors.ts';
import { directoryKey } from './directory-keys.ts';
import { directoryReader } from './directory-reader.ts';
import { type HeldTables, listedKey } from './held-store.ts';
import { conversationPut } from './routing-store.ts';
import { failedItems } from './transactions.ts';

/** BatchGetItem takes no more keys, BatchWriteItem no more items. */
const keysAtOnce = 100;
const deletesAtOnce = 25;

const mostRaces = 5;

const lineRow = z.object({ pk: z.string(), sk: z.string(), relayKey: z.string().optional() });

/** @throws {Fault} store-unavailable, row-malformed */
export const customerEraser = (client: DynamoDBDocumentClient, tables: HeldTables) => {
  const reader = directoryReader(client, tables.directory);
  const find = (id: ConversationId): Promise<ConversationRecord | undefined> =>
    reader.get(directoryKey.conversation(id), conversationRecord);

  const linesOf = async (id: ConversationId): Promise<readonly z.infer<typeof lineRow>[]> => {
    const rows: z.infer<typeof lineRow>[] = [];
    let start: Record<string, unknown> | undefined;
    do {
      const { Items, LastEvaluatedKey } = await calling('store-unavailable', () =>
        client.send(
          new QueryCommand({
            TableName: tables.events,
            KeyConditionExpression: 'pk = :pk',
            ExpressionAttributeValues: { ':pk': id },
            ConsistentRead: true,
            ...(start === undefined ? {} : { ExclusiveStartKey: start }),
          }),
        ),
      );
      rows.push(...z.array(lineRow).parse(Items ?? []));
      start = LastEvaluatedKey;
    } while (start !== undefined);
    return rows;
  };

  const deleteRows = async (keys: readonly { readonly pk: string; readonly sk: string }[]): Promise<void> => {
    for (let first = 0; first < keys.length; first += deletesAtOnce) {
      const requests = keys
        .slice(first, first + deletesAtOnce)
        .map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk, sk } } }));
      const { UnprocessedItems } = await calling('store-unavailable', () =>
        client.send(new BatchWriteCommand({ RequestItems: { [tables.events]: requests } })),
      );
      if (Object.keys(UnprocessedItems ?? {}).length > 0) throw new Fault('store-unavailable', { retryable: true });
    }
  };

  return {
    async known(ids: readonly ConversationId[]): Promise<readonly ConversationId[]> {
      const found = new Set<ConversationId>();
      for (let first = 0; first < ids.length; first += keysAtOnce) {
        const Keys = ids.slice(first, first + keysAtOnce).map((id) => directoryKey.conversation(id));
        const { Responses, UnprocessedKeys } = await calling('store-unavailable', () =>
          client.send(new BatchGetCommand({ RequestItems: { [tables.directory]: { Keys, ConsistentRead: true } } })),
        );
        if (Object.keys(UnprocessedKeys ?? {}).length > 0) throw new Fault('store-unavailable', { retryable: true });
        for (const row of Responses?.[tables.directory] ?? []) {
          const { conversationId, joinedTo } = conversationRecord.parse(row);
          found.add(conversationId);
          if (joinedTo !== null) found.add(joinedTo);
        }
      }
      return [...found];
    },

    /**
     * The conversation first: from then on nothing that was received before is dispatched, nor what is in line. A repeat finds what a crash has
     * left in line.
     */
    async erase(
      id: ConversationId,
      now: Date,
    ): Promise<{ readonly relayKeys: readonly string[]; readonly events: number }> {
      for (let race = 0; race < mostRaces; race++) {
        const before = await find(id);
        if (before === undefined) return { relayKeys: [], events: 0 };
        const after = changed(
          before,
          {
            joinedTo: null,
            agentId: null,
            agentUntil: null,
            greetedAt: null,
            awaySaidAt: null,
            humanAt: null,
            heldCount: 0,
            setAsideCount: 0,
            erasedAt: now.toISOString(),
          },
          now,
        );
        const failed = await failedItems(client, [
          conversationPut(tables.directory, before, after),
          { Delete: { TableName: tables.events, Key: listedKey(before.tenantId, before.phoneNumberId, id) } },
        ]);
        if (failed !== undefined) continue;
        const rows = await linesOf(id);
        await deleteRows(rows);
        const relayKeys = rows.flatMap(({ relayKey }) => relayKey ?? []);
        return { relayKeys, events: relayKeys.length };
      }
      throw new Fault('store-unavailable', { retryable: true });
    },
  };
};
