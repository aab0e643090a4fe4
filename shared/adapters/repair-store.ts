import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { SecretIdentity } from '../crypto/secret-context.ts';
import { identitiesOfCredential } from '../domain/credential-secrets.ts';
import type { CredentialRecord } from '../domain/records.ts';
import type { SealedSecret } from '../domain/vault.ts';
import type { Ticket } from '../domain/work.ts';
import type { AuditPut } from './audit-log.ts';
import { directoryKey } from './directory-keys.ts';
import { identityOf } from './edition-store.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems } from './transactions.ts';
import { sealedDelete, sealedPut, type VaultTables } from './vault.ts';

/** A verify token that was given before. */
const retiredToken = (credential: CredentialRecord): readonly SecretIdentity[] =>
  credential.formerCallbackVersion === null
    ? []
    : [
        {
          ...identitiesOfCredential(credential).formerCallback,
          secretVersion: credential.formerCallbackVersion,
        },
      ];

/** @throws {Fault} store-unavailable */
export const repairStore = (client: DynamoDBDocumentClient, tables: VaultTables, audit: AuditPut) => ({
  /** Consent, verify token and ticket in one transaction; the webhook is `pending` until the work is done. False when it is being removed. */
  async requestRepair(
    credential: CredentialRecord,
    request: {
      readonly consent: boolean;
      readonly formerCallback: SealedSecret | undefined;
      readonly ticket: Ticket;
    },
  ): Promise<boolean> {
    const { consent, formerCallback, ticket } = request;
    const { tenantId, credentialId } = credential;
    const subject = { tenantId, subjectId: credentialId };
    const set = [
      'webhookState = :pending',
      ...(consent ? ['onExistingCallback = :replace'] : []),
      ...(formerCallback === undefined ? [] : ['formerCallbackVersion = :version']),
    ];
    const failed = await failedItems(client, [
      {
        Update: {
          TableName: tables.directory,
          Key: directoryKey.credential(tenantId, credentialId),
          UpdateExpression: `SET ${set.join(', ')}`,
          ConditionExpression:
            'attribute_exists(pk) AND #status <> :removing AND (attribute_not_exists(formerCallbackVersion) OR formerCallbackVersion = :known)',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: {
            ':pending': 'pending',
            ':removing': 'removing',
            ':known': credential.formerCallbackVersion,
            ...(consent ? { ':replace': 'replace' } : {}),
            ...(formerCallback === undefined ? {} : { ':version': formerCallback.secretVersion }),
          },
        },
      },
      ticketPut(tables.directory, ticket),
      audit(subject, {
        action: 'update',
        outcome: 'ok',
        about: ['webhook', ...(consent ? ['onExistingCallback'] : [])],
      }),
      ...(formerCallback === undefined
        ? []
        : [
            ...retiredToken(credential).map((secret) => sealedDelete(tables.vault, secret)),
            ...retiredToken(credential).map((secret) => audit(subject, { action: 'shred', outcome: 'ok', secret })),
            sealedPut(tables.vault, formerCallback),
            audit(subject, { action: 'seal', outcome: 'ok', secret: identityOf(formerCallback) }),
          ]),
    ]);
    return failed === undefined;
  },
});
