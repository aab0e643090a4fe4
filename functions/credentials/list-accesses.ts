import * as z from 'zod';
import type { AuditReader } from '../../shared/adapters/audit-reader.ts';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { pageQuery } from '../../shared/contracts/page.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';

export interface ListAccessesPorts {
  readonly accesses: AuditReader;
  readonly credentials: Pick<CredentialReader, 'find'>;
  readonly journal: Journal;
}

/**
 * Lists who opened or changed a credential of the caller, newest first, also after it was removed. The lines are looked up under
 * the caller's own tenant, so those of somebody else's credential do not exist for them.
 */
export const listAccesses = async (
  { tenantId }: Caller,
  credentialId: CredentialId,
  page: { readonly limit: number; readonly cursor?: string | undefined },
  { accesses, credentials, journal }: ListAccessesPorts,
): Promise<Answer | Refused> => {
  const { items, nextCursor, unreadable } = await accesses.list({ tenantId, subjectId: credentialId }, page);
  if (unreadable > 0) journal.error('audit-unreadable', { tenantId, credentialId, count: unreadable });
  const known = items.length > 0 || unreadable > 0 || (await credentials.find(tenantId, credentialId)) !== undefined;
  return known ? { kind: 'ok', body: { items, nextCursor } } : refuse('not-found');
};

export const listAccessesRoute = apiRoute({
  routeKey: 'GET /v1/credentials/{credentialId}/audit',
  path: z.object({ credentialId }),
  query: pageQuery,
  run: ({ caller, path, query }) =>
    listAccesses(caller, path.credentialId, query, {
      accesses: ports.accesses(),
      credentials: ports.credentials(),
      journal,
    }),
});
