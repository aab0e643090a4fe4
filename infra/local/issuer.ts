import { once } from 'node:events';
import { createServer } from 'node:http';
import { Events, OAuth2Issuer, OAuth2Service } from 'oauth2-mock-server';
import { AUDIENCE, claimsOf, type Identity, LIFETIME_SECONDS } from './access-token.ts';
import { obtainIssuerKey } from './issuer-key.ts';
import { LoopbackGate } from './loopback-gate.ts';
import type { Ports } from './ports.ts';
import type { StateDirectory } from './state-directory.ts';

/** Who signs in when the console does not say: `login_hint=NAME`, or `NAME+operator`. */
const DEFAULT_LOGIN = 'acme';

/**
 * The local OpenID Connect issuer: discovery, JWKS, and the authorization code flow with PKCE for a browser on our own
 * origin. It asks for no password: whoever can reach loopback is the demo user of the tenant they name. Codes lead back
 * to our own origin only, and other grants yield tokens without tenant and audience, which the API refuses.
 */
export async function startIssuer(ports: Ports, state: StateDirectory): Promise<AsyncDisposable> {
  const issuer = new OAuth2Issuer();
  issuer.url = issuerUrl(ports);
  await issuer.keys.add({ ...(await obtainIssuerKey(state)) });
  const service = new OAuth2Service(issuer);
  const identities = new Map<string, Identity>();
  const ownOrigins = new Set([`http://localhost:${ports.frontDoor}`, `http://127.0.0.1:${ports.frontDoor}`]);

  service.on(Events.BeforeAuthorizeRedirect, ({ url }: { url: URL }, { url: asked }: { url?: string }) => {
    const code = url.searchParams.get('code');
    if (!ownOrigins.has(url.origin)) {
      url.href = `${issuerUrl(ports)}/refused`;
      return;
    }
    const login = new URL(asked ?? '/', url).searchParams.get('login_hint') ?? DEFAULT_LOGIN;
    if (code !== null) {
      identities.set(code, { tenant: login.replace(/\+operator$/, ''), operator: login.endsWith('+operator') });
    }
  });
  service.on(Events.BeforeTokenSigning, ({ payload }: Signing, { body }: { body?: { code?: string } }) => {
    const identity = identities.get(body?.code ?? '');
    const isAccessToken = 'scope' in payload;
    if (isAccessToken) delete payload.aud;
    if (identity === undefined) return;
    Object.assign(payload, claimsOf(identity), { exp: payload.iat + LIFETIME_SECONDS });
    if (isAccessToken) payload.aud = AUDIENCE;
  });
  service.on(Events.BeforeResponse, ({ body }: { body: Record<string, unknown> }) => {
    body.expires_in = LIFETIME_SECONDS;
  });

  const gate = new LoopbackGate(ports.issuer, [ports.frontDoor]);
  const server = createServer((request, response) => {
    if (gate.admits(request)) service.requestHandler(request, response);
    else response.writeHead(403).end();
  });
  server.listen(ports.issuer, '127.0.0.1');
  await once(server, 'listening');
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export function issuerUrl(ports: Ports): string {
  return `http://localhost:${ports.issuer}`;
}

interface Signing {
  readonly payload: { iat: number; aud?: unknown; [claim: string]: unknown };
}
