import type { Context, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { actingAlone } from './invocation.ts';
import { journal, publishCounts, safeError } from './operator-journal.ts';

/**
 * A Lambda that hears of the changes of a table, in their order. When it fails the batch is repeated, without a word of what went wrong: the log has the name and
 * the code of the error.
 */
export const streamLambda =
  (serve: (records: readonly DynamoDBRecord[]) => Promise<void>) =>
  async (event: DynamoDBStreamEvent, context: Context): Promise<void> => {
    try {
      await actingAlone(context.awsRequestId, () => serve(event.Records));
    } catch (error) {
      journal.error('stream-failed', safeError(error));
      journal.count('UnhandledError');
      throw new Error('Not finished; the log says why.');
    } finally {
      publishCounts();
    }
  };
