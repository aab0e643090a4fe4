import * as z from 'zod';
import { callMatcherSchema } from './call-matcher.ts';
import { catalogued, errorEnvelope, newTraceId } from './errors.ts';

/** A fault: which calls, and what happens to them instead of, or after, their effect. */
export const faultSchema = z
  .strictObject({
    ...callMatcherSchema.shape,
    /** A code of the catalogue; `subcode`, `status` and `details` refine it. */
    code: z.int().optional(),
    subcode: z.int().optional(),
    details: z.string().optional(),
    /** An `error` object of one's own. */
    error: z.record(z.string(), z.unknown()).optional(),
    /** An answer of one's own, JSON or text. */
    answer: z.unknown().optional(),
    status: z.int().min(200).max(599).optional(),
    headers: z.record(z.string(), z.string()).optional(),
    delayMs: z.int().min(0).max(600_000).default(0),
    dropConnection: z.boolean().default(false),
    /** The call takes effect first; then its answer is delayed, replaced or lost. */
    afterEffect: z.boolean().default(false),
  })
  .refine(
    ({ dropConnection, delayMs, code, error, answer, status }) =>
      dropConnection || delayMs > 0 || replaces({ code, error, answer, status }),
    'expected at least one of code, error, answer, status, delayMs and dropConnection',
  );

export type Fault = z.infer<typeof faultSchema>;

interface Replacement {
  readonly code?: number | undefined;
  readonly error?: object | undefined;
  readonly answer?: unknown;
  readonly status?: number | undefined;
}

/** Whether the fault has an answer of its own, rather than delaying the true one. */
export function replaces({ code, error, answer, status }: Replacement): boolean {
  return code !== undefined || error !== undefined || answer !== undefined || status !== undefined;
}

/** The answer that the fault gives. */
export function faultAnswer(fault: Fault) {
  const facts = catalogued(fault.code ?? 1, {
    ...(fault.subcode === undefined ? {} : { subcode: fault.subcode }),
    ...(fault.details === undefined ? {} : { details: fault.details }),
  });
  const status = fault.status ?? (fault.code === undefined ? 400 : facts.status);
  const headers = fault.headers ?? {};
  if (fault.answer !== undefined) return { status, headers, body: fault.answer };
  const traceId = newTraceId();
  if (fault.error !== undefined) return { status, headers, body: { error: { ...fault.error, fbtrace_id: traceId } } };
  return { status, headers, body: errorEnvelope(facts, traceId) };
}
