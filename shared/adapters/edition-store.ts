import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { phoneNumberId } from '../contracts/ids.ts';
import type { SecretIdentity } from '../crypto/secret-context.ts';
import type { AuditEntry } from '../domain/audit.ts';
import type { Editions } from '../domain/edition.ts';
import type { CredentialRecord, MetaAppRecord } from '../domain/records.ts';
import { ownerOfApp, type SealedSecret, sharedTenant } from '../domain/vault.ts';
import type { AuditPut } from './audit-log.ts';
import { directoryKey } from './directory-keys.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems, type TransactItem } from './transactions.ts';
import { sealedDelete, sealedPut, type VaultTables } from './vault.ts';

/**
 * A Meta app as it shall be, on condition that nobody changed it since it was read. Field by field: what a set-up records of it in
 * the meantime stays. Where nothing changes, only the condition remains.
 */
export const appUpdate = (TableName: string, before: MetaAppRecord, after: MetaAppRecord): TransactItem => {
  const unchanged = {
    TableName,
    Key: directoryKey.app(before.appId),
    // All that a change sets: else a revocation or a proof that came in between would be undone.
    ConditionExpression:
      'credentialCount = :count AND secretVersion = :version AND previousSecretVersion = :knownPrevious AND provedBy = :knownProofs',
  };
  const known = {
    ':count': before.credentialCount,
    ':version': before.secretVersion,
    ':knownPrevious': before.previousSecretVersion,
    ':knownProofs': before.provedBy,
  };
  if (before === after) return { ConditionCheck: { ...unchanged, ExpressionAttributeValues: known } };
  return {
    Update: {
      ...unchanged,
      UpdateExpression:
        'SET secretVersion = :newVersion, previousSecretVersion = :previous, previousAcceptedUntil = :until, appSecretLastFour = :lastFour, ' +
        'appSecretSetAt = :setAt, credentialCount = :newCount, provedBy = :provedBy',
      ExpressionAttributeValues: {
        ...known,
        ':newVersion': after.secretVersion,
        ':previous': after.previousSecretVersion,
        ':until': after.previousAcceptedUntil,
        ':lastFour': after.appSecretLastFour,
        ':setAt': after.appSecretSetAt,
        ':newCount': after.credentialCount,
        ':provedBy': after.provedBy,
      },
    },
  };
};

/** Stores changes of credentials and Meta apps, with the secrets that come and go. @throws {Fault} store-unavailable */
export const editionStore = (client: DynamoDBDocumentClient, tables: VaultTables, audit: AuditPut): Editions => {
  const shredded = (retired: readonly SecretIdentity[], line: (entry: AuditEntry) => TransactItem): TransactItem[] => [
    ...retired.map((secret) => sealedDelete(tables.vault, secret)),
    ...retired.map((secret) => line({ action: 'shred', outcome: 'ok', secret })),
  ];
  return {
    async save({ before, after, app, sealed, retired, tickets, audit: entries }) {
      const line = (entry: AuditEntry) => audit({ tenantId: before.tenantId, subjectId: before.credentialId }, entry);
      const failed = await failedItems(client, [
        credentialUpdate(tables.directory, before, after),
        appUpdate(tables.directory, app.before, app.after),
        ...(before.secretVersion === after.secretVersion ? [] : numberUpdates(tables.directory, after)),
        ...sealed.map((secret) => sealedPut(tables.vault, secret)),
        ...tickets.map((ticket) => ticketPut(tables.directory, ticket)),
        ...entries.map(line),
        ...sealed.map((secret) => line({ action: 'seal', outcome: 'ok', secret: identityOf(secret) })),
        ...shredded(retired, line),
      ]);
      return failed === undefined;
    },

    async saveApp(app, retired) {
      const line = (entry: AuditEntry) =>
        audit({ tenantId: sharedTenant, subjectId: ownerOfApp(app.before.appId) }, entry);
      const failed = await failedItems(client, [
        appUpdate(tables.directory, app.before, app.after),
        ...shredded(retired, line),
      ]);
      return failed === undefined;
    },
  };
};

export const identityOf = ({ tenantId, ownerId, purpose, secretVersion }: SealedSecret): SecretIdentity => ({
  tenantId,
  ownerId,
  purpose,
  secretVersion,
});

/** What a user edits and what is sealed anew; the state of webhook and health is written by others at the same time. */
const credentialUpdate = (TableName: string, before: CredentialRecord, after: CredentialRecord): TransactItem => ({
  Update: {
    TableName,
    Key: directoryKey.credential(before.tenantId, before.credentialId),
    UpdateExpression:
      'SET #label = :label, version = :newVersion, secretVersion = :newSecretVersion, proofVersion = :proofVersion, ' +
      'accessTokenLastFour = :lastFour, accessTokenSetAt = :setAt, accessTokenExpiresAt = :expiresAt, phoneNumbers = :numbers, updatedAt = :updatedAt',
    ConditionExpression:
      'version = :version AND secretVersion = :secretVersion AND claimedNumbers = :claimed AND #status <> :removing',
    ExpressionAttributeNames: { '#label': 'label', '#status': 'status' },
    ExpressionAttributeValues: {
      ':label': after.label,
      ':newVersion': after.version,
      ':newSecretVersion': after.secretVersion,
      ':proofVersion': after.proofVersion,
      ':lastFour': after.accessTokenLastFour,
      ':setAt': after.accessTokenSetAt,
      ':expiresAt': after.accessTokenExpiresAt,
      ':numbers': after.phoneNumbers,
      ':updatedAt': after.updatedAt,
      ':version': before.version,
      ':secretVersion': before.secretVersion,
      ':claimed': before.claimedNumbers,
      ':removing': 'removing',
    },
  },
});

/** The number items tell the router which edition to open. */
const numberUpdates = (TableName: string, credential: CredentialRecord): readonly TransactItem[] =>
  Object.keys(credential.claimedNumbers).map((number) => ({
    Update: {
      TableName,
      Key: directoryKey.number(phoneNumberId.parse(number)),
      UpdateExpression: 'SET secretVersion = :secretVersion ADD revision :one',
      ConditionExpression: 'tenantId = :tenantId AND credentialId = :credentialId',
      ExpressionAttributeValues: {
        ':secretVersion': credential.secretVersion,
        ':tenantId': credential.tenantId,
        ':credentialId': credential.credentialId,
        ':one': 1,
      },
    },
  }));
