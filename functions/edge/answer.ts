/** A wished-for outcome. `version` becomes the ETag. */
export interface Answer {
  readonly kind: 'ok' | 'created' | 'accepted';
  readonly body: object;
  readonly version?: number;
  readonly location?: string;
  /** Shown once: a repeat under the same Idempotency-Key does not get it again. */
  readonly holdsSecret?: boolean;
}
