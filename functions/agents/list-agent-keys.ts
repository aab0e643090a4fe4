import * as z from 'zod';
import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import { type AgentId, agentId } from '../../shared/contracts/ids.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { agentKeyView } from '../../shared/domain/representations.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

/** Lists the keys of an agent, never what they are. */
export const listAgentKeys = async (
  caller: Caller,
  id: AgentId,
  agents: Pick<AgentReader, 'find'>,
): Promise<Answer | Refused> => {
  const agent = await agents.find(caller.tenantId, id);
  if (agent === undefined) return refuse('not-found');
  return { kind: 'ok', body: { items: agent.agentKeys.map(agentKeyView), nextCursor: null } };
};

export const listAgentKeysRoute = apiRoute({
  routeKey: 'GET /v1/agents/{agentId}/keys',
  path: z.object({ agentId }),
  run: ({ caller, path }) => listAgentKeys(caller, path.agentId, ports.agents()),
});
