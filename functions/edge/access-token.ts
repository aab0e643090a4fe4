import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import * as z from 'zod';
import { Fault } from '../../shared/domain/fault.ts';

export interface TokenRules {
  readonly issuer: string;
  /** One of them must be in `aud`, or in `client_id`, where Cognito puts it. */
  readonly audiences: readonly string[];
  /** Undefined: none is asked for. */
  readonly requiredScope: string | undefined;
}

/** An issuer that answers later than this is not there. In milliseconds. */
const discoveryTimeout = 3_000;

const discovery = z.object({ issuer: z.string(), jwks_uri: z.url() });
const claims = z.object({
  aud: z.union([z.string(), z.array(z.string())]).optional(),
  client_id: z.string().optional(),
  scope: z.string().optional(),
});

/**
 * Judges access tokens as the gateway's JWT authorizer does: signature by a key of the issuer, issuer, audience, time, scope ("Controlling access
 * to HTTP APIs with JWT authorizers", API Gateway developer guide). Stricter in one thing: a token without expiry is no good.
 */
export const accessTokens = (rules: TokenRules) => {
  let keys: JWTVerifyGetKey | undefined;
  const keysOfIssuer = async (): Promise<JWTVerifyGetKey> =>
    (keys ??= createRemoteJWKSet(await jwksUriOf(rules.issuer)));
  return {
    /** @throws {Fault} issuer-unavailable */
    async isAcceptable(token: string): Promise<boolean> {
      try {
        const { payload } = await jwtVerify(token, await keysOfIssuer(), {
          issuer: rules.issuer,
          algorithms: ['RS256'],
          requiredClaims: ['exp'],
        });
        return meets(payload, rules);
      } catch (error) {
        if (error instanceof Fault) throw error;
        if (saysSo(error)) return false;
        throw new Fault('issuer-unavailable', { retryable: true, cause: error });
      }
    },
  };
};

const meets = (payload: unknown, { audiences, requiredScope }: TokenRules): boolean => {
  const said = claims.safeParse(payload);
  if (!said.success) return false;
  const { aud, client_id: clientId, scope = '' } = said.data;
  const named = aud === undefined ? [clientId] : [aud].flat();
  const isForUs = named.some((one) => one !== undefined && audiences.includes(one));
  return isForUs && (requiredScope === undefined || scope.split(' ').includes(requiredScope));
};

/** Errors that say something about the token, and not about the issuer. */
const saysSo = (error: unknown): boolean =>
  error instanceof errors.JWTClaimValidationFailed ||
  error instanceof errors.JWTExpired ||
  error instanceof errors.JWTInvalid ||
  error instanceof errors.JWSInvalid ||
  error instanceof errors.JWSSignatureVerificationFailed ||
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys ||
  error instanceof errors.JOSEAlgNotAllowed ||
  error instanceof errors.JOSENotSupported;

/** OpenID Connect Discovery 1.0, section 4. Who answers for another issuer is not believed. */
const jwksUriOf = async (issuer: string): Promise<URL> => {
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    redirect: 'error',
    signal: AbortSignal.timeout(discoveryTimeout),
  });
  const found = discovery.safeParse(await response.json());
  if (!response.ok || !found.success || found.data.issuer !== issuer)
    throw new Fault('issuer-unavailable', { retryable: true });
  return new URL(found.data.jwks_uri);
};
