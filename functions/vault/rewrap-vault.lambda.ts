import { rewrapProgress, rewrapRequest } from '../../shared/contracts/rewrap.ts';
import { rewrapVault } from '../../shared/domain/rewrap-vault.ts';
import { journal } from '../edge/operator-journal.ts';
import { operatorLambda } from '../edge/operator-lambda.ts';
import * as ports from '../edge/ports.ts';

/** Kept back of an invocation's time for the row that is being moved, with the SDK's own repeats. In milliseconds. */
const closingReserve = 10_000;

/** Moves the wrapped keys of the Vault to the current KMS key for as long as there is time, and answers how far it has come. */
export const handler = operatorLambda(rewrapRequest, async (request, context) => {
  const hasTime = () => context.getRemainingTimeInMillis() > closingReserve;
  return rewrapProgress.parse(await rewrapVault(request, { ...ports.rewrapper(), journal, hasTime }));
});
