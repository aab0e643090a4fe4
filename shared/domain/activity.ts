import * as z from 'zod';
import {
  type ActivityCounter,
  type ActivityCounters,
  type ActivityCounts,
  type ActivityEvent,
  type ActivityOutcome,
  type ActivitySums,
  activityCounter,
  daysShown,
  hoursShown,
} from '../contracts/activity.ts';
import {
  type AgentId,
  agentId,
  type CredentialId,
  credentialId,
  type EventId,
  eventId,
  type MessageId,
  messageId,
  type PhoneNumberId,
  phoneNumberId,
  type TenantId,
  tenantId,
} from '../contracts/ids.ts';
import { type EventKind, eventKind } from '../contracts/queued-events.ts';
import { claimProgress } from './claim.ts';
import { metaReason } from './meta-errors.ts';
import { messageRecord } from './sent-message.ts';

/** A row of the Events table before and after a change, as far as the stream shows it. */
export interface RowChange {
  readonly before: Readonly<Record<string, unknown>> | undefined;
  readonly after: Readonly<Record<string, unknown>> | undefined;
  /** When it was written, to the second. */
  readonly at: string;
}

/** What activity is told of: an event that came in, or a message that was sent. Of whoever wrote it nothing is known here. */
export interface ActivitySource {
  readonly id: EventId | MessageId;
  readonly tenantId: TenantId;
  readonly credentialId: CredentialId;
  readonly phoneNumberId: PhoneNumberId | null;
  readonly agentId: AgentId | null;
  readonly kind: EventKind;
  readonly direction: 'in' | 'out';
  /** When it came in or was begun: never changes. */
  readonly at: string;
}

/**
 * What has become of a source by one change of its row. A mark is made once in its life, whatever is repeated and in whatever order it is heard of: by its
 * marks it is counted.
 */
export interface ActivityStep extends ActivitySource {
  readonly marks: readonly string[];
  readonly changedAt: string;
}

/** An event that took or left its place in line. */
export interface LineStep {
  readonly tenantId: TenantId;
  readonly phoneNumberId: PhoneNumberId;
  readonly eventId: EventId;
  readonly mark: string;
  readonly by: 1 | -1;
}

/** Claims of before say no credential: they are not counted. */
const claimRow = claimProgress.pick({ state: true, fates: true }).extend({
  pk: eventId,
  sk: z.literal('CLAIM'),
  tenantId,
  credentialId,
  phoneNumberId: phoneNumberId.nullable(),
  agentId: agentId.nullable(),
  kind: eventKind,
  receivedAt: z.iso.datetime(),
  isRefused: z.boolean().default(false),
  undelivered: z.object({ code: z.number().nullable() }).nullable().default(null),
});
type ClaimRow = z.infer<typeof claimRow>;

const messageRow = messageRecord
  .pick({ tenantId: true, agentId: true, phoneNumberId: true, status: true, failure: true })
  .extend({
    pk: messageId,
    sk: z.literal('MESSAGE'),
    credentialId,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  });
type MessageRow = z.infer<typeof messageRow>;

