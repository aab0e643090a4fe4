import pMap from 'p-map';
import type { PhoneNumber } from '../contracts/credential.ts';
import type { AppId, CredentialId, PhoneNumberId, TenantId } from '../contracts/ids.ts';
import type { Check } from '../contracts/problem.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import { identitiesOfApp } from './credential-secrets.ts';
import { Fault } from './fault.ts';
import { awaitingCode, type BoundNumber, findingsOf, silentCode } from './findings.ts';
import type { Graph, GraphAccess, GraphFailure, GraphResult } from './graph.ts';
import { withWatchedAccess } from './graph-access.ts';
import type { MetaUsageStore } from './meta-usage.ts';
import { type NumberActivity, silentSince } from './number-activity.ts';
import type {
  AccountHealth,
  CredentialHealth,
  CredentialRecord,
  MetaAppRecord,
  NumberHealth,
  NumberRecord,
} from './records.ts';
import { refusedSince } from './sending-doubt.ts';
import type { TrafficReader } from './traffic.ts';
import { type ValidationOutcome, validateCredential } from './validate-credential.ts';
import type { SecretOpener } from './vault.ts';
import type { Evidence, Seen } from './verdict.ts';
import {
  boundNumbersOf,
  expectedAtApp,
  numbersAtOnce,
  observeWebhook,
  type WebhookAtMeta,
  webhookLevelsOf,
} from './webhook-at-meta.ts';
import { driftOf } from './webhook-drift.ts';

export interface AskPorts {
  readonly credentials: {
    find(tenantId: TenantId, credentialId: CredentialId): Promise<CredentialRecord | undefined>;
    findApp(appId: AppId): Promise<MetaAppRecord | undefined>;
  };
  readonly opener: SecretOpener;
  readonly graph: Graph;
  readonly usage: Pick<MetaUsageStore, 'note'>;
  readonly now: () => Date;
}

export interface ExaminePorts extends AskPorts {
  readonly credentials: AskPorts['credentials'] & { findNumber(id: PhoneNumberId): Promise<NumberRecord | undefined> };
  readonly traffic: TrafficReader;
  readonly publicUrl: string;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
  /** Milliseconds that whoever waits still waits. */
  readonly timeLeft: () => number;
}

/** A credential with its Meta app and what the last check has seen, as they were read. */
export interface Examined {
  readonly credential: CredentialRecord;
  readonly app: MetaAppRecord;
  readonly health: CredentialHealth | undefined;
}

export interface Examination {
  readonly evidence: Evidence;
  readonly health: CredentialHealth;
  /** Meta failed to answer, for a reason of its own. */
  readonly isOutage: boolean;
}

/** Meta answers wrongly now and then: before it counts as unreachable, or a credential as bad, it is asked a second time. In milliseconds. */
const secondTryAfter = 1_500;

/** What asking for token, account and numbers takes at the most. In milliseconds. */
const timeToAsk = 16_000;

/** One more look at Meta takes at the most; none is begun with less left. In milliseconds. */
const timeToLook = 6_000;

/** Kept for writing down what was seen. In milliseconds. */
const closingReserve = 1_000;

/** The app's own subscription changes seldom, and is read with the app's own allowance. In milliseconds. */
const lookAtAppAfter = 24 * 60 * 60 * 1000;

/** A send that Meta took so short a time ago speaks for the credential while Meta gives no verdict. In milliseconds. */
const vouchesFor = 15 * 60 * 1000;

/**
 * Asks Meta about everything that a credential consists of and that may hinder it. What is not needed for the verdict may fail: what was known of it
 * stays known then. Opens app token and access token, and changes nothing.
 */
