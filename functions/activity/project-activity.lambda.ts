import * as z from 'zod';
import { rowOf } from '../../shared/adapters/attribute-values.ts';
import { projectActivity, type RowChange } from '../../shared/domain/activity.ts';
import * as ports from '../edge/ports.ts';
import { streamLambda } from '../edge/stream-lambda.ts';

/** What the stream tells of a change. Why no look at its kind: a row that has come or gone lacks an image. */
const streamed = z.object({
  dynamodb: z.object({
    OldImage: z.unknown().optional(),
    NewImage: z.unknown().optional(),
    ApproximateCreationDateTime: z.number().optional(),
  }),
});

/** What cannot be read is no row of ours. */
export const changeOf = (record: unknown): readonly RowChange[] => {
  const change = streamed.safeParse(record).data?.dynamodb;
  if (change === undefined) return [];
  const { OldImage, NewImage, ApproximateCreationDateTime: seconds } = change;
  const at = seconds === undefined ? new Date() : new Date(seconds * 1000);
  return [{ before: rowOf(OldImage), after: rowOf(NewImage), at: at.toISOString() }];
};

/** Counts what has become of events and messages, as the changes of their rows tell: nobody who handles an event counts by himself. */
export const handler = streamLambda((records) => projectActivity(records.flatMap(changeOf), ports.activityCounts()));
