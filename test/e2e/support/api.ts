import type { Agent } from '../../../shared/contracts/agent.ts';
import type { Credential } from '../../../shared/contracts/credential.ts';
import { recordAnswer, recordCanary } from './record.ts';
import { stack } from './stack.ts';
import { newTenant, tokenFor } from './tenant.ts';

export interface Answer<Body = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

export interface Call {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly rawBody?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The public API, as one tenant's user calls it. Every answer is kept for the search for secrets. */
export class Api {
  readonly tenant: string;
  readonly #token: string;

  private constructor(tenant: string, token: string) {
    this.tenant = tenant;
    this.#token = token;
  }

  /** As a user of a tenant that nobody has used before. */
  static async asNewTenant(name: string): Promise<Api> {
    const tenant = newTenant(name);
    return new Api(tenant, await tokenFor(tenant));
  }

  /** With whatever stands in for a token. */
  static withToken(token: string): Api {
    return new Api('nobody', token);
  }

  get<Body = unknown>(path: string): Promise<Answer<Body>> {
    return this.call('GET', path);
  }

  postCredential(body: unknown): Promise<Answer<Credential>> {
    return this.call('POST', '/v1/credentials', { body });
  }

  /** With the version that it is based on, as an ETag; none is sent for `undefined`. */
  patchCredential(id: string, body: unknown, version: number | undefined): Promise<Answer<Credential>> {
    const headers = version === undefined ? {} : overwrite(version);
    return this.call('PATCH', `/v1/credentials/${id}`, { body, headers });
  }

  deleteCredential(id: string, agents?: 'refuse' | 'unbind'): Promise<Answer<Credential>> {
    return this.call('DELETE', `/v1/credentials/${id}${agents === undefined ? '' : `?agents=${agents}`}`);
  }

  putAgent(id: string, body: unknown, headers: Readonly<Record<string, string>> = create): Promise<Answer<Agent>> {
    return this.call('PUT', `/v1/agents/${id}`, { body, headers });
  }

  async call<Body = unknown>(method: string, path: string, call: Call = {}): Promise<Answer<Body>> {
    const { body, rawBody = body === undefined ? undefined : JSON.stringify(body), headers } = call;
    const response = await fetch(`${stack.api}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(this.#token === '' ? {} : { authorization: `Bearer ${this.#token}` }),
        ...(rawBody === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(rawBody === undefined ? {} : { body: rawBody }),
    });
    const text = await response.text();
    recordAnswer({ request: `${method} ${path}`, status: response.status, text: withoutShownSecret(text) });
    return { status: response.status, headers: response.headers, text, body: jsonOf(text) as Body };
  }
}

/** Creates, and refuses to overwrite. */
export const create = { 'if-none-match': '*' } as const;
export const overwrite = (version: number) => ({ 'if-match': `"${version}"` }) as const;

/** An agent's signing secret, its keys and the verify token of a manual set-up are shown once, on purpose. From then on they must be found nowhere. */
function withoutShownSecret(text: string): string {
  const signingSecret = /"signingSecret":"whsec_([^"]+)"/.exec(text)?.[1];
  const verifyToken = /"verifyToken":"([^"]+)"/.exec(text)?.[1];
  const agentKey = /"key":"sbk_([^"]+)"/.exec(text)?.[1];
  let shown = text;
  for (const secret of [signingSecret, verifyToken, agentKey].filter((it) => it !== undefined)) {
    recordCanary('secret that is shown once', secret);
    shown = shown.replaceAll(secret, 'shown-once');
  }
  return shown;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
