import type { Context } from 'aws-lambda';
import type * as z from 'zod';
import { Fault } from '../../shared/domain/fault.ts';
import { actingAlone } from './invocation.ts';
import { journal, publishCounts, safeError } from './operator-journal.ts';

/**
 * A Lambda that an operator invokes directly. The request is parsed before anything is done with it; of an error the caller gets
 * its code and nothing else. Why not middy: it hangs the original error onto the one that is thrown, and the runtime would log both.
 */
export const operatorLambda =
  <Request extends z.ZodType, Answer>(
    schema: Request,
    serve: (request: z.output<Request>, context: Context) => Promise<Answer>,
  ) =>
  async (event: unknown, context: Context): Promise<Answer> => {
    try {
      return await actingAlone(context.awsRequestId, async () => serve(schema.parse(event), context));
    } catch (error) {
      journal.error('operation-failed', safeError(error));
      journal.count('UnhandledError');
      throw new Error(error instanceof Fault ? error.code : 'unhandled');
    } finally {
      publishCounts();
    }
  };
