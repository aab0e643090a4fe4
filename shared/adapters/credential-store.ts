import { randomBytes } from 'node:crypto';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, TransactWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Reason, WebhookState } from '../contracts/credential.ts';
import type { AppId, CredentialId, TenantId, WabaId } from '../contracts/ids.ts';
import {
  type CredentialRecord,
  credentialRecord,
  type MetaAppRecord,
  metaAppRecord,
  type NumberRecord,
  type WebhookRecord,
} from '../domain/records.ts';
import type { SealedSecret } from '../domain/vault.ts';
import { calling, hasName, unavailable } from './aws-errors.ts';
import { appWabaPrefix, credentialPrefix, directoryKey } from './directory-keys.ts';
import { directoryReader, type Page } from './directory-reader.ts';
import { sealedPut } from './vault.ts';

export interface NewCredential {
  readonly credential: CredentialRecord;
  readonly webhook: WebhookRecord;
  /** The Meta app as it shall be, and as it was read: undefined when the stack does not know it yet. */
  readonly app: MetaAppRecord;
  readonly appBefore: MetaAppRecord | undefined;
  readonly appWebhook: WebhookRecord;
  readonly numbers: readonly NumberRecord[];
  readonly secrets: readonly SealedSecret[];
}

export type CreateOutcome =
  | { readonly outcome: 'created' }
  | { readonly outcome: 'waba-taken' }
  | { readonly outcome: 'number-taken'; readonly index: number }
  /** Somebody else changed the Meta app meanwhile: read it again and repeat. */
  | { readonly outcome: 'app-changed' };

/** In bytes. */
const saltLength = 32;

/** Reads Meta apps and credentials. @throws {Fault} store-unavailable, row-malformed */
export const credentialReader = (client: DynamoDBDocumentClient, table: string) => {
  const reader = directoryReader(client, table);
  return {
    find: (tenantId: TenantId, id: CredentialId): Promise<CredentialRecord | undefined> =>
      reader.get(directoryKey.credential(tenantId, id), credentialRecord),

    findApp: (appId: AppId): Promise<MetaAppRecord | undefined> => reader.get(directoryKey.app(appId), metaAppRecord),

    list: (tenantId: TenantId, limit: number, after?: string): Promise<Page<CredentialRecord>> =>
      reader.list({ pk: directoryKey.tenant(tenantId).pk, prefix: credentialPrefix, limit, after }, credentialRecord),

    async findMany(
      tenantId: TenantId,
      ids: readonly CredentialId[],
    ): Promise<ReadonlyMap<CredentialId, CredentialRecord>> {
      if (ids.length === 0) return new Map();
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
      if (ids.length === 0) return new Map();
      const apps = await reader.getMany(ids.map((id) => ({ key: directoryKey.app(id), schema: metaAppRecord })));
      return new Map(apps.flatMap((app) => (app === undefined ? [] : [[app.appId, app]])));
    },

    /** Credentials that hear what arrives at the app's own webhook for this account: usually one, in several tenants more. */
    async ofAppAndWaba(appId: AppId, wabaId: WabaId): Promise<readonly CredentialRecord[]> {
      const routes = await reader.list(
        { pk: directoryKey.app(appId).pk, prefix: appWabaPrefix(wabaId), limit: 50 },
        credentialRecord.pick({ tenantId: true, credentialId: true }),
      );
      if (routes.items.length === 0) return [];
      const found = await reader.getMany(
        routes.items.map((route) => ({
          key: directoryKey.credential(route.tenantId, route.credentialId),
          schema: credentialRecord,
        })),
      );
      return found.flatMap((credential) =>
        credential === undefined || credential.status === 'removing' ? [] : [credential],
      );
    },
  };
};

export type CredentialReader = ReturnType<typeof credentialReader>;

/** Creates Meta apps and credentials, with their secrets in the Vault. @throws {Fault} store-unavailable */
export const credentialCreator = (
  client: DynamoDBDocumentClient,
  tables: { readonly directory: string; readonly vault: string },
) => {
  return {
    /** The tenant's salt for customer keys; made at the first use. 32 random bytes that go with the tenant. */
    async ensureTenantSalt(tenantId: TenantId): Promise<void> {
      try {
        await client.send(
          new UpdateCommand({
            TableName: tables.directory,
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
      const { credential, webhook, app, appBefore, appWebhook, numbers, secrets } = creation;
      const once = 'attribute_not_exists(pk)';
      const put = (item: object, key: object, condition = once, values?: Record<string, unknown>) => ({
        Put: {
          TableName: tables.directory,
          Item: { ...item, ...key },
          ConditionExpression: condition,
          ...(values === undefined ? {} : { ExpressionAttributeValues: values }),
        },
      });
      const { tenantId, credentialId } = credential;
      const route = { tenantId, credentialId };
      const items = [
        put(route, directoryKey.tenantWaba(tenantId, credential.wabaId)),
        appBefore === undefined
          ? put(app, directoryKey.app(app.appId))
          : put(app, directoryKey.app(app.appId), 'credentialCount = :count AND secretVersion = :version', {
              ':count': appBefore.credentialCount,
              ':version': appBefore.secretVersion,
            }),
        ...numbers.map((number) => put({ ...number, revision: 1 }, directoryKey.number(number.phoneNumberId))),
        put(credential, directoryKey.credential(tenantId, credentialId)),
        put(route, directoryKey.appWaba(app.appId, credential.wabaId, tenantId)),
        put(webhook, directoryKey.webhook(webhook.webhookId)),
        ...(appBefore === undefined ? [put(appWebhook, directoryKey.webhook(appWebhook.webhookId))] : []),
        ...secrets.map((secret) => sealedPut(tables.vault, secret)),
      ];
      try {
        await client.send(new TransactWriteCommand({ TransactItems: items }));
        return { outcome: 'created' };
      } catch (error) {
        if (error instanceof TransactionCanceledException) {
          const failed = (error.CancellationReasons ?? []).findIndex(
            (reason) => reason.Code === 'ConditionalCheckFailed',
          );
          if (failed === 0) return { outcome: 'waba-taken' };
          if (failed === 1) return { outcome: 'app-changed' };
          if (failed >= 2 && failed < 2 + numbers.length) return { outcome: 'number-taken', index: failed - 2 };
          if ((error.CancellationReasons ?? []).some((reason) => reason.Code === 'TransactionConflict'))
            return { outcome: 'app-changed' };
        }
        throw unavailable(error);
      }
    },
  };
};

export type CredentialCreator = ReturnType<typeof credentialCreator>;

/** @throws {Fault} store-unavailable */
export const webhookStateRecorder = (client: DynamoDBDocumentClient, table: string) => {
  return {
    /** What the set-up at Meta came to. Touches nothing that a user edits. */
    async recordWebhook(
      credential: CredentialRecord,
      webhook: { readonly state: WebhookState; readonly reason: Reason | null; readonly configuredAt: string | null },
    ): Promise<void> {
      await calling('store-unavailable', () =>
        client.send(
          new UpdateCommand({
            TableName: table,
            Key: directoryKey.credential(credential.tenantId, credential.credentialId),
            UpdateExpression:
              'SET webhookState = :state, webhookReason = :reason, webhookConfiguredAt = :configuredAt, #status = :status, reason = :reason',
            ConditionExpression: 'attribute_exists(pk) AND #status <> :removing',
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: {
              ':state': webhook.state,
              ':reason': webhook.reason,
              ':configuredAt': webhook.configuredAt,
              ':status': webhook.state === 'action_required' ? 'action_required' : 'connected',
              ':removing': 'removing',
            },
          }),
        ),
      );
    },
  };
};
