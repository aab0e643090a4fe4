import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { credentialView } from '../../shared/domain/representations.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

/** Describes one credential of the caller. Somebody else's does not exist for them. */
export const describeCredential = async (
  caller: Caller,
  id: CredentialId,
  credentials: CredentialReader,
): Promise<Answer | Refused> => {
  const credential = await credentials.find(caller.tenantId, id);
  const app = credential && (await credentials.findApp(credential.appId));
  if (credential === undefined) return refuse('not-found');
  return { kind: 'ok', body: credentialView(credential, app), version: credential.version };
};

export const describeCredentialRoute = apiRoute({
  routeKey: 'GET /v1/credentials/{credentialId}',
  path: z.object({ credentialId }),
  run: ({ caller, path }) => describeCredential(caller, path.credentialId, ports.credentials()),
});
