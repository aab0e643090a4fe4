import type { IncomingMessage } from 'node:http';

/**
 * Admits requests that name one of these ports on this machine, and no page of another origin: any web page that the
 * user visits could otherwise reach a server on loopback, by its address or by a name that resolves to it.
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
    return host !== undefined && this.#hosts.has(host) && (origin === undefined || this.#origins.has(origin));
  }
}
