import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { ConversationId, MessageId } from '../contracts/ids.ts';
import { before, type MessageStore, messageRecord } from '../domain/sent-message.ts';
import { calling, hasName, unavailable } from './aws-errors.ts';
import { parsed } from './directory-reader.ts';
import { failedItems } from './transactions.ts';

/** Meta reports on a message within 30 days. */
const keptSeconds = 30 * 24 * 60 * 60;

const messageSort = 'MESSAGE';
const messageKey = (id: MessageId) => ({ pk: id, sk: messageSort });

/** Beside the conversation it says which messages there are: whoever erases a customer finds them there. */
export const sentPrefix = 'SENT#';
const sentKey = (conversation: ConversationId, id: MessageId) => ({ pk: conversation, sk: `${sentPrefix}${id}` });
/** The message that such a row names. */
export const messageKeyOf = (sk: string) => ({ pk: sk.slice(sentPrefix.length), sk: messageSort });

/** Messages sent through the API, in the Events table. @throws {Fault} store-unavailable, row-malformed */
export const messageStore = (client: DynamoDBDocumentClient, table: string): MessageStore => {
  const find: MessageStore['find'] = async (id) => {
    const { Item } = await calling('store-unavailable', () =>
      client.send(new GetCommand({ TableName: table, Key: messageKey(id), ConsistentRead: true })),
    );
    return Item === undefined ? undefined : parsed(messageRecord, Item);
  };
  return {
    async begin(message) {
      const expiresAt = Math.floor(Date.parse(message.createdAt) / 1000) + keptSeconds;
      const failed = await failedItems(client, [
        {
          Put: {
            TableName: table,
            Item: { ...messageKey(message.messageId), ...message, expiresAt },
            ConditionExpression: 'attribute_not_exists(pk) OR #status = :refused',
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: { ':refused': 'refused' },
          },
        },
        { Put: { TableName: table, Item: { ...sentKey(message.conversationId, message.messageId), expiresAt } } },
      ]);
      return failed === undefined ? undefined : find(message.messageId);
    },

    async finish(id, { status, wamid, failure }) {
      await calling('store-unavailable', () =>
        client
          .send(
            new UpdateCommand({
              TableName: table,
              Key: messageKey(id),
              // What Meta has reported meanwhile is more than that it took it.
              UpdateExpression: 'SET wamid = :wamid, failure = :failure, updatedAt = :now, #status = :status',
              ConditionExpression: 'attribute_exists(pk) AND #status = :sending',
              ExpressionAttributeNames: { '#status': 'status' },
              ExpressionAttributeValues: {
                ':status': status,
                ':wamid': wamid,
                ':failure': failure,
                ':now': new Date().toISOString(),
                ':sending': 'sending',
              },
            }),
          )
          .catch((error: unknown) => {
            if (!hasName(error, 'ConditionalCheckFailedException')) throw error;
          }),
      );
    },

    find,

    async note(id, tenantId, { status, wamid, failure }) {
      const lesser = before(status);
      try {
        await client.send(
          new UpdateCommand({
            TableName: table,
            Key: messageKey(id),
            UpdateExpression: `SET #status = :status, failure = :failure, updatedAt = :now${wamid === null ? '' : ', wamid = :wamid'}`,
            ConditionExpression: `tenantId = :tenantId AND #status IN (${lesser.map((_, index) => `:s${index}`).join(', ')})`,
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: {
              ':status': status,
              ':failure': failure,
              ':now': new Date().toISOString(),
              ':tenantId': tenantId,
              ...(wamid === null ? {} : { ':wamid': wamid }),
              ...Object.fromEntries(lesser.map((one, index) => [`:s${index}`, one])),
            },
          }),
        );
      } catch (error) {
        if (!hasName(error, 'ConditionalCheckFailedException')) throw unavailable(error);
      }
    },
  };
};
