import { randomBytes } from 'node:crypto';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import { signingSecretOf } from '../../shared/domain/dispatch.ts';
import type { AgentRecord } from '../../shared/domain/records.ts';
import type { SealedSecret, SecretSealer } from '../../shared/domain/vault.ts';

/** In bytes (Standard Webhooks: 24 to 64). */
const signingSecretLength = 32;

/** A signing secret for the edition that the agent has from now on: sealed, and as it is shown once. */
export const newSigningSecret = async (
  { tenantId, agentId, secretVersion }: AgentRecord,
  sealer: SecretSealer,
): Promise<{ readonly shown: string; readonly sealed: SealedSecret }> => {
  const shown = `whsec_${randomBytes(signingSecretLength).toString('base64')}`;
  using secret = SecretBytes.takeOver(Buffer.from(shown.slice('whsec_'.length), 'base64'));
  return { shown, sealed: await sealer.seal(signingSecretOf(tenantId, agentId, secretVersion), secret) };
};