const lineRow = z.object({ sk: z.string().regex(/^(?:HELD|ASIDE)#/), tenantId, phoneNumberId, eventId });

/** Undefined for a change that is none of an event or a message, or that changes nothing of interest. */
export const stepOf = (change: RowChange): ActivityStep | undefined => {
  const claim = claimRow.safeParse(change.after).data;
  if (claim !== undefined) return stepOfClaim(claimRow.safeParse(change.before).data, claim, change.at);
  const message = messageRow.safeParse(change.after).data;
  return message && stepOfMessage(messageRow.safeParse(change.before).data, message);
};

/** Undefined where no event took or left a place in line. */
export const lineStepOf = ({ before, after }: RowChange): LineStep | undefined => {
  const [left, taken] = [lineRow.safeParse(before).data, lineRow.safeParse(after).data];
  const row = taken ?? left;
  if (row === undefined || (left !== undefined && taken !== undefined)) return undefined;
  const { tenantId, phoneNumberId, eventId, sk } = row;
  const isTaken = taken !== undefined;
  return { tenantId, phoneNumberId, eventId, mark: `${isTaken ? 'taken' : 'left'}:${sk}`, by: isTaken ? 1 : -1 };
};

const stepOfClaim = (before: ClaimRow | undefined, after: ClaimRow, at: string): ActivityStep | undefined => {
  const marks = newMarks(before && marksOfClaim(before), marksOfClaim(after));
  const { pk: id, tenantId, credentialId, phoneNumberId, agentId, kind, receivedAt } = after;
  const source = { id, tenantId, credentialId, phoneNumberId, agentId, kind, direction: 'in', at: receivedAt } as const;
  // The stream tells the second, which may have begun before the event came in.
  return marks.length === 0 ? undefined : { ...source, marks, changedAt: isBefore(at, receivedAt) ? receivedAt : at };
};

const stepOfMessage = (before: MessageRow | undefined, after: MessageRow): ActivityStep | undefined => {
  // What is begun again under its Idempotency-Key is another try.
  const isSame = before !== undefined && before.createdAt === after.createdAt;
  const marks = newMarks(isSame ? marksOfMessage(before) : undefined, marksOfMessage(after));
  const { pk: id, tenantId, credentialId, phoneNumberId, agentId, createdAt: at, updatedAt: changedAt } = after;
  const source = { id, tenantId, credentialId, phoneNumberId, agentId, kind: 'message', direction: 'out', at } as const;
  return marks.length === 0 ? undefined : { ...source, marks, changedAt };
};

const newMarks = (before: readonly string[] | undefined, after: readonly string[]): readonly string[] =>
  after.filter((mark) => before?.includes(mark) !== true);

const firstMark = {
  message: 'in',
  call: 'in',
  echo: 'echo',
  status: 'seen',
  account: 'seen',
  failure: 'seen',
} as const satisfies Record<EventKind, string>;

const marksOfClaim = (claim: ClaimRow): readonly string[] => {
  const { kind, phoneNumberId, agentId, state, fates, isRefused, undelivered } = claim;
  const isOver = state === 'done' || state === 'unknown';
  const isTaken = agentId !== null && !isRefused && state !== 'leased' && state !== 'held';
  return [
    kind === 'account' && phoneNumberId === null ? 'notice' : firstMark[kind],
    ...(state === 'held' ? ['held'] : []),
    ...(isTaken ? ['dispatched'] : []),
    ...(isRefused ? ['refused'] : []),
    ...(undelivered === null ? [] : [`failed:0:${undelivered.code ?? ''}`]),
    ...(isOver && agentId === null ? ['unwanted'] : []),
    ...fates.map((fate, index) => markOfFate(fate, index)),
  ];
};

const markOfFate = (fate: ClaimRow['fates'][number], index: number): string => {
  switch (fate.fate) {
    case 'sent':
      return `answered:${index}`;
    case 'refused':
      return `failed:${index}:${fate.metaCode ?? ''}`;
    case 'unknown':
      return `lost:${index}`;
    default:
      return fate satisfies never;
  }
};

const marksOfMessage = ({ status, failure }: MessageRow): readonly string[] => {
  const failed = `failed:0:${failure?.code ?? ''}`;
  switch (status) {
    case 'sending':
      return [];
    case 'unknown':
      return ['unknown'];
    case 'refused':
      return [failed];
    case 'accepted':
    case 'sent':
      return ['sent'];
    case 'delivered':
    case 'read':
      return ['sent', status];
    case 'failed':
      return ['sent', failed];
    default:
      return status satisfies never;
  }
};

/** By which counter a mark is counted, if by any; a mark may have a suffix that tells it from others. */
const counters: Readonly<Record<string, ActivityCounter>> = {
  in: 'in',
  echo: 'echoes',
  notice: 'notices',
  dispatched: 'dispatched',
  held: 'held',
  refused: 'failed',
  answered: 'answered',
  failed: 'failed',
  lost: 'failed',
  sent: 'sent',
  delivered: 'statuses',
  read: 'statuses',
};

const nameOfMark = (mark: string): string => mark.split(':', 1)[0] ?? '';
export const counterOf = (mark: string): ActivityCounter | undefined => counters[nameOfMark(mark)];

/** What happened when the source came in; the rest happened at the change. */
const ofTheBeginning: ReadonlySet<string> = new Set(['in', 'echo', 'notice', 'seen']);

/** One more of a counter, in the hour and the day in which it happened. */
export interface Increment {
  readonly tenantId: TenantId;
  readonly credentialId: CredentialId;
  readonly at: string;
  readonly counter: ActivityCounter;
  readonly phoneNumberId: PhoneNumberId | null;
  readonly agentId: AgentId | null;
}

export const incrementsOf = (step: ActivityStep): readonly Increment[] =>
  step.marks.flatMap((mark) => {
    const counter = counterOf(mark);
    const { tenantId, credentialId, phoneNumberId, agentId } = step;
    const at = ofTheBeginning.has(nameOfMark(mark)) ? step.at : step.changedAt;
    return counter === undefined ? [] : [{ tenantId, credentialId, phoneNumberId, agentId, counter, at }];
  });

/** Steps of one source as one, each mark once: the first that made it says when and for whom. */
export const withoutRepeats = (steps: readonly ActivityStep[]): readonly ActivityStep[] => {
  const made = new Map<string, Set<string>>();
  return steps.flatMap((step) => {
    const known = made.get(sourceName(step)) ?? new Set();
    made.set(sourceName(step), known);
    const marks = step.marks.filter((mark) => !known.has(mark));
    for (const mark of marks) known.add(mark);
    return marks.length === 0 ? [] : [{ ...step, marks }];
  });
};

/** Tells sources apart: a message that is begun again is another. */
export const sourceName = ({ credentialId, id, at }: Pick<ActivitySource, 'credentialId' | 'id' | 'at'>): string =>
  `${credentialId} ${at} ${id}`;

/** When something went through a number and through an agent, by what has become of a source. */
export interface TimesOfStep {
  readonly inboundAt: string | null;
  readonly outboundAt: string | null;
}

export const timesOf = ({ kind, marks, at, changedAt }: ActivityStep): TimesOfStep => {
  const names = marks.map(nameOfMark);
  const isOfCustomer = kind === 'message' || kind === 'call';
  return {
    // What was let go to another agent than it came for is that one's, too.
    inboundAt: isOfCustomer && (names.includes('in') || names.includes('dispatched')) ? at : null,
    outboundAt: names.includes('answered') || names.includes('sent') ? changedAt : null,
  };
};

export interface ActivityStore {
  /** Counts each mark once, however often it is told of it. @throws {Fault} store-unavailable */
  count(steps: readonly ActivityStep[]): Promise<void>;
  /** The same for places in line. @throws {Fault} store-unavailable */
  countLines(steps: readonly LineStep[]): Promise<void>;
  /** Moves the last times of numbers and agents forward, never back. @throws {Fault} store-unavailable, row-malformed */
  noteTimes(steps: readonly ActivityStep[]): Promise<void>;
}

/** Takes changes of the Events table into the activity of credentials. What it writes itself, and every other row, changes nothing. */
export const projectActivity = async (changes: readonly RowChange[], store: ActivityStore): Promise<void> => {
  const steps = changes.flatMap((change) => stepOf(change) ?? []);
  const lines = changes.flatMap((change) => lineStepOf(change) ?? []);
  if (steps.length > 0) {
    await store.count(withoutRepeats(steps));
    await store.noteTimes(steps);
  }
  if (lines.length > 0) await store.countLines(lines);
};

/** What is kept of a source. */
export const recentEvent = z.object({
  id: z.union([eventId, messageId]),
  at: z.iso.datetime(),
  kind: eventKind,
  direction: z.enum(['in', 'out']),
  agentId: agentId.nullable(),
  phoneNumberId: phoneNumberId.nullable(),
  counted: z.set(z.string()).transform((marks) => [...marks]),
});
export type RecentEvent = z.infer<typeof recentEvent>;

/** The later covers the earlier, the worse the better. */
const outcomes: readonly (readonly [mark: string, outcome: ActivityOutcome])[] = [
  ['failed', 'failed'],
  ['lost', 'unknown'],
  ['refused', 'refused'],
  ['read', 'read'],
  ['delivered', 'delivered'],
  ['sent', 'sent'],
  ['unknown', 'unknown'],
  ['answered', 'answered'],
  ['dispatched', 'dispatched'],
  ['held', 'held'],
  ['notice', 'noted'],
  ['unwanted', 'unwanted'],
];

export const eventView = ({ counted, ...event }: RecentEvent): ActivityEvent => {
  const names = new Set(counted.map(nameOfMark));
  const outcome = outcomes.find(([mark]) => names.has(mark))?.[1] ?? 'received';
  const codes = counted.flatMap((mark) => /^failed:\d+:(\d+)$/.exec(mark)?.[1] ?? []).sort();
  const code = codes.length === 0 ? undefined : Number(codes[0]);
  return { ...event, outcome, meta: code === undefined ? null : metaReason(code) };
};

/** The counts of one credential in one hour or one day. */
export interface CountedSpan {
  readonly credentialId: CredentialId;
  /** The hour (`2026-11-26T15`) or the day (`2026-11-26`), UTC. */
  readonly span: string;
  readonly own: Partial<ActivityCounts>;
  readonly numbers: ReadonlyMap<PhoneNumberId, Partial<ActivityCounts>>;
  readonly agents: ReadonlyMap<AgentId, Partial<ActivityCounts>>;
}

export interface CountedSpans {
  readonly hours: readonly CountedSpan[];
  readonly days: readonly CountedSpan[];
}

const hour = 60 * 60 * 1000;
const day = 24 * hour;

export const hourOf = (at: Date | string): string => new Date(at).toISOString().slice(0, 13);
export const dayOf = (at: Date | string): string => new Date(at).toISOString().slice(0, 10);

/** The hours and days that are shown, the oldest first; those under way are the last. */
export const hoursUntil = (now: Date): readonly string[] =>
  Array.from({ length: hoursShown }, (_, index) => hourOf(new Date(now.getTime() - (hoursShown - 1 - index) * hour)));
export const daysUntil = (now: Date): readonly string[] =>
  Array.from({ length: daysShown }, (_, index) => dayOf(new Date(now.getTime() - (daysShown - 1 - index) * day)));

const none: ActivityCounts = {
  in: 0,
  dispatched: 0,
  answered: 0,
  sent: 0,
  failed: 0,
  held: 0,
  statuses: 0,
  echoes: 0,
  notices: 0,
};

const sumOf = (counts: readonly (Partial<ActivityCounts> | undefined)[]): ActivityCounts => {
  const sum = { ...none };
  for (const one of counts) for (const counter of activityCounter.options) sum[counter] += one?.[counter] ?? 0;
  return sum;
};

export const sumsOf = (
  { hours, days }: CountedSpans,
  of: (span: CountedSpan) => Partial<ActivityCounts> | undefined,
): ActivitySums => ({ last24h: sumOf(hours.map(of)), last30d: sumOf(days.map(of)) });

const own = (span: CountedSpan) => span.own;

export const countersOf = (spans: CountedSpans, now: Date): ActivityCounters => {
  const inHour = Map.groupBy(spans.hours, ({ span }) => span);
  const inDay = Map.groupBy(spans.days, ({ span }) => span);
  return {
    ...sumsOf(spans, own),
    hours: hoursUntil(now).map((span) => ({ from: `${span}:00:00.000Z`, ...sumOf((inHour.get(span) ?? []).map(own)) })),
    days: daysUntil(now).map((span) => ({
      from: `${span}T00:00:00.000Z`,
      ...sumOf((inDay.get(span) ?? []).map(own)),
    })),
  };
};

export const spansOf = ({ hours, days }: CountedSpans, id: CredentialId): CountedSpans => ({
  hours: hours.filter(({ credentialId }) => credentialId === id),
  days: days.filter(({ credentialId }) => credentialId === id),
});

/** What was counted of a number or an agent, whatever credential it was with. */
export const numberSums = (spans: CountedSpans, id: PhoneNumberId): ActivitySums =>
  sumsOf(spans, ({ numbers }) => numbers.get(id));
export const agentSums = (spans: CountedSpans, id: AgentId): ActivitySums =>
  sumsOf(spans, ({ agents }) => agents.get(id));

const isBefore = (one: string, other: string): boolean => Date.parse(one) < Date.parse(other);
