import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { CircuitStore } from '../domain/circuit.ts';
import { directoryKey } from './directory-keys.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems } from './transactions.ts';

/** The state of agents' targets, in the number that the agents answer. @throws {Fault} store-unavailable */
export const circuitStore = (client: DynamoDBDocumentClient, table: string): CircuitStore => ({
  async change(number, agentId, after, tickets) {
    const before = number.circuits[agentId];
    const asRead = before === undefined ? 'attribute_not_exists(circuits.#agent)' : 'circuits.#agent = :before';
    const failed = await failedItems(client, [
      {
        Update: {
          TableName: table,
          Key: directoryKey.number(number.phoneNumberId),
          // Its revision too: who edits the number would write back the circuits that it has read.
          UpdateExpression: `${after === undefined ? 'REMOVE circuits.#agent' : 'SET circuits.#agent = :after'} ADD revision :one`,
          ConditionExpression: `tenantId = :tenantId AND credentialId = :credentialId AND ${asRead}`,
          ExpressionAttributeNames: { '#agent': agentId },
          ExpressionAttributeValues: {
            ':one': 1,
            ':tenantId': number.tenantId,
            ':credentialId': number.credentialId,
            ...(before === undefined ? {} : { ':before': before }),
            ...(after === undefined ? {} : { ':after': after }),
          },
        },
      },
      ...tickets.map((ticket) => ticketPut(table, ticket)),
    ]);
    return failed === undefined;
  },
});
