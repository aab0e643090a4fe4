import type { CredentialId, PhoneNumberId, TenantId } from '../contracts/ids.ts';
import type { DueCheck, Suspicion, Work } from '../contracts/work.ts';
import { stopOf } from './account-standing.ts';
import { appointmentOf, type CheckSchedule, entryOf, nextCheckAt } from './check-schedule.ts';
import { askMeta, type Examined, type ExaminePorts, examineCredential, newHealth } from './examine-credential.ts';
import { knownFindings, sendsRefusedCode } from './findings.ts';
import type { Journal } from './journal.ts';
import type { OutageStore } from './meta-outage.ts';
import { isStrained, type MetaUsageStore } from './meta-usage.ts';
import type { CredentialHealth, CredentialRecord, MetaAppRecord, NumberRecord } from './records.ts';
import { releaseCredentialTicket } from './release-tickets.ts';
import { afterCheck as afterDoubt, type DoubtStore, isPaused, refusedSince } from './sending-doubt.ts';
import type { ValidationOutcome } from './validate-credential.ts';
import { afterCheck, type Evidence } from './verdict.ts';
import type { Ticket, WorkOutcome, WorkQueues } from './work.ts';

export type CheckWork = Extract<Work, { kind: 'check-credential' }>;

/** What a check writes, all of it or nothing. */
export interface CheckRecord {
  readonly before: CredentialRecord;
  readonly after: CredentialRecord;
  /** As Meta was asked about it. */
  readonly app: MetaAppRecord;
  readonly health: CredentialHealth;
  /** The `nextCheckAt` that was read: who writes another one moves the entry with it. */
  readonly appointed: CredentialHealth['nextCheckAt'];
  readonly tickets: readonly Ticket[];
  /**
   * The entry in the line of checks, where this was its check or has found what calls for an earlier one, and when that is due. Null: it has been lost.
   */
  readonly moved?: { readonly from: DueCheck['entry'] | null; readonly to: Date };
}

export interface VerdictStore {
  /**
   * The verdict and what was found, the stop of all numbers of the credential or its end, and the line in its audit. `overtaken`: the credential, its secrets
   * or the App Secret have changed since they were read, or Meta was asked later by somebody else; `gone`: the entry is not there any more.
   */
  record(change: CheckRecord): Promise<'recorded' | 'overtaken' | 'gone'>;
}

export interface CheckCredentialPorts extends ExaminePorts {
  readonly credentials: {
    find(tenantId: TenantId, credentialId: CredentialId): Promise<CredentialRecord | undefined>;
    findApp(appId: MetaAppRecord['appId']): Promise<MetaAppRecord | undefined>;
    findHealth(tenantId: TenantId, credentialId: CredentialId): Promise<CredentialHealth | undefined>;
    findNumber(id: PhoneNumberId): Promise<NumberRecord | undefined>;
  };
  readonly verdicts: VerdictStore;
  readonly doubts: DoubtStore;
  /** Where held events are asked for. */
  readonly releases: WorkQueues;
  readonly usage: Pick<MetaUsageStore, 'note' | 'find'>;
  readonly journal: Journal;
  readonly random: () => number;
}

/** While Meta gives no verdict it is asked again, with growing pauses. Afterwards the next refusal of a send asks anew. In milliseconds. */
const askingForDoubt = 10 * 60_000;

/** No check is in hand for so long: the clock has missed the credential, or its entry is lost. In milliseconds. */
const forgottenAfter = 24 * 60 * 60_000;

/** How often evidence is judged anew because the credential has changed meanwhile. */
const mostRaces = 4;

/**
 * Asks Meta whether a credential is as bad as the refusal of a send made it look. Only what Meta says of the credential itself disables it, and only while
 * it has the secrets that were asked about.
 */
