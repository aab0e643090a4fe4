import type { IncomingMessage } from 'node:http';

/** One webhook and a query. Nothing to normalise: no dots, no escapes, no second slash that could lead elsewhere. */
const webhookPath = /^\/webhooks\/[\w-]+(\?.*)?$/;

/**
 * Admits what Meta sends through the tunnel: requests for a webhook, under the tunnel's name. Everything else on this
 * machine stays out of reach of the internet, and no web page may call a webhook.
 */
export class TunnelGate {
  readonly #hosts: ReadonlySet<string>;

  /** @param port our own: some tunnels put it in the place of their own name */
  constructor(port: number, publicUrl: string) {
    this.#hosts = new Set([new URL(publicUrl).host, `localhost:${port}`, `127.0.0.1:${port}`]);
  }

  admits({ headers, url }: IncomingMessage): boolean {
    const { host, origin, 'x-forwarded-host': forwardedHost = host } = headers;
    if (host === undefined || origin !== undefined || !webhookPath.test(url ?? '')) return false;
    return this.#hosts.has(host) && typeof forwardedHost === 'string' && this.#hosts.has(forwardedHost);
  }
}
