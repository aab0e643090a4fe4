import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import pMap from 'p-map';
import type { PhoneNumberId } from '../contracts/ids.ts';
import { stopOf } from '../domain/account-standing.ts';
import type { Editions } from '../domain/edition.ts';
import { type CredentialRecord, type MetaAppRecord, numberRecord } from '../domain/records.ts';
import { ownerOfApp, sharedTenant } from '../domain/vault.ts';
import { claimedNumbersOf } from '../domain/webhook-at-meta.ts';
import type { AuditPut } from './audit-log.ts';
import { directoryKey } from './directory-keys.ts';
import { directoryReader } from './directory-reader.ts';
import { type AuditLine, shredSealed, storeSealed } from './sealed-items.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems, type TransactItem } from './transactions.ts';
import type { VaultTables } from './vault.ts';
import { asReadIn } from './verdict-condition.ts';

/**
 * A Meta app as it shall be, on condition that its secrets are still those that were read: else a revocation that came in between
 * would be undone. Counts and proofs of other tenants are left to them, so that nobody can keep a neighbour from rotating. Where
 * nothing changes, only the edition of the secret has to be the same.
 */
export const appUpdate = (TableName: string, before: MetaAppRecord, after: MetaAppRecord): TransactItem => {
  const Key = directoryKey.app(before.appId);
  const known = { ':version': before.secretVersion };
  if (before === after)
    return {
      ConditionCheck: {
        TableName,
        Key,
        ConditionExpression: 'secretVersion = :version',
        ExpressionAttributeValues: known,
      },
    };
  const proofs = Object.entries(after.provedBy).filter(([tenant, version]) => before.provedBy[tenant] !== version);
  return {
    Update: {
      TableName,
      Key,
      ConditionExpression: 'secretVersion = :version AND previousSecretVersion = :knownPrevious',
      UpdateExpression:
        'SET secretVersion = :newVersion, previousSecretVersion = :previous, previousAcceptedUntil = :until, appSecretLastFour = :lastFour, ' +
        `appSecretSetAt = :setAt, credentialCount = credentialCount + :more${proofs.map((_, index) => `, provedBy.#t${index} = :p${index}`).join('')}`,
      ...(proofs.length === 0
        ? {}
        : { ExpressionAttributeNames: Object.fromEntries(proofs.map(([tenant], index) => [`#t${index}`, tenant])) }),
      ExpressionAttributeValues: {
        ...known,
        ':knownPrevious': before.previousSecretVersion,
        ':newVersion': after.secretVersion,
        ':previous': after.previousSecretVersion,
        ':until': after.previousAcceptedUntil,
        ':lastFour': after.appSecretLastFour,
        ':setAt': after.appSecretSetAt,
        ':more': after.credentialCount - before.credentialCount,
        ...Object.fromEntries(proofs.map(([, version], index) => [`:p${index}`, version])),
      },
    },
  };
};

/** Stores changes of credentials and Meta apps, with the secrets that come and go. @throws {Fault} store-unavailable */
export const editionStore = (client: DynamoDBDocumentClient, tables: VaultTables, audit: AuditPut): Editions => {
  return {
    async save({ before, after, app, sealed, retired, tickets, audit: entries }) {
      const line: AuditLine = (entry) => audit({ tenantId: before.tenantId, subjectId: before.credentialId }, entry);
      const isResealed = before.secretVersion !== after.secretVersion;
      const numbers = isResealed ? await ownNumbersOf(client, tables.directory, after) : [];
      const failed = await failedItems(client, [
        credentialUpdate(tables.directory, before, after),
        appUpdate(tables.directory, app.before, app.after),
        ...numberUpdates(tables.directory, after, numbers),
        ...tickets.map((ticket) => ticketPut(tables.directory, ticket)),
        ...entries.map(line),
        ...storeSealed(tables.vault, sealed, line),
        ...shredSealed(tables.vault, retired, line),
      ]);
      return failed === undefined;
    },

    async saveApp(app, retired) {
      const line: AuditLine = (entry) =>
        audit({ tenantId: sharedTenant, subjectId: ownerOfApp(app.before.appId) }, entry);
      const failed = await failedItems(client, [
        appUpdate(tables.directory, app.before, app.after),
        ...shredSealed(tables.vault, retired, line),
      ]);
      return failed === undefined;
    },
  };
};

/**
 * What a user edits and what is sealed anew; the state of webhook and health is written by others at the same time. What Meta has reported of
 * the account or a check has proved since it was read is not overwritten.
 */
const credentialUpdate = (TableName: string, before: CredentialRecord, after: CredentialRecord): TransactItem => {
  const asRead = asReadIn(before, ['standing', 'verdict', 'finding']);
  return {
    Update: {
      TableName,
      Key: directoryKey.credential(before.tenantId, before.credentialId),
      UpdateExpression:
        'SET #label = :label, version = :newVersion, secretVersion = :newSecretVersion, proofVersion = :proofVersion, ' +
        'accessTokenLastFour = :lastFour, accessTokenSetAt = :setAt, accessTokenExpiresAt = :expiresAt, phoneNumbers = :numbers, standing = :standing, verdict = :verdict, unreachableSince = :unreachableSince, finding = :finding, updatedAt = :updatedAt',
      ConditionExpression: `version = :version AND secretVersion = :secretVersion AND claimedNumbers = :claimed AND #status <> :removing AND ${asRead.condition}`,
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
        ':standing': after.standing,
        ':updatedAt': after.updatedAt,
        ':version': before.version,
        ':secretVersion': before.secretVersion,
        ':claimed': before.claimedNumbers,
        ':removing': 'removing',
        ':verdict': after.verdict,
        ':unreachableSince': after.unreachableSince,
        ':finding': after.finding,
        ...asRead.values,
      },
    },
  };
};

/**
 * The numbers that are really the credential's: an operator may have released one by hand, and somebody else may have it since.
 * @throws {Fault} store-unavailable
 */
export const ownNumbersOf = async (
  client: DynamoDBDocumentClient,
  table: string,
  credential: CredentialRecord,
): Promise<readonly PhoneNumberId[]> => {
  const reader = directoryReader(client, table);
  const found = await pMap(
    claimedNumbersOf(credential),
    (number) => reader.get(directoryKey.number(number), numberRecord),
    {
      concurrency: readsAtOnce,
    },
  );
  return found.flatMap((number) =>
    number?.tenantId === credential.tenantId && number.credentialId === credential.credentialId
      ? [number.phoneNumberId]
      : [],
  );
};

const readsAtOnce = 10;

/** The number items tell the router which edition to open. */
const numberUpdates = (
  TableName: string,
  credential: CredentialRecord,
  numbers: readonly PhoneNumberId[],
): readonly TransactItem[] =>
  numbers.map((number) => ({
    Update: {
      TableName,
      Key: directoryKey.number(number),
      // What was doubted were the former secrets.
      UpdateExpression: 'SET secretVersion = :secretVersion, stopped = :stopped, doubt = :none ADD revision :one',
      ConditionExpression: 'tenantId = :tenantId AND credentialId = :credentialId',
      ExpressionAttributeValues: {
        ':secretVersion': credential.secretVersion,
        ':stopped': stopOf(credential),
        ':none': null,
        ':tenantId': credential.tenantId,
        ':credentialId': credential.credentialId,
        ':one': 1,
      },
    },
  }));
