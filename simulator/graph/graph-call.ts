import type { UploadedFile } from '../multipart.ts';
import type { App, Token } from '../seed.ts';

/** Who calls: an app by its `id|secret`, or somebody with an access token of an app. */
export type Caller =
  | { readonly kind: 'app'; readonly app: App; readonly accessToken: string }
  | { readonly kind: 'user'; readonly app: App; readonly accessToken: string; readonly token: Token };

/** The parameters of a call, from query and body alike, as Meta takes them: JSON or url-encoded, objects as JSON text too. */
export class Params {
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(values: ReadonlyMap<string, unknown>) {
    this.#values = values;
  }

  /** A scalar as text; undefined when absent or structured. */
  text(name: string): string | undefined {
    const value = this.#values.get(name);
    if (typeof value === 'string') return value;
    return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
  }

  /** A value that may be structured; text that looks like JSON is parsed. */
  value(name: string): unknown {
    const value = this.#values.get(name);
    if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  }

  object(name: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.value(name);
    return isObject(value) ? value : undefined;
  }

  /** Everything but the credentials: what a log may keep. */
  withoutCredentials(): Record<string, unknown> {
    const hidden = new Set(['access_token', 'appsecret_proof', 'client_secret', 'input_token']);
    return Object.fromEntries(
      [...this.#values.keys()].filter((name) => !hidden.has(name)).map((name) => [name, this.value(name)]),
    );
  }
}

export interface GraphCall {
  readonly method: string;
  /** "v25.0"; a call without a version gets the newest that the simulator knows. */
  readonly version: string;
  readonly params: Params;
  readonly caller: Caller;
  /** Scheme, host and version prefix of the request, for paging links. */
  readonly baseUrl: string;
  /** The file of a multipart form. */
  readonly file: UploadedFile | null;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
