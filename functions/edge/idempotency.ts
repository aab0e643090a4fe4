import * as z from 'zod';
import type { IdempotencyStore } from '../../shared/adapters/idempotency-store.ts';
import type { TenantId } from '../../shared/contracts/ids.ts';
import { problemCode, problemDetails, problems } from '../../shared/contracts/problem.ts';
import { digestOf, keyedDigestOf } from '../../shared/crypto/identifiers.ts';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { Answer } from './answer.ts';
import type { Caller } from './caller.ts';
import { journal, safeError } from './operator-journal.ts';

const acceptableKey = /^[\x21-\x7e]{1,255}$/;

/** The first status that says: nothing is known about the outcome, or nothing was done. */
const firstServerError = 500;

/** What stands for an answer that a repeat makes anew. */
const remade = { isRemade: true } as const;

const storedOutcome = z.union([
  z.object({ isRemade: z.literal(true) }),
  z.object({
    kind: z.enum(['ok', 'created', 'accepted']),
    body: z.record(z.string(), z.unknown()),
    version: z.number().optional(),
    location: z.string().optional(),
  }),
  z.object({ refused: problemCode, details: problemDetails }),
]);

/** A request that may be repeated. Neither its key nor its body is kept: what they held can't be guessed from these digests. */
export interface RepeatableRequest {
  readonly tenantId: TenantId;
  /** Whose request, on which route, under which key: what the record is found by. */
  readonly digest: string;
  /** The body under the key. */
  readonly bodyDigest: string;
  /** Both, for what the request makes: a later one with another body under the same key is another. */
  readonly requestDigest: string;
}

/** Refuses a key that is not acceptable. */
export const repeatableRequest = (
  { tenantId, agentId }: Caller,
  routeKey: string,
  idempotencyKey: string,
  rawBody: Uint8Array,
): RepeatableRequest | Refused => {
  if (!acceptableKey.test(idempotencyKey))
    return refuse('idempotency-key-invalid', {
      guidance: 'Send 1 to 255 printable characters without spaces, a random UUID for example.',
    });
  // Agents choose their keys by themselves, and none may use up those of another.
  const digest = digestOf(
    'idempotency',
    tenantId,
    routeKey,
    idempotencyKey,
    ...(agentId === undefined ? [] : [agentId]),
  );
  const bodyDigest = keyedDigestOf(Buffer.from(idempotencyKey), Buffer.from(rawBody).toString('latin1'));
  return { tenantId, digest, bodyDigest, requestDigest: digestOf('request', digest, bodyDigest) };
};

/**
 * Runs a request once for each key: repeats get the first answer for 24 hours, also while they run at the same time (409 then).
 * A request that failed on our side, or that was told to try again, may be repeated; one that died is taken up after a minute.
 */
export const onlyOnce = async (
  { tenantId, digest, bodyDigest }: RepeatableRequest,
  store: IdempotencyStore,
  run: () => Promise<Answer | Refused>,
): Promise<Answer | Refused> => {
  const beginning = await store.begin(tenantId, digest, bodyDigest);
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
    case 'answered': {
      const answer = answerOf(beginning.answer);
      return answer === 'remade' ? run() : answer;
    }
    default:
      return beginning satisfies never;
  }
  let outcome: Answer | Refused;
  try {
    outcome = await run();
  } catch (error) {
    await store.forget(tenantId, digest).catch(() => undefined);
    throw error;
  }
  try {
    if (isRefused(outcome) && isPassing(outcome)) await store.forget(tenantId, digest);
    else {
      const holdsSecret = !isRefused(outcome) && outcome.holdsSecret === true;
      const kept = !isRefused(outcome) && outcome.isRemade === true ? remade : outcome;
      await store.finish(tenantId, digest, holdsSecret ? undefined : JSON.stringify(kept));
    }
  } catch (error) {
    // It was done, so its answer is given; a repeat is told to wait until the record counts as that of a dead one.
    journal.error('answer-not-kept', safeError(error));
  }
  return outcome;
};

/** Nothing was done, and a repeat may come to something else. */
const isPassing = ({ refused, details, isJudgedAnew }: Refused): boolean =>
  problems[refused].status >= firstServerError || details.retryAfterSeconds !== undefined || isJudgedAnew === true;

const answerOf = (stored: string): Answer | Refused | 'remade' => {
  const outcome = storedOutcome.parse(JSON.parse(stored));
  return 'isRemade' in outcome ? 'remade' : (outcome as Answer | Refused);
};
