/** A wished-for outcome. `version` becomes the ETag. */
export interface Answer {
  readonly kind: 'ok' | 'created' | 'accepted';
  readonly body: object;
  readonly version?: number;
  readonly location?: string;
  /** A repeat makes it anew, the same: so it is not kept, for what it says about a customer. */
  readonly isRemade?: boolean;
  /** Shown once: a repeat under the same Idempotency-Key does not get it again. */
  readonly holdsSecret?: boolean;
}
