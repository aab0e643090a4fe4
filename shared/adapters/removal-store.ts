import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { agentId as agentIdSchema, type WebhookId } from '../contracts/ids.ts';
import type { CleanUpPorts } from '../domain/clean-up-credential.ts';
import { formerCallbackTokens, identitiesOfApp, identitiesOfCredential } from '../domain/credential-secrets.ts';
import { agentRecord, type CredentialRecord, type MetaAppRecord, type Removal } from '../domain/records.ts';
import type { Ticket } from '../domain/work.ts';
import type { AuditPut } from './audit-log.ts';
import { hasName, unavailable } from './aws-errors.ts';
import { directoryKey } from './directory-keys.ts';
import { directoryReader } from './directory-reader.ts';
import { ownNumbersOf } from './edition-store.ts';
import { type AuditLine, shredSealed } from './sealed-items.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems, type TransactItem } from './transactions.ts';
import type { VaultTables } from './vault.ts';

/** Meta repeats for 7 days; for these days whatever comes is taken and forgotten. In seconds. */
const discardSeconds = 30 * 24 * 60 * 60;

/** Epoch seconds, as time to live wants them. */
const discardedFrom = (): number => Math.floor(Date.now() / 1000) + discardSeconds;

/** From now on no handshake succeeds: a set-up that is still under way can't leave anything behind at Meta. */
const closeWebhook = (TableName: string, id: WebhookId): TransactItem => ({
  Update: {
    TableName,
    Key: directoryKey.webhook(id),
    UpdateExpression: 'SET expiresAt = :at',
    ConditionExpression: 'attribute_exists(pk)',
    ExpressionAttributeValues: { ':at': discardedFrom() },
  },
});

const lineOf =
  (audit: AuditPut, { tenantId, credentialId }: CredentialRecord): AuditLine =>
  (entry) =>
    audit({ tenantId, subjectId: credentialId }, entry);

/** The first step of a removal. @throws {Fault} store-unavailable */
export const removalStarter = (client: DynamoDBDocumentClient, tables: VaultTables, audit: AuditPut) => ({
  /**
   * From here on nothing is dispatched or sent for the credential: its numbers are nobody's, and all that can still be opened is
   * what the clean-up needs. False when it, or what is bound to it, changed since it was read.
   */
  async start(credential: CredentialRecord, removal: Removal, tickets: readonly Ticket[]): Promise<boolean> {
    const { tenantId, credentialId } = credential;
    const line = lineOf(audit, credential);
    const { graphApi } = identitiesOfCredential(credential);
    const numbers = await ownNumbersOf(client, tables.directory, credential);
    const failed = await failedItems(client, [
      {
        Update: {
          TableName: tables.directory,
          Key: directoryKey.credential(tenantId, credentialId),
          UpdateExpression:
            'SET #status = :removing, removal = :removal, claimedNumbers = :none, reason = :null, version = version + :one, updatedAt = :now',
          ConditionExpression:
            'version = :version AND secretVersion = :secretVersion AND claimedNumbers = :claimed AND #status <> :removing',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: {
            ':removing': 'removing',
            ':removal': removal,
            ':none': {},
            ':null': null,
            ':one': 1,
            ':now': removal.requestedAt,
            ':version': credential.version,
            ':secretVersion': credential.secretVersion,
            ':claimed': credential.claimedNumbers,
          },
        },
      },
      {
        Update: {
          TableName: tables.directory,
          Key: directoryKey.app(credential.appId),
          UpdateExpression: 'ADD credentialCount :less',
          ConditionExpression: 'attribute_exists(pk)',
          ExpressionAttributeValues: { ':less': -1 },
        },
      },
      ...numbers.map((number) => ({
        Delete: {
          TableName: tables.directory,
          Key: directoryKey.number(number),
          ConditionExpression: 'tenantId = :tenantId AND credentialId = :credentialId',
          ExpressionAttributeValues: { ':tenantId': tenantId, ':credentialId': credentialId },
        },
      })),
      closeWebhook(tables.directory, credential.webhookId),
      ...tickets.map((ticket) => ticketPut(tables.directory, ticket)),
      line({ action: 'remove', outcome: 'ok', about: ['credential'] }),
      ...shredSealed(tables.vault, [graphApi], line),
    ]);
    return failed === undefined;
  },
});

export type RemovalStarter = ReturnType<typeof removalStarter>;

