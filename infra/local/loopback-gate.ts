import type { IncomingMessage } from 'node:http';

/**
 * Admits requests that name one of these ports on this machine, and no page of another origin: any web page that the
 * user visits could otherwise reach a server on loopback, by its address or by a name that resolves to it. Refuses what
 * something else has forwarded: a tunnel that rewrites the Host would let the internet in.
 * @see https://developer.mozilla.org/docs/Web/Security/Practical_implementation_guides/DNS_rebinding
 */
export class LoopbackGate {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  /** @param port our own; @param originPorts whose pages may call us besides our own */
  constructor(port: number, originPorts: readonly number[] = []) {
    this.#hosts = new Set([`localhost:${port}`, `127.0.0.1:${port}`]);
    this.#origins = new Set(
      [port, ...originPorts].flatMap((each) => [`http://localhost:${each}`, `http://127.0.0.1:${each}`]),
    );
  }

  admits({ headers }: IncomingMessage): boolean {
    const { host, origin } = headers;
    if (forwardingHeaders.some((name) => headers[name] !== undefined)) return false;
    return host !== undefined && this.#hosts.has(host) && (origin === undefined || this.#origins.has(origin));
  }
}

/** What proxies and tunnels add to a request (RFC 7239, and the custom before it). */
const forwardingHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'];
