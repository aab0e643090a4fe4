import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { type MetaUsageStore, notedUsage } from '../domain/meta-usage.ts';
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
    const isFresh = noted !== undefined && now.getTime() - Date.parse(noted.notedAt) < window * 1000;
    return isFresh ? noted : undefined;
  },
});
