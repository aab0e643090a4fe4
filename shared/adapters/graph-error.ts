import * as z from 'zod';
import type { GraphFailure, GraphRefusal } from '../domain/graph.ts';
import { quotable } from '../domain/quotable.ts';

/** Meta's error envelope ("Handle errors", Graph API). What is passed on of its words holds nothing that looks like a token. */
const errorEnvelope = z.object({
  error: z.object({
    code: z.number(),
    error_subcode: z.number().optional(),
    type: z.string().optional(),
    message: z.string().default(''),
    fbtrace_id: z.string().optional(),
    error_data: z.object({ details: z.string().optional() }).optional().catch(undefined),
  }),
});

type MetaProblem = z.infer<typeof errorEnvelope>['error'];

const permissionCodes = new Set([3, 10, 131005]);
const rateLimitCodes = new Set([4, 17, 32, 613, 80007, 80008, 130429, 131048, 131056]);
const temporaryCodes = new Set([2, 131000, 131016, 131057, 133004]);
const callbackRefusedCode = 2200;
const parameterCode = 100;
const invisibleSubcode = 33;

/** An answer without an envelope leaves the outcome open, whatever its status. */
export const failureOf = (body: unknown): GraphFailure => {
  const parsed = errorEnvelope.safeParse(body);
  if (!parsed.success) return { kind: 'unknown-outcome' };
  const { code, error_subcode: subcode, fbtrace_id: fbtraceId, error_data: data, message } = parsed.data.error;
  // Of a wrong parameter the message alone may say which.
  const details = quotable(data?.details ?? (code === parameterCode ? message : undefined));
  return {
    kind: 'refused',
    refusal: refusalOf(parsed.data.error),
    code,
    ...(subcode === undefined ? {} : { subcode }),
    ...(fbtraceId === undefined ? {} : { fbtraceId }),
    ...(details === undefined ? {} : { details }),
  };
};

const refusalOf = ({ code, error_subcode: subcode, message }: MetaProblem): GraphRefusal => {
  // A wrong App Secret looks like "invalid parameter" (100): only the message tells.
  if (code === 100 && /appsecret_proof/i.test(message)) return 'proof-invalid';
  if (code === 100 && /before override/i.test(message)) return 'not-subscribed';
  if (code === 1 && /client secret/i.test(message)) return 'app-secret-wrong';
  if (code === 101) return 'app-unknown';
  if (code === 190 || code === 0) return 'token-invalid';
  if (code === 33 || (code === 100 && subcode === invisibleSubcode)) return 'object-invisible';
  if (permissionCodes.has(code) || (code >= 200 && code <= 299)) return 'permission-missing';
  if (code === callbackRefusedCode) return 'callback-refused';
  if (rateLimitCodes.has(code)) return 'rate-limited';
  if (temporaryCodes.has(code) || code === 1) return 'temporary';
  return 'other';
};
