import type { Alert, AlertAudience, AlertKind, AlertSeverity } from '../contracts/alert.ts';
import type { Reason } from '../contracts/credential.ts';
import { digestOf } from '../crypto/identifiers.ts';
import { stopOf } from './account-standing.ts';
import { type CredentialState, knownStateOf, knownStatesOf, stateOf } from './credential-state.ts';
import type { CredentialRecord, ExpiryNotice } from './records.ts';
import type { VerdictChange } from './verdict-history.ts';

/** One change of the row of a credential. `before` is undefined for one that was connected just now. */
export interface CredentialChange {
  readonly before: CredentialRecord | undefined;
  readonly after: CredentialRecord;
  /** When, and which one in the order of the stream: the same whenever the change is heard of again. */
  readonly at: Date;
  readonly sequence: string;
}

export interface AddressedAlert {
  readonly audience: AlertAudience;
  readonly alert: Alert;
}

const wellBefore: CredentialState = { status: 'connected', reason: null };

/** Two states with the same key are the same to whoever is told of them: `since`, and the words, may differ. */
const keyOf = ({ status, reason }: CredentialState): string =>
  JSON.stringify([status, reason?.code ?? null, [...(reason?.phoneNumberIds ?? [])].sort()]);

/** What is written into the history of the credential: a change of what is shown. */
export const verdictChangeOf = ({ before, after, at }: CredentialChange): VerdictChange | undefined => {
  const from = before === undefined ? wellBefore : stateOf(before);
  const to = stateOf(after);
  if (keyOf(from) === keyOf(to)) return undefined;
  return {
    credentialId: after.credentialId,
    at: at.toISOString(),
    from: { status: from.status, code: from.reason?.code ?? null },
    to,
  };
};

/**
 * Whom the change is to be told, and what. Only transitions of what is known of the credential count: not that Meta does not answer,
 * not new words for the same reason, and nothing of a credential that is on its way out. `consoleUrl` has no slash at its end.
 */
export const alertsOf = (change: CredentialChange, consoleUrl: string): readonly AddressedAlert[] => {
  const before = change.before === undefined ? wellBefore : knownStateOf(change.before);
  const after = knownStateOf(change.after);
  if (before.status === 'removing' || after.status === 'removing') return [];
  const known = change.before === undefined ? [] : knownStatesOf(change.before);
  // Where something as bad was the worst before, and this was told beside it, it is no news.
  const isKnown = before.status === after.status && known.some((it) => isNothingNew(it, after));
  const tellings = isKnown ? [] : tellingsOf(before, after, change);
  return [...tellings, ...furtherOf(known, change), ...expiryOf(change)].flatMap(({ audiences, ...telling }) =>
    audiences.map((audience) => ({ audience, alert: alertOf(telling, audience, change, consoleUrl) })),
  );
};

interface Telling {
  readonly kind: AlertKind;
  readonly severity: AlertSeverity;
  readonly said: Pick<Reason, 'title' | 'detail' | 'guidance'> & { readonly code: string | null };
  readonly audiences: readonly AlertAudience[];
}

const owner = ['tenant'] as const;
const operator = ['operator'] as const;
const both = ['tenant', 'operator'] as const;

/** Operators are told of what stops everything, and of its end. */
const tellingsOf = (before: CredentialState, after: CredentialState, change: CredentialChange): readonly Telling[] => {
  const isStopped = stopOf(change.after) !== null;
  const isCured = change.before !== undefined && stopOf(change.before) !== null && !isStopped;
  switch (after.status) {
    case 'connected':
      return isTrouble(before) ? [{ ...recovered(isCured), audiences: isCured ? both : owner }] : [];
    case 'invalid':
      return [{ kind: 'credential.invalid', severity: 'critical', said: saidOf(after), audiences: both }];
    case 'action_required':
    case 'degraded': {
      const kind = kindOf(after);
      return [
        isStopped
          ? { kind, severity: 'critical', said: saidOf(after), audiences: both }
          : { kind, severity: 'warning', said: saidOf(after), audiences: owner },
        // The operator was told of the worse and of nothing else.
        ...(isCured ? [{ ...recovered(isCured), audiences: operator }] : []),
      ];
    }
    case 'unreachable':
    case 'removing':
      return [];
    default:
      return after.status satisfies never;
  }
};

