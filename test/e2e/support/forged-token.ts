import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importJWK, type JWK, SignJWT } from 'jose';
import { stack } from './stack.ts';

const now = (): number => Math.floor(Date.now() / 1000);

/** Claims of a good token of a tenant; undefined takes one away. */
export type Claims = Readonly<Record<string, string | number | undefined>>;

/** Signed with the issuer's own key: what its tokens would look like if it were careless. */
export async function carelessToken(changes: Claims): Promise<string> {
  const file = join(stack.stateDirectory, 'issuer-key.json');
  const key = JSON.parse(readFileSync(file, 'utf8')) as JWK;
  return new SignJWT(claims(changes))
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(key.kid === undefined ? {} : { kid: key.kid }) })
    .sign(await importJWK(key, 'RS256'));
}

/** Signed by nobody. */
export function unsignedToken(changes: Claims = {}): string {
  return `${encoded({ alg: 'none', typ: 'JWT' })}.${encoded(claims(changes))}.`;
}

/** The same token with other claims under the old signature. */
export function tampered(token: string, changes: Claims): string {
  const [header, payload = '', signature] = token.split('.');
  const before = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as object;
  return `${header}.${encoded({ ...before, ...changes })}.${signature}`;
}

const claims = (changes: Claims): Record<string, unknown> => ({
  iss: stack.issuer,
  aud: 'switchboard',
  sub: 'somebody',
  tenant: 'acme',
  iat: now(),
  exp: now() + 600,
  ...changes,
});

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