export const examineCredential = async (examined: Examined, ports: ExaminePorts): Promise<Examination> => {
  const { credential, app } = examined;
  // What Meta says is as old as the question.
  const triedAt = ports.now().toISOString();
  const traffic = await ports.traffic.ofNumbers(credential.tenantId, boundNumbersOf(credential));
  const { outcome, looked } = await withTokens(credential, app, ports, async (appToken, access) => {
    const outcome = await askTwice(credential, appToken, access, ports);
    return { outcome, looked: outcome.outcome === 'valid' ? await look(examined, appToken, access, ports) : undefined };
  }).catch(async (error: unknown) => ({ outcome: await whereReplaced(error, examined, ports), looked: undefined }));
  const now = ports.now();
  const before = examined.health ?? newHealth(credential, now);
  const tried = { ...before, triedAt };
  if (outcome.outcome === 'unreachable' || (outcome.outcome === 'invalid' && !outcome.isProof)) {
    const isUnreachable = outcome !== notAsked && !isVouchedFor(traffic, now);
    const misses = before.misses + 1;
    return {
      evidence: { evidence: 'none', isVouchedFor: !isUnreachable, misses },
      health: { ...tried, misses, unanswered: unansweredBy(outcome) },
      isOutage: outcome.outcome === 'unreachable' && outcome.isOutage === true,
    };
  }
  const answered = { ...tried, checkedAt: now.toISOString(), misses: 0, unanswered: null };
  if (outcome.outcome === 'invalid')
    return {
      evidence: { evidence: 'refuted', checks: outcome.checks },
      health: { ...answered, checks: [...outcome.checks] },
      isOutage: false,
    };
  const account = looked?.account ?? before.account;
  const numbers = await pMap(
    boundNumbersOf(credential),
    (id) =>
      boundNumber(id, credential, outcome.phoneNumbers, looked?.numbers.get(id) ?? before.numbers[id], traffic, ports),
    { concurrency: numbersAtOnce },
  );
  const seen: Seen = {
    phoneNumbers: [...outcome.phoneNumbers],
    findings: findingsOf({ account, numbers }, now),
    drift: looked?.drift,
    isAccountAvailable: looked?.account?.canSend === 'AVAILABLE',
  };
  return {
    evidence: { evidence: 'vouched', tokenExpiresAt: outcome.tokenExpiresAt, seen },
    health: {
      ...answered,
      checks: [...outcome.checks, ...furtherChecks(seen)],
      account,
      numbers: Object.fromEntries(
        numbers.flatMap(({ phoneNumberId, health }) => (health === undefined ? [] : [[phoneNumberId, health]])),
      ),
      appSeenAt: looked?.isAppSeen ? answered.checkedAt : before.appSeenAt,
    },
    isOutage: false,
  };
};

const unansweredBy = ({ meta }: Extract<ValidationOutcome, { outcome: 'unreachable' | 'invalid' }>) =>
  meta === undefined ? null : { code: meta.code, ...(meta.subcode === undefined ? {} : { subcode: meta.subcode }) };

/** Asks what token and App Secret are worth, and whether they see the account: enough for a verdict, and nothing else. */
export const askMeta = (
  credential: CredentialRecord,
  app: MetaAppRecord,
  ports: AskPorts,
): Promise<ValidationOutcome> =>
  withTokens(credential, app, ports, (appToken, access) => ask(credential, appToken, access, ports)).catch(
    (error: unknown) => whereReplaced(error, { credential, app }, ports),
  );

const withTokens = async <T>(
  credential: CredentialRecord,
  app: MetaAppRecord,
  ports: AskPorts,
  use: (appToken: SecretBytes, access: GraphAccess) => Promise<T>,
): Promise<T> => {
  const openedFor = { tenantId: credential.tenantId, subjectId: credential.credentialId };
  using appToken = await ports.opener.open(identitiesOfApp(app).access, openedFor);
  return await withWatchedAccess(ports.opener, credential, ports, (access) => use(appToken, access));
};

const notAsked: ValidationOutcome = { outcome: 'unreachable' };

/**
 * A secret that was replaced after its owner had been read: nothing is known of the one that is in force. One that is missing without having been
 * replaced was taken away, which must ring.
 */
