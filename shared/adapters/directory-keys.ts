import type {
  AgentId,
  AppId,
  ConversationId,
  CredentialId,
  PhoneNumberId,
  TenantId,
  WabaId,
  WebhookId,
} from '../contracts/ids.ts';
import { partitionOf } from '../domain/check-schedule.ts';

/**
 * Keys of the Directory table. Ids hold no `#`, so no id can reach into another key. What a tenant is told lies in a partition of its own: who
 * tells it may write there, and change no credential.
 */
export const directoryKey = {
  tenant: (tenantId: TenantId) => ({ pk: `TENANT#${tenantId}`, sk: 'TENANT' }),
  credential: (tenantId: TenantId, id: CredentialId) => ({ pk: `TENANT#${tenantId}`, sk: `CRED#${id}` }),
  /** How much of Meta's limits is used. */
  metaUsage: (tenantId: TenantId, id: CredentialId) => ({ pk: `TENANT#${tenantId}`, sk: `META-USAGE#${id}` }),
  /** What checks have seen of it. */
  health: (tenantId: TenantId, id: CredentialId) => ({ pk: `TENANT#${tenantId}`, sk: `HEALTH#${id}` }),
  /** When it is checked next, in the order in which it is due. */
  dueCheck: (id: CredentialId, entry: string) => ({ pk: duePartition(partitionOf(id)), sk: entry }),
  /** A change of how a credential is shown. Their order is that of the time, then of the stream. */
  verdict: (tenantId: TenantId, id: CredentialId, change: string) => ({
    pk: `TOLD#${tenantId}`,
    sk: `${verdictPrefix(id)}${change}`,
  }),
  /** That something was told which changed nothing of what is shown. */
  notice: (tenantId: TenantId, id: CredentialId, change: string) => ({
    pk: `TOLD#${tenantId}`,
    sk: `NOTICE#${id}#${change}`,
  }),
  /** Where a tenant's alerts go. */
  notifications: (tenantId: TenantId) => ({ pk: `TOLD#${tenantId}`, sk: 'NOTIFICATIONS' }),
  agent: (tenantId: TenantId, id: AgentId) => ({ pk: `TENANT#${tenantId}`, sk: `AGENT#${id}` }),
  /** What is left of an agent that was removed. */
  formerAgent: (tenantId: TenantId, id: AgentId) => ({ pk: `TENANT#${tenantId}`, sk: `FORMER-AGENT#${id}` }),
  /** Whose key it is, by its digest. */
  agentKey: (digest: string) => ({ pk: `AGENT-KEY#${digest}`, sk: 'AGENT-KEY' }),
  /** One credential per WABA within a tenant. */
  tenantWaba: (tenantId: TenantId, id: WabaId) => ({ pk: `TENANT#${tenantId}`, sk: `WABA#${id}` }),
  app: (id: AppId) => ({ pk: `APP#${id}`, sk: 'APP' }),
  /** Which credentials hear what arrives at the app's own webhook for a WABA. */
  appWaba: (id: AppId, wabaId: WabaId, tenantId: TenantId) => ({ pk: `APP#${id}`, sk: `WABA#${wabaId}#${tenantId}` }),
  webhook: (id: WebhookId) => ({ pk: `WEBHOOK#${id}`, sk: 'WEBHOOK' }),
  verifyTokens: (id: WebhookId) => ({ pk: `WEBHOOK#${id}`, sk: 'VERIFY-TOKENS' }),
  number: (id: PhoneNumberId) => ({ pk: `NUMBER#${id}`, sk: 'NUMBER' }),
  conversation: (id: ConversationId) => ({ pk: `CONV#${id}`, sk: 'CONV' }),
  /** Work that is not done yet, in the order in which somebody must look after it. */
  ticket: (id: string) => ({ pk: 'WORK', sk: id }),
  /** The first answer to a request that a client may repeat: apart, so that a function may write these and nothing else. */
  idempotency: (tenantId: TenantId, digest: string) => ({ pk: `IDEMPOTENCY#${tenantId}`, sk: digest }),
  /** How Meta answered checks within one span of time, and since when it is out of order. */
  metaAnswers: (span: string) => ({ pk: 'META', sk: `ANSWERS#${span}` }),
  metaOutage: () => ({ pk: 'META', sk: 'OUTAGE' }),
  /** Which public address the webhooks of this stack were last moved to. */
  deployment: () => ({ pk: 'DEPLOYMENT', sk: 'DEPLOYMENT' }),
} as const;

export const duePartition = (partition: number): string => `DUE#${partition}`;

/** Sort-key prefixes for lists. */
export const credentialPrefix = 'CRED#';
export const agentPrefix = 'AGENT#';
export const verdictPrefix = (id: CredentialId): string => `VERDICT#${id}#`;
export const appWabaPrefix = (wabaId: WabaId): string => `WABA#${wabaId}#`;
/** Every account of an app. */
export const appWabasPrefix = 'WABA#';
