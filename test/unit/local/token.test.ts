import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { promisify } from 'node:util';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { issuerUrl, startIssuer } from '../../../infra/local/issuer.ts';
import { portsFrom } from '../../../infra/local/ports.ts';
import { publishStack } from '../../../infra/local/stack-file.ts';
import { REPOSITORY, type StateDirectory } from '../../../infra/local/state-directory.ts';
import { freePorts, temporaryState } from './temporary-state.ts';

/** `token.ts` as `npm run token` runs it. */
const printToken = (...args: string[]) =>
  promisify(execFile)(process.execPath, ['infra/local/token.ts', ...args], { cwd: REPOSITORY });

async function runningIssuer(state: StateDirectory) {
  const ports = portsFrom(await freePorts(5));
  const server = await startIssuer(ports, state);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const api = `http://localhost:${ports.frontDoor}`;
  const issuer = issuerUrl(ports);
  publishStack(state, {
    api,
    console: `${api}/console`,
    simulator: 'http://localhost:3',
    agent: 'http://localhost:4',
    issuer,
    awsEndpoint: 'http://127.0.0.1:2',
    region: 'us-east-1',
  });
  return { issuer, api };
}

/** What the gateway does: signature by the published keys, issuer, audience, expiry. */
async function verified(token: string, issuer: string) {
  const discovery = await fetch(`${issuer}/.well-known/openid-configuration`);
  const { jwks_uri } = (await discovery.json()) as { jwks_uri: string };
  const options = { issuer, audience: 'switchboard', algorithms: ['RS256'], requiredClaims: ['exp', 'sub'] };
  return (await jwtVerify(token, createRemoteJWKSet(new URL(jwks_uri)), options)).payload;
}

describe('npm run token', () => {
  it('prints one token that the published keys verify, and nothing else', async () => {
    const state = temporaryState();
    const { issuer } = await runningIssuer(state);
    const { stdout, stderr } = await printToken('--tenant', 'acme', '--state-dir', state.path);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const claims = await verified(stdout.trim(), issuer);
    expect(claims).toMatchObject({ sub: 'demo-user@acme', tenant: 'acme', aud: 'switchboard' });
    expect(claims).not.toHaveProperty('cognito:groups');
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(12 * 3600);
  });

  it('puts an operator into the operator group', async () => {
    const state = temporaryState();
    const { issuer } = await runningIssuer(state);
    const { stdout } = await printToken('--tenant', 'acme', '--operator', '--state-dir', state.path);
    expect(await verified(stdout.trim(), issuer)).toMatchObject({ 'cognito:groups': ['operators'] });
  });

  it('says in one sentence that the stack is not running', async () => {
    const refused = printToken('--tenant', 'acme', '--state-dir', temporaryState().path);
    await expect(refused).rejects.toMatchObject({ code: 1, stdout: '', stderr: /^Switchboard is not running.*\n$/ });
  });
});

describe('the token issuer', () => {
  it('keeps its key over a restart, readable by its owner only', async () => {
    const state = temporaryState();
    const before = await runningIssuer(state);
    const { stdout } = await printToken('--tenant', 'acme', '--state-dir', state.path);
    const keysBefore: unknown = await (await fetch(`${before.issuer}/jwks`)).json();
    const after = await runningIssuer(state);
    expect(await (await fetch(`${after.issuer}/jwks`)).json()).toEqual(keysBefore);
    await verified(stdout.trim(), before.issuer);
    expect(statSync(state.file('issuer-key.json')).mode & 0o077).toBe(0);
  });

  it('never publishes the private part of its key', async () => {
    const { issuer } = await runningIssuer(temporaryState());
    const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: object[] };
    expect(Object.keys(keys[0] ?? {}).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  });

  it('signs a browser in by code and PKCE as the user whom it hints at', async () => {
    const { issuer, api } = await runningIssuer(temporaryState());
    const claims = await verified(await signIn(issuer, api, 'globex+operator'), issuer);
    expect(claims).toMatchObject({ tenant: 'globex', sub: 'demo-user@globex', 'cognito:groups': ['operators'] });
  });

  it('refuses a code without its verifier', async () => {
    const { issuer, api } = await runningIssuer(temporaryState());
    await expect(signIn(issuer, api, 'globex', randomBytes(32).toString('base64url'))).rejects.toThrow('400');
  });

  it('sends no code to another origin', async () => {
    const { issuer } = await runningIssuer(temporaryState());
    const query = new URLSearchParams({ response_type: 'code', redirect_uri: 'https://elsewhere.example/' });
    const { headers } = await fetch(`${issuer}/authorize?${query}`, { redirect: 'manual' });
    expect(headers.get('location')).toBe(`${issuer}/refused`);
  });

  it('gives other grants no tenant and no audience', async () => {
    const { issuer } = await runningIssuer(temporaryState());
    const body = new URLSearchParams({ grant_type: 'client_credentials', aud: 'switchboard' });
    const answer = await fetch(`${issuer}/token`, { method: 'POST', body });
    const { access_token } = (await answer.json()) as { access_token: string };
    await expect(verified(access_token, issuer)).rejects.toThrow();
  });

  it('refuses pages of other origins', async () => {
    const { issuer } = await runningIssuer(temporaryState());
    const answer = await fetch(`${issuer}/jwks`, { headers: { origin: 'https://elsewhere.example' } });
    expect(answer.status).toBe(403);
  });
});

async function signIn(issuer: string, api: string, hint: string, verifierSent?: string): Promise<string> {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: 'console',
    redirect_uri: `${api}/console`,
    scope: 'openid',
    state: 'xyz',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    login_hint: hint,
  });
  const authorized = await fetch(`${issuer}/authorize?${query}`, { redirect: 'manual' });
  const back = new URL(authorized.headers.get('location') ?? '');
  expect(back.searchParams.get('state')).toBe('xyz');
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { origin: api },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      client_id: 'console',
      code_verifier: verifierSent ?? verifier,
    }),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return ((await answer.json()) as { access_token: string }).access_token;
}
