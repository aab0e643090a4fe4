import * as z from 'zod';
import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type AgentId, agentId } from '../../shared/contracts/ids.ts';
import type { AgentChanges } from '../../shared/domain/agent-edition.ts';
import { rebound } from '../../shared/domain/bindings.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';
import { viewAgent } from './view-agent.ts';

export interface PauseAgentPorts {
  readonly agents: AgentReader;
  readonly saver: AgentChanges;
  readonly credentials: CredentialReader;
  readonly now: () => Date;
}

/** From the next event on what is for the agent is held. No edit: its version stays. Pausing it again changes nothing. */
export const pauseAgent = async (caller: Caller, id: AgentId, ports: PauseAgentPorts): Promise<Answer | Refused> => {
  const before = await ports.agents.find(caller.tenantId, id);
  if (before === undefined) return refuse('not-found');
  const after = { ...before, pausedAt: before.pausedAt ?? ports.now().toISOString() };
  if (before.pausedAt === null) {
    const numbers = await rebound(after, ports.agents);
    const change = { before, after, numbers, sealed: [], retired: [], tickets: [], about: ['pause'] };
    if (!(await ports.saver.save(change)))
      return refuse('conflict', { guidance: 'Repeat the request.', retryAfterSeconds: 1 });
  }
  return { kind: 'ok', body: await viewAgent(after, ports), version: after.version };
};

export const pauseAgentRoute = apiRoute({
  routeKey: 'POST /v1/agents/{agentId}/pause',
  path: z.object({ agentId }),
  run: ({ caller, path }) =>
    pauseAgent(caller, path.agentId, {
      agents: ports.agents(),
      saver: ports.agentSaver(),
      credentials: ports.credentials(),
      now: () => new Date(),
    }),
});
