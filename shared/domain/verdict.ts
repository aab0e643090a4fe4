import type { Reason } from '../contracts/credential.ts';
import type { Check } from '../contracts/problem.ts';
import { isUnanswered, knownFindings, unansweredSince } from './findings.ts';
import type { CredentialRecord, ExpiryNotice, Finding, Standing, Verdict } from './records.ts';

// What a check makes of a credential: evidence in, record out, nothing asked and nothing written. Only a proof disables and only Meta's word for it enables;
// that Meta gives no verdict changes nothing but since when it gives none, and after a day its owner is told.

const hour = 60 * 60 * 1000;
const day = 24 * hour;

export type Evidence =
  /**
   * Meta gave no verdict, or none that is about the credential, and did so that often in a row. `isVouchedFor`: it has let the credential send a
   * moment ago.
   */
  | { readonly evidence: 'none'; readonly isVouchedFor: boolean; readonly misses: number }
  /** Meta has said of the credential itself that it is good no more. */
  | { readonly evidence: 'refuted'; readonly checks: readonly Check[] }
  /** Meta accepts it. `seen`: what else was looked at, where more than the secrets was. */
  | { readonly evidence: 'vouched'; readonly tokenExpiresAt: Date | null; readonly seen?: Seen };

export interface Seen {
  readonly phoneNumbers: CredentialRecord['phoneNumbers'];
  /** What was found, the worst first. */
  readonly findings: readonly Finding[];
  /** What is different at Meta from what was set up; null: nothing, undefined: it was not looked at. */
  readonly drift: Reason | null | undefined;
  /** Meta says that nothing hinders the account. */
  readonly isAccountAvailable: boolean;
}

export const afterCheck = (before: CredentialRecord, evidence: Evidence, now: Date): CredentialRecord => {
  switch (evidence.evidence) {
    case 'none':
      return evidence.isVouchedFor ? answered(before) : unanswered(before, evidence.misses, now);
    case 'refuted':
      return {
        ...answered(before),
        verdict: sinceWhen(before.verdict, verdictOf(evidence.checks, now)),
      };
    case 'vouched':
      return { ...vouched(before, evidence, now), verdict: null, unreachableSince: null };
    default:
      return evidence satisfies never;
  }
};

/** Meta speaks of it again: what was made of its silence is over. */
export const answered = (before: CredentialRecord): CredentialRecord => ({
  ...before,
  unreachableSince: null,
  finding: isUnanswered(before.finding) ? null : before.finding,
});

/** A day in which nobody asked, because we were out of order ourselves, is none without an answer. The clock asks more than twice as often in a day. */
const fewestMisses = 10;

/** Its owner is told by what is known of it, and of this only where nothing worse is. */
const unanswered = (before: CredentialRecord, misses: number, now: Date): CredentialRecord => {
  const unreachableSince = before.unreachableSince ?? now.toISOString();
  const isLong = misses >= fewestMisses && now.getTime() - Date.parse(unreachableSince) >= day;
  const isWell = before.finding === null || before.finding.status === 'connected';
  return {
    ...before,
    unreachableSince,
    finding: isLong && isWell ? unansweredSince(unreachableSince) : before.finding,
  };
};

const vouched = (
  before: CredentialRecord,
  { tokenExpiresAt, seen }: Extract<Evidence, { evidence: 'vouched' }>,
  now: Date,
): CredentialRecord => {
  const told = {
    ...before,
    accessTokenExpiresAt: tokenExpiresAt?.toISOString() ?? null,
    expiryNotice: noticeOf(tokenExpiresAt, before.expiryNotice, now),
  };
  if (seen === undefined) return told;
  return {
    ...told,
    ...webhookAfter(before, seen.drift, now),
    phoneNumbers: seen.phoneNumbers,
    ...findingsAfter(before, seen.findings),
    standing: seen.isAccountAvailable ? standingAfter(before.standing, now) : before.standing,
  };
};

