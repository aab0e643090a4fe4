import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { pageQuery } from '../../shared/contracts/page.ts';
import { agentView, credentialIdOf } from '../../shared/domain/representations.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

/** Lists the caller's agents by id. */
export const listAgents = async (
  caller: Caller,
  page: { readonly limit: number; readonly cursor?: string | undefined },
  agents: AgentReader,
  credentials: CredentialReader,
): Promise<Answer> => {
  const { items, nextCursor } = await agents.list(caller.tenantId, page.limit, page.cursor);
  const connectedBy = await credentials.findMany(
    caller.tenantId,
    items.flatMap((agent) => credentialIdOf(agent) ?? []),
  );
  return {
    kind: 'ok',
    body: {
      items: items.map((agent) => {
        const id = credentialIdOf(agent);
        return agentView(agent, id && connectedBy.get(id));
      }),
      nextCursor,
    },
  };
};

export const listAgentsRoute = apiRoute({
  routeKey: 'GET /v1/agents',
  query: pageQuery,
  run: ({ caller, query }) => listAgents(caller, query, ports.agents(), ports.credentials()),
});
