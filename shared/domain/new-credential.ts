import type { CreateCredentialRequest } from '../contracts/credential.ts';
import { type CredentialId, phoneNumberId, type TenantId, webhookId } from '../contracts/ids.ts';
import { unguessable } from '../crypto/identifiers.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import { lastFour } from './meta-app.ts';
import type { CredentialRecord, MetaAppRecord, NumberRecord } from './records.ts';
import type { ValidationOutcome } from './validate-credential.ts';
import { webhookUrl } from './webhook-address.ts';

/** A credential that Meta has confirmed, with a webhook of its own that is still to be set up. */
export const newCredential = (
  id: CredentialId,
  owner: { readonly tenantId: TenantId; readonly subject: string },
  request: CreateCredentialRequest,
  validation: ValidationOutcome & { readonly outcome: 'valid' },
  accessToken: SecretBytes,
  app: MetaAppRecord,
  options: { readonly publicUrl: string; readonly now: Date; readonly createdWith: string | null },
): CredentialRecord => {
  const { publicUrl, now, createdWith } = options;
  const webhook = webhookId.parse(`wh_${unguessable()}`);
  const at = now.toISOString();
  return {
    tenantId: owner.tenantId,
    credentialId: id,
    label: request.label,
    appId: request.appId,
    wabaId: request.wabaId,
    version: 1,
    secretVersion: 1,
    proofVersion: app.secretVersion,
    status: 'connected',
    reason: null,
    standing: null,
    verdict: null,
    finding: null,
    furtherFindings: [],
    unreachableSince: null,
    expiryNotice: null,
    newsAt: null,
    accessTokenLastFour: lastFour(accessToken),
    accessTokenSetAt: at,
    accessTokenExpiresAt: validation.tokenExpiresAt?.toISOString() ?? null,
    phoneNumbers: [...validation.phoneNumbers],
    claimedNumbers: Object.fromEntries(
      (request.phoneNumberIds ?? []).map((number) => [number, { agentIds: [], forward: [] }]),
    ),
    onExistingCallback: request.onExistingCallback,
    webhookId: webhook,
    webhookUrl: webhookUrl(publicUrl, webhook),
    webhookState: 'pending',
    webhookReason: null,
    webhookConfiguredAt: null,
    madeAtMeta: { account: null, numbers: {} },
    formerCallbackVersion: request.previousVerifyToken === undefined ? null : 1,
    removal: null,
    leftAtMeta: [],
    createdWith,
    createdBy: owner.subject,
    createdAt: at,
    updatedAt: at,
  };
};

/** The items that claim the numbers of a new credential for its tenant, stack-wide. No agent is bound yet. */
export const numberClaimsOf = (credential: CredentialRecord): readonly NumberRecord[] =>
  Object.keys(credential.claimedNumbers).map((number) => ({
    phoneNumberId: phoneNumberId.parse(number),
    tenantId: credential.tenantId,
    credentialId: credential.credentialId,
    secretVersion: credential.secretVersion,
    wabaId: credential.wabaId,
    appId: credential.appId,
    acceptedSources: [credential.credentialId],
    bindings: [],
    circuits: {},
    stopped: null,
    boundAt: null,
    deliversSince: null,
    unnumberedAt: null,
    doubt: null,
  }));
