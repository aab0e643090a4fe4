import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { healthView } from '../../shared/domain/representations.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

/** How a credential of the caller is, by the last check. Asks nobody. */
export const describeHealth = async (
  { tenantId }: Caller,
  id: CredentialId,
  credentials: Pick<CredentialReader, 'find' | 'findHealth'>,
): Promise<Answer | Refused> => {
  const credential = await credentials.find(tenantId, id);
  if (credential === undefined) return refuse('not-found');
  return { kind: 'ok', body: healthView(credential, await credentials.findHealth(tenantId, id)) };
};

export const describeHealthRoute = apiRoute({
  routeKey: 'GET /v1/credentials/{credentialId}/health',
  path: z.object({ credentialId }),
  run: ({ caller, path }) => describeHealth(caller, path.credentialId, ports.credentials()),
});
