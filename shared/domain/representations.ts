import type { Agent } from '../contracts/agent.ts';
import type { AgentKey } from '../contracts/agent-key.ts';
import type { Credential, MetaUsageView } from '../contracts/credential.ts';
import type { CredentialHealthView } from '../contracts/health.ts';
import { type CredentialId, credentialId, type PhoneNumberId, phoneNumberId } from '../contracts/ids.ts';
import { appointmentOf } from './check-schedule.ts';
import { furtherReasonsOf, stateOf } from './credential-state.ts';
import { metaReason } from './meta-errors.ts';
import type { NotedUsage } from './meta-usage.ts';
import type { LastTimes } from './number-activity.ts';
import type {
  AgentKeyRecord,
  AgentRecord,
  Binding,
  CredentialHealth,
  CredentialRecord,
  MetaAppRecord,
  NumberRecord,
} from './records.ts';

export const phoneNumbersView = (record: CredentialRecord): Credential['phoneNumbers'] =>
  record.phoneNumbers.map((number) => {
    const claimed = record.claimedNumbers[number.phoneNumberId];
    return { ...number, claimed: claimed !== undefined, agentIds: claimed?.agentIds ?? [] };
  });

/**
 * What the API shows of a credential. Field by field, so that a new column of the row is never shown by accident. The app is gone
 * when its last credential is.
 */
export const credentialView = (record: CredentialRecord, app: MetaAppRecord | undefined): Credential => ({
  id: record.credentialId,
  label: record.label,
  appId: record.appId,
  wabaId: record.wabaId,
  version: record.version,
  ...stateOf(record),
  secrets: {
    accessToken: {
      lastFour: record.accessTokenLastFour,
      setAt: record.accessTokenSetAt,
      expiresAt: record.accessTokenExpiresAt,
    },
    appSecret: {
      // One that another tenant has set since is none of this tenant's business.
      lastFour: app?.provedBy[record.tenantId] === app?.secretVersion ? (app?.appSecretLastFour ?? '') : '',
      setAt: app?.appSecretSetAt ?? record.createdAt,
      previousAcceptedUntil: app?.previousAcceptedUntil ?? null,
    },
  },
  phoneNumbers: phoneNumbersView(record),
  webhook: {
    url: record.webhookUrl,
    state: record.webhookState,
    reason: record.webhookReason,
    configuredAt: record.webhookConfiguredAt,
  },
  leftAtMeta: record.leftAtMeta,
  createdAt: record.createdAt,
  updatedAt: record.updatedAt,
});

export const usageView = ({ appPercent, managementPercent, regainMinutes, notedAt }: NotedUsage): MetaUsageView => ({
  appPercent,
  managementPercent,
  regainsAccessAt: regainMinutes > 0 ? new Date(Date.parse(notedAt) + regainMinutes * 60_000).toISOString() : null,
  notedAt,
});

/** What the API shows of the health of a credential; `health` is undefined before the first check. */
export const healthView = (record: CredentialRecord, health: CredentialHealth | undefined): CredentialHealthView => ({
  credentialId: record.credentialId,
  ...stateOf(record),
  furtherReasons: [...furtherReasonsOf(record)],
  triedAt: health?.triedAt ?? null,
  checkedAt: health?.checkedAt ?? null,
  meta: health?.unanswered ? metaReason(health.unanswered.code, health.unanswered.subcode) : null,
  nextCheckAt: appointmentOf(record, health).toISOString(),
  checks: health?.checks ?? [],
  account: health?.account ?? null,
  phoneNumbers: Object.entries(health?.numbers ?? {}).map(([id, number]) => ({
    phoneNumberId: phoneNumberId.parse(id),
    ...number,
  })),
});

/** Through which credential an agent is connected, if at all. */
export const credentialIdOf = ({ whatsapp }: AgentRecord): CredentialId | undefined =>
  whatsapp.enabled ? credentialId.parse(whatsapp.credentialId) : undefined;

/** Which number an agent answers, if any. */
export const phoneNumberIdOf = ({ whatsapp }: AgentRecord): PhoneNumberId | undefined =>
  whatsapp.enabled ? whatsapp.phoneNumberId : undefined;

/**
 * What the API shows of an agent; `credential` is the one it is connected through, `answered` the number that it answers, if any. `times`: when something
 * last went through it, where that was looked up.
 */
export const agentView = (
  record: AgentRecord,
  credential: CredentialRecord | undefined,
  answered: NumberRecord | undefined,
  times?: LastTimes,
): Agent => {
  const { whatsapp } = record;
  const number = whatsapp.enabled
    ? credential?.phoneNumbers.find(({ phoneNumberId }) => phoneNumberId === whatsapp.phoneNumberId)
    : undefined;
  return {
    id: record.agentId,
    name: record.name,
    version: record.version,
    target: record.target,
    whatsapp:
      whatsapp.enabled && credential ? { ...whatsapp, credentialId: credential.credentialId } : { enabled: false },
    connection: {
      status: whatsapp.enabled && credential ? stateOf(credential).status : 'disabled',
      displayPhoneNumber: number?.displayPhoneNumber ?? null,
      lastInboundAt: times?.lastInboundAt ?? null,
      lastOutboundAt: times?.lastOutboundAt ?? null,
    },
    dispatch: dispatchOf(record, answered?.tenantId === record.tenantId ? answered : undefined),
    previousSigningSecretUntil: record.previousSignsUntil,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
  };
};

/** What the API shows of an agent's key: never what finds it. */
export const agentKeyView = ({ keyId, lastFour, createdAt }: AgentKeyRecord): AgentKey => ({
  id: keyId,
  lastFour,
  createdAt,
});

/** What its user has said comes before what the router has found out; `number`: the one that the agent answers, if any. */
export const dispatchOf = (
  { agentId, pausedAt }: Pick<Binding, 'agentId' | 'pausedAt'>,
  number: Pick<NumberRecord, 'circuits'> | undefined,
): Agent['dispatch'] => {
  if (pausedAt !== null) return { state: 'paused', since: pausedAt };
  const { state, since = null } = number?.circuits[agentId] ?? {};
  switch (state) {
    case 'gone':
      return { state, since };
    case 'open':
      return { state: 'suspended', since };
    case 'failing':
    case undefined:
      return { state: 'active', since: null };
    default:
      return state satisfies never;
  }
};
