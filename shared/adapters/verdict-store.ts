import { isDeepStrictEqual } from 'node:util';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { stopOf } from '../domain/account-standing.ts';
import type { CheckRecord, VerdictStore } from '../domain/check-credential.ts';
import type { CredentialRecord } from '../domain/records.ts';
import type { AuditPut } from './audit-log.ts';
import { dueCheckMove } from './check-schedule-store.ts';
import { directoryKey } from './directory-keys.ts';
import { appUpdate, ownNumbersOf } from './edition-store.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems, type TransactItem } from './transactions.ts';
import { asReadIn } from './verdict-condition.ts';

/** What a check may change of a credential. */
const judged = [
  'verdict',
  'finding',
  'furtherFindings',
  'unreachableSince',
  'expiryNotice',
  'accessTokenExpiresAt',
  'phoneNumbers',
  'standing',
  'status',
  'reason',
  'webhookState',
  'webhookReason',
] as const satisfies readonly (keyof CredentialRecord)[];

/** What others write too: who judges by one of these must not undo what they have written since. */
const shared = [
  'verdict',
  'finding',
  'standing',
  'webhookState',
  'webhookConfiguredAt',
] as const satisfies readonly (keyof CredentialRecord)[];

/** What checks have shown of credentials. @throws {Fault} store-unavailable */
export const verdictStore = (client: DynamoDBDocumentClient, table: string, audit: AuditPut): VerdictStore => ({
  async record(change) {
    const { before, after, app, health, appointed, tickets, moved } = change;
    const { tenantId, credentialId } = before;
    const isStopTheSame = isDeepStrictEqual(stopOf(before), stopOf(after));
    const numbers = isStopTheSame ? [] : await ownNumbersOf(client, table, before);
    const failed = await failedItems(client, [
      ...(moved === undefined ? [] : dueCheckMove(table, before, moved.from, moved.to)),
      ...credentialUpdate(table, change),
      // The App Secret that Meta was asked about is the one in force.
      ...(before.verdict === after.verdict ? [] : [appUpdate(table, app, app)]),
      ...numbers.map((number) => ({
        Update: {
          TableName: table,
          Key: directoryKey.number(number),
          UpdateExpression: 'SET stopped = :stopped, doubt = :none ADD revision :one',
          ConditionExpression: 'tenantId = :tenantId AND credentialId = :credentialId',
          ExpressionAttributeValues: {
            ':stopped': stopOf(after),
            ':none': null,
            ':one': 1,
            ':tenantId': tenantId,
            ':credentialId': credentialId,
          },
        },
      })),
      {
        Put: {
          TableName: table,
          Item: { ...health, ...directoryKey.health(tenantId, credentialId) },
          // What Meta has said since it was asked counts more, and only who moves an entry says where it stands.
          ConditionExpression: 'attribute_not_exists(pk) OR (triedAt < :triedAt AND nextCheckAt = :appointed)',
          ExpressionAttributeValues: { ':triedAt': health.triedAt, ':appointed': appointed },
        },
      },
      ...tickets.map((ticket) => ticketPut(table, ticket)),
      ...auditOf(change).map((entry) => audit({ tenantId, subjectId: credentialId }, entry)),
    ]);
    if (failed === undefined) return 'recorded';
    return moved?.from != null && failed[0] === 0 ? 'gone' : 'overtaken';
  },
});

/** Nothing is written where nothing has changed: else every check would be heard as a change. */
const credentialUpdate = (TableName: string, { before, after }: CheckRecord): readonly TransactItem[] => {
  const changed = judged.filter((name) => !isDeepStrictEqual(before[name], after[name]));
  const isOfThese = {
    TableName,
    Key: directoryKey.credential(before.tenantId, before.credentialId),
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: { ':secretVersion': before.secretVersion, ':removing': 'removing' },
  };
  if (changed.length === 0)
    return [
      {
        ConditionCheck: {
          ...isOfThese,
          ConditionExpression: 'secretVersion = :secretVersion AND #status <> :removing',
        },
      },
    ];
  const asRead = asReadIn(before, shared);
  return [
    {
      Update: {
        ...isOfThese,
        UpdateExpression: `SET ${changed.map((name) => `#${name} = :${name}`).join(', ')}`,
        ConditionExpression: `secretVersion = :secretVersion AND claimedNumbers = :claimed AND #status <> :removing AND ${asRead.condition}`,
        ExpressionAttributeNames: {
          ...Object.fromEntries(changed.map((name) => [`#${name}`, name])),
          ...isOfThese.ExpressionAttributeNames,
        },
        ExpressionAttributeValues: {
          ...Object.fromEntries(changed.map((name) => [`:${name}`, after[name]])),
          ...isOfThese.ExpressionAttributeValues,
          ':claimed': before.claimedNumbers,
          ...asRead.values,
        },
      },
    },
  ];
};

const auditOf = ({ before, after }: CheckRecord) => {
  if (before.verdict === null && after.verdict !== null)
    return [{ action: 'disable', outcome: 'ok', about: [after.verdict.reason.code] } as const];
  if (before.verdict !== null && after.verdict === null)
    return [{ action: 'enable', outcome: 'ok', about: [before.verdict.reason.code] } as const];
  return [];
};
