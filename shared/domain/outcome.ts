import type { ProblemCode, ProblemDetails } from '../contracts/problem.ts';

/** An expected outcome that is not the wished-for one. Values for answers, throws for broken promises. */
export interface Refused {
  readonly refused: ProblemCode;
  readonly details: ProblemDetails;
}

export const refuse = (code: ProblemCode, details: ProblemDetails = {}): Refused => ({ refused: code, details });

export const isRefused = (value: object): value is Refused => 'refused' in value;
