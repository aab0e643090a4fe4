import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { MetricName } from '../../shared/domain/journal.ts';
import { actingAlone } from './invocation.ts';
import { journal, publishCounts, safeError } from './operator-journal.ts';

/**
 * True when the message is dealt with; false leaves it in the queue. What it gives to `alongside` no message waits for, but the invocation does:
 * whatever is under way when it ends is frozen with its worker.
 */
export type ServeMessage = (
  record: SQSRecord,
  context: Context,
  alongside: (work: Promise<void>) => void,
) => Promise<boolean>;

/**
 * A Lambda that serves a queue. Messages of one group keep their order: after the first one that is not dealt with, the rest of
 * its group goes back untried. Groups run in parallel. A thrown error leaves its message in the queue, and is counted under `failure` too.
 */
export const queueLambda = (
  serve: ServeMessage,
  returned: (records: readonly SQSRecord[]) => Promise<void>,
  failure?: MetricName,
) =>
  middy<SQSEvent, SQSBatchResponse>()
    .use({ after: () => publishCounts() })
    .handler(async (event: SQSEvent, context: Context) => {
      const groups = Map.groupBy(event.Records, (record) => record.attributes.MessageGroupId ?? record.messageId);
      const timeIsUp = Promise.withResolvers<false>();
      const timer = setTimeout(
        timeIsUp.resolve,
        Math.max(0, context.getRemainingTimeInMillis() - closingReserve),
        false,
      );
      const alongside: Promise<void>[] = [];
      const takeAlong = (work: Promise<void>) => {
        alongside.push(work.catch((error: unknown) => journal.error('work-alongside-failed', safeError(error))));
      };
      const served = [...groups.values()].map((group) =>
        serveInOrder(
          group,
          (record) =>
            Promise.race([actingAlone(record.messageId, () => serve(record, context, takeAlong)), timeIsUp.promise]),
          failure,
        ),
      );
      const left = (await Promise.all(served)).flat();
      await returned(left).catch((error: unknown) => journal.warn('visibility-not-changed', safeError(error)));
      await Promise.race([Promise.all(alongside), timeIsUp.promise]);
      clearTimeout(timer);
      return { batchItemFailures: left.map(({ messageId }) => ({ itemIdentifier: messageId })) };
    });

/** Kept back of an invocation's time for giving messages back: whatever hangs, no batch is taken along. In milliseconds. */
const closingReserve = 2_000;

const serveInOrder = async (
  group: readonly SQSRecord[],
  serve: (record: SQSRecord) => Promise<boolean>,
  failure: MetricName | undefined,
): Promise<readonly SQSRecord[]> => {
  for (const [index, record] of group.entries()) {
    const finished = await serve(record).catch((error: unknown) => {
      journal.error('message-failed', safeError(error));
      journal.count('UnhandledError');
      if (failure !== undefined) journal.count(failure);
      return false;
    });
    if (!finished) return group.slice(index);
  }
  return [];
};
