import { type CloudTrailClient, type Event, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import * as z from 'zod';
import { jsonOf } from '../operator-command.ts';
import { eachOnce, openOf, type Trail, type TrailOpen, type TrailQuestion } from './trail.ts';

const cloudTrailEvent = z.object({
  requestID: z.string(),
  eventTime: z.string(),
  errorCode: z.string().optional(),
  userIdentity: z.object({ arn: z.string().optional() }).optional(),
  requestParameters: z.unknown(),
});

/** The most that LookupEvents answers at once. */
const pageSize = 50;

/**
 * The trail of a local copy, by LookupEvents, which the emulator answers without delay. It keeps the last thousands of calls only, and
 * none over a restart; and it does not say whether KMS refused. Why not on AWS: two requests a second, and 90 days.
 */
export const lookupTrail = (client: Pick<CloudTrailClient, 'send'>): Trail => ({
  async ask(question) {
    const opens: TrailOpen[] = [];
    let oldest: Date | undefined;
    let end = question.until;
    const seen = new Set<string>();
    for (;;) {
      const { Events = [] } = await client.send(
        new LookupEventsCommand({
          LookupAttributes: [{ AttributeKey: 'EventName', AttributeValue: 'Decrypt' }],
          StartTime: question.since,
          EndTime: end,
          MaxResults: pageSize,
        }),
      );
      const fresh = Events.filter(({ EventId = '' }) => !seen.has(EventId));
      for (const event of fresh) {
        seen.add(event.EventId ?? '');
        const { EventTime = end } = event;
        if (oldest === undefined || EventTime < oldest) oldest = EventTime;
        const open = openIn(event, question);
        if (open !== undefined) opens.push(open);
      }
      if (fresh.length === 0 || oldest === undefined) return { opens: eachOnce(opens), knowsSince: oldest ?? end };
      // Newest first, and the emulator gives no token for the next page: it begins where this one ended.
      end = new Date(oldest.getTime() + 1);
    }
  },
});

function openIn({ EventId = '', EventTime, CloudTrailEvent }: Event, question: TrailQuestion): TrailOpen | undefined {
  const event = cloudTrailEvent.safeParse(jsonOf(CloudTrailEvent));
  if (!event.success) return undefined;
  const { requestID, eventTime, errorCode, userIdentity, requestParameters } = event.data;
  return openOf(
    {
      eventId: EventId,
      at: EventTime?.toISOString() ?? eventTime,
      requestId: requestID,
      who: userIdentity?.arn ?? 'unknown',
      answer: errorCode === undefined ? 'untold' : 'refused',
      requestParameters,
    },
    question,
  );
}
