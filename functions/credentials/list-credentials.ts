import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { pageQuery } from '../../shared/contracts/page.ts';
import { credentialView } from '../../shared/domain/representations.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

/** Lists the caller's credentials, oldest first. */
export const listCredentials = async (
  caller: Caller,
  page: { readonly limit: number; readonly cursor?: string | undefined },
  credentials: CredentialReader,
): Promise<Answer> => {
  const { items, nextCursor } = await credentials.list(caller.tenantId, page.limit, page.cursor);
  const apps = await credentials.appsOf(items);
  return {
    kind: 'ok',
    body: {
      items: items.map((credential) => credentialView(credential, apps.get(credential.appId))),
      nextCursor,
    },
  };
};

export const listCredentialsRoute = apiRoute({
  routeKey: 'GET /v1/credentials',
  query: pageQuery,
  run: ({ caller, query }) => listCredentials(caller, query, ports.credentials()),
});
