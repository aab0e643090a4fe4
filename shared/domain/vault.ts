import type { SecretBytes } from '../crypto/secret-bytes.ts';
import type { SecretIdentity } from '../crypto/secret-context.ts';
import type { AuditSubject } from './audit.ts';

/** A sealed secret on its way into the Vault table, written in the caller's transaction. */
export interface SealedSecret extends SecretIdentity {
  readonly sealed: Uint8Array;
}

/** On whose behalf a secret is opened: the credential or agent that the audit names, also for an app's shared secret. */
export type OpenedFor = AuditSubject;

export interface SecretSealer {
  /** Seals under a fresh data key. The secret stays the caller's to dispose. @throws {Fault} kms-unavailable */
  seal(identity: SecretIdentity, secret: SecretBytes): Promise<SealedSecret>;
}

export interface SecretOpener {
  /**
   * Opens for one use: `using secret = await vault.open(…)`. An audit item is written before and after.
   * All refusals look the same. @throws {Fault} secret-missing, secret-refused, kms-unavailable, store-unavailable
   */
  open(identity: SecretIdentity, openedFor: OpenedFor): Promise<SecretBytes>;
}

/** Keeps what it has opened for a while, so that not every use costs a call of KMS. */
export interface CachedOpener extends SecretOpener {
  /** True when `open` would answer from memory. */
  isAtHand(identity: SecretIdentity, openedFor: OpenedFor): boolean;
}

/** A Meta app belongs to no tenant: its secrets are bound to this word instead. */
export { sharedTenant } from '../contracts/ids.ts';
export const ownerOfApp = (appId: string): string => `app_${appId}`;
