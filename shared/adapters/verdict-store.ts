import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { stopOf } from '../domain/account-standing.ts';
import type { VerdictStore } from '../domain/check-credential.ts';
import type { AuditPut } from './audit-log.ts';
import { directoryKey } from './directory-keys.ts';
import { appUpdate, ownNumbersOf } from './edition-store.ts';
import { failedItems } from './transactions.ts';
import { verdictAsRead } from './verdict-condition.ts';

/** What a check has proved of a credential. @throws {Fault} store-unavailable */
export const verdictStore = (client: DynamoDBDocumentClient, table: string, audit: AuditPut): VerdictStore => ({
  async disable(before, app, verdict) {
    const { tenantId, credentialId } = before;
    const numbers = await ownNumbersOf(client, table, before);
    const stop = stopOf({ ...before, verdict });
    const asRead = verdictAsRead(before);
    const failed = await failedItems(client, [
      {
        Update: {
          TableName: table,
          Key: directoryKey.credential(tenantId, credentialId),
          UpdateExpression: 'SET verdict = :verdict',
          ConditionExpression: `secretVersion = :secretVersion AND claimedNumbers = :claimed AND #status <> :removing AND ${asRead.condition}`,
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: {
            ':verdict': verdict,
            ':secretVersion': before.secretVersion,
            ':claimed': before.claimedNumbers,
            ':removing': 'removing',
            ...asRead.values,
          },
        },
      },
      // The App Secret that Meta was asked about is the one in force.
      appUpdate(table, app, app),
      ...numbers.map((number) => ({
        Update: {
          TableName: table,
          Key: directoryKey.number(number),
          UpdateExpression: 'SET stopped = :stopped, doubt = :none ADD revision :one',
          ConditionExpression: 'tenantId = :tenantId AND credentialId = :credentialId',
          ExpressionAttributeValues: {
            ':stopped': stop,
            ':none': null,
            ':one': 1,
            ':tenantId': tenantId,
            ':credentialId': credentialId,
          },
        },
      })),
      audit({ tenantId, subjectId: credentialId }, { action: 'disable', outcome: 'ok', about: [verdict.reason.code] }),
    ]);
    return failed === undefined;
  },
});
