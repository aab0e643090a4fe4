import { type DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { ConversationId } from '../contracts/ids.ts';
import { changed, type ErasedKey, erased, isKnown, newConversation } from '../domain/conversation.ts';
import { Fault } from '../domain/fault.ts';
import { mediaBelow } from '../domain/media-transfer.ts';
import { type ConversationRecord, conversationRecord } from '../domain/records.ts';
import type { RelayStore } from '../domain/relay.ts';
import { calling } from './aws-errors.ts';
import { answerPrefix } from './claim-store.ts';
import { directoryKey } from './directory-keys.ts';
import { directoryReader } from './directory-reader.ts';
import { fewer, type HeldTables, inLineBefore, lineItems } from './held-store.ts';
import { messageKeyOf, sentPrefix } from './message-store.ts';
import { conversationPut } from './routing-store.ts';
import { failedItems } from './transactions.ts';

/** A transaction takes 100 items; the conversation and the list of conversations need one each. */
const rowsAtOnce = 90;

/** The same, of messages: each is two items. */
const messagesAtOnce = 50;

/** How often something is tried again because somebody else has changed it meanwhile. */
const mostRaces = 5;

const row = z.object({ pk: z.string(), sk: z.string() });
type Row = z.output<typeof row>;

/** Forgets customers: their conversations, what is in line and what was to be sent. @throws {Fault} store-unavailable, row-malformed */
export const customerEraser = (
  client: DynamoDBDocumentClient,
  tables: HeldTables,
  relay: Pick<RelayStore, 'delete' | 'deleteBelow'>,
) => {
  const reader = directoryReader(client, tables.directory);
  const find = (id: ConversationId): Promise<ConversationRecord | undefined> =>
    reader.get(directoryKey.conversation(id), conversationRecord);

  /** The conversation as it is then. From then on nothing that was received before is dispatched, nor what is in line. */
  const mark = async (
    key: ErasedKey,
    first: ConversationRecord | undefined,
    now: Date,
  ): Promise<ConversationRecord> => {
    let before = first;
    for (let race = 0; race < mostRaces; race++) {
      const after = erased(before ?? newConversation(key, now), now);
      if ((await failedItems(client, [conversationPut(tables.directory, before, after)])) === undefined) return after;
      before = await find(key.conversationId);
    }
    throw new Fault('store-unavailable', { retryable: true });
  };

  /**
   * Bodies first: whoever dies here leaves a row that names what is gone, never a body that nothing names. Counts go with the rows, so that
   * they are right whenever it ends. What is held after the mark stays. How many there were.
   */
  const emptyLine = async ({ conversationId, heldEver }: ConversationRecord, isSetAside: boolean): Promise<number> => {
    let count = 0;
    for (let race = 0; race < mostRaces; ) {
      const rows = await inLineBefore(client, tables.events, {
        conversationId,
        heldEver,
        isSetAside,
        limit: rowsAtOnce,
      });
      if (rows.length === 0) return count;
      await relay.delete(rows.map(({ relayKey }) => relayKey));
      const before = await find(conversationId);
      if (before === undefined) throw new Fault('store-unavailable', { retryable: true });
      const after = changed(before, fewer(before, isSetAside, rows.length), new Date());
      const isDone = (await failedItems(client, lineItems(tables, before, after, rows))) === undefined;
      race = isDone ? 0 : race + 1;
      count += isDone ? rows.length : 0;
    }
    throw new Fault('store-unavailable', { retryable: true });
  };

  /** The rows of the conversation whose sort key begins so, and what goes with each of them, page by page until there is none. */
  const deleteBelow = async (
    id: ConversationId,
    prefix: string,
    atOnce: number,
    keysOf: (found: Row) => readonly Row[],
  ): Promise<void> => {
    for (;;) {
      const { Items = [] } = await calling('store-unavailable', () =>
        client.send(
          new QueryCommand({
            TableName: tables.events,
            KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
            ExpressionAttributeValues: { ':pk': id, ':prefix': prefix },
            ConsistentRead: true,
            Limit: atOnce,
          }),
        ),
      );
      if (Items.length === 0) return;
      const keys = z.array(row).parse(Items).flatMap(keysOf);
      await failedItems(
        client,
        keys.map((key) => ({ Delete: { TableName: tables.events, Key: key } })),
      );
    }
  };

  const deleteAnswers = (id: ConversationId): Promise<void> =>
    deleteBelow(id, answerPrefix, rowsAtOnce, (answer) => [answer]);

  /** What was sent to the customer through the API: Meta's id of it holds the phone number. */
  const deleteMessages = (id: ConversationId): Promise<void> =>
    deleteBelow(id, sentPrefix, messagesAtOnce, (sent) => [sent, messageKeyOf(sent.sk)]);

  return {
    async known(ids: readonly ConversationId[]): Promise<readonly ConversationRecord[]> {
      const wanted = ids.map((id) => ({ key: directoryKey.conversation(id), schema: conversationRecord }));
      return (await reader.getMany(wanted)).filter((record) => record !== undefined);
    },

    /** `before`: the conversation as it was read, if there is one. A repeat does what a crash has left undone. */
    async erase(
      key: ErasedKey,
      before: ConversationRecord | undefined,
      now: Date,
    ): Promise<{ readonly wasKnown: boolean; readonly events: number }> {
      const marked = await mark(key, before, now);
      // In this order: what is in line may be set aside meanwhile, and never comes back.
      const inLine = await emptyLine(marked, false);
      const aside = await emptyLine(marked, true);
      await deleteAnswers(key.conversationId);
      await deleteMessages(key.conversationId);
      await relay.deleteBelow(mediaBelow(key.tenantId, key.conversationId));
      return { wasKnown: before !== undefined && isKnown(before), events: inLine + aside };
    },
  };
};
