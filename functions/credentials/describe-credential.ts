import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import type { MetaUsageStore } from '../../shared/domain/meta-usage.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { credentialView, usageView } from '../../shared/domain/representations.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

export interface DescribeCredentialPorts {
  readonly credentials: CredentialReader;
  readonly usage: Pick<MetaUsageStore, 'find'>;
  readonly now: () => Date;
}

/** Describes one credential of the caller. Somebody else's does not exist for them. */
export const describeCredential = async (
  caller: Caller,
  id: CredentialId,
  { credentials, usage, now }: DescribeCredentialPorts,
): Promise<Answer | Refused> => {
  const credential = await credentials.find(caller.tenantId, id);
  if (credential === undefined) return refuse('not-found');
  const [app, noted] = await Promise.all([credentials.findApp(credential.appId), usage.find(credential, now())]);
  const body = { ...credentialView(credential, app), ...(noted === undefined ? {} : { metaUsage: usageView(noted) }) };
  return { kind: 'ok', body, version: credential.version };
};

export const describeCredentialRoute = apiRoute({
  routeKey: 'GET /v1/credentials/{credentialId}',
  path: z.object({ credentialId }),
  run: ({ caller, path }) =>
    describeCredential(caller, path.credentialId, {
      credentials: ports.credentials(),
      usage: ports.metaUsage(),
      now: () => new Date(),
    }),
});
