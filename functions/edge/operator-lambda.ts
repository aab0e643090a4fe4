import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type * as z from 'zod';
import { Fault } from '../../shared/domain/fault.ts';
import { actingAlone } from './invocation.ts';
import { journal, publishCounts, safeError } from './operator-journal.ts';

/**
 * A Lambda that an operator invokes directly. The request is parsed before anything is done with it; of an error the caller gets
 * its code and nothing else.
 */
export const operatorLambda = <Request extends z.ZodType, Answer>(
  schema: Request,
  serve: (request: z.output<Request>, context: Context) => Promise<Answer>,
) =>
  middy<unknown, Answer>()
    .use({
      after: () => publishCounts(),
      onError: ({ error }) => {
        journal.error('operation-failed', safeError(error));
        journal.count('UnhandledError');
        publishCounts();
        // Why not the error itself: the runtime would log it with its cause, which may quote input.
        throw new Error(error instanceof Fault ? error.code : 'unhandled');
      },
    })
    .handler((event: unknown, context: Context) =>
      actingAlone(context.awsRequestId, async () => serve(schema.parse(event), context)),
    );
