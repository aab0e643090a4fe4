import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { pageQuery } from '../../shared/contracts/page.ts';
import { agentView, credentialIdOf, phoneNumberIdOf } from '../../shared/domain/representations.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

/** Lists the caller's agents by id: in three reads, however many they are. */
export const listAgents = async (
  caller: Caller,
  page: { readonly limit: number; readonly cursor?: string | undefined },
  agents: AgentReader,
  credentials: CredentialReader,
): Promise<Answer> => {
  const { items, nextCursor } = await agents.list(caller.tenantId, page.limit, page.cursor);
  const [connectedBy, numbers] = await Promise.all([
    credentials.findMany(
      caller.tenantId,
      items.flatMap((agent) => credentialIdOf(agent) ?? []),
    ),
    agents.readNumbers(items.flatMap((agent) => phoneNumberIdOf(agent) ?? [])),
  ]);
  return {
    kind: 'ok',
    body: {
      items: items.map((agent) => {
        const [id, number] = [credentialIdOf(agent), phoneNumberIdOf(agent)];
        return agentView(agent, id && connectedBy.get(id), number && numbers.get(number));
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
