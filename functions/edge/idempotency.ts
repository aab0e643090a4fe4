import * as z from 'zod';
import type { IdempotencyStore } from '../../shared/adapters/idempotency-store.ts';
import { problemCode, problemDetails, problems } from '../../shared/contracts/problem.ts';
import { digestOf, keyedDigestOf } from '../../shared/crypto/identifiers.ts';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { Answer } from './answer.ts';
import type { Caller } from './caller.ts';

const key = z.string().regex(/^[\x21-\x7e]{1,255}$/);

/** The first status that says: nothing is known about the outcome, or nothing was done. */
const firstServerError = 500;

const storedOutcome = z.union([
  z.object({
    kind: z.enum(['ok', 'created', 'accepted']),
    body: z.record(z.string(), z.unknown()),
    version: z.number().optional(),
    location: z.string().optional(),
  }),
  z.object({ refused: problemCode, details: problemDetails }),
]);

/** Whose request, on which route, under which key: what the record is found by. The key itself is not kept. */
export const idempotencyDigestOf = (
  { tenantId }: Caller,
  routeKey: string,
  header: string | undefined,
): string | null | Refused => {
  if (header === undefined) return null;
  const parsed = key.safeParse(header);
  return parsed.success
    ? digestOf('idempotency', tenantId, routeKey, parsed.data)
    : refuse('idempotency-key-invalid', {
        guidance: 'Send 1 to 255 printable characters without spaces, a random UUID for example.',
      });
};

/**
 * Runs a request once for each key: repeats get the first answer for 24 hours, also while they run at the same time (409 then).
 * A request that failed on our side may be repeated; one that died is taken up after a minute. The body is kept as a digest under
 * the key, which is not kept: what it held can't be guessed from it.
 */
export const onlyOnce = async (
  {
    caller,
    digest,
    idempotencyKey,
    rawBody,
  }: {
    readonly caller: Caller;
    readonly digest: string;
    readonly idempotencyKey: string;
    readonly rawBody: Uint8Array;
  },
  store: IdempotencyStore,
  run: () => Promise<Answer | Refused>,
): Promise<Answer | Refused> => {
  const bodyDigest = keyedDigestOf(Buffer.from(idempotencyKey), Buffer.from(rawBody).toString('latin1'));
  const beginning = await store.begin(caller.tenantId, digest, bodyDigest);
  switch (beginning.outcome) {
    case 'first':
      break;
    case 'running':
      return refuse('idempotency-in-progress', { guidance: 'Repeat the request in a moment.', retryAfterSeconds: 2 });
    case 'another-request':
      return refuse('idempotency-key-reused', { guidance: 'Use a new Idempotency-Key for another request.' });
    case 'shown':
      return refuse('already-shown', {
        guidance: 'If the secret is lost, send the request again with a new Idempotency-Key.',
      });
    case 'answered':
      return answerOf(beginning.answer);
    default:
      return beginning satisfies never;
  }
  try {
    const outcome = await run();
    if (isRefused(outcome) && problems[outcome.refused].status >= firstServerError)
      await store.forget(caller.tenantId, digest);
    else {
      const holdsSecret = !isRefused(outcome) && outcome.holdsSecret === true;
      await store.finish(caller.tenantId, digest, holdsSecret ? undefined : JSON.stringify(outcome));
    }
    return outcome;
  } catch (error) {
    await store.forget(caller.tenantId, digest).catch(() => undefined);
    throw error;
  }
};

const answerOf = (stored: string): Answer | Refused => storedOutcome.parse(JSON.parse(stored)) as Answer | Refused;
