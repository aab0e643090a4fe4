import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { RemovalStarter } from '../../shared/adapters/removal-store.ts';
import { removeCredentialQuery } from '../../shared/contracts/credential.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { CredentialRecord, MetaAppRecord } from '../../shared/domain/records.ts';
import { releaseCredentialTicket } from '../../shared/domain/release-tickets.ts';
import { credentialView } from '../../shared/domain/representations.ts';
import { newTicket, type WorkQueues } from '../../shared/domain/work.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { handOverWork } from '../edge/hand-over-work.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { settled, sleep } from './patience.ts';

export interface RemoveCredentialPorts {
  readonly credentials: CredentialReader;
  readonly starter: RemovalStarter;
  readonly queues: WorkQueues;
  readonly journal: Journal;
  readonly now: () => Date;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/**
 * How long Meta has to become reachable again: nothing can be opened 72 hours after the request, of which an hour is left for the
 * sweeper and the worker. In milliseconds.
 */
const cleanUpTime = 71 * 60 * 60 * 1000;

const maxRaces = 4;

/**
 * Removes a credential. It stops everything at once; then a worker takes it out of Meta and shreds the last secret. Answers 200 when
 * that is done in time, 202 while it is going on. Repeating it does no harm.
 */
export const removeCredential = async (
  caller: Caller,
  id: CredentialId,
  agents: 'refuse' | 'unbind',
  timeLeft: () => number,
  ports: RemoveCredentialPorts,
): Promise<Answer | Refused> => {
  for (let race = 0; race < maxRaces; race++) {
    const credential = await ports.credentials.find(caller.tenantId, id);
    const app = credential && (await ports.credentials.findApp(credential.appId));
    if (credential === undefined) return refuse('not-found');
    if (credential.status === 'removing') return gone(credential, app, timeLeft, ports);
    const agentIds = [...new Set(Object.values(credential.claimedNumbers).flatMap((number) => number.agentIds))];
    if (agents === 'refuse' && agentIds.length > 0) return agentsBound(agentIds);

    const now = ports.now();
    const shredAt = new Date(now.getTime() + cleanUpTime).toISOString();
    const own = { tenantId: caller.tenantId, credentialId: id };
    const tickets = [
      newTicket({ kind: 'clean-up', ...own }, now),
      // Its numbers are nobody's from here on, and what is held on them is discarded.
      releaseCredentialTicket(credential, now),
    ];
    const removal = { requestedAt: now.toISOString(), shredAt, agentIds, finishedAt: null };
    if (!(await ports.starter.start(credential, removal, tickets))) continue;
    for (const ticket of tickets) await handOverWork(ticket, ports);
    const version = credential.version + 1;
    const removed = { ...credential, status: 'removing' as const, removal, claimedNumbers: {}, version };
    return gone({ ...removed, updatedAt: removal.requestedAt }, app, timeLeft, ports);
  }
  return refuse('conflict', { guidance: 'Repeat the request.', retryAfterSeconds: 1 });
};

const agentsBound = (agentIds: readonly string[]): Refused =>
  refuse('agents-bound', {
    detail: `Agents use the credential: ${agentIds.join(', ')}.`,
    agents: [...agentIds],
    guidance: 'Switch WhatsApp off for these agents first, or repeat the request with ?agents=unbind.',
  });

/** Waits for the clean-up as long as the caller can wait. */
const gone = async (
  credential: CredentialRecord,
  app: MetaAppRecord | undefined,
  timeLeft: () => number,
  ports: RemoveCredentialPorts,
): Promise<Answer> => {
  const { tenantId, credentialId: id } = credential;
  const last = await settled(
    () => ports.credentials.find(tenantId, id),
    (current) => current?.removal?.finishedAt !== null,
    { timeLeft, sleep: ports.sleep },
  );
  const isDone = last?.removal?.finishedAt !== null;
  const seen = last ?? credential;
  return { kind: isDone ? 'ok' : 'accepted', body: credentialView(seen, app), version: seen.version };
};

export const removeCredentialRoute = apiRoute({
  routeKey: 'DELETE /v1/credentials/{credentialId}',
  path: z.object({ credentialId }),
  query: removeCredentialQuery,
  run: ({ caller, path, query, timeLeft }) =>
    removeCredential(caller, path.credentialId, query.agents, timeLeft, {
      credentials: ports.credentials(),
      starter: ports.removalStarter(),
      queues: ports.workQueues(),
      journal,
      now: () => new Date(),
      sleep,
    }),
});
