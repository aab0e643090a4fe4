import * as z from 'zod';
import type { IdempotencyStore } from '../../shared/adapters/idempotency-store.ts';
import { problemCode, problemDetails, problems } from '../../shared/contracts/problem.ts';
import { digestOf, keyedDigestOf } from '../../shared/crypto/identifiers.ts';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { Answer } from './answer.ts';
import type { Caller } from './caller.ts';
import { journal, safeError } from './operator-journal.ts';

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

/** The body under the key, which is not kept: what it held can't be guessed from it. */
const bodyDigestOf = (idempotencyKey: string, rawBody: Uint8Array): string =>
  keyedDigestOf(Buffer.from(idempotencyKey), Buffer.from(rawBody).toString('latin1'));

/** Names the request with its body, for what it makes: a later one with other values under the same key is another. */
export const requestDigestOf = (digest: string, idempotencyKey: string, rawBody: Uint8Array): string =>
  digestOf('request', digest, bodyDigestOf(idempotencyKey, rawBody));

/**
 * Runs a request once for each key: repeats get the first answer for 24 hours, also while they run at the same time (409 then).
 * A request that failed on our side, or that was told to try again, may be repeated; one that died is taken up after a minute.
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
  const bodyDigest = bodyDigestOf(idempotencyKey, rawBody);
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
  let outcome: Answer | Refused;
  try {
    outcome = await run();
  } catch (error) {
    await store.forget(caller.tenantId, digest).catch(() => undefined);
    throw error;
  }
  try {
    if (isRefused(outcome) && isPassing(outcome)) await store.forget(caller.tenantId, digest);
    else {
      const holdsSecret = !isRefused(outcome) && outcome.holdsSecret === true;
      await store.finish(caller.tenantId, digest, holdsSecret ? undefined : JSON.stringify(outcome));
    }
  } catch (error) {
    // It was done, so its answer is given; a repeat is told to wait until the record counts as that of a dead one.
    journal.error('answer-not-kept', safeError(error));
  }
  return outcome;
};

/** Nothing was done, and a repeat may come to something else. */
const isPassing = ({ refused, details }: Refused): boolean =>
  problems[refused].status >= firstServerError || details?.retryAfterSeconds !== undefined;

const answerOf = (stored: string): Answer | Refused => storedOutcome.parse(JSON.parse(stored)) as Answer | Refused;
