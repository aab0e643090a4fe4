import type { ActivityReader } from '../../shared/adapters/activity-store.ts';
import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { Page } from '../../shared/adapters/directory-reader.ts';
import type { Dashboard } from '../../shared/contracts/dashboard.ts';
import { dashboardOf } from '../../shared/domain/dashboard.ts';
import type { MetaUsageStore } from '../../shared/domain/meta-usage.ts';
import { phoneNumberIdOf } from '../../shared/domain/representations.ts';
import { claimedNumbersOf } from '../../shared/domain/webhook-at-meta.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

export interface ShowDashboardPorts {
  readonly credentials: Pick<CredentialReader, 'list' | 'lastChecks'>;
  readonly agents: Pick<AgentReader, 'list' | 'readNumbers'>;
  readonly usage: Pick<MetaUsageStore, 'findMany'>;
  readonly activity: Pick<ActivityReader, 'counted' | 'numbers' | 'agents'>;
  readonly now: () => Date;
}

/** One answer shows so many pages of 100 of credentials, and of agents: more than that is for the lists, which page. */
const mostPages = 5;
const pageSize = 100;

/** Everything that a dashboard shows. What it reads grows by the hundred of credentials and agents, never by one of them. */
export const showDashboard = async (
  { tenantId }: Caller,
  { credentials, agents, usage, activity, now }: ShowDashboardPorts,
): Promise<Answer> => {
  const at = now();
  const [allCredentials, allAgents, spans] = await Promise.all([
    pagesOf((after) => credentials.list(tenantId, pageSize, after)),
    pagesOf((after) => agents.list(tenantId, pageSize, after)),
    activity.counted(tenantId, at),
  ]);
  const [numberTimes, agentTimes, usages, checks, numbers] = await Promise.all([
    activity.numbers(tenantId, allCredentials.items.flatMap(claimedNumbersOf)),
    activity.agents(
      tenantId,
      allAgents.items.map(({ agentId }) => agentId),
    ),
    usage.findMany(allCredentials.items, at),
    credentials.lastChecks(
      tenantId,
      allCredentials.items.map(({ credentialId }) => credentialId),
    ),
    agents.readNumbers(allAgents.items.flatMap((agent) => phoneNumberIdOf(agent) ?? [])),
  ]);
  const body: Dashboard = dashboardOf({
    now: at,
    credentials: allCredentials.items,
    agents: allAgents.items,
    isComplete: allCredentials.isComplete && allAgents.isComplete && spans.isComplete,
    ...{ spans, numberTimes, agentTimes, usages, checks, numbers },
  });
  return { kind: 'ok', body };
};

const pagesOf = async <T>(
  read: (after: string | undefined) => Promise<Page<T>>,
): Promise<{ readonly items: readonly T[]; readonly isComplete: boolean }> => {
  const items: T[] = [];
  let after: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const { items: found, nextCursor } = await read(after);
    items.push(...found);
    if (nextCursor === null) return { items, isComplete: true };
    after = nextCursor;
  }
  return { items, isComplete: false };
};

export const showDashboardRoute = apiRoute({
  routeKey: 'GET /v1/dashboard',
  run: ({ caller }) =>
    showDashboard(caller, {
      credentials: ports.credentials(),
      agents: ports.agents(),
      usage: ports.metaUsage(),
      activity: ports.activity(),
      now: () => new Date(),
    }),
});
