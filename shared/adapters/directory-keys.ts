import type { AgentId, AppId, CredentialId, PhoneNumberId, TenantId, WabaId, WebhookId } from '../contracts/ids.ts';

/** Keys of the Directory table. Ids hold no `#`, so no id can reach into another key. */
export const directoryKey = {
  tenant: (tenantId: TenantId) => ({ pk: `TENANT#${tenantId}`, sk: 'TENANT' }),
  credential: (tenantId: TenantId, id: CredentialId) => ({ pk: `TENANT#${tenantId}`, sk: `CRED#${id}` }),
  agent: (tenantId: TenantId, id: AgentId) => ({ pk: `TENANT#${tenantId}`, sk: `AGENT#${id}` }),
  /** One credential per WABA within a tenant. */
  tenantWaba: (tenantId: TenantId, id: WabaId) => ({ pk: `TENANT#${tenantId}`, sk: `WABA#${id}` }),
  app: (id: AppId) => ({ pk: `APP#${id}`, sk: 'APP' }),
  /** Which credentials hear what arrives at the app's own webhook for a WABA. */
  appWaba: (id: AppId, wabaId: WabaId, tenantId: TenantId) => ({ pk: `APP#${id}`, sk: `WABA#${wabaId}#${tenantId}` }),
  webhook: (id: WebhookId) => ({ pk: `WEBHOOK#${id}`, sk: 'WEBHOOK' }),
  verifyTokens: (id: WebhookId) => ({ pk: `WEBHOOK#${id}`, sk: 'VERIFY-TOKENS' }),
  number: (id: PhoneNumberId) => ({ pk: `NUMBER#${id}`, sk: 'NUMBER' }),
} as const;

/** Sort-key prefixes for lists. */
export const credentialPrefix = 'CRED#';
export const agentPrefix = 'AGENT#';
export const appWabaPrefix = (wabaId: WabaId): string => `WABA#${wabaId}#`;
