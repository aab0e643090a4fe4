import type { GraphFailure, GraphResult } from './graph.ts';
import type { Journal } from './journal.ts';
import type { Doubt, NumberRecord } from './records.ts';
import { newTicket, type Ticket, type WorkQueues } from './work.ts';

// What Meta says against a credential while something is sent is no proof: an agent can provoke it with one odd message, and a late answer may be
// about a token that was replaced meanwhile. It pauses the number for the moment that a check takes (check-credential.ts), and no longer.

export interface DoubtStore {
  /**
   * Writes what is doubted of a number, with the work that it makes necessary. False when somebody else has written it since the number was read, or
   * the number has other secrets or another owner by now.
   */
  change(number: NumberRecord, after: Doubt, tickets: readonly Ticket[]): Promise<boolean>;
}

export interface SendingPorts {
  readonly doubts: DoubtStore;
  /** Where checks are asked for whose ticket is stored. */
  readonly checks: WorkQueues;
  readonly journal: Journal;
  readonly now: () => Date;
}

/** A check takes a second or two. One that died must not stop the number for longer. In milliseconds. */
export const longestPause = 60_000;

/**
 * How long a number is left alone after a check that found nothing. A message may lack a permission that only it needs, again and again; a token that
 * Meta has refused and then vouched for is soon asked about again, for it may be dead by now. In milliseconds.
 */
const quietAfterPermission = 5 * 60_000;
const quietAfterToken = 15_000;

/** When a caller or a reply that finds the number paused does well to come back, in seconds. */
export const pauseHint = 3;

/** Nothing is sent from the number now. */
export const isPaused = ({ doubt }: Pick<NumberRecord, 'doubt'>, now: Date): boolean =>
  doubt !== null && now < new Date(doubt.pausedUntil);

type Doubtful = Extract<GraphFailure, { kind: 'refused' }>;

/** Meta has refused it for a reason that may be the credential's, whatever was sent. */
const isDoubtful = (failure: GraphFailure): failure is Doubtful =>
  failure.kind === 'refused' && (failure.refusal === 'token-invalid' || failure.refusal === 'permission-missing');

/** Codes that are about the token, which no message provokes ("Handle errors", Graph API). */
const tokenCodes: readonly number[] = [0, 190];
const isOfToken = ({ code }: Pick<Doubt, 'code'>): boolean => tokenCodes.includes(code);

/** What a refusal makes of the number; undefined: nothing. A code of the token is not kept quiet by one that a message may have provoked. */
export const afterRefusal = (
  { doubt, stopped }: Pick<NumberRecord, 'doubt' | 'stopped'>,
  failure: GraphFailure,
  now: Date,
): Doubt | undefined => {
  if (stopped !== null || !isDoubtful(failure) || isPaused({ doubt }, now)) return undefined;
  const isQuiet = doubt !== null && now < new Date(doubt.quietUntil) && (isOfToken(doubt) || !isOfToken(failure));
  if (isQuiet) return undefined;
  const [since, pausedUntil] = [now.toISOString(), later(now, longestPause)];
  const run = {
    refusals: doubt === null ? 1 : refusalsOf(doubt) + 1,
    refusedSince: doubt?.refusedSince ?? doubt?.since ?? since,
  };
  return { code: failure.code, since, ...run, pausedUntil, quietUntil: pausedUntil };
};

/** So often, and for so long, an agent's odd message is no explanation any more. In milliseconds. */
const mostRefusals = 3;
const longestRun = 30 * 60_000;
/** Nobody has tried for so long: it may be well by now. In milliseconds. */
const forgottenAfter = 24 * 60 * 60_000;

/** Since when Meta refuses whatever the number sends, though it finds nothing wrong with the credential; undefined: it does not, or nobody can tell. */
export const refusedSince = (
  { doubt }: Pick<NumberRecord, 'doubt'>,
  lastOutboundAt: string | null,
  now: Date,
): string | undefined => {
  if (doubt === null || refusalsOf(doubt) < mostRefusals) return undefined;
  const since = doubt.refusedSince ?? doubt.since;
  const isLong = now.getTime() - Date.parse(since) >= longestRun;
  const isRecent = now.getTime() - Date.parse(doubt.since) < forgottenAfter;
  return isLong && isRecent && !isTakenSince(doubt, lastOutboundAt) ? since : undefined;
};

const refusalsOf = ({ refusals }: Doubt): number => refusals ?? 1;

const isTakenSince = (doubt: Doubt, lastOutboundAt: string | null): boolean =>
  lastOutboundAt !== null && lastOutboundAt > (doubt.refusedSince ?? doubt.since);

/**
 * A check has not confirmed it: sending goes on. `quietUntil`: as long as another check is to come anyway. What Meta has taken since the first
 * refusal ends their run.
 */
export const afterCheck = (doubt: Doubt, lastOutboundAt: string | null, now: Date, quietUntil?: Date): Doubt => ({
  ...doubt,
  ...(isTakenSince(doubt, lastOutboundAt) ? { refusals: 1, refusedSince: doubt.since } : {}),
  pausedUntil: now.toISOString(),
  quietUntil: quietUntil?.toISOString() ?? later(now, isOfToken(doubt) ? quietAfterToken : quietAfterPermission),
});

const later = (now: Date, milliseconds: number): string => new Date(now.getTime() + milliseconds).toISOString();

/**
 * Looks at what became of a send from a number. When Meta's answer casts doubt on the credential nothing more is sent from the number until a check
 * has looked at it, and only on the secrets that the send was made with. True when the number is paused by it. Never fails: what Meta has answered
 * is answered.
 */
export const pauseOnDoubt = async (
  number: NumberRecord,
  sent: GraphResult<unknown> | undefined,
  { doubts, checks, journal, now }: SendingPorts,
): Promise<boolean> => {
  const at = now();
  const doubt = sent === undefined || sent.ok ? undefined : afterRefusal(number, sent.failure, at);
  if (doubt === undefined) return false;
  const { tenantId, credentialId, secretVersion, phoneNumberId } = number;
  const trace = { tenantId, credentialId, phoneNumberId, metaCode: doubt.code };
  const ticket = newTicket(
    { kind: 'check-credential', tenantId, credentialId, secretVersion, phoneNumberId, askedAt: doubt.since },
    at,
  );
  try {
    if (!(await doubts.change(number, doubt, [ticket]))) return false;
  } catch {
    // The next refusal will try again.
    journal.error('sending-not-paused', trace);
    return false;
  }
  journal.warn('sending-paused', trace);
  journal.count('SendingPaused');
  // One that is not queued is found by the sweeper; the pause is over by then.
  await checks.send(ticket).catch(() => journal.error('work-not-queued', { kind: ticket.work.kind, ...trace }));
  return true;
};
