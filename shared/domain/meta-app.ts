import { type AppId, type TenantId, webhookId } from '../contracts/ids.ts';
import { unguessable } from '../crypto/identifiers.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import type { SecretIdentity } from '../crypto/secret-context.ts';
import { identitiesOfApp } from './credential-secrets.ts';
import type { MetaAppRecord } from './records.ts';

/** During a rotation of the App Secret Meta may still sign with the old one. In milliseconds. */
const previousSecretAccepted = 7 * 24 * 60 * 60 * 1000;

export const lastFour = (secret: SecretBytes): string => Buffer.from(secret.bytes().slice(-4)).toString('utf8');

/** A Meta app that the stack did not know. It has no credential yet. */
export const newApp = (appId: AppId, appSecret: SecretBytes, tenantId: TenantId, now: Date): MetaAppRecord => ({
  appId,
  webhookId: webhookId.parse(`wh_${unguessable()}`),
  secretVersion: 1,
  previousSecretVersion: null,
  previousAcceptedUntil: null,
  appSecretLastFour: lastFour(appSecret),
  appSecretSetAt: now.toISOString(),
  credentialCount: 0,
  provedBy: { [tenantId]: 1 },
  subscriptionMade: false,
});

/** The tenant has proved the App Secret that is in force. */
export const appProvedBy = (app: MetaAppRecord, tenantId: TenantId): MetaAppRecord => ({
  ...app,
  provedBy: { ...app.provedBy, [tenantId]: app.secretVersion },
});

/** A new App Secret that Meta has just confirmed becomes the current one; the one before is accepted on webhooks for a while. */
export const appWithSecret = (
  app: MetaAppRecord,
  appSecret: SecretBytes,
  tenantId: TenantId,
  now: Date,
  previous: 'accept' | 'revoke' = 'accept',
): MetaAppRecord => {
  const secretVersion = app.secretVersion + 1;
  const rotated = {
    ...app,
    secretVersion,
    appSecretLastFour: lastFour(appSecret),
    appSecretSetAt: now.toISOString(),
    previousSecretVersion: app.secretVersion,
    previousAcceptedUntil: new Date(now.getTime() + previousSecretAccepted).toISOString(),
  };
  return appProvedBy(previous === 'revoke' ? withoutPrevious(rotated) : rotated, tenantId);
};

/** The former App Secret is accepted no more, from the next delivery on. */
export const withoutPrevious = (app: MetaAppRecord): MetaAppRecord =>
  app.previousSecretVersion === null ? app : { ...app, previousSecretVersion: null, previousAcceptedUntil: null };

/** Secrets of the app that nobody may need any more once `after` is in force. */
export const retiredOfApp = (before: MetaAppRecord, after: MetaAppRecord): readonly SecretIdentity[] => {
  const known = [before.secretVersion, before.previousSecretVersion].filter((version) => version !== null);
  const accepted = new Set([after.secretVersion, after.previousSecretVersion]);
  return [
    ...known
      .filter((secretVersion) => !accepted.has(secretVersion))
      .map((secretVersion) => identitiesOfApp({ ...before, secretVersion }).signature),
    ...(before.secretVersion === after.secretVersion ? [] : [identitiesOfApp(before).access]),
  ];
};
