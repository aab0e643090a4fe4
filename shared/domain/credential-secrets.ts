import { appSecretProof } from '../crypto/appsecret-proof.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import type { SecretIdentity } from '../crypto/secret-context.ts';
import { packParts, unpackParts } from '../crypto/secret-parts.ts';
import type { CredentialRecord, MetaAppRecord } from './records.ts';
import { ownerOfApp, type SealedSecret, type SecretOpener, type SecretSealer, sharedTenant } from './vault.ts';

/** Everything secret about a credential: what the user gave, and what follows from it. */
export interface CredentialSecrets extends Disposable {
  readonly appSecret: SecretBytes;
  readonly accessToken: SecretBytes;
  readonly proof: SecretBytes;
  /** `{App ID}|{App Secret}`: how Meta writes an app access token. */
  readonly appToken: SecretBytes;
}

/** Takes both secrets over: they are wiped with the result. */
export const credentialSecrets = (
  appId: string,
  appSecret: SecretBytes,
  accessToken: SecretBytes,
): CredentialSecrets => {
  const proof = appSecretProof(appSecret, accessToken);
  const appToken = SecretBytes.fromText(`${appId}|${appSecret.revealText()}`);
  return {
    appSecret,
    accessToken,
    proof,
    appToken,
    [Symbol.dispose]() {
      for (const secret of [appSecret, accessToken, proof, appToken]) secret[Symbol.dispose]();
    },
  };
};

type Edition = Pick<CredentialRecord, 'tenantId' | 'credentialId' | 'secretVersion'>;
type AppEdition = Pick<MetaAppRecord, 'appId' | 'secretVersion'>;

/** Who the sealed secrets of a credential are, in one edition. */
export const identitiesOfCredential = ({ tenantId, credentialId, secretVersion }: Edition) => {
  const own = { tenantId, ownerId: credentialId, secretVersion };
  return {
    graphApi: { ...own, purpose: 'graph-api' },
    cleanUp: { ...own, purpose: 'clean-up' },
    formerCallback: { ...own, purpose: 'former-callback' },
  } as const satisfies Record<string, SecretIdentity>;
};

/** The verify token of somebody else's callback, in the edition that was given last; none where none was given. */
export const formerCallbackTokens = (
  credential: Edition & Pick<CredentialRecord, 'formerCallbackVersion'>,
): readonly SecretIdentity[] =>
  credential.formerCallbackVersion === null
    ? []
    : [{ ...identitiesOfCredential(credential).formerCallback, secretVersion: credential.formerCallbackVersion }];

/** The same for a Meta app, which belongs to no tenant. */
export const identitiesOfApp = ({ appId, secretVersion }: AppEdition) => {
  const own = { tenantId: sharedTenant, ownerId: ownerOfApp(appId), secretVersion };
  return {
    signature: { ...own, purpose: 'webhook-signature' },
    access: { ...own, purpose: 'app-access' },
  } as const satisfies Record<string, SecretIdentity>;
};

/** Each purpose apart, because different functions need them. */
export const sealCredential = async (
  edition: Edition,
  secrets: Pick<CredentialSecrets, 'accessToken' | 'proof' | 'appToken'>,
  sealer: SecretSealer,
): Promise<readonly SealedSecret[]> => {
  using graphApi = packParts(secrets.accessToken, secrets.proof);
  using cleanUp = packParts(secrets.accessToken, secrets.proof, secrets.appToken);
  const identities = identitiesOfCredential(edition);
  return await Promise.all([sealer.seal(identities.graphApi, graphApi), sealer.seal(identities.cleanUp, cleanUp)]);
};

export const sealApp = (
  edition: AppEdition,
  secrets: Pick<CredentialSecrets, 'appSecret' | 'appToken'>,
  sealer: SecretSealer,
): Promise<readonly SealedSecret[]> => {
  const identities = identitiesOfApp(edition);
  return Promise.all([
    sealer.seal(identities.signature, secrets.appSecret),
    sealer.seal(identities.access, secrets.appToken),
  ]);
};

/** The access token of a credential, with a lifetime of the caller's. @throws {Fault} what the vault throws */
export const openAccessToken = async (credential: Edition, opener: SecretOpener): Promise<SecretBytes> => {
  const { tenantId, credentialId: subjectId } = credential;
  using graphApi = await opener.open(identitiesOfCredential(credential).graphApi, { tenantId, subjectId });
  const [accessToken, proof] = unpackParts(graphApi, 2);
  if (accessToken === undefined || proof === undefined) throw new RangeError('A graph-api secret has two parts');
  proof[Symbol.dispose]();
  return accessToken;
};

/** The App Secret that the stack knows, opened on behalf of a credential. @throws {Fault} what the vault throws */
export const openAppSecret = async (
  app: AppEdition,
  openedFor: { readonly tenantId: string; readonly subjectId: string },
  opener: SecretOpener,
): Promise<SecretBytes> => {
  using appToken = await opener.open(identitiesOfApp(app).access, openedFor);
  return SecretBytes.takeOver(appToken.bytes().slice(Buffer.byteLength(`${app.appId}|`)));
};
