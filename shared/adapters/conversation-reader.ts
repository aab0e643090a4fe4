import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { ConversationId } from '../contracts/ids.ts';
import { type ConversationRecord, conversationRecord } from '../domain/records.ts';
import { directoryKey } from './directory-keys.ts';
import { directoryReader } from './directory-reader.ts';

/** Reads conversations. @throws {Fault} store-unavailable, row-malformed */
export const conversationReader = (client: DynamoDBDocumentClient, table: string) => {
  const reader = directoryReader(client, table);
  return {
    /** The table forgets late: what has expired counts as gone. */
    async read(id: ConversationId): Promise<ConversationRecord | undefined> {
      const found = await reader.get(directoryKey.conversation(id), conversationRecord);
      return found === undefined || found.expiresAt * 1000 <= Date.now() ? undefined : found;
    },
  };
};

export type ConversationReader = ReturnType<typeof conversationReader>;
