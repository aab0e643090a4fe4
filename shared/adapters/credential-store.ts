import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import type { PhoneNumber, Reason } from '../contracts/credential.ts';
import type { AppId, CredentialId, PhoneNumberId, TenantId, WabaId } from '../contracts/ids.ts';
import type { SecretIdentity } from '../crypto/secret-context.ts';
import { stopOf } from '../domain/account-standing.ts';
import { Fault } from '../domain/fault.ts';
import {
  type CredentialHealth,
  type CredentialRecord,
  credentialHealth,
  credentialRecord,
  type Finding,
  type LastCheck,
  lastCheck,
  type MetaAppRecord,
  metaAppRecord,
  type NotificationsRecord,
  type NumberRecord,
  numberRecord,
  type WebhookRecord,
} from '../domain/records.ts';
import type { Made, SetUpWebhookPorts } from '../domain/set-up-webhook.ts';
import type { SealedSecret } from '../domain/vault.ts';
import type { Ticket } from '../domain/work.ts';
import type { AuditPut } from './audit-log.ts';
import { hasName, unavailable } from './aws-errors.ts';
import { dueCheckPut } from './check-schedule-store.ts';
import { appWabasPrefix, credentialPrefix, directoryKey } from './directory-keys.ts';
import { directoryReader, type Page } from './directory-reader.ts';
import { appUpdate, ownNumbersOf } from './edition-store.ts';
import { firstNotificationsPut } from './notification-store.ts';
import { type AuditLine, shredSealed, storeSealed } from './sealed-items.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems } from './transactions.ts';
import type { VaultTables } from './vault.ts';
import { asReadIn } from './verdict-condition.ts';

export interface NewCredential {
  readonly credential: CredentialRecord;
  readonly webhook: WebhookRecord;
  /** The Meta app as it shall be, and as it was read: undefined when the stack does not know it yet. */
  readonly app: MetaAppRecord;
  readonly appBefore: MetaAppRecord | undefined;
  readonly appWebhook: WebhookRecord;
  readonly numbers: readonly NumberRecord[];
  readonly secrets: readonly SealedSecret[];
  /** Secrets of the app that go, where its App Secret was replaced. */
  readonly retired: readonly SecretIdentity[];
  readonly tickets: readonly Ticket[];
  /** When it is first checked by the clock. */
  readonly firstCheck: Date;
  /** Where the tenant's alerts go from now on, where nobody has said so yet. */
  readonly notifications?: NotificationsRecord | undefined;
  /** How many credentials the tenant may have. */
  readonly quota: number;
}

export type CreateOutcome =
  | { readonly outcome: 'created' }
  | { readonly outcome: 'waba-taken' }
  | { readonly outcome: 'quota-exceeded' }
  | { readonly outcome: 'number-taken'; readonly index: number }
  /** Somebody else changed the Meta app, or chose where alerts go, meanwhile: read it again and repeat. */
  | { readonly outcome: 'app-changed' };

/** In bytes. */
const saltLength = 32;

/** As many credentials as one BatchGetItem takes with ease. */
const routesPerPage = 50;
const routeRow = credentialRecord.pick({ tenantId: true, credentialId: true });

