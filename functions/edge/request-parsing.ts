import type * as z from 'zod';
import type { FieldError } from '../../shared/contracts/problem.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';

/** Bodies of our own API are small; nothing legitimate comes near this. In bytes. */
const maxBodyBytes = 64 * 1024;

/** The bytes that came in: API Gateway encodes every body that it does not take for text. */
export const rawBodyOf = (event: {
  readonly body?: string | undefined;
  readonly isBase64Encoded: boolean;
}): Uint8Array => Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');

/** Parses a body against its schema. Nothing of the input is repeated in a refusal, nor are the names of unknown fields. */
export const parseBody = <T>(rawBody: Uint8Array, schema: z.ZodType<T>): { readonly body: T } | Refused => {
  if (rawBody.byteLength > maxBodyBytes)
    return refuse('body-too-large', { detail: `At most ${maxBodyBytes} bytes are accepted.` });
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(rawBody).toString('utf8'));
  } catch {
    return refuse('malformed-body', { guidance: 'Send a JSON object with Content-Type: application/json.' });
  }
  const parsed = schema.safeParse(json, { error: (issue) => (issue.input === undefined ? 'Is required.' : undefined) });
  return parsed.success ? { body: parsed.data } : invalidRequest(parsed.error);
};

export const invalidRequest = (error: z.ZodError): Refused =>
  refuse('invalid-request', {
    errors: error.issues.flatMap(fieldErrors),
    guidance: 'Correct the named fields. The OpenAPI description at /openapi.json lists what is allowed.',
  });

const fieldErrors = (issue: z.core.$ZodIssue): FieldError[] => {
  const pointer = issue.path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  if (issue.code === 'unrecognized_keys') return [{ pointer, message: 'Holds a field that is not known here.' }];
  return [{ pointer, message: issue.message }];
};
