import type { CredentialId } from '../contracts/ids.ts';
import type { DueCheck } from '../contracts/work.ts';
import { stateOf } from './credential-state.ts';
import { longestAwait } from './findings.ts';
import type { CredentialHealth, CredentialRecord } from './records.ts';
import { nextOfToken } from './verdict.ts';

/**
 * The line of checks: one entry for each credential, under the time at which it is due, in a few partitions so that no one of them has all of the
 * writes. An entry is moved, never copied: whoever moves it first has the check, and whoever comes second finds it gone.
 */
export interface CheckSchedule {
  /** Up to so many entries of a partition that are due, the longest overdue first. */
  due(partition: number, now: Date, limit: number): Promise<readonly DueCheck[]>;
  /** Moves an entry on, with its `dueAt` as it is; undefined when somebody else has. */
  lease(check: DueCheck, until: Date): Promise<DueCheck | undefined>;
  /** Whether the entry still stands where it stood. */
  stands(check: DueCheck): Promise<boolean>;
  /** Takes the entry out of the line: there is nothing left to check. */
  end(check: DueCheck): Promise<void>;
}

/** What a new entry says. */
export type NewCheck = Pick<DueCheck, 'tenantId' | 'credentialId'>;

/** Partitions of the line. Each takes a thousand writes a second; more of them only make an idle planner ask more often. */
export const partitions = 16;

/** The last characters of a credential's id are random. */
export const partitionOf = (id: CredentialId): number => Number.parseInt(id.slice(-2), 36) % partitions;

/** Sorts by time. */
export const entryOf = (due: Date, id: CredentialId): string => `${due.toISOString()}#${id}`;

const minute = 60_000;
const hour = 60 * minute;

/** Everything is looked at four times a day ... */
const pauseInOrder = 6 * hour;
/** ... and hourly for the first day of a trouble, so that its end is seen soon; after that it is one that stays. */
const pauseInTrouble = hour;
const troubleStays = 24 * hour;
/** While Meta gives no verdict it is asked again with growing pauses. */
const firstPauseUnanswered = 5 * minute;

/** Once most of the account's hourly allowance is used, the rest is for its user: checks are this much rarer. */
const rarerWhenStrained = 4;

/** So that what began together, after a deployment or an outage, does not stay together: each pause is longer or shorter by up to a tenth. */
const jitter = 0.1;

/** Why not sooner: its creation has just asked Meta about everything. */
const firstCheckAfter = hour;

export const firstCheckOf = ({ createdAt }: Pick<CredentialRecord, 'createdAt'>): Date =>
  new Date(Date.parse(createdAt) + firstCheckAfter);

/** When the clock has a credential checked: what was written with its entry, and before its first check what its creation has written. */
export const appointmentOf = (
  credential: Pick<CredentialRecord, 'createdAt'>,
  health: Pick<CredentialHealth, 'nextCheckAt'> | undefined,
): Date => (health?.nextCheckAt == null ? firstCheckOf(credential) : new Date(health.nextCheckAt));

export interface Pace {
  readonly isStrained: boolean;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** When a credential is checked next, judged by what has just been seen of it. Never later than its token ends or has to be announced. */
export const nextCheckAt = (
  credential: CredentialRecord,
  { misses }: Pick<CredentialHealth, 'misses'>,
  { isStrained, random }: Pace,
  now: Date,
): Date => {
  const pause = pauseAfter(credential, misses, now) * (isStrained ? rarerWhenStrained : 1);
  const usual = new Date(now.getTime() + spread(pause, random));
  const expiresAt = credential.accessTokenExpiresAt === null ? null : new Date(credential.accessTokenExpiresAt);
  const appointed = [nextOfToken(expiresAt, now), endOfAwait(credential, now)].filter((it) => it !== undefined);
  return [usual, ...appointed].reduce((one, other) => (other < one ? other : one));
};

const pauseAfter = (credential: CredentialRecord, misses: number, now: Date): number => {
  if (misses > 0) return Math.min(pauseInTrouble, firstPauseUnanswered * 2 ** Math.min(misses - 1, 10));
  const { status, reason } = stateOf(credential);
  if (status === 'connected') return pauseInOrder;
  const isNew = reason === null || now.getTime() - Date.parse(reason.since) < troubleStays;
  return isNew ? pauseInTrouble : pauseInOrder;
};

export const spread = (pause: number, random: () => number): number => pause * (1 - jitter + 2 * jitter * random());

/** When a number that waits for its first message has waited long enough for somebody to look. */
const endOfAwait = ({ finding }: CredentialRecord, now: Date): Date | undefined => {
  if (finding?.status !== 'connected') return undefined;
  const end = new Date(Date.parse(finding.reason.since) + longestAwait);
  return end > now ? end : undefined;
};
