import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { Fault } from '../domain/fault.ts';
import { unavailable } from './aws-errors.ts';

export type TransactItem = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

/** Reasons by which DynamoDB says that what was read is no longer so: whoever reads again may succeed. */
const changed = ['ConditionalCheckFailed', 'TransactionConflict'];

/** By which it says that an item would grow beyond 400 KB. */
const tooLarge = /item size/i;

/**
 * Writes all of it or nothing. Undefined when it is written; else the indexes of the items whose condition does not hold, the first
 * first: none of them when another transaction got in between. @throws {Fault} store-unavailable, row-full
 */
export const failedItems = async (
  client: DynamoDBDocumentClient,
  items: readonly TransactItem[],
): Promise<readonly number[] | undefined> => {
  try {
    await client.send(new TransactWriteCommand({ TransactItems: [...items] }));
    return undefined;
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw unavailable(error);
    const reasons = error.CancellationReasons ?? [];
    if (reasons.some(({ Code, Message }) => Code === 'ValidationError' && tooLarge.test(Message ?? '')))
      throw new Fault('row-full', { retryable: false, cause: error });
    if (!reasons.some(({ Code }) => Code !== undefined && changed.includes(Code))) throw unavailable(error);
    return reasons.flatMap(({ Code }, index) => (Code === 'ConditionalCheckFailed' ? [index] : []));
  }
};