/** Reads Meta apps and credentials. @throws {Fault} store-unavailable, row-malformed */
export const credentialReader = (client: DynamoDBDocumentClient, table: string) => {
  const reader = directoryReader(client, table);
  const credentialsOfRoutes = async (routes: readonly z.infer<typeof routeRow>[]) => {
    const found = await reader.getMany(
      routes.map((route) => ({
        key: directoryKey.credential(route.tenantId, route.credentialId),
        schema: credentialRecord,
      })),
    );
    return found.flatMap((credential) =>
      credential === undefined || credential.status === 'removing' ? [] : [credential],
    );
  };
  return {
    async find(tenantId: TenantId, id: CredentialId): Promise<CredentialRecord | undefined> {
      const found = await reader.get(directoryKey.credential(tenantId, id), credentialRecord);
      // The table forgets late: what has expired counts as gone.
      return found?.expiresAt !== undefined && found.expiresAt * 1000 <= Date.now() ? undefined : found;
    },

    /** The tenant's credential of an account, also one that is on its way out. */
    async findByWaba(tenantId: TenantId, wabaId: WabaId): Promise<CredentialRecord | undefined> {
      const route = await reader.get(directoryKey.tenantWaba(tenantId, wabaId), routeRow);
      return route && reader.get(directoryKey.credential(tenantId, route.credentialId), credentialRecord);
    },

    findNumber: (id: PhoneNumberId): Promise<NumberRecord | undefined> =>
      reader.get(directoryKey.number(id), numberRecord),

    findHealth: (tenantId: TenantId, id: CredentialId): Promise<CredentialHealth | undefined> =>
      reader.get(directoryKey.health(tenantId, id), credentialHealth),

    async lastChecks(tenantId: TenantId, ids: readonly CredentialId[]): Promise<ReadonlyMap<CredentialId, LastCheck>> {
      const wanted = ids.map((id) => ({ key: directoryKey.health(tenantId, id), schema: lastCheck }));
      const found = await reader.getMany(wanted, Object.keys(lastCheck.shape));
      return new Map(ids.flatMap((id, index) => (found[index] === undefined ? [] : [[id, found[index]]])));
    },

    findApp: (appId: AppId): Promise<MetaAppRecord | undefined> => reader.get(directoryKey.app(appId), metaAppRecord),

    list: (tenantId: TenantId, limit: number, after?: string): Promise<Page<CredentialRecord>> =>
      reader.list({ pk: directoryKey.tenant(tenantId).pk, prefix: credentialPrefix, limit, after }, credentialRecord),

    async findMany(
      tenantId: TenantId,
      ids: readonly CredentialId[],
    ): Promise<ReadonlyMap<CredentialId, CredentialRecord>> {
      const wanted = [...new Set(ids)].map((id) => ({
        key: directoryKey.credential(tenantId, id),
        schema: credentialRecord,
      }));
      const found = await reader.getMany(wanted);
      return new Map(found.flatMap((credential) => (credential ? [[credential.credentialId, credential]] : [])));
    },

    /** The Meta apps of these credentials, by App ID. */
    async appsOf(credentials: readonly CredentialRecord[]): Promise<ReadonlyMap<AppId, MetaAppRecord>> {
      const ids = [...new Set(credentials.map((credential) => credential.appId))];
      const apps = await reader.getMany(ids.map((id) => ({ key: directoryKey.app(id), schema: metaAppRecord })));
      return new Map(apps.flatMap((app) => (app === undefined ? [] : [[app.appId, app]])));
    },

    /** Credentials of the app, in whatever tenant, that are not on their way out. */
    async inUse(appId: AppId): Promise<readonly CredentialRecord[]> {
      const found: CredentialRecord[] = [];
      let after: string | undefined;
      do {
        const page = await reader.list(
          { pk: directoryKey.app(appId).pk, prefix: appWabasPrefix, limit: routesPerPage, after },
          routeRow,
        );
        found.push(...(await credentialsOfRoutes(page.items)));
        after = page.nextCursor ?? undefined;
      } while (after !== undefined);
      return found;
    },
  };
};

export type CredentialReader = ReturnType<typeof credentialReader>;

/** Creates Meta apps and credentials, with their secrets in the Vault. @throws {Fault} store-unavailable */
export const credentialCreator = (client: DynamoDBDocumentClient, tables: VaultTables, audit: AuditPut) => {
  const TableName = tables.directory;
  return {
    /** The tenant's salt for customer keys; made at the first use. 32 random bytes that go with the tenant. */
    async ensureTenantSalt(tenantId: TenantId): Promise<void> {
      try {
        await client.send(
          new UpdateCommand({
            TableName,
            Key: directoryKey.tenant(tenantId),
            UpdateExpression: 'SET salt = :salt, createdAt = :now, tenantId = :tenantId',
            ConditionExpression: 'attribute_not_exists(salt)',
            ExpressionAttributeValues: {
              ':salt': randomBytes(saltLength),
              ':now': new Date().toISOString(),
              ':tenantId': tenantId,
            },
          }),
        );
      } catch (error) {
        if (!hasName(error, 'ConditionalCheckFailedException')) throw unavailable(error);
      }
    },

    /** Everything of a new credential or nothing: uniqueness is an item of the same transaction. */
    async create(creation: NewCredential): Promise<CreateOutcome> {
      const { credential, webhook, app, appBefore, appWebhook, numbers, secrets, retired, tickets, firstCheck, quota } =
        creation;
      const { notifications } = creation;
      const { tenantId, credentialId } = credential;
      const line: AuditLine = (entry) => audit({ tenantId, subjectId: credentialId }, entry);
      const route = { tenantId, credentialId };
      const put = (item: object, key: object) => ({
        Put: { TableName, Item: { ...item, ...key }, ConditionExpression: 'attribute_not_exists(pk)' },
      });
      const items = [
        put(route, directoryKey.tenantWaba(tenantId, credential.wabaId)),
        oneCredentialMore(TableName, tenantId, quota),
        appBefore === undefined ? put(app, directoryKey.app(app.appId)) : appUpdate(TableName, appBefore, app),
        ...numbers.map((number) => put({ ...number, revision: 1 }, directoryKey.number(number.phoneNumberId))),
        put(credential, directoryKey.credential(tenantId, credentialId)),
        put(route, directoryKey.appWaba(app.appId, credential.wabaId, tenantId)),
        put(webhook, directoryKey.webhook(webhook.webhookId)),
        ...(appBefore === undefined ? [put(appWebhook, directoryKey.webhook(appWebhook.webhookId))] : []),
        ...tickets.map((ticket) => ticketPut(TableName, ticket)),
        dueCheckPut(TableName, credential, firstCheck),
        ...(notifications === undefined ? [] : [firstNotificationsPut(TableName, notifications)]),
        line({ action: 'create', outcome: 'ok', about: ['credential'] }),
        ...storeSealed(tables.vault, secrets, line),
        ...shredSealed(tables.vault, retired, line),
      ];
      const failed = await failedItems(client, items);
      if (failed === undefined) return { outcome: 'created' };
      const [first] = failed;
      if (first === 0) return { outcome: 'waba-taken' };
      if (first === 1) return { outcome: 'quota-exceeded' };
      if (first !== undefined && first > 2 && first < 3 + numbers.length)
        return { outcome: 'number-taken', index: first - 3 };
      return { outcome: 'app-changed' };
    },
  };
};

