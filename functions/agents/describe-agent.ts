import * as z from 'zod';
import type { ActivityReader } from '../../shared/adapters/activity-store.ts';
import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type AgentId, agentId } from '../../shared/contracts/ids.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';
import { viewAgent } from './view-agent.ts';

/** Describes one agent of the caller. Somebody else's does not exist for them. */
export const describeAgent = async (
  caller: Caller,
  id: AgentId,
  {
    agents,
    credentials,
    activity,
  }: {
    readonly agents: AgentReader;
    readonly credentials: CredentialReader;
    readonly activity: Pick<ActivityReader, 'agents'>;
  },
): Promise<Answer | Refused> => {
  const [agent, times] = await Promise.all([agents.find(caller.tenantId, id), activity.agents(caller.tenantId, [id])]);
  if (agent === undefined) return refuse('not-found');
  const body = await viewAgent(agent, { agents, credentials }, times.get(id));
  return { kind: 'ok', body, version: agent.version };
};

export const describeAgentRoute = apiRoute({
  routeKey: 'GET /v1/agents/{agentId}',
  path: z.object({ agentId }),
  run: ({ caller, path }) =>
    describeAgent(caller, path.agentId, {
      agents: ports.agents(),
      credentials: ports.credentials(),
      activity: ports.activity(),
    }),
});
