import type { SecretPurpose } from '../contracts/secret-purpose.ts';

/**
 * Whose secret it is, what for and which edition. `ownerId` is a credential, an agent or `app_<App ID>`;
 * a Meta app's `tenantId` is `shared`. Ids only: CloudTrail shows the context in clear.
 */
export interface SecretIdentity {
  readonly tenantId: string;
  readonly ownerId: string;
  readonly purpose: SecretPurpose;
  readonly secretVersion: number;
}

export interface SecretContext {
  /** KMS encryption context: a wrapped key of another row fails inside KMS. */
  readonly encryptionContext: Readonly<Record<string, string>>;
  /** The same facts, canonically encoded, as additional authenticated data of AES-GCM. */
  readonly additionalData: Uint8Array;
}

/** The one place that says what a ciphertext is bound to. */
export const contextFor = (vault: string, identity: SecretIdentity): SecretContext => {
  if (!Number.isSafeInteger(identity.secretVersion) || identity.secretVersion < 1)
    throw new RangeError('A secret version is a positive integer');
  const encryptionContext = {
    vault,
    tenantId: identity.tenantId,
    ownerId: identity.ownerId,
    purpose: identity.purpose,
    secretVersion: String(identity.secretVersion),
  };
  for (const value of Object.values(encryptionContext))
    if (value === '') throw new RangeError('An encryption context has no empty values');
  return { encryptionContext, additionalData: canonical(encryptionContext) };
};

/** Keys in code-unit order; every key and value preceded by its length in bytes (uint32, big-endian), so that no two contexts encode alike. */
const canonical = (context: Readonly<Record<string, string>>): Uint8Array =>
  Buffer.concat(
    Object.keys(context)
      .sort()
      .flatMap((key) => [key, context[key] ?? ''])
      .map((part) => {
        const bytes = Buffer.from(part, 'utf8');
        const length = Buffer.alloc(4);
        length.writeUInt32BE(bytes.byteLength);
        return Buffer.concat([length, bytes]);
      }),
  );
