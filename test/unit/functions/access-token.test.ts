import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { accessTokens } from '../../../functions/edge/access-token.ts';
import { jsonAnswer, loopbackServer } from '../../support/loopback-server.ts';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;
let own: KeyPair;
let other: KeyPair;
beforeAll(async () => {
  own = await generateKeyPair('RS256');
  other = await generateKeyPair('RS256');
});

/** An OpenID Connect issuer that publishes one key. */
const issuerOf = async (says: { readonly issuer?: string; readonly isDown?: boolean } = {}) => {
  const jwk = { ...(await exportJWK(own.publicKey)), kid: 'own', alg: 'RS256', use: 'sig' };
  const server = await loopbackServer(({ url }, response) => {
    if (says.isDown) return jsonAnswer(response, 503, {});
    return url.pathname.endsWith('/openid-configuration')
      ? jsonAnswer(response, 200, { issuer: says.issuer ?? server.url, jwks_uri: `${server.url}/keys` })
      : jsonAnswer(response, 200, { keys: [jwk] });
  });
  return server;
};

const tokenOf = (
  issuer: string,
  claims: Readonly<Record<string, unknown>> = {},
  { key = own, alg = 'RS256', expires = '5m' }: { key?: KeyPair; alg?: string; expires?: string | null } = {},
) => {
  const token = new SignJWT({ sub: 'ada', tenant: 'acme', aud: 'switchboard', ...claims })
    .setProtectedHeader({ alg, kid: 'own' })
    .setIssuer(String(claims.iss ?? issuer));
  return (expires === null ? token : token.setExpirationTime(expires)).sign(key.privateKey);
};

const judge = async (
  issuer: string,
  token: string,
  rules: { readonly audiences?: readonly string[]; readonly requiredScope?: string } = {},
) => accessTokens({ issuer, audiences: ['switchboard'], requiredScope: undefined, ...rules }).isAcceptable(token);

describe('an access token', () => {
  test('is good when issuer, key, audience and time are right', async () => {
    await using issuer = await issuerOf();
    expect(await judge(issuer.url, await tokenOf(issuer.url))).toBe(true);
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['one audience of several', { aud: ['portal', 'switchboard'] }],
    ['the client that it was made for, where it has no audience', { aud: undefined, client_id: 'switchboard' }],
  ])('is good for %s', async (_what, claims) => {
    await using issuer = await issuerOf();
    expect(await judge(issuer.url, await tokenOf(issuer.url, claims))).toBe(true);
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['for another audience', { aud: 'portal' }],
    ['for another audience, although for our client', { aud: 'portal', client_id: 'switchboard' }],
    ['for nobody', { aud: undefined }],
    ['of another issuer', { iss: 'https://elsewhere.example' }],
    ['that is not valid yet', { nbf: Math.floor(Date.now() / 1000) + 600 }],
  ])('is no good %s', async (_what, claims) => {
    await using issuer = await issuerOf();
    expect(await judge(issuer.url, await tokenOf(issuer.url, claims))).toBe(false);
  });

  test('is no good when it has expired, or never expires', async () => {
    await using issuer = await issuerOf();
    expect(await judge(issuer.url, await tokenOf(issuer.url, {}, { expires: '-1m' }))).toBe(false);
    expect(await judge(issuer.url, await tokenOf(issuer.url, {}, { expires: null }))).toBe(false);
  });

  test('is no good when somebody else signed it, or nobody', async () => {
    await using issuer = await issuerOf();
    const good = await tokenOf(issuer.url);
    const [head, body] = good.split('.');
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
    for (const token of [await tokenOf(issuer.url, {}, { key: other }), unsigned, `${head}.${body}.`, 'x', 'a.b.c', ''])
      expect(await judge(issuer.url, token), token).toBe(false);
  });

  test('needs the scope where one is asked for', async () => {
    await using issuer = await issuerOf();
    const rules = { requiredScope: 'switchboard/use' };
    expect(await judge(issuer.url, await tokenOf(issuer.url), rules)).toBe(false);
    expect(await judge(issuer.url, await tokenOf(issuer.url, { scope: 'switchboard/used' }), rules)).toBe(false);
    expect(await judge(issuer.url, await tokenOf(issuer.url, { scope: 'openid switchboard/use' }), rules)).toBe(true);
  });
});

describe('an issuer', () => {
  test('that does not answer is no verdict about a token', async () => {
    await using issuer = await issuerOf({ isDown: true });
    await expect(judge(issuer.url, await tokenOf(issuer.url))).rejects.toMatchObject({
      code: 'issuer-unavailable',
      retryable: true,
    });
  });

  test('that speaks for another one is not believed', async () => {
    await using issuer = await issuerOf({ issuer: 'https://elsewhere.example' });
    await expect(judge(issuer.url, await tokenOf(issuer.url))).rejects.toMatchObject({ code: 'issuer-unavailable' });
  });

  test('is asked once, and again after it was out of order', async () => {
    const says = { isDown: true };
    await using issuer = await issuerOf(says);
    const { isAcceptable } = accessTokens({ issuer: issuer.url, audiences: ['switchboard'], requiredScope: undefined });
    const token = await tokenOf(issuer.url);
    await expect(isAcceptable(token)).rejects.toMatchObject({ code: 'issuer-unavailable' });
    says.isDown = false;
    for (let time = 0; time < 3; time++) expect(await isAcceptable(token)).toBe(true);
    const asked = issuer.heard.map(({ url }) => url.pathname);
    expect(asked.filter((path) => path === '/keys')).toHaveLength(1);
    expect(asked.filter((path) => path.endsWith('openid-configuration'))).toHaveLength(2);
  });
});
