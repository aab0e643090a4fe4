import type { Credential, CredentialStatus, Reason } from '../contracts/credential.ts';
import type { CredentialRecord } from './records.ts';

export type CredentialState = Pick<Credential, 'status' | 'reason'>;

/** The worse covers the better. */
const ranks = {
  connected: 0,
  degraded: 1,
  unreachable: 2,
  action_required: 3,
  invalid: 4,
  removing: 5,
} as const satisfies Record<CredentialStatus, number>;

/** How a credential is, as everybody is told: the worst of what checks, Meta's notices and the set-up have left in its record. */
export const stateOf = (record: CredentialRecord): CredentialState => {
  const known = knownStateOf(record);
  const { unreachableSince } = record;
  return unreachableSince !== null && ranks[known.status] < ranks.unreachable
    ? { status: 'unreachable', reason: unreachable(unreachableSince) }
    : known;
};

/**
 * The same without regard to whether Meta answers at present: what is known of the credential. By this its owner is told, so that an outage of Meta tells
 * nobody anything, neither when it begins nor when it ends.
 */
export const knownStateOf = (record: CredentialRecord): CredentialState => {
  const [worst = inOrder] = knownStatesOf(record);
  return worst;
};

const inOrder: CredentialState = { status: 'connected', reason: null };

/** All that is known of it, the worst first: what is equally bad in the order in which it is named. */
export const knownStatesOf = (record: CredentialRecord): readonly CredentialState[] =>
  record.status === 'removing'
    ? [{ status: record.status, reason: record.reason }]
    : knownOf(record).toSorted((one, other) => ranks[other.status] - ranks[one.status]);

/** What else is wrong with it, or worth a remark, than what its state names. */
export const furtherReasonsOf = (record: CredentialRecord): readonly Reason[] => {
  const { reason: named } = stateOf(record);
  return knownStatesOf(record).flatMap(({ reason }) => (reason === null || reason === named ? [] : [reason]));
};

/** Of what is equally bad the first is named. */
const knownOf = ({
  status,
  reason,
  standing,
  verdict,
  webhookState,
  webhookReason,
  finding,
  furtherFindings,
}: CredentialRecord): readonly CredentialState[] => {
  const isDrifted = webhookState === 'drifted' && webhookReason !== null;
  const known: readonly (CredentialState | null | false)[] = [
    verdict,
    standing?.isStopped ? standing : null,
    status !== 'connected' && { status, reason },
    isDrifted && drifted(webhookReason),
    finding,
    ...furtherFindings,
    standing?.isStopped === false && standing,
  ];
  return known.filter((it) => it !== null && it !== false).map(({ status, reason }) => ({ status, reason }));
};

/** Only notices about the account go elsewhere: messages still arrive. */
export const noticesElsewhereCode = 'account-notices-elsewhere';

const drifted = (reason: NonNullable<CredentialRecord['webhookReason']>): CredentialState => ({
  status: reason.code === noticesElsewhereCode ? 'degraded' : 'action_required',
  reason,
});

const unreachable = (since: string): CredentialState['reason'] => ({
  code: 'meta-unreachable',
  title: 'Meta gives no verdict',
  detail:
    'Meta did not answer when it was last asked about the credential, or with nothing that says how it is. Nothing is stopped by that.',
  guidance:
    'Nothing to do: Meta is asked again. What it answered, if it did, stands in the health of the credential (GET …/health, `meta`). It announces outages at https://metastatus.com.',
  since,
});
