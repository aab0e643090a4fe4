import type { SecretIdentity } from '../crypto/secret-context.ts';

/** Whose list of accesses an item belongs to: a tenant's credential or agent, or a Meta app (tenant `shared`). */
export interface AuditSubject {
  readonly tenantId: string;
  readonly subjectId: string;
}

/** Who did it: the user whose token was verified, an agent by its key, or one of our functions by itself; and in answer to which request. */
export interface Actor {
  readonly kind: 'user' | 'agent-key' | 'function';
  readonly id: string;
  readonly requestId: string;
}

/**
 * One line of the audit. An open is two lines: an attempt before it (no audit, no open) and its outcome after it.
 * A seal, a shredded secret and a change are written in the transaction that stores them.
 */
export type AuditEntry =
  | { readonly action: 'open'; readonly phase: 'attempt'; readonly secret: SecretIdentity }
  | {
      readonly action: 'open';
      readonly phase: 'outcome';
      readonly outcome: 'ok' | 'refused';
      readonly secret: SecretIdentity;
      readonly kmsRequestId?: string | undefined;
    }
  | { readonly action: 'seal' | 'shred'; readonly outcome: 'ok'; readonly secret: SecretIdentity }
  | {
      readonly action: 'create' | 'update' | 'disable' | 'enable' | 'remove' | 'removed';
      readonly outcome: 'ok' | 'refused';
      /** Names of what was changed, or the code of the refusal or of the reason. Never a value. */
      readonly about: readonly string[];
    };

export interface AuditLog {
  /** Insert-only. @throws {Fault} store-unavailable: then nothing may be opened */
  record(subject: AuditSubject, entry: AuditEntry): Promise<void>;
}
