import * as z from 'zod';
import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type AgentId, agentId } from '../../shared/contracts/ids.ts';
import type { AgentChanges } from '../../shared/domain/agent-edition.ts';
import { rebound, releasedBy } from '../../shared/domain/bindings.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { releaseTicket } from '../../shared/domain/release-tickets.ts';
import type { WorkQueues } from '../../shared/domain/work.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { handOverWork } from '../edge/hand-over-work.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { viewAgent } from './view-agent.ts';

export interface ResumeAgentPorts {
  readonly agents: AgentReader;
  readonly saver: AgentChanges;
  readonly credentials: CredentialReader;
  readonly queues: WorkQueues;
  readonly journal: Journal;
  readonly now: () => Date;
}

/**
 * The agent gets its events again, the held ones first. Its target is tried afresh, also where it was suspended or had said 410. No edit:
 * its version stays. Where nothing holds its events nothing changes.
 */
export const resumeAgent = async (caller: Caller, id: AgentId, ports: ResumeAgentPorts): Promise<Answer | Refused> => {
  const before = await ports.agents.find(caller.tenantId, id);
  if (before === undefined) return refuse('not-found');
  const after = { ...before, pausedAt: null };
  const numbers = await rebound(after, ports.agents, { afresh: true });
  const tickets = releasedBy(numbers, id).map((phoneNumberId) =>
    releaseTicket({ tenantId: caller.tenantId, phoneNumberId }, ports.now()),
  );
  if (before.pausedAt !== null || tickets.length > 0) {
    const change = { before, after, numbers, sealed: [], retired: [], tickets, about: ['resume'] };
    if (!(await ports.saver.save(change)))
      return refuse('conflict', { guidance: 'Repeat the request.', retryAfterSeconds: 1 });
    for (const ticket of tickets) await handOverWork(ticket, ports);
  }
  return { kind: 'ok', body: await viewAgent(after, ports), version: after.version };
};

export const resumeAgentRoute = apiRoute({
  routeKey: 'POST /v1/agents/{agentId}/resume',
  path: z.object({ agentId }),
  run: ({ caller, path }) =>
    resumeAgent(caller, path.agentId, {
      agents: ports.agents(),
      saver: ports.agentSaver(),
      credentials: ports.credentials(),
      queues: ports.workQueues(),
      journal,
      now: () => new Date(),
    }),
});