export const checkCredential = async (work: CheckWork, ports: CheckCredentialPorts): Promise<WorkOutcome> => {
  const examined = await read(work, ports);
  // New secrets and a removal have taken the pause away with them.
  if (examined === undefined || examined.credential.secretVersion !== work.secretVersion) return 'done';
  const { credential, app } = examined;
  // A verdict has stopped the number altogether.
  if (credential.verdict !== null) return 'done';
  const triedAt = ports.now();
  const found = await askMeta(credential, app, ports);
  const at = ports.now();
  const giveUpAt = new Date(Date.parse(work.askedAt) + askingForDoubt);
  const again: WorkOutcome = at < giveUpAt ? { outcome: 'later' } : 'done';
  const evidence = evidenceOf(found);
  if (evidence?.evidence === 'refuted') {
    const health = refutedHealth(examined, evidence, triedAt);
    const outcome = await recordEvidence({ credential, app, evidence, health }, ports);
    return outcome === 'recorded' ? 'done' : again;
  }
  const isInOrder = evidence !== undefined;
  ports.journal.info('credential-not-disabled', {
    tenantId: work.tenantId,
    credentialId: work.credentialId,
    code: isInOrder ? 'valid' : 'no-verdict',
  });
  const isRefusing = await letSend(work, isInOrder || again === 'done' ? undefined : giveUpAt, at, ports);
  // What no message explains is found out, and told, by a whole check: once.
  const isTold = knownFindings(credential).some(({ reason }) => reason.code === sendsRefusedCode);
  if (isInOrder && isRefusing && !isTold) await checkNow(examined, ports);
  return isInOrder ? 'done' : again;
};

/** What a verdict without a full check leaves of what was seen. */
const refutedHealth = (
  { credential, health }: Examined,
  { checks }: Extract<Evidence, { evidence: 'refuted' }>,
  triedAt: Date,
): CredentialHealth => ({
  ...(health ?? newHealth(credential, triedAt)),
  triedAt: triedAt.toISOString(),
  checkedAt: triedAt.toISOString(),
  misses: 0,
  unanswered: null,
  checks: [...checks],
});

const evidenceOf = (found: ValidationOutcome): Exclude<Evidence, { evidence: 'none' }> | undefined => {
  switch (found.outcome) {
    case 'valid':
      return { evidence: 'vouched', tokenExpiresAt: found.tokenExpiresAt };
    case 'invalid':
      return found.isProof ? { evidence: 'refuted', checks: found.checks } : undefined;
    case 'unreachable':
      return undefined;
    default:
      return found satisfies never;
  }
};

export interface CheckDuePorts extends CheckCredentialPorts {
  readonly schedule: CheckSchedule;
  readonly outages: Pick<OutageStore, 'count'>;
}

/** Checks a credential whose time has come, once for each entry in the line, and moves the entry on. */
export const checkDue = async (due: DueCheck, ports: CheckDuePorts): Promise<void> => {
  const { schedule, outages, now } = ports;
  if (!(await schedule.stands(due))) return;
  const examined = await read(due, ports);
  if (examined === undefined) return schedule.end(due);
  const examination = await examineCredential(examined, ports);
  // One check more or less makes no outage.
  await outages.count(examination.isOutage, now()).catch(() => undefined);
  await recordEvidence({ ...examined, ...examination, due }, ports);
};

/** A check that was made so short a time before tells as much. In milliseconds. */
const freshFor = 10 * 60_000;

/** Checks a credential whose deliveries are signed with another secret than ours, unless that has just been done. */
export const checkSuspect = async (suspect: Suspicion, ports: CheckCredentialPorts): Promise<void> => {
  const examined = await read(suspect, ports);
  const triedAt = examined?.health?.triedAt;
  const isFresh = triedAt !== undefined && Date.parse(suspect.suspectedAt) - Date.parse(triedAt) < freshFor;
  if (examined !== undefined && !isFresh) await checkNow(examined, ports);
};

/** Checks a credential for somebody who does not wait for the clock. */
export const checkNow = async (examined: Examined, ports: CheckCredentialPorts): Promise<void> => {
  const { evidence, health } = await examineCredential(examined, ports);
  // The clock's pauses grow by its own tries alone.
  const misses = health.misses === 0 ? 0 : Math.max(1, examined.health?.misses ?? 0);
  await recordEvidence({ ...examined, evidence, health: { ...health, misses } }, ports);
};

/** What is needed to check a credential; undefined where it is gone or on its way out. */
export const read = async (
  { tenantId, credentialId }: Pick<CredentialRecord, 'tenantId' | 'credentialId'>,
  { credentials }: Pick<CheckCredentialPorts, 'credentials'>,
): Promise<Examined | undefined> => {
  const credential = await credentials.find(tenantId, credentialId);
  if (credential === undefined || credential.status === 'removing') return undefined;
  const app = await credentials.findApp(credential.appId);
  return app && { credential, app, health: await credentials.findHealth(tenantId, credentialId) };
};

