import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { monotonicFactory } from 'ulid';
import type { AuditAction } from '../contracts/audit.ts';
import type { Actor, AuditEntry, AuditLog, AuditSubject } from '../domain/audit.ts';
import { calling } from './aws-errors.ts';

export const auditKey = ({ tenantId, subjectId }: AuditSubject) => `${tenantId}#${subjectId}`;

/** Puts lines of the audit into a transaction: what they tell about happens together with them or not at all. */
export type AuditPut = (subject: AuditSubject, entry: AuditEntry) => { readonly Put: ReturnType<typeof insertion> };

/** As long as the trail is kept by default: a line and the event in CloudTrail that it is compared with go together. */
const keptDays = 730;
const secondsPerDay = 24 * 60 * 60;

/** Lines of one millisecond keep the order in which they were written. */
const nextId = monotonicFactory();

/** IAM can't demand the condition: the stream of the table tells when an item was changed or removed after all. */
const insertion = (table: string, actor: Actor, subject: AuditSubject, { ...entry }: AuditEntry) => {
  const { secret, ...said } = 'secret' in entry ? entry : { ...entry, secret: undefined };
  const now = new Date();
  return {
    TableName: table,
    Item: {
      pk: auditKey(subject),
      sk: nextId(now.getTime()),
      ...said,
      // What a line can say, its readers can read.
      action: said.action satisfies AuditAction,
      ...(secret === undefined
        ? {}
        : { ownerId: secret.ownerId, purpose: secret.purpose, secretVersion: secret.secretVersion }),
      actor: actor.id,
      actorKind: actor.kind,
      requestId: actor.requestId,
      at: now.toISOString(),
      expiresAt: Math.floor(now.getTime() / 1000) + keptDays * secondsPerDay,
    },
    ConditionExpression: 'attribute_not_exists(pk)',
  };
};

/** Our own list of accesses, complete within seconds; CloudTrail carries the tamper-evident copy. */
export const auditLog = (
  client: DynamoDBDocumentClient,
  table: string,
  actor: () => Actor,
): AuditLog & { readonly put: AuditPut } => ({
  async record(subject, entry) {
    await calling('store-unavailable', () => client.send(new PutCommand(insertion(table, actor(), subject, entry))));
  },
  put: (subject, entry) => ({ Put: insertion(table, actor(), subject, entry) }),
});