const findingsAfter = (
  before: CredentialRecord,
  found: readonly Finding[],
): Pick<CredentialRecord, 'finding' | 'furtherFindings'> => {
  const known = knownFindings(before);
  const [worst = null, ...further] = found.map((it) =>
    sinceWhen(known.find(({ reason }) => isSameReason(reason, it.reason)) ?? null, it),
  );
  return { finding: worst, furtherFindings: further };
};

/** What is the same as before has been so since then. */
const sinceWhen = <T extends Verdict | Finding>(before: T | null, after: T): T =>
  before !== null && before.status === after.status && isSameReason(before.reason, after.reason)
    ? { ...after, reason: { ...after.reason, since: before.reason.since } }
    : after;

/** The same thing about the same numbers, whatever the words. */
export const isSameReason = (one: Reason | null, other: Reason | null): boolean => keyOf(one) === keyOf(other);
const keyOf = (reason: Reason | null): string =>
  reason === null ? '' : [reason.code, ...[...(reason.phoneNumberIds ?? [])].sort()].join(' ');

const verdictOf = (checks: readonly Check[], now: Date): Verdict => {
  const failed = checks.find(({ verdict }) => verdict === 'failed');
  return {
    status: 'invalid',
    reason: {
      code: failed?.code ?? 'credential-refused',
      title: 'Meta no longer accepts the credential',
      detail: failed?.detail ?? 'A check failed.',
      guidance:
        `${failed?.guidance ?? ''} Then update the credential with it: what was held for a day at most is replayed, and older messages wait for your choice.`.trim(),
      since: now.toISOString(),
    },
  };
};

/** A set-up that is under way says itself what came of it. What was put right by hand is in order. */
const webhookAfter = (
  { status, reason, webhookState, webhookReason }: CredentialRecord,
  drift: Reason | null | undefined,
  now: Date,
): Partial<CredentialRecord> => {
  if (drift === undefined || webhookState === 'pending') return {};
  if (drift !== null)
    return webhookState === 'action_required'
      ? {}
      : {
          webhookState: 'drifted',
          webhookReason: isSameReason(webhookReason, drift)
            ? { ...drift, since: webhookReason?.since ?? drift.since }
            : drift,
        };
  if (webhookState === 'configured') return {};
  const isOfSetUp = status === 'action_required' && isSameReason(reason, webhookReason);
  return {
    webhookState: 'configured',
    webhookReason: null,
    webhookConfiguredAt: now.toISOString(),
    ...(isOfSetUp ? { status: 'connected', reason: null } : {}),
  };
};

/**
 * Meta's notice that an account is in order again may be missed: what it shows itself counts, once its own notice can't be younger. That an account has left the
 * Cloud API, or was deleted, no such answer tells. In milliseconds.
 */
const stopOutlives = hour;
/** Warnings have no end of their own; a week in good order is one. In milliseconds. */
const warningOutlives = 7 * day;

const standingAfter = (standing: Standing | null, now: Date): Standing | null => {
  if (standing === null) return null;
  const age = now.getTime() - Date.parse(standing.reason.since);
  if (standing.isStopped) return age > stopOutlives && standing.reason.code === 'account-disabled' ? null : standing;
  return age > warningOutlives ? null : standing;
};

/** Days before the end of a token at which its owner is told. */
export const noticeDays = [14, 7, 1] as const;

/** The last notice that has been due; null where none has. One that was missed is not made up for by two. */
export const noticeOf = (expiresAt: Date | null, last: ExpiryNotice | null, now: Date): ExpiryNotice | null => {
  if (expiresAt === null) return null;
  const left = expiresAt.getTime() - now.getTime();
  const known = last?.expiresAt === expiresAt.toISOString() ? last : null;
  const days = noticeDays.findLast((it) => left <= it * day);
  if (days === undefined || left <= 0 || (known !== null && known.days <= days)) return known;
  return { expiresAt: expiresAt.toISOString(), days };
};

/** When the next notice is due, or the token ends; undefined where neither is to come. */
export const nextOfToken = (expiresAt: Date | null, now: Date): Date | undefined =>
  expiresAt === null
    ? undefined
    : [...noticeDays, 0].map((days) => new Date(expiresAt.getTime() - days * day)).find((at) => at > now);
