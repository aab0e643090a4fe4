import type { TenantId } from '../contracts/ids.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import { type SigningEdition, signingSecretsOf } from './dispatch.ts';
import type { SecretOpener } from './vault.ts';

/** Opens the secrets that sign for an agent now, for as long as `use` runs. @throws {Fault} what the vault throws */
export const withSigningSecrets = async <T>(
  vault: SecretOpener,
  tenantId: TenantId,
  edition: SigningEdition,
  now: Date,
  use: (signingSecrets: readonly Uint8Array[]) => Promise<T>,
): Promise<T> => {
  using opened = new DisposableStack();
  const secrets: SecretBytes[] = [];
  for (const identity of signingSecretsOf(tenantId, edition, now))
    secrets.push(opened.use(await vault.open(identity, { tenantId, subjectId: edition.agentId })));
  return await use(secrets.map((secret) => secret.bytes()));
};
