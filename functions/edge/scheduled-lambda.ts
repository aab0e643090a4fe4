import type { Context } from 'aws-lambda';
import { actingAlone } from './invocation.ts';
import { journal, publishCounts, safeError } from './operator-journal.ts';

/** A Lambda that a schedule starts. It fails without a word of what went wrong: the log has the name and the code of the error. */
export const scheduledLambda =
  (run: (context: Context) => Promise<void>) =>
  async (_event: unknown, context: Context): Promise<void> => {
    try {
      await actingAlone(context.awsRequestId, () => run(context));
    } catch (error) {
      journal.error('schedule-failed', safeError(error));
      journal.count('UnhandledError');
      throw new Error('Not finished; the log says why.');
    } finally {
      publishCounts();
    }
  };
