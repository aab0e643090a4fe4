import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { type MetaUsageStore, type NotedUsage, notedUsage } from '../domain/meta-usage.ts';
import { calling } from './aws-errors.ts';
import { directoryKey } from './directory-keys.ts';
import { directoryReader } from './directory-reader.ts';

/** Meta counts calls of the last hour. In seconds. */
const window = 60 * 60;

/** What Meta says of its limits, a row for each credential in the Directory. @throws {Fault} store-unavailable, row-malformed */
export const metaUsageStore = (client: DynamoDBDocumentClient, table: string): MetaUsageStore => ({
  async note({ tenantId, credentialId }, usage, now) {
    await calling('store-unavailable', () =>
      client.send(
        new PutCommand({
          TableName: table,
          Item: {
            ...directoryKey.metaUsage(tenantId, credentialId),
            ...usage,
            notedAt: now.toISOString(),
            expiresAt: Math.floor(now.getTime() / 1000) + window,
          },
        }),
      ),
    );
  },

  async find({ tenantId, credentialId }, now) {
    const noted = await directoryReader(client, table).get(directoryKey.metaUsage(tenantId, credentialId), notedUsage);
    return noted !== undefined && isFresh(noted, now) ? noted : undefined;
  },

  async findMany(owners, now) {
    const wanted = owners.map((of) => ({
      key: directoryKey.metaUsage(of.tenantId, of.credentialId),
      schema: notedUsage,
    }));
    const found = await directoryReader(client, table).getMany(wanted);
    return new Map(
      owners.flatMap(({ credentialId }, index) => {
        const noted = found[index];
        return noted !== undefined && isFresh(noted, now) ? [[credentialId, noted] as const] : [];
      }),
    );
  },
});

const isFresh = ({ notedAt }: NotedUsage, now: Date): boolean => now.getTime() - Date.parse(notedAt) < window * 1000;