const whereReplaced = async (
  error: unknown,
  { credential, app }: Pick<Examined, 'credential' | 'app'>,
  { credentials }: Pick<AskPorts, 'credentials'>,
): Promise<ValidationOutcome> => {
  if (!(error instanceof Fault && error.code === 'secret-missing')) throw error;
  const now = await credentials.find(credential.tenantId, credential.credentialId);
  const appNow = await credentials.findApp(app.appId);
  const isInForce =
    now?.secretVersion === credential.secretVersion &&
    now.status !== 'removing' &&
    appNow?.secretVersion === app.secretVersion;
  if (isInForce) throw error;
  return notAsked;
};

const ask = (
  { appId, wabaId }: CredentialRecord,
  appToken: SecretBytes,
  access: GraphAccess,
  { graph, now }: Pick<AskPorts, 'graph' | 'now'>,
): Promise<ValidationOutcome> =>
  // Why no numbers: one that is gone from the account is no reason to stop the others.
  validateCredential({ appId, appToken, access, wabaId, phoneNumberIds: [] }, graph, now());

const askTwice = async (
  credential: CredentialRecord,
  appToken: SecretBytes,
  access: GraphAccess,
  ports: ExaminePorts,
): Promise<ValidationOutcome> => {
  const first = await ask(credential, appToken, access, ports);
  // A credential that works is not stopped by one answer while there is time for another: Meta errs, too.
  const isDoubtful = first.outcome === 'unreachable' || (first.outcome === 'invalid' && credential.verdict === null);
  if (!isDoubtful || ports.timeLeft() < secondTryAfter + timeToAsk) return first;
  await ports.sleep(secondTryAfter);
  return ask(credential, appToken, access, ports);
};

/** What was looked at beside the verdict; what Meta did not show is undefined. */
interface Looked {
  readonly account: AccountHealth | undefined;
  readonly numbers: ReadonlyMap<PhoneNumberId, NumberHealth | undefined>;
  readonly drift: Seen['drift'];
  readonly isAppSeen: boolean;
}

const look = async (
  { credential, app, health }: Examined,
  appToken: SecretBytes,
  access: GraphAccess,
  { graph, publicUrl, now, timeLeft }: ExaminePorts,
): Promise<Looked> => {
  // What does not come to its end in time is not seen: the verdict has to be written down.
  const shown = async <T>(ask: () => Promise<GraphResult<T>>): Promise<T | undefined> => {
    if (timeLeft() <= timeToLook) return undefined;
    const timeIsUp = Promise.withResolvers<undefined>();
    const timer = setTimeout(timeIsUp.resolve, timeLeft() - closingReserve, undefined);
    try {
      const answer = await Promise.race([ask().catch(() => undefined), timeIsUp.promise]);
      return answer?.ok ? answer.value : undefined;
    } finally {
      clearTimeout(timer);
    }
  };
  const account = await shown(() => graph.readAccountHealth(access, credential.wabaId));
  const numbers = await pMap(
    boundNumbersOf(credential),
    async (id) => [id, await shown(() => graph.readNumberHealth(access, id))] as const,
    { concurrency: numbersAtOnce },
  );
  // Once something is known to be different all of it is looked at: else it would seem mended.
  const isAppDue =
    credential.webhookState !== 'configured' ||
    health?.appSeenAt == null ||
    now().getTime() - Date.parse(health.appSeenAt) >= lookAtAppAfter;
  const assumed = isAppDue ? undefined : expectedAtApp(app, publicUrl);
  const webhook = await shown(() => observeWebhook(credential, app, appToken, access, graph, assumed));
  return {
    account,
    numbers: new Map(numbers),
    drift: webhook && driftSeen(webhook, credential, app, publicUrl, now()),
    isAppSeen: isAppDue && webhook !== undefined,
  };
};

