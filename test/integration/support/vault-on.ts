import { PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { auditLog } from '../../../shared/adapters/audit-log.ts';
import { type DataKeys, kmsDataKeys } from '../../../shared/adapters/kms-data-keys.ts';
import { sealedPut, secretOpener, secretSealer } from '../../../shared/adapters/vault.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import type { SecretIdentity } from '../../../shared/crypto/secret-context.ts';
import type { SealedSecret } from '../../../shared/domain/vault.ts';
import { dynamoDbOf, type EngineName, kmsOf, makeKey, makeTable } from './engines.ts';

export const vaultName = 'Switchboard';
export const identity: SecretIdentity = {
  tenantId: 'acme',
  ownerId: 'cred_1',
  purpose: 'graph-api',
  secretVersion: 1,
};
const openedFor = { tenantId: 'acme', subjectId: 'cred_1' };

/** A Vault of its own on an engine: table, audit table and key are new. */
export async function vaultOn(engine: EngineName) {
  const [table, auditTable, keyArn] = await Promise.all([makeTable(engine), makeTable(engine), makeKey(engine)]);
  const client = dynamoDbOf(engine);
  const audit = auditLog(client, auditTable, () => ({ kind: 'function', id: 'route-event', requestId: 'request-1' }));
  const keysOfVault = kmsDataKeys(kmsOf(engine), keyArn);

  return {
    client,
    table,
    keyArn,

    /** Seals a text, as yet without storing it. */
    async sealed(text: string, whose: SecretIdentity = identity, keys: DataKeys = keysOfVault): Promise<SealedSecret> {
      using secret = SecretBytes.fromText(text);
      return await secretSealer(keys, vaultName).seal(whose, secret);
    },

    /** Stores a sealed secret in the row of an identity, over whatever is there: what an intruder in the table could do. */
    async place(secret: SealedSecret, row: SecretIdentity = secret): Promise<void> {
      const { Item: keysOfRow } = sealedPut(table, { ...row, sealed: secret.sealed }).Put;
      const { pk, sk } = keysOfRow;
      await client.send(new PutCommand({ TableName: table, Item: { pk, sk, ...secret } }));
    },

    /** The text that opens for an identity. */
    async open(whose: SecretIdentity = identity, keys: DataKeys = keysOfVault): Promise<string> {
      using secret = await secretOpener({ client, table, keys, audit, vaultName }).open(whose, openedFor);
      return secret.revealText();
    },

    /** What the audit says, oldest first. */
    async audited(): Promise<readonly Record<string, unknown>[]> {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: auditTable,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': `${openedFor.tenantId}#${openedFor.subjectId}` },
          ConsistentRead: true,
        }),
      );
      return Items;
    },
  };
}