interface Recording extends Examined {
  readonly evidence: Evidence;
  /** With what the check has seen. */
  readonly health: CredentialHealth;
  /** The entry that this was the check of; none: somebody could not wait for the clock. */
  readonly due?: DueCheck;
}

/**
 * Writes what a check has shown, and when the next is due: the check of an entry moves it on, any other one only forward, to where the clock would
 * have it after what was found. What was changed meanwhile is judged anew, unless the secrets were: of the new ones nothing is known; nor where Meta
 * was asked later by somebody else, who has written already what it said.
 */
const recordEvidence = async (recording: Recording, ports: CheckCredentialPorts): Promise<'recorded' | 'overtaken'> => {
  const { credential: examined, app, evidence, due } = recording;
  const now = ports.now();
  const used = await ports.usage.find(examined, now).catch(() => undefined);
  const pace = { isStrained: used !== undefined && isStrained(used), random: ports.random };
  let { credential: before, health } = recording;
  let absent: string | undefined;
  for (let race = 0; race < mostRaces; race++) {
    const after = afterCheck(before, evidence, now);
    const next = nextCheckAt(after, health, pace, now);
    const appointment = appointmentOf(before, health);
    const entry = due?.entry ?? entryOf(appointment, before.credentialId);
    const isAbsent = entry === absent;
    const isForgotten = now.getTime() - appointment.getTime() > forgottenAfter;
    const isMoved = due !== undefined || isForgotten || (next < appointment && !isAbsent);
    const goesOn = stopOf(before) !== null && stopOf(after) === null;
    const tickets = goesOn ? [releaseCredentialTicket(before, now)] : [];
    const outcome = await ports.verdicts.record({
      before,
      after,
      app,
      health: isMoved ? { ...health, nextCheckAt: next.toISOString() } : health,
      appointed: health.nextCheckAt,
      tickets,
      ...(isMoved ? { moved: { from: isAbsent ? null : entry, to: next } } : {}),
    });
    if (outcome === 'recorded') {
      tell(before, after, evidence, ports.journal);
      // One that is not queued is found by the sweeper.
      for (const ticket of tickets) await ports.releases.send(ticket).catch(() => undefined);
      return outcome;
    }
    if (outcome === 'gone') {
      if (due !== undefined) return 'overtaken';
      // It is being checked at this moment, and set down again by who does that.
      absent = entry;
    }
    const current = await read(examined, ports);
    if (current?.credential.secretVersion !== examined.secretVersion) return 'overtaken';
    if (current.health !== undefined && health.triedAt <= current.health.triedAt) return 'overtaken';
    before = current.credential;
    health = { ...health, nextCheckAt: current.health?.nextCheckAt ?? null };
  }
  return 'overtaken';
};

const tell = (before: CredentialRecord, after: CredentialRecord, { evidence }: Evidence, journal: Journal): void => {
  const trace = { tenantId: before.tenantId, credentialId: before.credentialId };
  journal.count('ChecksDone');
  if (evidence === 'none') journal.count('ChecksUnanswered');
  if (before.verdict === null && after.verdict !== null) {
    journal.warn('credential-disabled', { ...trace, code: after.verdict.reason.code });
    journal.count('CredentialsDisabled');
  }
  if (before.verdict !== null && after.verdict === null) {
    journal.info('credential-enabled', { ...trace, code: before.verdict.reason.code });
    journal.count('CredentialsEnabled');
  }
};

/** Ends the pause of the number, if it is still that of these secrets; answers whether Meta refuses whatever it sends. */
const letSend = async (
  { tenantId, credentialId, secretVersion, phoneNumberId }: CheckWork,
  quietUntil: Date | undefined,
  now: Date,
  { credentials, doubts, traffic }: CheckCredentialPorts,
): Promise<boolean> => {
  const number = await credentials.findNumber(phoneNumberId);
  const isOwn =
    number?.tenantId === tenantId && number.credentialId === credentialId && number.secretVersion === secretVersion;
  if (!isOwn || number.doubt === null || !isPaused(number, now)) return false;
  const known = await traffic.ofNumbers(tenantId, [phoneNumberId]);
  const lastOutboundAt = known.get(phoneNumberId)?.lastOutboundAt ?? null;
  const doubt = afterDoubt(number.doubt, lastOutboundAt, now, quietUntil);
  await doubts.change(number, doubt, []);
  return refusedSince({ doubt }, lastOutboundAt, now) !== undefined;
};
