import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';

/** What the tables know of what the dead letters are about. */
export interface WhatIsKnown {
  /** Those of these events that are done: handed to the agent, with a fate for each reply. */
  finishedOf(eventIds: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * When an event of each of these conversations was last handled, ISO-8601; null where it is on record that events failed and nothing
   * has been handled after them. A conversation of which neither was written down is missing.
   */
  lastHandledOf(conversationIds: readonly string[]): Promise<ReadonlyMap<string, string | null>>;
  /** Those of these tickets that are still open: their work is not done. */
  openOf(tickets: readonly string[]): Promise<ReadonlySet<string>>;
}

/** Limit of one BatchGetItem. */
const keysAtOnce = 100;

interface Key {
  readonly pk: string;
  readonly sk: string;
}

const claim = z.object({ pk: z.string(), state: z.enum(['done', 'unknown']) });
const conversation = z.object({
  pk: z.string(),
  joinedTo: z.string().nullish().catch(null),
  lastHandledAt: z.iso.datetime().nullish().catch(null),
  /** The router noted that an event of it went to the dead letters. */
  skippedAt: z.iso.datetime().nullish().catch(null),
});
const ticketItem = z.object({ sk: z.string() });

const conversationKey = (id: string): Key => ({ pk: `CONV#${id}`, sk: 'CONV' });

/** Read with the rights of whoever asks. A row that is not as we write it tells nothing. */
export function whatIsKnown(
  dynamoDb: DynamoDBClient,
  tables: { readonly directory: string; readonly events: string },
): WhatIsKnown {
  const client = DynamoDBDocumentClient.from(dynamoDb);

  /** Only these attributes: what else is in a row is of customers. */
  const read = async (table: string, keys: readonly Key[], ...attributes: readonly string[]): Promise<unknown[]> => {
    const names = Object.fromEntries(attributes.map((name, index) => [`#${index}`, name]));
    const projection = { ProjectionExpression: Object.keys(names).join(), ExpressionAttributeNames: names };
    const found: unknown[] = [];
    let open = [...keys];
    while (open.length > 0) {
      const Keys = open.splice(0, keysAtOnce);
      const { Responses, UnprocessedKeys } = await client.send(
        new BatchGetCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true, ...projection } } }),
      );
      found.push(...(Responses?.[table] ?? []));
      open = [...open, ...((UnprocessedKeys?.[table]?.Keys ?? []) as Key[])];
    }
    return found;
  };

  const conversations = async (ids: readonly string[]) => {
    const keys = unique(ids).map(conversationKey);
    const rows = await read(tables.directory, keys, 'pk', 'joinedTo', 'lastHandledAt', 'skippedAt');
    return new Map(rows.map((row) => conversation.parse(row)).map((it) => [it.pk.slice('CONV#'.length), it]));
  };

  return {
    async finishedOf(eventIds) {
      const keys = unique(eventIds).map((pk) => ({ pk, sk: 'CLAIM' }));
      const claims = (await read(tables.events, keys, 'pk', 'state')).map((row) => claim.safeParse(row).data);
      return new Set(claims.flatMap((it) => it?.pk ?? []));
    },

    async lastHandledOf(conversationIds) {
      const rows = await conversations(conversationIds);
      // A customer who has been seen under another form of identity: there the conversation goes on.
      const joined = await conversations([...rows.values()].flatMap(({ joinedTo }) => joinedTo ?? []));
      return new Map(
        [...rows].flatMap(([id, row]): (readonly [string, string | null])[] => {
          const known = [row, joined.get(row.joinedTo ?? '')].flatMap((it) => it ?? []);
          const latest = known
            .flatMap(({ lastHandledAt }) => lastHandledAt ?? [])
            .sort()
            .at(-1);
          if (latest !== undefined) return [[id, latest]];
          return known.some(({ skippedAt }) => skippedAt != null) ? [[id, null]] : [];
        }),
      );
    },

    async openOf(tickets) {
      const keys = unique(tickets).map((sk) => ({ pk: 'WORK', sk }));
      return new Set((await read(tables.directory, keys, 'sk')).map((row) => ticketItem.parse(row).sk));
    },
  };
}

/** DynamoDB refuses a batch that names a key twice. */
const unique = (ids: readonly string[]): readonly string[] => [...new Set(ids)];
