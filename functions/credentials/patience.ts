import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { CredentialRecord } from '../../shared/domain/records.ts';

/** How long an answer waits for a worker, how often it looks, and what it leaves for itself. In milliseconds. */
const patience = 10_000;
const pollInterval = 200;
const answerReserve = 3_000;

/** Looks until a worker has done its part, as long as the caller can wait. What was seen last, whether it is done or not. */
export const settled = async <T>(
  look: () => Promise<T>,
  isDone: (seen: T) => boolean,
  { timeLeft, sleep }: { readonly timeLeft: () => number; readonly sleep: (milliseconds: number) => Promise<void> },
): Promise<T> => {
  const limit = Math.min(patience, timeLeft() - answerReserve);
  let seen = await look();
  for (let waited = 0; waited < limit && !isDone(seen); waited += pollInterval) {
    await sleep(pollInterval);
    seen = await look();
  }
  return seen;
};

/** Waits for the set-up worker; what is not settled by then is `pending`. */
export const webhookSettled = async (
  credential: CredentialRecord,
  ports: {
    readonly credentials: Pick<CredentialReader, 'find'>;
    readonly timeLeft: () => number;
    readonly sleep: (milliseconds: number) => Promise<void>;
  },
): Promise<CredentialRecord> =>
  (await settled(
    () => ports.credentials.find(credential.tenantId, credential.credentialId),
    (current) => current?.webhookState !== 'pending',
    ports,
  )) ?? credential;

export const sleep = (milliseconds: number): Promise<void> => new Promise((wake) => setTimeout(wake, milliseconds));
