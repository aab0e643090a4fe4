import * as z from 'zod';
import { environmentName } from '../../shared/contracts/environment.ts';
import { type AgentId, type TenantId, tenantId } from '../../shared/contracts/ids.ts';
import { destination } from '../../shared/contracts/notification.ts';
import { jsonOf } from '../../shared/domain/json.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { setting } from './environment.ts';

export interface Caller {
  readonly tenantId: TenantId;
  /** `sub` of the token, or the id of the agent's key: who did it, for the audit. */
  readonly subject: string;
  /** An agent that calls with a key of its own: what is its own it may do, and nothing else. */
  readonly agentId?: AgentId;
  /** Only where the issuer says that it is verified. */
  readonly email?: string;
}

/** Finds out who calls, from the header Authorization. */
export type Authenticate = (authorization: string | undefined) => Caller | Refused | Promise<Caller | Refused>;

const claims = z.looseObject({ sub: z.string().min(1), exp: z.number() });

/** "Standard Claims", OpenID Connect Core 1.0, section 5.1; Cognito writes booleans as text. */
const verifiedEmail = z.object({
  email: destination.options[0].shape.endpoint,
  email_verified: z.union([z.literal(true), z.literal('true')]),
});

/**
 * Who calls, read from the token that the gateway has verified (signature, issuer, audience, time) before this code runs.
 * Read from the token itself, not from the gateway's claims: those are flattened to strings. The tenant comes from nowhere else.
 */
export const callerOf = (authorization: string | undefined): Caller | Refused => {
  const payload = /^Bearer [^.]+\.([^.]+)\.[^.]+$/i.exec(authorization ?? '')?.[1];
  const token = claims.safeParse(jsonOf(Buffer.from(payload ?? '', 'base64url')));
  if (!token.success)
    return unauthenticated('Use an access token with a subject and an expiry of the configured issuer.');
  const tenant = tenantId.safeParse(token.data[setting(environmentName.tenantClaim)]);
  if (!tenant.success)
    return refuse('tenant-missing', { guidance: 'Ask the operator to give your user a tenant, then sign in again.' });
  const { email } = verifiedEmail.safeParse(token.data).data ?? {};
  return { tenantId: tenant.data, subject: token.data.sub, ...(email === undefined ? {} : { email }) };
};

export const unauthenticated = (guidance: string): Refused => refuse('unauthenticated', { guidance });
