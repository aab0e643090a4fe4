import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod';
import type { CredentialChange } from '../domain/alert.ts';
import { credentialRecord } from '../domain/records.ts';
import { credentialPrefix } from './directory-keys.ts';
import { parsed } from './directory-reader.ts';

/** A row as DynamoDB writes it, each value under the name of its type. */
const image = z.custom<Record<string, AttributeValue>>((value) => typeof value === 'object' && value !== null);

/** "StreamRecord", DynamoDB API reference. Numbers are epoch seconds. */
const streamRecord = z.object({
  dynamodb: z.object({
    Keys: z.object({ sk: z.object({ S: z.string().startsWith(credentialPrefix) }) }),
    ApproximateCreationDateTime: z.number(),
    SequenceNumber: z.string().min(1),
    OldImage: image.optional(),
    NewImage: image.optional(),
  }),
});

const keyOnly = z.object({ dynamodb: z.object({ Keys: z.object({ sk: z.object({ S: z.string() }) }) }) });

/**
 * The change of a credential that a record of the Directory's stream is about; undefined when it is about something else, or about a
 * credential that is gone. @throws {Fault} row-malformed
 */
export const credentialChangeOf = (record: unknown): CredentialChange | undefined => {
  const key = keyOnly.safeParse(record).data?.dynamodb.Keys.sk.S;
  if (key?.startsWith(credentialPrefix) === false) return undefined;
  const { dynamodb } = parsed(streamRecord, record);
  if (dynamodb.NewImage === undefined) return undefined;
  return {
    before: dynamodb.OldImage && parsed(credentialRecord, rowOf(dynamodb.OldImage)),
    after: parsed(credentialRecord, rowOf(dynamodb.NewImage)),
    at: new Date(dynamodb.ApproximateCreationDateTime * 1000),
    sequence: dynamodb.SequenceNumber,
  };
};

/** What no row of DynamoDB looks like is no row of ours either. */
const rowOf = (image: Record<string, AttributeValue>): unknown => {
  try {
    return unmarshall(image);
  } catch {
    return undefined;
  }
};
