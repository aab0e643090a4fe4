import { Fault } from '../../shared/domain/fault.ts';
import type { SecretOpener, SecretSealer } from '../../shared/domain/vault.ts';
import { journal } from './operator-journal.ts';

/** Counts for the operator what no secret could be sealed or opened for, and throws it on. */
const countFaults = async <T>(call: Promise<T>): Promise<T> => {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Fault && error.code === 'kms-unavailable') journal.count('KmsFailed');
    if (error instanceof Fault && error.code === 'secret-refused') journal.count('SecretsRefused');
    throw error;
  }
};

/** The same opener, with its faults counted. What a cache before it answers from memory is no call of it. */
export const countedOpener = (opener: SecretOpener): SecretOpener => ({
  open: (identity, openedFor) => countFaults(opener.open(identity, openedFor)),
});

/** The same sealer, with its faults counted. */
export const countedSealer = (sealer: SecretSealer): SecretSealer => ({
  seal: (identity, secret) => countFaults(sealer.seal(identity, secret)),
});
