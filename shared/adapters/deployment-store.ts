import { type DynamoDBDocumentClient, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { credentialRecord } from '../domain/records.ts';
import type { SweepPorts } from '../domain/sweep-work.ts';
import { calling } from './aws-errors.ts';
import { credentialPrefix, directoryKey } from './directory-keys.ts';
import { directoryReader } from './directory-reader.ts';

const deploymentRow = z.object({ publicUrl: z.string(), cursor: z.string().optional(), isMoving: z.boolean() });
const cursorKey = z.object({ pk: z.string(), sk: z.string() });

/** Items that one page looks at; most of them are no credentials. */
const itemsPerPage = 500;

/** @throws {Fault} store-unavailable, row-malformed */
export const deploymentStore = (client: DynamoDBDocumentClient, table: string): SweepPorts['deployments'] => ({
  read: () => directoryReader(client, table).get(directoryKey.deployment(), deploymentRow),

  async write(deployment) {
    await calling('store-unavailable', () =>
      client.send(new PutCommand({ TableName: table, Item: { ...directoryKey.deployment(), ...deployment } })),
    );
  },

  /** The one scan of the Directory: after a change of address every credential has to be found, whoever owns it. */
  async credentials(cursor) {
    const { Items, LastEvaluatedKey } = await calling('store-unavailable', () =>
      client.send(
        new ScanCommand({
          TableName: table,
          FilterExpression: 'begins_with(sk, :prefix)',
          ExpressionAttributeValues: { ':prefix': credentialPrefix },
          Limit: itemsPerPage,
          ...(cursor === undefined ? {} : { ExclusiveStartKey: cursorKey.parse(JSON.parse(cursor)) }),
        }),
      ),
    );
    return {
      credentials: (Items ?? []).flatMap((row) => credentialRecord.safeParse(row).data ?? []),
      cursor: LastEvaluatedKey === undefined ? undefined : JSON.stringify(LastEvaluatedKey),
    };
  },
});
