import { isDeepStrictEqual } from 'node:util';
import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { LRUCache } from 'lru-cache';
import * as z from 'zod';
import { secretPurpose } from '../contracts/secret-purpose.ts';
import { SealBroken, seal, unseal, wrappedKeyOf } from '../crypto/envelope.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import { contextFor, type SecretIdentity } from '../crypto/secret-context.ts';
import type { AuditLog } from '../domain/audit.ts';
import { Fault } from '../domain/fault.ts';
import type { CachedOpener, OpenedFor, SealedSecret, SecretOpener, SecretSealer } from '../domain/vault.ts';
import { calling } from './aws-errors.ts';
import type { DataKeys } from './kms-data-keys.ts';

/** Where records and sealed secrets are written in one transaction. */
export interface VaultTables {
  readonly directory: string;
  readonly vault: string;
}

export const sealedRow = z.object({
  tenantId: z.string(),
  ownerId: z.string(),
  purpose: secretPurpose,
  secretVersion: z.int().min(1),
  sealed: z.instanceof(Uint8Array),
});

/** The key of a secret's row. A row that lies under another key than its columns say has been edited. */
export const vaultKey = (identity: SecretIdentity) => ({
  pk: `${identity.tenantId}#${identity.ownerId}`,
  sk: `${identity.purpose}#${identity.secretVersion}`,
});

/** The row of a sealed secret, for the transaction that stores it. A version is written once. */
export const sealedPut = (table: string, secret: SealedSecret) => ({
  Put: {
    TableName: table,
    Item: { ...vaultKey(secret), ...secret },
    ConditionExpression: 'attribute_not_exists(pk)',
  },
});

/** Takes a sealed secret out of the Vault, in the transaction that no longer needs it. One that is gone already is no error. */
export const sealedDelete = (table: string, identity: SecretIdentity) => ({
  Delete: { TableName: table, Key: vaultKey(identity) },
});

export const secretSealer = (keys: DataKeys, vaultName: string): SecretSealer => ({
  async seal(identity, secret) {
    const { encryptionContext, additionalData } = contextFor(vaultName, identity);
    const dataKey = await keys.generate(encryptionContext);
    using _plaintextKey = dataKey.plaintext;
    return { ...identity, sealed: seal(secret, dataKey, additionalData) };
  },
});

export interface VaultParts {
  readonly client: DynamoDBDocumentClient;
  readonly table: string;
  readonly keys: DataKeys;
  readonly audit: AuditLog;
  readonly vaultName: string;
}

/** Opens what a seal made, and nothing else: the context passed to KMS is the expected one, never one that the row names. */
export const secretOpener = ({ client, table, keys, audit, vaultName }: VaultParts): SecretOpener => {
  const openSealed = async (identity: SecretIdentity) => {
    const { Item } = await calling('store-unavailable', () =>
      client.send(new GetCommand({ TableName: table, Key: vaultKey(identity), ConsistentRead: true })),
    );
    if (Item === undefined) throw new Fault('secret-missing', { retryable: false });
    const row = sealedRow.safeParse(Item);
    if (!row.success || !isDeepStrictEqual(vaultKey(row.data), vaultKey(identity)))
      throw new Fault('secret-refused', { retryable: false });
    const { encryptionContext, additionalData } = contextFor(vaultName, identity);
    try {
      const { key, requestId } = await keys.unwrap(wrappedKeyOf(row.data.sealed), encryptionContext);
      using dataKey = key;
      return { secret: unseal(row.data.sealed, dataKey, additionalData), requestId };
    } catch (error) {
      throw error instanceof SealBroken ? new Fault('secret-refused', { retryable: false }) : error;
    }
  };

  return {
    async open(identity, openedFor) {
      await audit.record(openedFor, { action: 'open', phase: 'attempt', secret: identity });
      try {
        const { secret, requestId } = await openSealed(identity);
        await audit
          .record(openedFor, {
            action: 'open',
            phase: 'outcome',
            outcome: 'ok',
            secret: identity,
            kmsRequestId: requestId,
          })
          .catch((error: unknown) => {
            secret[Symbol.dispose]();
            throw error;
          });
        return secret;
      } catch (error) {
        if (error instanceof Fault && !error.retryable)
          await audit.record(openedFor, { action: 'open', phase: 'outcome', outcome: 'refused', secret: identity });
        throw error;
      }
    },
  };
};

/** How long an opened secret may stay in a worker's memory (docs/security.md: at most 5 minutes), and how many of them. */
const cacheLifetime = 5 * 60 * 1000;
const cachedSecrets = 200;

/**
 * For the hot path only. Keyed by secretVersion, which the caller has just read, so a rotation holds from the next event on.
 * Callers get copies; what falls out of the cache is wiped.
 */
export const cachedOpener = (opener: SecretOpener): CachedOpener => {
  const cache = new LRUCache<string, SecretBytes>({
    max: cachedSecrets,
    ttl: cacheLifetime,
    ttlAutopurge: true,
    dispose: (secret) => secret[Symbol.dispose](),
  });
  const opening = new Map<string, Promise<SecretBytes>>();
  const keyOf = (identity: SecretIdentity, openedFor: OpenedFor): string =>
    JSON.stringify([contextFor('cache', identity).encryptionContext, openedFor.tenantId, openedFor.subjectId]);
  return {
    isAtHand: (identity, openedFor) => cache.has(keyOf(identity, openedFor)),

    async open(identity, openedFor) {
      const key = keyOf(identity, openedFor);
      const cached = cache.get(key);
      if (cached !== undefined) return cached.copy();
      // Concurrent openers of the same secret share one call of KMS.
      const pending =
        opening.get(key) ??
        opener
          .open(identity, openedFor)
          .then((secret) => {
            cache.set(key, secret);
            return secret;
          })
          .finally(() => opening.delete(key));
      opening.set(key, pending);
      return (await pending).copy();
    },
  };
};
