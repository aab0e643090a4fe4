import middy from '@middy/core';
import type { Context, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { actingAlone } from './invocation.ts';
import { publishCounts } from './operator-journal.ts';

/** A Lambda that hears of the changes of a table, in their order. What it throws has the batch repeated. */
export const streamLambda = (serve: (records: readonly DynamoDBRecord[]) => Promise<void>) =>
  middy<DynamoDBStreamEvent, void>()
    .use({ after: () => publishCounts() })
    .handler((event: DynamoDBStreamEvent, context: Context) =>
      actingAlone(context.awsRequestId, () => serve(event.Records)),
    );
