import * as z from 'zod';
import type { ActivityReader } from '../../shared/adapters/activity-store.ts';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { CredentialActivity } from '../../shared/contracts/activity.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { pageQuery } from '../../shared/contracts/page.ts';
import { agentSums, countersOf, eventView, numberSums } from '../../shared/domain/activity.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

export interface DescribeActivityPorts {
  readonly credentials: Pick<CredentialReader, 'find'>;
  readonly activity: Pick<ActivityReader, 'countedOf' | 'recent'>;
  readonly now: () => Date;
}

/** What went through a credential of the caller, in three reads. Somebody else's does not exist for them. */
export const describeActivity = async (
  { tenantId }: Caller,
  id: CredentialId,
  page: { readonly limit: number; readonly cursor?: string | undefined },
  { credentials, activity, now }: DescribeActivityPorts,
): Promise<Answer | Refused> => {
  if ((await credentials.find(tenantId, id)) === undefined) return refuse('not-found');
  const at = now();
  const [spans, { items, nextCursor }] = await Promise.all([
    activity.countedOf(tenantId, id, at),
    activity.recent(id, page, at),
  ]);
  const all = [...spans.hours, ...spans.days];
  const numbers = [...new Set(all.flatMap((span) => [...span.numbers.keys()]))].sort();
  const agents = [...new Set(all.flatMap((span) => [...span.agents.keys()]))].sort();
  const body: CredentialActivity = {
    counters: countersOf(spans, at),
    phoneNumbers: numbers.map((phoneNumberId) => ({ phoneNumberId, ...numberSums(spans, phoneNumberId) })),
    agents: agents.map((agentId) => ({ agentId, ...agentSums(spans, agentId) })),
    items: items.map(eventView),
    nextCursor,
  };
  return { kind: 'ok', body };
};

export const describeActivityRoute = apiRoute({
  routeKey: 'GET /v1/credentials/{credentialId}/activity',
  path: z.object({ credentialId }),
  query: pageQuery,
  run: ({ caller, path, query }) =>
    describeActivity(caller, path.credentialId, query, {
      credentials: ports.credentials(),
      activity: ports.activity(),
      now: () => new Date(),
    }),
});
