import * as z from 'zod';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { type CheckCredentialPorts, checkNow, read, repeatTicket } from '../../shared/domain/check-credential.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { healthView } from '../../shared/domain/representations.ts';
import type { Ticket, WorkQueues } from '../../shared/domain/work.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { handOverWork } from '../edge/hand-over-work.ts';
import * as ports from '../edge/ports.ts';
import { beingRemoved } from './update-credential.ts';

export interface CheckNowPorts extends CheckCredentialPorts {
  readonly tickets: { open(ticket: Ticket): Promise<void> };
  readonly queues: WorkQueues;
}

/**
 * Checks a credential while its user waits, and answers what came of it: a credential that is right again is enabled, and what was held is replayed.
 * Where Meta gives no verdict the check is repeated without anybody waiting.
 */
export const checkCredential = async (
  { tenantId }: Caller,
  id: CredentialId,
  ports: CheckNowPorts,
): Promise<Answer | Refused> => {
  const examined = await read({ tenantId, credentialId: id }, ports);
  if (examined === undefined) {
    const known = await ports.credentials.find(tenantId, id);
    return known === undefined ? refuse('not-found') : beingRemoved;
  }
  const { evidence, health } = await checkNow(examined, ports);
  // Who asks again and again has it repeated once.
  if (evidence.evidence === 'none' && (examined.health?.misses ?? 0) === 0) {
    const ticket = repeatTicket(examined.credential, ports.now());
    await ports.tickets.open(ticket);
    await handOverWork(ticket, ports);
  }
  const current = (await ports.credentials.find(tenantId, id)) ?? examined.credential;
  return { kind: 'ok', body: healthView(current, health) };
};

/** Kept of the caller's patience for the answer, and for what has to be asked again. In milliseconds. */
const closingReserve = 4_000;

export const checkCredentialRoute = apiRoute({
  routeKey: 'POST /v1/credentials/{credentialId}/check',
  path: z.object({ credentialId }),
  run: ({ caller, path, timeLeft }) =>
    checkCredential(caller, path.credentialId, {
      ...ports.checking(() => timeLeft() - closingReserve),
      tickets: ports.tickets(),
      queues: ports.workQueues(),
    }),
});
