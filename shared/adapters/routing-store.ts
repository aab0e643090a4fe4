import { setTimeout as sleep } from 'node:timers/promises';
import { BatchGetCommand, type DynamoDBDocumentClient, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { ConversationId, PhoneNumberId } from '../contracts/ids.ts';
import type { RoutingStore } from '../domain/conversation.ts';
import { Fault } from '../domain/fault.ts';
import { type ConversationRecord, conversationRecord, countedNumber } from '../domain/records.ts';
import { calling, hasName, unavailable } from './aws-errors.ts';
import { directoryKey } from './directory-keys.ts';
import { type DirectoryKey, keysAtOnce, nameOf, parsed } from './directory-reader.ts';

type Row = Record<string, unknown>;

interface Asked {
  readonly key: DirectoryKey;
  readonly row: PromiseWithResolvers<Row | undefined>;
}

/** What DynamoDB leaves out is asked for again: a busy number must not fail the events of others. Pauses in milliseconds. */
const mostTries = 4;
const pauseBetweenTries = 20;

/**
 * Numbers and conversations. What the events of one batch ask for at the same moment is read by one request, begun after all of them asked:
 * as fresh as a read of their own, at a fraction of the calls, and one busy number is no hot partition. @throws {Fault} store-unavailable, row-malformed
 */
export const routingStore = (client: DynamoDBDocumentClient, table: string): RoutingStore => {
  let waiting = new Map<string, Asked>();

  const readWaiting = async (): Promise<void> => {
    let asked = [...waiting.values()];
    waiting = new Map();
    for (let time = 0; asked.length > 0; time++) {
      const [part, rest] = [asked.slice(0, keysAtOnce), asked.slice(keysAtOnce)];
      const { rows, left } = await readRows(
        client,
        table,
        part.map(({ key }) => key),
      );
      const isLeft = ({ key }: Asked) => left.some(({ pk, sk }) => pk === key.pk && sk === key.sk);
      for (const { key, row } of part.filter((it) => !isLeft(it)))
        row.resolve(rows.find(({ pk, sk }) => pk === key.pk && sk === key.sk));
      const again = part.filter(isLeft);
      if (again.length > 0 && time >= mostTries) {
        for (const { row } of again) row.reject(new Fault('store-unavailable', { retryable: true }));
        asked = rest;
      } else {
        if (again.length > 0) await sleep(pauseBetweenTries * 2 ** time);
        asked = [...again, ...rest];
      }
    }
  };

  const readAll = async (): Promise<void> => {
    const asked = [...waiting.values()];
    await readWaiting().catch((error: unknown) => {
      for (const { row } of asked) row.reject(error);
    });
  };

  const read = (key: DirectoryKey): Promise<Row | undefined> => {
    if (waiting.size === 0) setImmediate(() => void readAll());
    const name = nameOf(key);
    const known = waiting.get(name) ?? { key, row: Promise.withResolvers<Row | undefined>() };
    waiting.set(name, known);
    return known.row.promise;
  };

  return {
    async read(phoneNumberId: PhoneNumberId, conversationIds: readonly ConversationId[]) {
      const [number, ...conversations] = await Promise.all([
        read(directoryKey.number(phoneNumberId)),
        ...conversationIds.map((id) => read(directoryKey.conversation(id))),
      ]);
      const records = conversations.flatMap((row) => {
        const record = row && parsed(conversationRecord, row);
        return record === undefined || isOver(record) ? [] : [[record.conversationId, record] as const];
      });
      return { number: number && parsed(countedNumber, number), conversations: new Map(records) };
    },

    async save(before, after) {
      try {
        await client.send(new PutCommand(conversationPut(table, before, after).Put));
        return true;
      } catch (error) {
        if (hasName(error, 'ConditionalCheckFailedException')) return false;
        throw unavailable(error);
      }
    },

    async note({ phoneNumberId, tenantId, credentialId }, note) {
      const names = Object.keys(note);
      // Who edits the number at the same moment writes back what it has read. That may take `deliversSince` away, which the next event sets again; the
      // other must not be missed.
      const counts = note.unnumberedAt !== undefined;
      try {
        await client.send(
          new UpdateCommand({
            TableName: table,
            Key: directoryKey.number(phoneNumberId),
            UpdateExpression: `SET ${names.map((name) => `${name} = :${name}`).join(', ')}${counts ? ' ADD revision :one' : ''}`,
            ConditionExpression: 'tenantId = :tenantId AND credentialId = :credentialId',
            ExpressionAttributeValues: {
              ...Object.fromEntries(Object.entries(note).map(([name, at]) => [`:${name}`, at])),
              ...(counts ? { ':one': 1 } : {}),
              ':tenantId': tenantId,
              ':credentialId': credentialId,
            },
          }),
        );
      } catch (error) {
        if (!hasName(error, 'ConditionalCheckFailedException')) throw unavailable(error);
      }
    },
  };
};

/** The table forgets late: what has expired counts as gone. */
const isOver = ({ expiresAt }: ConversationRecord): boolean => expiresAt * 1000 <= Date.now();

/** A conversation as it shall be, on condition that it is still as it was read. */
export const conversationPut = (
  TableName: string,
  before: ConversationRecord | undefined,
  after: ConversationRecord,
) => ({
  Put: {
    TableName,
    Item: { ...after, ...directoryKey.conversation(after.conversationId) },
    ...(before === undefined
      ? {
          ConditionExpression: 'attribute_not_exists(pk) OR expiresAt <= :now',
          ExpressionAttributeValues: { ':now': Math.floor(Date.now() / 1000) },
        }
      : {
          ConditionExpression: 'revision = :revision',
          ExpressionAttributeValues: { ':revision': before.revision },
        }),
  },
});

const readRows = async (
  client: DynamoDBDocumentClient,
  table: string,
  keys: readonly DirectoryKey[],
): Promise<{ readonly rows: readonly Row[]; readonly left: readonly Row[] }> => {
  const { Responses, UnprocessedKeys } = await calling('store-unavailable', () =>
    client.send(new BatchGetCommand({ RequestItems: { [table]: { Keys: [...keys], ConsistentRead: true } } })),
  );
  return { rows: Responses?.[table] ?? [], left: UnprocessedKeys?.[table]?.Keys ?? [] };
};
