import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { DoubtStore } from '../domain/sending-doubt.ts';
import { directoryKey } from './directory-keys.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems } from './transactions.ts';

/** What is doubted of a credential, in the number that was sent from. @throws {Fault} store-unavailable */
export const doubtStore = (client: DynamoDBDocumentClient, table: string): DoubtStore => ({
  async change(number, after, tickets) {
    const { doubt: before } = number;
    const failed = await failedItems(client, [
      {
        Update: {
          TableName: table,
          Key: directoryKey.number(number.phoneNumberId),
          // Its revision too: who edits the number would write back the doubt that it has read.
          UpdateExpression: 'SET doubt = :after ADD revision :one',
          ConditionExpression:
            'tenantId = :tenantId AND credentialId = :credentialId AND secretVersion = :secretVersion AND ' +
            (before === null ? 'attribute_not_exists(doubt.since)' : 'doubt = :before'),
          ExpressionAttributeValues: {
            ':after': after,
            ':one': 1,
            ':tenantId': number.tenantId,
            ':credentialId': number.credentialId,
            ':secretVersion': number.secretVersion,
            ...(before === null ? {} : { ':before': before }),
          },
        },
      },
      ...tickets.map((ticket) => ticketPut(table, ticket)),
    ]);
    return failed === undefined;
  },
});
