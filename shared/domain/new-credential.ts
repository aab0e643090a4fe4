import type { CreateCredentialRequest } from '../contracts/credential.ts';
import { type CredentialId, phoneNumberId, type TenantId, webhookId } from '../contracts/ids.ts';
import { unguessable } from '../crypto/identifiers.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import { packParts } from '../crypto/secret-parts.ts';
import type { CredentialRecord, MetaAppRecord, NumberRecord } from './records.ts';
import type { ValidationOutcome } from './validate-credential.ts';
import { ownerOfApp, type SealedSecret, type SecretSealer, sharedTenant } from './vault.ts';
import { webhookUrl } from './webhook-address.ts';

/** During a rotation of the App Secret Meta may still sign with the old one. In milliseconds. */
const previousSecretAccepted = 7 * 24 * 60 * 60 * 1000;

/** Everything secret about new credentials, each with a lifetime of the caller's. */
export interface CredentialSecrets {
  readonly appSecret: SecretBytes;
  readonly accessToken: SecretBytes;
  readonly proof: SecretBytes;
  readonly appToken: SecretBytes;
  readonly previousVerifyToken: SecretBytes;
}

/** A credential that Meta has confirmed, with a webhook of its own that is still to be set up. */
export const newCredential = (
  id: CredentialId,
  owner: { readonly tenantId: TenantId; readonly subject: string },
  request: CreateCredentialRequest,
  validation: ValidationOutcome & { readonly outcome: 'valid' },
  accessToken: SecretBytes,
  publicUrl: string,
  now: Date,
): CredentialRecord => {
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
    status: 'connected',
    reason: null,
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
    createdBy: owner.subject,
    createdAt: at,
    updatedAt: at,
  };
};

/** The items that claim the numbers of a new credential for its tenant, stack-wide. No agent is bound yet. */
export const claimedNumbersOf = (credential: CredentialRecord): readonly NumberRecord[] =>
  Object.keys(credential.claimedNumbers).map((number) => ({
    phoneNumberId: phoneNumberId.parse(number),
    tenantId: credential.tenantId,
    credentialId: credential.credentialId,
    secretVersion: credential.secretVersion,
    wabaId: credential.wabaId,
    appId: credential.appId,
    acceptedSources: [credential.credentialId],
    bindings: [],
  }));

/** The Meta app with one credential more. A new App Secret that Meta has just confirmed becomes the current one. */
export const appWithOneMore = (
  request: CreateCredentialRequest,
  before: MetaAppRecord | undefined,
  sameSecret: boolean,
  tenantId: TenantId,
  appSecret: SecretBytes,
  now: Date,
): MetaAppRecord => {
  const current = {
    appSecretLastFour: lastFour(appSecret),
    appSecretSetAt: now.toISOString(),
  };
  if (before === undefined)
    return {
      appId: request.appId,
      webhookId: webhookId.parse(`wh_${unguessable()}`),
      secretVersion: 1,
      previousSecretVersion: null,
      previousAcceptedUntil: null,
      ...current,
      credentialCount: 1,
      provedBy: { [tenantId]: 1 },
    };
  const secretVersion = sameSecret ? before.secretVersion : before.secretVersion + 1;
  return {
    ...before,
    ...(sameSecret
      ? {}
      : {
          ...current,
          secretVersion,
          previousSecretVersion: before.secretVersion,
          previousAcceptedUntil: new Date(now.getTime() + previousSecretAccepted).toISOString(),
        }),
    credentialCount: before.credentialCount + 1,
    provedBy: { ...before.provedBy, [tenantId]: secretVersion },
  };
};

/** Each purpose apart, because different functions need them. */
export const sealAll = async (
  credential: CredentialRecord,
  app: MetaAppRecord,
  sameSecret: boolean,
  secrets: CredentialSecrets,
  sealer: SecretSealer,
): Promise<readonly SealedSecret[]> => {
  const own = {
    tenantId: credential.tenantId,
    ownerId: credential.credentialId,
    secretVersion: credential.secretVersion,
  };
  const ofApp = { tenantId: sharedTenant, ownerId: ownerOfApp(app.appId), secretVersion: app.secretVersion };
  using graphApi = packParts(secrets.accessToken, secrets.proof);
  using cleanUp = packParts(secrets.accessToken, secrets.proof, secrets.appToken, secrets.previousVerifyToken);
  return await Promise.all([
    sealer.seal({ ...own, purpose: 'graph-api' }, graphApi),
    sealer.seal({ ...own, purpose: 'clean-up' }, cleanUp),
    ...(sameSecret
      ? []
      : [
          sealer.seal({ ...ofApp, purpose: 'webhook-signature' }, secrets.appSecret),
          sealer.seal({ ...ofApp, purpose: 'app-access' }, secrets.appToken),
        ]),
  ]);
};

const lastFour = (secret: SecretBytes): string => Buffer.from(secret.bytes().slice(-4)).toString('utf8');