/** Undefined where nothing has changed as far as Meta has shown it, and it has not shown all. */
const driftSeen = (
  webhook: WebhookAtMeta,
  credential: CredentialRecord,
  app: MetaAppRecord,
  publicUrl: string,
  now: Date,
): Seen['drift'] => {
  const numbers = [...webhook.numbers].filter(([, callback]) => callback.ok || isOfNumber(callback.failure));
  const levels = webhookLevelsOf(credential, app, { ...webhook, numbers: new Map(numbers) }, publicUrl);
  return driftOf(levels, now) ?? (numbers.length === webhook.numbers.size ? null : undefined);
};

/** Meta says that the number is not to be seen, rather than nothing for the moment. */
const isOfNumber = (failure: GraphFailure): boolean =>
  failure.kind === 'refused' && (failure.refusal === 'object-invisible' || failure.refusal === 'permission-missing');

const boundNumber = async (
  phoneNumberId: PhoneNumberId,
  credential: CredentialRecord,
  listed: readonly PhoneNumber[],
  health: BoundNumber['health'],
  traffic: ReadonlyMap<PhoneNumberId, NumberActivity>,
  { credentials, now }: Pick<ExaminePorts, 'credentials' | 'now'>,
): Promise<BoundNumber> => {
  const number = await credentials.findNumber(phoneNumberId);
  const own = traffic.get(phoneNumberId);
  // A credential that is just being enabled has had no time to hear from anybody.
  const isListening = credential.verdict === null;
  const listensSince = latestOf(number?.boundAt, credential.webhookConfiguredAt);
  return {
    phoneNumberId,
    listed: listed.find((it) => it.phoneNumberId === phoneNumberId),
    health,
    boundAt: number?.boundAt ?? null,
    deliversSince: number?.deliversSince ?? null,
    refusedSince: number && refusedSince(number, own?.lastOutboundAt ?? null, now()),
    silentSince: own && isListening ? silentSince(own, listensSince, now()) : undefined,
  };
};

const latestOf = (...times: readonly (string | null | undefined)[]): string | null =>
  times
    .filter((it) => it != null)
    .sort()
    .at(-1) ?? null;

const isVouchedFor = (traffic: ReadonlyMap<PhoneNumberId, NumberActivity>, now: Date): boolean =>
  [...traffic.values()].some(
    ({ lastOutboundAt }) => lastOutboundAt !== null && now.getTime() - Date.parse(lastOutboundAt) <= vouchesFor,
  );

/** What was seen, in the form of checks. */
const furtherChecks = ({ findings, drift }: Seen): readonly Check[] => {
  const [finding = null] = findings;
  const isOfTraffic = finding !== null && [awaitingCode, silentCode].includes(finding.reason.code);
  const found = (check: Check['check'], isConcerned: boolean, passed: string): Check =>
    isConcerned && finding !== null
      ? {
          check,
          verdict: finding.status === 'action_required' ? 'failed' : 'warning',
          code: finding.reason.code,
          detail: finding.reason.detail,
          guidance: finding.reason.guidance,
        }
      : { check, verdict: 'passed', detail: passed };
  return [
    drift == null
      ? {
          check: 'webhook',
          verdict: drift === null ? 'passed' : 'skipped',
          detail: drift === null ? 'The webhook at Meta is as it was set up.' : 'Meta did not show the webhook.',
        }
      : { check: 'webhook', verdict: 'warning', code: drift.code, detail: drift.detail, guidance: drift.guidance },
    found('sending', !isOfTraffic, 'Nothing hinders the account and the numbers that agents answer.'),
    found('traffic', isOfTraffic, 'Messages come in as they used to.'),
  ];
};

export const newHealth = ({ tenantId, credentialId }: CredentialRecord, now: Date): CredentialHealth => ({
  tenantId,
  credentialId,
  triedAt: now.toISOString(),
  checkedAt: null,
  misses: 0,
  checks: [],
  unanswered: null,
  appSeenAt: null,
  account: null,
  numbers: {},
  nextCheckAt: null,
});
