import type { ProblemCode, ProblemDetails } from '../contracts/problem.ts';

/** An expected outcome that is not the wished-for one. Values for answers, throws for broken promises. */
export interface Refused {
  readonly refused: ProblemCode;
  readonly details: ProblemDetails;
  /** Nothing was done, and it may be otherwise tomorrow: a repeat under the same Idempotency-Key is judged anew. */
  readonly isJudgedAnew?: true;
}

export const refuse = (code: ProblemCode, details: ProblemDetails = {}): Refused => ({ refused: code, details });

export const isRefused = (value: object): value is Refused => 'refused' in value;
