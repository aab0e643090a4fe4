import { BatchGetCommand, type DynamoDBDocumentClient, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import { Fault } from '../domain/fault.ts';
import { calling } from './aws-errors.ts';

export interface DirectoryKey {
  readonly pk: string;
  readonly sk: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** BatchGetItem takes no more keys. */
export const keysAtOnce = 100;

/** Tells rows apart. */
export const nameOf = ({ pk, sk }: { readonly pk?: unknown; readonly sk?: unknown }): string =>
  `${String(pk)}\n${String(sk)}`;

/** A row is a boundary like any other. @throws {Fault} row-malformed */
export const parsed = <T>(schema: z.ZodType<T>, row: unknown): T => {
  const result = schema.safeParse(row);
  if (result.success) return result.data;
  // Why no cause: zod's issues may quote the row.
  throw new Fault('row-malformed', { retryable: false });
};

/** The keys come too: by them rows are told apart. Every name goes through an alias, because DynamoDB reserves many. */
const projectionOn = (attributes: readonly string[]) => {
  if (attributes.length === 0) return {};
  const names = new Map(['pk', 'sk', ...attributes].map((attribute) => [`#${attribute}`, attribute]));
  return {
    ProjectionExpression: [...names.keys()].join(),
    ExpressionAttributeNames: Object.fromEntries(names),
  };
};

/** Typed, strongly consistent reads of the Directory. @throws {Fault} store-unavailable, row-malformed */
export const directoryReader = (client: DynamoDBDocumentClient, table: string) => ({
  async get<T>(key: DirectoryKey, schema: z.ZodType<T>): Promise<T | undefined> {
    const { Item } = await calling('store-unavailable', () =>
      client.send(new GetCommand({ TableName: table, Key: key, ConsistentRead: true })),
    );
    return Item === undefined ? undefined : parsed(schema, Item);
  },

  /**
   * Several rows of different kinds, by one request for each 100; undefined where there is none. Of each row only these attributes, where
   * they are named.
   */
  async getMany<const S extends readonly { readonly key: DirectoryKey; readonly schema: z.ZodType }[]>(
    wanted: S,
    attributes: readonly string[] = [],
  ): Promise<{ [K in keyof S]: z.infer<S[K]['schema']> | undefined }> {
    const keys = [...new Map(wanted.map(({ key }) => [nameOf(key), key])).values()];
    const rows = new Map<string, unknown>();
    for (let first = 0; first < keys.length; first += keysAtOnce) {
      const Keys = keys.slice(first, first + keysAtOnce);
      const { Responses, UnprocessedKeys } = await calling('store-unavailable', () =>
        client.send(
          new BatchGetCommand({
            RequestItems: { [table]: { Keys, ConsistentRead: true, ...projectionOn(attributes) } },
          }),
        ),
      );
      if (Object.keys(UnprocessedKeys ?? {}).length > 0) throw new Fault('store-unavailable', { retryable: true });
      for (const row of Responses?.[table] ?? []) rows.set(nameOf(row), row);
    }
    return wanted.map(({ key, schema }) => {
      const row = rows.get(nameOf(key));
      return row === undefined ? undefined : parsed(schema, row);
    }) as { [K in keyof S]: z.infer<S[K]['schema']> | undefined };
  },

  /** Rows below one partition key whose sort key begins so, in the order of the sort key. */
  async list<T>(
    query: {
      readonly pk: string;
      readonly prefix: string;
      readonly limit: number;
      readonly after?: string | undefined;
    },
    schema: z.ZodType<T>,
  ): Promise<Page<T>> {
    const { Items, LastEvaluatedKey } = await calling('store-unavailable', () =>
      client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
          ExpressionAttributeValues: { ':pk': query.pk, ':prefix': query.prefix },
          ConsistentRead: true,
          Limit: query.limit,
          ...(query.after === undefined
            ? {}
            : { ExclusiveStartKey: { pk: query.pk, sk: `${query.prefix}${query.after}` } }),
        }),
      ),
    );
    const last: unknown = LastEvaluatedKey?.sk;
    return {
      items: (Items ?? []).map((row) => parsed(schema, row)),
      nextCursor: typeof last === 'string' ? last.slice(query.prefix.length) : null,
    };
  },
});

export type DirectoryReader = ReturnType<typeof directoryReader>;