/** The later steps. @throws {Fault} store-unavailable, row-malformed */
export const removalStore = (
  client: DynamoDBDocumentClient,
  tables: VaultTables,
  audit: AuditPut,
): CleanUpPorts['removals'] => {
  const TableName = tables.directory;
  /** Not just taken away: a set-up that is still under way must not write new ones that nobody would ever take away. */
  const forgetTokens = (id: WebhookId): TransactItem => ({
    Put: { TableName, Item: { ...directoryKey.verifyTokens(id), expiresAt: discardedFrom() } },
  });

  return {
    async handOver(credential) {
      try {
        await client.send(
          new UpdateCommand({
            TableName,
            Key: directoryKey.credential(credential.tenantId, credential.credentialId),
            UpdateExpression: 'SET madeAtMeta.account = :made',
            ConditionExpression: 'attribute_exists(pk) AND #status <> :removing',
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: { ':made': 'made', ':removing': 'removing' },
          }),
        );
        return true;
      } catch (error) {
        if (hasName(error, 'ConditionalCheckFailedException')) return false;
        throw unavailable(error);
      }
    },

    async forgetProof({ appId, tenantId }) {
      try {
        await client.send(
          new UpdateCommand({
            TableName,
            Key: directoryKey.app(appId),
            UpdateExpression: 'REMOVE provedBy.#tenant',
            ConditionExpression: 'attribute_exists(pk)',
            ExpressionAttributeNames: { '#tenant': tenantId },
          }),
        );
      } catch (error) {
        if (!hasName(error, 'ConditionalCheckFailedException')) throw unavailable(error);
      }
    },

    async unbindAgent(credential, id) {
      const agentId = agentIdSchema.parse(id);
      const agent = await directoryReader(client, TableName).get(
        directoryKey.agent(credential.tenantId, agentId),
        agentRecord,
      );
      if (!agent?.whatsapp.enabled || agent.whatsapp.credentialId !== credential.credentialId) return;
      try {
        await client.send(
          new UpdateCommand({
            TableName,
            Key: directoryKey.agent(credential.tenantId, agentId),
            UpdateExpression: 'SET whatsapp = :off, version = :next, updatedAt = :now',
            ConditionExpression: 'version = :version',
            ExpressionAttributeValues: {
              ':off': { enabled: false },
              ':next': agent.version + 1,
              ':now': new Date().toISOString(),
              ':version': agent.version,
            },
          }),
        );
      } catch (error) {
        // Its owner was quicker, and can't have bound it to a credential that is being removed.
        if (!hasName(error, 'ConditionalCheckFailedException')) throw unavailable(error);
      }
    },

    async removeApp(app: MetaAppRecord, credential: CredentialRecord) {
      const line = lineOf(audit, credential);
      const current = identitiesOfApp(app);
      const secrets = [
        current.signature,
        current.access,
        ...(app.previousSecretVersion === null
          ? []
          : [identitiesOfApp({ ...app, secretVersion: app.previousSecretVersion }).signature]),
      ];
      const failed = await failedItems(client, [
        {
          Delete: {
            TableName,
            Key: directoryKey.app(app.appId),
            ConditionExpression: 'credentialCount = :none AND secretVersion = :version',
            ExpressionAttributeValues: { ':none': 0, ':version': app.secretVersion },
          },
        },
        closeWebhook(TableName, app.webhookId),
        forgetTokens(app.webhookId),
        ...shredSealed(tables.vault, secrets, line),
      ]);
      return failed === undefined;
    },

    async finish(credential, leftAtMeta) {
      const { tenantId, credentialId, appId, wabaId, removal } = credential;
      const line = lineOf(audit, credential);
      const Key = directoryKey.credential(tenantId, credentialId);
      const secrets = [identitiesOfCredential(credential).cleanUp, ...formerCallbackTokens(credential)];
      const finishedAt = new Date();
      // Two at once must not count the tenant down twice, nor take the account from who has connected it since.
      const unfinished = {
        ConditionExpression: 'removal.finishedAt = :never',
        ExpressionAttributeValues: { ':never': null },
      };
      // What was left is told for as long as deliveries may still come from it.
      const record: TransactItem =
        leftAtMeta.length === 0
          ? { Delete: { TableName, Key, ...unfinished } }
          : {
              Update: {
                TableName,
                Key,
                ...unfinished,
                UpdateExpression: 'SET leftAtMeta = :left, removal = :removal, expiresAt = :expiresAt',
                ExpressionAttributeValues: {
                  ...unfinished.ExpressionAttributeValues,
                  ':left': leftAtMeta,
                  ':removal': { ...removal, finishedAt: finishedAt.toISOString() },
                  ':expiresAt': Math.floor(finishedAt.getTime() / 1000) + discardSeconds,
                },
              },
            };
      const failed = await failedItems(client, [
        record,
        { Delete: { TableName, Key: directoryKey.tenantWaba(tenantId, wabaId) } },
        { Delete: { TableName, Key: directoryKey.appWaba(appId, wabaId, tenantId) } },
        { Delete: { TableName, Key: directoryKey.health(tenantId, credentialId) } },
        forgetTokens(credential.webhookId),
        {
          Update: {
            TableName,
            Key: directoryKey.tenant(tenantId),
            UpdateExpression: 'ADD credentialCount :less',
            ExpressionAttributeValues: { ':less': -1 },
          },
        },
        line({ action: 'removed', outcome: 'ok', about: leftAtMeta.map(({ level }) => `left-at-meta:${level}`) }),
        ...shredSealed(tables.vault, secrets, line),
      ]);
      return failed === undefined;
    },
  };
};
