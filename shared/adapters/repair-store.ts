import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { formerCallbackTokens } from '../domain/credential-secrets.ts';
import type { CredentialRecord } from '../domain/records.ts';
import type { SealedSecret } from '../domain/vault.ts';
import type { Ticket } from '../domain/work.ts';
import type { AuditPut } from './audit-log.ts';
import { directoryKey } from './directory-keys.ts';
import { type AuditLine, shredSealed, storeSealed } from './sealed-items.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems } from './transactions.ts';
import type { VaultTables } from './vault.ts';

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
    const line: AuditLine = (entry) => audit({ tenantId, subjectId: credentialId }, entry);
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
      line({
        action: 'update',
        outcome: 'ok',
        about: ['webhook', ...(consent ? ['onExistingCallback'] : [])],
      }),
      ...(formerCallback === undefined
        ? []
        : [
            ...shredSealed(tables.vault, formerCallbackTokens(credential), line),
            ...storeSealed(tables.vault, [formerCallback], line),
          ]),
    ]);
    return failed === undefined;
  },
});
