import type { CredentialId, PhoneNumberId, TenantId } from '../contracts/ids.ts';
import type { Work } from '../contracts/work.ts';
import { identitiesOfApp } from './credential-secrets.ts';
import { Fault } from './fault.ts';
import type { Graph } from './graph.ts';
import { withWatchedAccess } from './graph-access.ts';
import type { Journal } from './journal.ts';
import type { MetaUsageStore } from './meta-usage.ts';
import type { CredentialRecord, MetaAppRecord, NumberRecord, Verdict } from './records.ts';
import { afterCheck, type DoubtStore, isPaused } from './sending-doubt.ts';
import { type ValidationOutcome, validateCredential } from './validate-credential.ts';
import type { SecretOpener } from './vault.ts';
import type { WorkOutcome } from './work.ts';

export type CheckWork = Extract<Work, { kind: 'check-credential' }>;

export interface VerdictStore {
  /**
   * The verdict, the stop of all numbers of the credential and the line in its audit, all or nothing. False when the credential, its secrets or the
   * App Secret have changed since they were read.
   */
  disable(credential: CredentialRecord, app: MetaAppRecord, verdict: Verdict): Promise<boolean>;
}

export interface CheckCredentialPorts {
  readonly credentials: {
    find(tenantId: TenantId, credentialId: CredentialId): Promise<CredentialRecord | undefined>;
    findApp(appId: MetaAppRecord['appId']): Promise<MetaAppRecord | undefined>;
    findNumber(id: PhoneNumberId): Promise<NumberRecord | undefined>;
  };
  readonly verdicts: VerdictStore;
  readonly doubts: DoubtStore;
  readonly opener: SecretOpener;
  readonly graph: Graph;
  readonly usage: Pick<MetaUsageStore, 'note'>;
  readonly journal: Journal;
  readonly now: () => Date;
}

/** While Meta gives no verdict it is asked again, with growing pauses. Afterwards the next refusal of a send asks anew. In milliseconds. */
const askingFor = 10 * 60_000;

/**
 * Asks Meta whether a credential is as bad as the refusal of a send made it look. Only what Meta says of the credential itself disables it, and only
 * while it has the secrets that the send was made with; anything else lets the number send again at once.
 */
export const checkCredential = async (work: CheckWork, ports: CheckCredentialPorts): Promise<WorkOutcome> => {
  const { credentials, verdicts, journal, now } = ports;
  const credential = await credentials.find(work.tenantId, work.credentialId);
  const app = credential && (await credentials.findApp(credential.appId));
  // New secrets, a verdict and a removal have taken the pause away with them.
  if (credential === undefined || app === undefined || !isAsAsked(credential, work)) return 'done';
  const trace = { tenantId: work.tenantId, credentialId: work.credentialId };
  const found = await askMeta(credential, app, ports);
  const at = now();
  const giveUpAt = new Date(new Date(work.askedAt).getTime() + askingFor);
  const again: WorkOutcome = at < giveUpAt ? { outcome: 'later' } : 'done';

  if (found.outcome === 'invalid' && found.isProof) {
    const verdict = verdictOf(found, at);
    if (!(await verdicts.disable(credential, app, verdict))) return again;
    const metaCode = found.meta?.code;
    const { code } = verdict.reason;
    journal.warn('credential-disabled', { ...trace, code, ...(metaCode === undefined ? {} : { metaCode }) });
    journal.count('CredentialsDisabled');
    return 'done';
  }
  const isInOrder = found.outcome === 'valid';
  journal.info('credential-not-disabled', { ...trace, code: isInOrder ? 'valid' : 'no-verdict' });
  await letSend(work, isInOrder || again === 'done' ? undefined : giveUpAt, at, ports);
  return isInOrder ? 'done' : again;
};

const isAsAsked = ({ status, secretVersion, verdict }: CredentialRecord, work: CheckWork): boolean =>
  status !== 'removing' && verdict === null && secretVersion === work.secretVersion;

const askMeta = async (
  credential: CredentialRecord,
  app: MetaAppRecord,
  { opener, graph, usage, now }: CheckCredentialPorts,
): Promise<ValidationOutcome> => {
  const { tenantId, credentialId: subjectId, appId, wabaId } = credential;
  try {
    using appToken = await opener.open(identitiesOfApp(app).access, { tenantId, subjectId });
    return await withWatchedAccess(opener, credential, { usage, now }, (access) =>
      // Why no numbers: one that is gone from the account is no reason to stop the others.
      validateCredential({ appId, appToken, access, wabaId, phoneNumberIds: [] }, graph, now()),
    );
  } catch (error) {
    // It was replaced after its owner had been read: nothing is known of the one that is in force.
    if (error instanceof Fault && error.code === 'secret-missing') return { outcome: 'unreachable' };
    throw error;
  }
};

const verdictOf = ({ checks }: Extract<ValidationOutcome, { outcome: 'invalid' }>, now: Date): Verdict => {
  const failed = checks.find(({ verdict }) => verdict === 'failed');
  return {
    status: 'invalid',
    reason: {
      code: failed?.code ?? 'credential-refused',
      title: 'Meta no longer accepts the credential',
      detail: failed?.detail ?? 'A check failed.',
      guidance:
        `${failed?.guidance ?? ''} Then update the credential with it: what is held meanwhile is replayed.`.trim(),
      since: now.toISOString(),
    },
  };
};

/** Ends the pause of the number, if it is still that of these secrets. */
const letSend = async (
  { tenantId, credentialId, secretVersion, phoneNumberId }: CheckWork,
  quietUntil: Date | undefined,
  now: Date,
  { credentials, doubts }: CheckCredentialPorts,
): Promise<void> => {
  const number = await credentials.findNumber(phoneNumberId);
  const isOwn =
    number?.tenantId === tenantId && number.credentialId === credentialId && number.secretVersion === secretVersion;
  if (!isOwn || number.doubt === null || !isPaused(number, now)) return;
  await doubts.change(number, afterCheck(number.doubt, now, quietUntil), []);
};
