import * as z from 'zod';

/** Every problem that the API answers: stable code, HTTP status, title. RFC 9457; `type` is `urn:switchboard:problem:<code>`. */
export const problems = {
  'malformed-body': { status: 400, title: 'The body is not valid JSON' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'invalid-request': { status: 422, title: 'The request has invalid fields' },
  unauthenticated: { status: 401, title: 'The token is not acceptable' },
  'tenant-missing': { status: 403, title: 'The token names no tenant' },
  'not-found': { status: 404, title: 'There is no such resource' },
  'credential-refused': { status: 422, title: 'The credentials did not pass the checks at Meta' },
  'credentials-required': { status: 409, title: 'Connect WhatsApp credentials first' },
  'credential-unknown': { status: 422, title: 'The credential does not exist' },
  'number-not-in-credential': { status: 422, title: 'The phone number does not belong to the credential' },
  'waba-taken': { status: 409, title: 'This WhatsApp Business Account is connected already' },
  'quota-exceeded': { status: 409, title: 'The limit of your tenant is reached' },
  'agents-bound': { status: 409, title: 'Agents use the credential' },
  removing: { status: 409, title: 'The credential is being removed' },
  'app-secret-unproved': { status: 409, title: 'The App Secret in force is not yours to judge' },
  'registration-refused': { status: 422, title: 'Meta did not register the number' },
  'idempotency-key-invalid': { status: 422, title: 'The Idempotency-Key is not acceptable' },
  'idempotency-key-reused': { status: 422, title: 'The Idempotency-Key belongs to another request' },
  'idempotency-in-progress': { status: 409, title: 'The first request with this Idempotency-Key is still running' },
  'already-shown': { status: 409, title: 'The answer held a secret and is not shown again' },
  'number-taken': { status: 409, title: 'The phone number is in use elsewhere' },
  'default-taken': { status: 409, title: 'The phone number has a default agent already' },
  'priority-taken': { status: 409, title: 'The phone number has an agent of this priority already' },
  'too-many-agents': { status: 409, title: 'The phone number has as many agents as it can have' },
  'too-many-keys': { status: 409, title: 'The agent has as many keys as it can have' },
  'agent-exists': { status: 412, title: 'The agent exists already' },
  'target-refused': { status: 422, title: 'The target URL is not allowed' },
  'precondition-required': { status: 428, title: 'A precondition header is required' },
  'precondition-failed': { status: 412, title: 'The resource has changed meanwhile' },
  conflict: { status: 409, title: 'Another change got in between' },
  'whatsapp-off': { status: 409, title: 'The agent has no phone number' },
  'integration-stopped': { status: 409, title: 'The WhatsApp account is out of service' },
  'sending-paused': { status: 503, title: 'Sending is paused for a moment' },
  'message-refused': { status: 422, title: 'The message is not taken' },
  'message-limited': { status: 429, title: 'Meta takes no more for now' },
  'media-refused': { status: 422, title: 'Meta did not take the media' },
  'media-gone': { status: 410, title: 'Meta no longer has the media' },
  'media-damaged': { status: 502, title: 'What came from Meta is not the media' },
  'media-too-large': { status: 422, title: 'The media is larger than WhatsApp allows' },
  'media-type-refused': { status: 415, title: 'WhatsApp takes no media of this type' },
  'upload-missing': { status: 409, title: 'Nothing has been uploaded yet' },
  'outcome-unknown': { status: 504, title: 'It is unknown whether the message was sent' },
  'meta-unreachable': { status: 503, title: 'Meta could not be reached' },
  'service-unavailable': { status: 503, title: 'The service is busy' },
  'internal-error': { status: 500, title: 'Something went wrong on our side' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof problems;
export const problemCode = z.enum(Object.keys(problems) as [ProblemCode, ...ProblemCode[]]);

export const fieldError = z.object({
  pointer: z.string().meta({ description: 'JSON pointer (RFC 6901) to the field', examples: ['/accessToken'] }),
  message: z.string().meta({ description: 'What is wrong with it; never its value' }),
  guidance: z.string().optional().meta({ description: 'What to do about it' }),
});
export type FieldError = z.infer<typeof fieldError>;

/** One verdict per check that credentials go through at Meta. */
export const check = z
  .object({
    check: z.enum([
      'app',
      'access-token',
      'permissions',
      'business-account',
      'phone-numbers',
      'availability',
      'webhook',
      'sending',
      'traffic',
    ]),
    verdict: z.enum(['passed', 'warning', 'failed', 'skipped']),
    pointer: z.string().optional(),
    code: z.string().optional(),
    detail: z.string(),
    guidance: z.string().optional(),
  })
  .meta({ id: 'Check' });
export type Check = z.infer<typeof check>;

export const metaError = z.object({
  code: z.number().int(),
  subcode: z.number().int().optional(),
  fbtraceId: z.string().optional(),
  details: z
    .string()
    .optional()
    .meta({ description: 'What Meta says of it, without anything that looks like a secret' }),
});
export type MetaError = z.infer<typeof metaError>;

/** What a problem may say beyond its code. Nothing of it may echo input. */
export const problemDetails = z.object({
  detail: z.string().optional(),
  guidance: z.string().optional().meta({ description: 'What to do, in plain words' }),
  link: z.object({ href: z.string(), title: z.string() }).optional(),
  errors: z.array(fieldError).optional(),
  checks: z.array(check).optional(),
  agents: z.array(z.string()).optional().meta({ description: 'Agents that stand in the way' }),
  retryAfterSeconds: z.number().int().optional(),
  meta: metaError.optional(),
  instance: z.string().optional().meta({ description: 'What it is about, where that is more than the request' }),
});
export type ProblemDetails = z.infer<typeof problemDetails>;

export const problem = problemDetails
  .extend({
    type: z.string(),
    code: problemCode,
    title: z.string(),
    status: z.number().int(),
    instance: z.string().meta({ description: 'Names this occurrence: urn:switchboard:request:<request id>' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });
export type Problem = z.infer<typeof problem>;
