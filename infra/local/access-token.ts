import { importJWK, type JWK, SignJWT } from 'jose';
import { ALGORITHM } from './issuer-key.ts';

export const AUDIENCE = 'switchboard';
export const OPERATOR_GROUP = 'operators';
export const LIFETIME_SECONDS = 12 * 3600;

export interface Identity {
  readonly tenant: string;
  readonly operator: boolean;
  /** Their address, as one that is verified. */
  readonly email?: string | undefined;
}

/** The claims that say who somebody is; named as Cognito names them, because the deployed stage has Cognito. */
export function claimsOf({ tenant, operator, email }: Identity) {
  return {
    sub: `demo-user@${tenant}`,
    tenant,
    ...(email === undefined ? {} : { email, email_verified: true }),
    ...(operator ? { 'cognito:groups': [OPERATOR_GROUP] } : {}),
  };
}

/** An access token of the local issuer, good for twelve hours. */
export async function signAccessToken(key: JWK, issuer: string, identity: Identity): Promise<string> {
  return new SignJWT({ ...claimsOf(identity), token_use: 'access' })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', ...(key.kid === undefined ? {} : { kid: key.kid }) })
    .setIssuer(issuer)
    .setAudience(AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(`${LIFETIME_SECONDS}s`)
    .sign(await importJWK(key, ALGORITHM));
}
