import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { phoneNumbersView } from '../../shared/domain/representations.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

/** The numbers of a credential as Meta last described them, and which agents answer them. One page: Meta's limits keep it short. */
export const listPhoneNumbers = async (
  caller: Caller,
  id: CredentialId,
  credentials: CredentialReader,
): Promise<Answer | Refused> => {
  const credential = await credentials.find(caller.tenantId, id);
  return credential === undefined
    ? refuse('not-found')
    : { kind: 'ok', body: { items: phoneNumbersView(credential), nextCursor: null } };
};

export const listPhoneNumbersRoute = apiRoute({
  routeKey: 'GET /v1/credentials/{credentialId}/phone-numbers',
  path: z.object({ credentialId }),
  run: ({ caller, path }) => listPhoneNumbers(caller, path.credentialId, ports.credentials()),
});
