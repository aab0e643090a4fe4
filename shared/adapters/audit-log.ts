import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { ulid } from 'ulid';
import type { SecretIdentity } from '../crypto/secret-context.ts';
import type { OpenedFor } from '../domain/vault.ts';
import { calling } from './aws-errors.ts';

export type AuditEntry =
  | { readonly phase: 'attempt' }
  | { readonly phase: 'outcome'; readonly outcome: 'ok' | 'refused'; readonly kmsRequestId?: string | undefined };

export interface AuditLog {
  /** Insert-only. @throws {Fault} store-unavailable: then nothing is opened */
  recordOpen(identity: SecretIdentity, openedFor: OpenedFor, entry: AuditEntry): Promise<void>;
}

/** Our own list of accesses, complete within seconds; CloudTrail carries the tamper-evident copy. */
export const auditLog = (
  client: DynamoDBDocumentClient,
  table: string,
  actor: { readonly functionName: string },
): AuditLog => ({
  async recordOpen(identity, openedFor, entry) {
    await calling('store-unavailable', () =>
      client.send(
        new PutCommand({
          TableName: table,
          Item: {
            pk: `${openedFor.tenantId}#${openedFor.subjectId}`,
            sk: ulid(),
            action: 'open',
            ...entry,
            ownerId: identity.ownerId,
            purpose: identity.purpose,
            secretVersion: identity.secretVersion,
            actor: actor.functionName,
            at: new Date().toISOString(),
          },
          ConditionExpression: 'attribute_not_exists(pk)',
        }),
      ),
    );
  },
});
