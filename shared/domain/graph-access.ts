import type { CredentialId, TenantId } from '../contracts/ids.ts';
import { unpackParts } from '../crypto/secret-parts.ts';
import { identitiesOfCredential } from './credential-secrets.ts';
import type { GraphAccess } from './graph.ts';
import { type MetaUsageStore, watchingUsage } from './meta-usage.ts';
import type { SecretOpener } from './vault.ts';

/** A credential in the edition whose token shall be used. */
export interface CredentialEdition {
  readonly tenantId: TenantId;
  readonly credentialId: CredentialId;
  readonly secretVersion: number;
}

/** Opens access token and proof of a credential for as long as `use` runs. @throws {Fault} what the vault throws */
export const withGraphAccess = async <T>(
  vault: SecretOpener,
  credential: CredentialEdition,
  use: (access: GraphAccess) => Promise<T>,
  onUsage?: GraphAccess['onUsage'],
): Promise<T> => {
  using secret = await vault.open(identitiesOfCredential(credential).graphApi, {
    tenantId: credential.tenantId,
    subjectId: credential.credentialId,
  });
  const [accessToken, proof] = unpackParts(secret, 2);
  if (accessToken === undefined || proof === undefined) throw new RangeError('A graph-api secret has two parts');
  using _token = accessToken;
  using _proof = proof;
  return await use({ accessToken, proof, proofMayLag: true, ...(onUsage === undefined ? {} : { onUsage }) });
};

export interface WatchPorts {
  readonly usage: Pick<MetaUsageStore, 'note'>;
  readonly now: () => Date;
}

/** The same with an ear for what Meta says of its limits: for all but sending, which counts on its own. */
export const withWatchedAccess = <T>(
  vault: SecretOpener,
  credential: CredentialEdition,
  ports: WatchPorts,
  use: (access: GraphAccess) => Promise<T>,
): Promise<T> => watchingUsage(credential, ports, (onUsage) => withGraphAccess(vault, credential, use, onUsage));
