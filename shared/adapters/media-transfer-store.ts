import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { TransferId } from '../contracts/ids.ts';
import {
  type MediaTransfer,
  type MediaTransferStore,
  mediaTransfer,
  type TransferEnd,
} from '../domain/media-transfer.ts';
import { calling, hasName, unavailable } from './aws-errors.ts';
import { parsed } from './directory-reader.ts';

/** Media ids out of webhooks expire after 7 days, and what was uploaded here is sent long before. In seconds. */
const keptSeconds = 7 * 24 * 60 * 60;

const keyOf = (id: TransferId) => ({ pk: id, sk: 'TRANSFER' });

const underWay = { ':queued': 'queued', ':running': 'running' } as const;

/** Media on their way, in the Events table. @throws {Fault} store-unavailable, row-malformed */
export const mediaTransferStore = (client: DynamoDBDocumentClient, table: string): MediaTransferStore => {
  /** The row after it, or undefined when it is not as the condition says. */
  const change = async (
    id: TransferId,
    condition: { readonly expression: string; readonly values: Record<string, unknown> },
    fields: Readonly<Record<string, unknown>>,
  ): Promise<MediaTransfer | undefined> => {
    const names = Object.keys(fields);
    try {
      const { Attributes } = await client.send(
        new UpdateCommand({
          TableName: table,
          Key: keyOf(id),
          UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(', ')}`,
          ConditionExpression: condition.expression,
          ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
          ExpressionAttributeValues: {
            ...Object.fromEntries(names.map((name) => [`:${name}`, fields[name]])),
            ...condition.values,
          },
          ReturnValues: 'ALL_NEW',
        }),
      );
      return parsed(mediaTransfer, Attributes);
    } catch (error) {
      if (hasName(error, 'ConditionalCheckFailedException')) return undefined;
      throw unavailable(error);
    }
  };

  const find: MediaTransferStore['find'] = async (id) => {
    const { Item } = await calling('store-unavailable', () =>
      client.send(new GetCommand({ TableName: table, Key: keyOf(id), ConsistentRead: true })),
    );
    return Item === undefined ? undefined : parsed(mediaTransfer, Item);
  };

  return {
    async open(transfer) {
      const expiresAt = Math.floor(Date.parse(transfer.createdAt) / 1000) + keptSeconds;
      try {
        await client.send(
          new PutCommand({
            TableName: table,
            Item: { ...keyOf(transfer.transferId), ...transfer, expiresAt },
            ConditionExpression: 'attribute_not_exists(pk)',
          }),
        );
        return transfer;
      } catch (error) {
        if (!hasName(error, 'ConditionalCheckFailedException')) throw unavailable(error);
        return (await find(transfer.transferId)) ?? transfer;
      }
    },

    find,

    begin: ({ transferId, state, changedAt }, attempt, now) =>
      change(
        transferId,
        { expression: '#state = :was AND #changedAt = :since', values: { ':was': state, ':since': changedAt } },
        { state: 'queued', attempt, changedAt: now.toISOString(), refusal: null },
      ),

    start: (id, attempt, now) =>
      change(
        id,
        {
          expression: '#attempt = :mine AND #state IN (:queued, :running)',
          values: { ':mine': attempt, ...underWay },
        },
        { state: 'running', attempt, changedAt: now.toISOString() },
      ),

    async finish(id, attempt, end, now) {
      const after = await change(
        id,
        { expression: '#attempt = :mine AND #state IN (:queued, :running)', values: { ':mine': attempt, ...underWay } },
        { ...outcomeOf(end), attempt: null, changedAt: now.toISOString() },
      );
      return after !== undefined;
    },
  };
};

const outcomeOf = (end: TransferEnd): Readonly<Record<string, unknown>> => end;