const isTrouble = ({ status }: CredentialState): boolean =>
  status === 'degraded' || status === 'action_required' || status === 'invalid';

const recovered = (isCured: boolean) =>
  ({
    kind: 'credential.recovered',
    severity: 'info',
    said: {
      code: null,
      title: 'The WhatsApp credential is in order again',
      ...(isCured
        ? {
            detail:
              'What was wrong with it is over. Messages that were held for a day at most go on to its agents, and what Meta could not deliver it repeats for seven days.',
            guidance:
              'See whether older messages wait (GET …/held): they are replayed or discarded as you choose, and deleted after 14 days.',
          }
        : { detail: 'What was wrong with it is over.', guidance: 'Nothing to do.' }),
    },
  }) as const satisfies Omit<Telling, 'audiences'>;

/** What else has come, beside the state. */
const furtherOf = (known: readonly CredentialState[], { after }: CredentialChange): readonly Telling[] => {
  const states = knownStatesOf(after);
  const isNamed = ({ reason }: CredentialState, index: number) =>
    states.slice(0, index).some((it) => it.reason?.code === reason?.code);
  return states
    .filter((state, index) => index > 0 && isTrouble(state) && !isNamed(state, index))
    .filter((state) => !known.some((it) => isNothingNew(it, state)))
    .map((state) => ({ kind: kindOf(state), severity: 'warning', said: saidOf(state), audiences: owner }));
};

const kindOf = ({ status }: CredentialState): AlertKind =>
  status === 'degraded' ? 'credential.degraded' : 'credential.action-required';

/** The same trouble, of the same numbers or of fewer: where all of them were told of, each that is mended is no news. */
const isNothingNew = (before: CredentialState, after: CredentialState): boolean => {
  const [known, now] = [numbersOf(before), numbersOf(after)];
  const isSame = before.status === after.status && (before.reason?.code ?? null) === (after.reason?.code ?? null);
  return isSame && (now.length > 0 || known.length === 0) && now.every((number) => known.includes(number));
};
const numbersOf = ({ reason }: CredentialState) => reason?.phoneNumberIds ?? [];

const saidOf = ({ status, reason }: CredentialState): Telling['said'] =>
  reason ?? {
    code: null,
    title: `The WhatsApp credential is ${status.replace('_', ' ')}`,
    detail: 'No reason was noted.',
    guidance: 'Open the credential and have it checked.',
  };

const expiryOf = ({ before, after }: CredentialChange): readonly Telling[] => {
  const { expiryNotice: notice } = after;
  if (notice === null || isSameNotice(before?.expiryNotice ?? null, notice)) return [];
  const days = notice.days === 1 ? 'a day' : `${notice.days} days`;
  return [
    {
      kind: 'credential.token-expiring',
      severity: notice.days === 1 ? 'critical' : 'warning',
      said: {
        code: 'token-expiring',
        title: `The access token ends within ${days}`,
        detail: `Meta says that the access token of the credential ends at ${notice.expiresAt}. From then on no message can be sent or answered.`,
        guidance:
          'Make a new access token in the Meta Business settings (one of a system user does not end) and replace the old one in the credential before that time.',
      },
      audiences: owner,
    },
  ];
};

const isSameNotice = (one: ExpiryNotice | null, other: ExpiryNotice): boolean =>
  one?.expiresAt === other.expiresAt && one.days === other.days;

const alertOf = (
  { kind, severity, said }: Omit<Telling, 'audiences'>,
  audience: AlertAudience,
  { after, at, sequence }: CredentialChange,
  consoleUrl: string,
): Alert => {
  const { tenantId, credentialId, wabaId, label } = after;
  return {
    id: `alert_${digestOf(tenantId, credentialId, at.toISOString(), sequence, kind, said.code ?? '')}`,
    kind,
    severity,
    at: at.toISOString(),
    tenantId,
    credentialId,
    wabaId,
    label: audience === 'tenant' ? label : null,
    code: said.code,
    title: said.title,
    detail: said.detail,
    guidance: said.guidance,
    link: `${consoleUrl}/credentials/${credentialId}`,
  };
};
