import type { ActivityReader } from '../../shared/adapters/activity-store.ts';
import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { pageQuery } from '../../shared/contracts/page.ts';
import { agentView, credentialIdOf, phoneNumberIdOf } from '../../shared/domain/representations.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

/** Lists the caller's agents by id: in four reads, however many they are. */
export const listAgents = async (
  caller: Caller,
  page: { readonly limit: number; readonly cursor?: string | undefined },
  {
    agents,
    credentials,
    activity,
  }: {
    readonly agents: AgentReader;
    readonly credentials: CredentialReader;
    readonly activity: Pick<ActivityReader, 'agents'>;
  },
): Promise<Answer> => {
  const { items, nextCursor } = await agents.list(caller.tenantId, page.limit, page.cursor);
  const [connectedBy, numbers, times] = await Promise.all([
    credentials.findMany(
      caller.tenantId,
      items.flatMap((agent) => credentialIdOf(agent) ?? []),
    ),
    agents.readNumbers(items.flatMap((agent) => phoneNumberIdOf(agent) ?? [])),
    activity.agents(
      caller.tenantId,
      items.map(({ agentId }) => agentId),
    ),
  ]);
  return {
    kind: 'ok',
    body: {
      items: items.map((agent) => {
        const [id, number] = [credentialIdOf(agent), phoneNumberIdOf(agent)];
        return agentView(agent, id && connectedBy.get(id), number && numbers.get(number), times.get(agent.agentId));
      }),
      nextCursor,
    },
  };
};

export const listAgentsRoute = apiRoute({
  routeKey: 'GET /v1/agents',
  query: pageQuery,
  run: ({ caller, query }) =>
    listAgents(caller, query, {
      agents: ports.agents(),
      credentials: ports.credentials(),
      activity: ports.activity(),
    }),
});
