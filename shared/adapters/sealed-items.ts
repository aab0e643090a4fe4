import type { SecretIdentity } from '../crypto/secret-context.ts';
import type { AuditEntry } from '../domain/audit.ts';
import type { SealedSecret } from '../domain/vault.ts';
import type { TransactItem } from './transactions.ts';
import { sealedDelete, sealedPut } from './vault.ts';

/** Puts a line into the audit of whoever the secrets are about. */
export type AuditLine = (entry: AuditEntry) => TransactItem;

const identityOf = ({ tenantId, ownerId, purpose, secretVersion }: SealedSecret): SecretIdentity => ({
  tenantId,
  ownerId,
  purpose,
  secretVersion,
});

/** Secrets that come into the Vault, each with its line: none is stored unaudited. */
export const storeSealed = (table: string, secrets: readonly SealedSecret[], line: AuditLine): TransactItem[] =>
  secrets.flatMap((secret) => [
    sealedPut(table, secret),
    line({ action: 'seal', outcome: 'ok', secret: identityOf(secret) }),
  ]);

/** Secrets that go for good, each with its line. */
export const shredSealed = (table: string, secrets: readonly SecretIdentity[], line: AuditLine): TransactItem[] =>
  secrets.flatMap((secret) => [sealedDelete(table, secret), line({ action: 'shred', outcome: 'ok', secret })]);