export type CredentialCreator = ReturnType<typeof credentialCreator>;

/** The tenant's own count, so that a quota needs no list. */
const oneCredentialMore = (TableName: string, tenantId: TenantId, quota: number) => ({
  Update: {
    TableName,
    Key: directoryKey.tenant(tenantId),
    UpdateExpression: 'ADD credentialCount :one',
    ConditionExpression: 'attribute_not_exists(credentialCount) OR credentialCount < :quota',
    ExpressionAttributeValues: { ':one': 1, ':quota': quota },
  },
});

/** @throws {Fault} store-unavailable */
export const webhookStateRecorder = (client: DynamoDBDocumentClient, table: string) => {
  return {
    /** What the set-up at Meta came to. Touches nothing that a user edits. */
    async recordWebhook(
      credential: CredentialRecord,
      webhook: Parameters<SetUpWebhookPorts['credentials']['recordWebhook']>[1],
    ): Promise<void> {
      // The consent was about what was there now: a number that is bound later is asked about anew.
      const consentIsUsed = webhook.state === 'configured' && Object.keys(credential.claimedNumbers).length > 0;
      await unlessRemoved(
        new UpdateCommand({
          TableName: table,
          Key: directoryKey.credential(credential.tenantId, credential.credentialId),
          UpdateExpression:
            'SET webhookUrl = :url, webhookState = :state, webhookReason = :reason, webhookConfiguredAt = :configuredAt, #status = :status, reason = :reason' +
            (consentIsUsed ? ', onExistingCallback = :keep' : ''),
          ConditionExpression: 'attribute_exists(pk) AND #status <> :removing',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: {
            ':url': webhook.url,
            ':state': webhook.state,
            ':reason': webhook.reason,
            ':configuredAt': webhook.configuredAt,
            ...(consentIsUsed ? { ':keep': 'keep' } : {}),
            ':status': webhook.state === 'action_required' ? 'action_required' : 'connected',
            ':removing': 'removing',
          },
        }),
      );
    },

    /** What Meta has reported of the account. Its numbers stop or go on in the same transaction, which leaves the tickets. */
    async recordStanding(
      before: CredentialRecord,
      after: CredentialRecord,
      tickets: readonly Ticket[],
    ): Promise<boolean> {
      const stop = stopOf(after);
      const isSame = isDeepStrictEqual(stopOf(before), stop);
      const numbers = isSame ? [] : await ownNumbersOf(client, table, before);
      const asRead = asReadIn(before, ['verdict', 'standing']);
      const failed = await failedItems(client, [
        {
          Update: {
            TableName: table,
            Key: directoryKey.credential(before.tenantId, before.credentialId),
            UpdateExpression: 'SET standing = :standing, newsAt = :newsAt, phoneNumbers = :numbers',
            ConditionExpression:
              'secretVersion = :secretVersion AND phoneNumbers = :before AND claimedNumbers = :claimed AND #status <> :removing ' +
              `AND ${asRead.condition}`,
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: {
              ':standing': after.standing,
              ':newsAt': after.newsAt,
              ':numbers': after.phoneNumbers,
              ':secretVersion': before.secretVersion,
              ':before': before.phoneNumbers,
              ':claimed': before.claimedNumbers,
              ':removing': 'removing',
              ...asRead.values,
            },
          },
        },
        ...numbers.map((number) => ({
          Update: {
            TableName: table,
            Key: directoryKey.number(number),
            UpdateExpression: 'SET stopped = :stopped ADD revision :one',
            ConditionExpression: 'tenantId = :tenantId AND credentialId = :credentialId',
            ExpressionAttributeValues: {
              ':stopped': stop,
              ':one': 1,
              ':tenantId': before.tenantId,
              ':credentialId': before.credentialId,
            },
          },
        })),
        ...tickets.map((ticket) => ticketPut(table, ticket)),
      ]);
      return failed === undefined;
    },

    /** Somebody changed what was set up: seen, not mended. */
    async recordDrift(credential: CredentialRecord, reason: Reason): Promise<void> {
      await unlessRemoved(
        new UpdateCommand({
          TableName: table,
          Key: directoryKey.credential(credential.tenantId, credential.credentialId),
          UpdateExpression: 'SET webhookState = :drifted, webhookReason = :reason',
          ConditionExpression: 'webhookState = :configured AND #status <> :removing',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: {
            ':drifted': 'drifted',
            ':configured': 'configured',
            ':reason': reason,
            ':removing': 'removing',
          },
        }),
      );
    },

    /** What is found between two checks. */
    async recordFinding(credential: CredentialRecord, finding: Finding | null): Promise<boolean> {
      const asRead = asReadIn(credential, ['finding']);
      const failed = await failedItems(client, [
        {
          Update: {
            TableName: table,
            Key: directoryKey.credential(credential.tenantId, credential.credentialId),
            UpdateExpression: 'SET finding = :finding',
            ConditionExpression: `claimedNumbers = :claimed AND #status <> :removing AND ${asRead.condition}`,
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: {
              ':finding': finding,
              ':claimed': credential.claimedNumbers,
              ':removing': 'removing',
              ...asRead.values,
            },
          },
        },
      ]);
      return failed === undefined;
    },

    /** The numbers as Meta has just listed them. */
    async recordNumbers(credential: CredentialRecord, numbers: readonly PhoneNumber[]): Promise<void> {
      await unlessRemoved(
        new UpdateCommand({
          TableName: table,
          Key: directoryKey.credential(credential.tenantId, credential.credentialId),
          UpdateExpression: 'SET phoneNumbers = :numbers',
          ConditionExpression: 'attribute_exists(pk) AND #status <> :removing',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: { ':numbers': numbers, ':removing': 'removing' },
        }),
      );
    },

    /** Written before it is done at Meta. @throws {Fault} credential-removed when it is on its way out: then it must not be done */
    async recordMade(credential: CredentialRecord, made: Made): Promise<void> {
      const { tenantId, credentialId, appId } = credential;
      const Key = directoryKey.credential(tenantId, credentialId);
      const isFound = made.level === 'account' && made.account === 'found';
      const notRemoving = {
        ConditionExpression: 'attribute_exists(pk) AND #status <> :removing',
        ExpressionAttributeNames: { '#status': 'status' },
      };
      try {
        if (made.level === 'app') {
          await client.send(
            new UpdateCommand({
              TableName: table,
              Key: directoryKey.app(appId),
              UpdateExpression: 'SET subscriptionMade = :made',
              ConditionExpression: 'attribute_exists(pk) AND credentialCount > :none',
              ExpressionAttributeValues: { ':made': made.made, ':none': 0 },
            }),
          );
          return;
        }
        const [expression, names, values] =
          made.level === 'account'
            ? ['SET madeAtMeta.account = :account', {}, { ':account': made.account }]
            : 'released' in made
              ? ['REMOVE madeAtMeta.numbers.#n', { '#n': made.phoneNumberId }, {}]
              : [
                  'SET madeAtMeta.numbers.#n = :made',
                  { '#n': made.phoneNumberId },
                  { ':made': { formerCallback: made.formerCallback } },
                ];
        await client.send(
          new UpdateCommand({
            TableName: table,
            Key,
            UpdateExpression: expression,
            // A sharer that leaves may have handed the subscription over since it was looked at.
            ConditionExpression: isFound
              ? `${notRemoving.ConditionExpression} AND madeAtMeta.account = :unknown`
              : notRemoving.ConditionExpression,
            ExpressionAttributeNames: { ...notRemoving.ExpressionAttributeNames, ...names },
            ExpressionAttributeValues: { ...values, ':removing': 'removing', ...(isFound ? { ':unknown': null } : {}) },
          }),
        );
      } catch (error) {
        if (isFound && hasName(error, 'ConditionalCheckFailedException')) return;
        if (hasName(error, 'ConditionalCheckFailedException'))
          throw new Fault('credential-removed', { retryable: false, cause: error });
        throw unavailable(error);
      }
    },
  };

  async function unlessRemoved(command: UpdateCommand): Promise<void> {
    try {
      await client.send(command);
    } catch (error) {
      // Somebody has removed it, or has been quicker: what was seen is of no interest any more.
      if (!hasName(error, 'ConditionalCheckFailedException')) throw unavailable(error);
    }
  }
};
