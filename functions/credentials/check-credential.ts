import * as z from 'zod';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { type CheckCredentialPorts, checkNow, read } from '../../shared/domain/check-credential.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { healthView } from '../../shared/domain/representations.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';
import { beingRemoved } from './update-credential.ts';

/**
 * Checks a credential while its user waits, and answers what came of it: a credential that is right again is enabled, and what was held is replayed.
 * Where Meta gives no verdict the clock repeats the check soon, without anybody waiting.
 */
export const checkCredential = async (
  { tenantId }: Caller,
  id: CredentialId,
  ports: CheckCredentialPorts,
): Promise<Answer | Refused> => {
  const examined = await read({ tenantId, credentialId: id }, ports);
  if (examined !== undefined) await checkNow(examined, ports);
  const current = examined && (await read(examined.credential, ports));
  if (current !== undefined) return { kind: 'ok', body: healthView(current.credential, current.health) };
  const known = await ports.credentials.find(tenantId, id);
  return known === undefined ? refuse('not-found') : beingRemoved;
};

/** Kept of the caller's patience for the answer, and for what has to be asked again. In milliseconds. */
const closingReserve = 4_000;

export const checkCredentialRoute = apiRoute({
  routeKey: 'POST /v1/credentials/{credentialId}/check',
  path: z.object({ credentialId }),
  run: ({ caller, path, timeLeft }) =>
    checkCredential(
      caller,
      path.credentialId,
      ports.checking(() => timeLeft() - closingReserve),
    ),
});
