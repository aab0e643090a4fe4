/** A wished-for outcome. `version` becomes the ETag. */
export interface Answer {
  readonly kind: 'ok' | 'created' | 'accepted' | 'found';
  /** Of `found` nobody reads one. */
  readonly body: object;
  readonly version?: number;
  readonly location?: string;
  /** When what is accepted is worth another look. */
  readonly retryAfterSeconds?: number;
  /** A repeat makes it anew, the same: so it is not kept, for what it says about a customer. */
  readonly isRemade?: boolean;
  /** Shown once: a repeat under the same Idempotency-Key does not get it again. */
  readonly holdsSecret?: boolean;
}
