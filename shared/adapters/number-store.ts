import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { PhoneNumberId } from '../contracts/ids.ts';
import { type NumberRecord, numberRecord } from '../domain/records.ts';
import { directoryKey } from './directory-keys.ts';
import { directoryReader } from './directory-reader.ts';

/** Who owns a number: one consistent read per event, so a removal or rotation holds from the next event on. */
export const numberStore = (client: DynamoDBDocumentClient, table: string) => {
  const reader = directoryReader(client, table);
  return {
    read: (id: PhoneNumberId): Promise<NumberRecord | undefined> => reader.get(directoryKey.number(id), numberRecord),
  };
};
