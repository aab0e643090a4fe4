import type { SetUpQueue } from '../../shared/adapters/sqs-queues.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import type { CredentialRecord } from '../../shared/domain/records.ts';
import { safeError } from './operator-journal.ts';

/**
 * Asks for the set-up of a credential's webhook, once what was changed is stored. False when the queue fails: that must not cost
 * the answer, and the next binding of a number asks again.
 */
export const requestSetUp = async (
  { tenantId, credentialId }: CredentialRecord,
  { setUpQueue, journal }: { readonly setUpQueue: SetUpQueue; readonly journal: Journal },
): Promise<boolean> => {
  try {
    await setUpQueue.request({ tenantId, credentialId });
    return true;
  } catch (error) {
    journal.error('set-up-not-queued', { tenantId, credentialId, ...safeError(error) });
    return false;
  }
};
