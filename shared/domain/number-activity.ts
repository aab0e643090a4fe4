import * as z from 'zod';

/** When something last went through a number or an agent, and for a number how it is used to be written to. */
export const lastTimes = z.object({
  lastInboundAt: z.iso.datetime().nullable().default(null),
  lastOutboundAt: z.iso.datetime().nullable().default(null),
});
export type LastTimes = z.infer<typeof lastTimes>;

export const numberActivity = lastTimes.extend({
  firstInboundAt: z.iso.datetime().nullable().default(null),
  /** The longest pause between two inbound messages, as far as it is remembered. */
  longestGapSeconds: z.number().min(0).default(0),
  /** Days (UTC) on which something came in. */
  activeDays: z.number().int().min(0).default(0),
  /** Events that wait. Not below nothing, whatever was counted. */
  held: z
    .number()
    .default(0)
    .transform((count) => Math.max(0, count)),
});
export type NumberActivity = z.infer<typeof numberActivity>;

const day = 24 * 60 * 60 * 1000;

/** A pause counts half after so long: last year's holiday must not excuse this month's silence. In milliseconds. */
const halfLife = 30 * day;

/** Fewer days say nothing about how a number is used to be written to: a test, a launch. */
const fewestDays = 7;

/** A night and a day are silent at any shop that is not open daily. In milliseconds. */
const shortestSilence = day;

/** Twice the longest pause so far is no chance any more. */
const pausesOfSilence = 2;

const nothing: NumberActivity = {
  firstInboundAt: null,
  lastInboundAt: null,
  lastOutboundAt: null,
  longestGapSeconds: 0,
  activeDays: 0,
  held: 0,
};

/** After something came in. What is not newer than the last changes nothing: it was heard of before, or late. */
export const afterInbound = (activity: NumberActivity | undefined, at: string): NumberActivity => {
  const before = activity ?? nothing;
  if (before.lastInboundAt === null)
    return { ...before, firstInboundAt: before.firstInboundAt ?? at, lastInboundAt: at, activeDays: 1 };
  const gap = Date.parse(at) - Date.parse(before.lastInboundAt);
  if (gap <= 0) return before;
  const remembered = before.longestGapSeconds * 0.5 ** (gap / halfLife);
  return {
    ...before,
    lastInboundAt: at,
    longestGapSeconds: Math.round(Math.max(remembered, gap / 1000)),
    activeDays: before.activeDays + (dayOf(at) === dayOf(before.lastInboundAt) ? 0 : 1),
  };
};

/** After Meta took a message of the number. The time never goes back. */
export const afterOutbound = <T extends LastTimes>(activity: T, at: string): T =>
  isLater(at, activity.lastOutboundAt) ? { ...activity, lastOutboundAt: at } : activity;

/**
 * Since when a number is silent that is used to be written to; undefined: it is not, or nobody can tell. `listensSince`: since when it is heard, after it
 * was bound or its webhook repaired; what was missed before tells nothing.
 */
export const silentSince = (
  { lastInboundAt, longestGapSeconds, activeDays }: NumberActivity,
  listensSince: string | null,
  now: Date,
): string | undefined => {
  if (lastInboundAt === null || activeDays < fewestDays) return undefined;
  const since = isLater(lastInboundAt, listensSince) ? lastInboundAt : (listensSince ?? lastInboundAt);
  const longestUsual = Math.max(shortestSilence, pausesOfSilence * longestGapSeconds * 1000);
  return now.getTime() - Date.parse(since) > longestUsual ? since : undefined;
};

const isLater = (at: string, than: string | null): boolean => than === null || Date.parse(at) > Date.parse(than);

const dayOf = (at: string): string => new Date(at).toISOString().slice(0, 10);
