import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { replayHeldRequest } from '../../shared/contracts/held.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { releaseCredentialTicket } from '../../shared/domain/release-tickets.ts';
import type { Ticket, WorkQueues } from '../../shared/domain/work.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { handOverWork } from '../edge/hand-over-work.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';

export interface DecideHeldPorts {
  readonly credentials: CredentialReader;
  readonly tickets: { open(ticket: Ticket): Promise<void> };
  readonly queues: WorkQueues;
  readonly journal: Journal;
  readonly now: () => Date;
}

/** What the user decides about held events: `replay` also what waits for the choice, or `discard` all that is held by now. */
export type Decision =
  | { readonly action: 'replay'; readonly maxAgeHours: number | null }
  | { readonly action: 'discard' };

/**
 * Has the held events of a credential replayed or discarded, conversation by conversation, behind what is already under way. What a paused
 * agent or a stopped account holds stays held.
 */
export const decideHeld = async (
  caller: Caller,
  id: CredentialId,
  decision: Decision,
  ports: DecideHeldPorts,
): Promise<Answer | Refused> => {
  const credential = await ports.credentials.find(caller.tenantId, id);
  if (credential === undefined) return refuse('not-found');
  const now = ports.now();
  const ticket = releaseCredentialTicket(
    credential,
    now,
    decision.action === 'replay'
      ? { action: 'replay-all', maxAgeHours: decision.maxAgeHours }
      : { action: 'discard', heldBefore: now.toISOString() },
  );
  await ports.tickets.open(ticket);
  await handOverWork(ticket, ports);
  return { kind: 'accepted', body: { credentialId: id, action: decision.action } };
};

const releasePorts = (): DecideHeldPorts => ({
  credentials: ports.credentials(),
  tickets: ports.tickets(),
  queues: ports.workQueues(),
  journal,
  now: () => new Date(),
});

export const replayHeldRoute = apiRoute({
  routeKey: 'POST /v1/credentials/{credentialId}/held/replay',
  path: z.object({ credentialId }),
  body: replayHeldRequest,
  bodyOptional: true,
  idempotent: true,
  run: ({ caller, path, body }) =>
    decideHeld(caller, path.credentialId, { action: 'replay', maxAgeHours: body.maxAgeHours ?? null }, releasePorts()),
});

export const discardHeldRoute = apiRoute({
  routeKey: 'DELETE /v1/credentials/{credentialId}/held',
  path: z.object({ credentialId }),
  run: ({ caller, path }) => decideHeld(caller, path.credentialId, { action: 'discard' }, releasePorts()),
});
