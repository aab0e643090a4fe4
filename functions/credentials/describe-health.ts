import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { DescribedHealth } from '../../shared/contracts/health.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { pageQuery } from '../../shared/contracts/page.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { healthView } from '../../shared/domain/representations.ts';
import type { VerdictHistory } from '../../shared/domain/verdict-history.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

export interface DescribeHealthPorts {
  readonly credentials: Pick<CredentialReader, 'find' | 'findHealth'>;
  readonly history: VerdictHistory;
}

/** How a credential of the caller is, by the last check, and how it was before. Asks nobody. */
export const describeHealth = async (
  { tenantId }: Caller,
  id: CredentialId,
  page: { readonly limit: number; readonly cursor?: string | undefined },
  { credentials, history }: DescribeHealthPorts,
): Promise<Answer | Refused> => {
  const credential = await credentials.find(tenantId, id);
  if (credential === undefined) return refuse('not-found');
  const { items, nextCursor } = await history.list(tenantId, id, page.limit, page.cursor);
  const body: DescribedHealth = {
    ...healthView(credential, await credentials.findHealth(tenantId, id)),
    history: items.map(({ at, from, to }) => ({ at, from, to })),
    nextCursor,
  };
  return { kind: 'ok', body };
};

export const describeHealthRoute = apiRoute({
  routeKey: 'GET /v1/credentials/{credentialId}/health',
  path: z.object({ credentialId }),
  query: pageQuery,
  run: ({ caller, path, query }) =>
    describeHealth(caller, path.credentialId, query, { credentials: ports.credentials(), history: ports.history() }),
});
