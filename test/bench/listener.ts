import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How long one message may be under way before the benchmark gives up. In milliseconds. */
const patience = 60_000;

/** Stands in both bodies that arrive here: in Meta's own, and in the event made of it. */
const wamidForm = /"id":"(wamid\.[^"]+)"/;

/** The end of the line on both sides: an agent that answers 202 at once, and knows when it heard which message first. */
export class Listener implements AsyncDisposable {
  readonly #server = createServer((request, response) => {
    void this.#hear(request);
    response.writeHead(202).end();
  });
  readonly #heardAt = new Map<string, number>();
  readonly #waiting = new Map<string, (heardAt: number) => void>();
  #repeats = 0;

  static async open(): Promise<Listener> {
    const listener = new Listener();
    listener.#server.keepAliveTimeout = patience;
    listener.#server.listen(0, '127.0.0.1');
    await once(listener.#server, 'listening');
    return listener;
  }

  get url(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How often a message was heard again. */
  get repeats(): number {
    return this.#repeats;
  }

  /** When the message was heard, in milliseconds of `performance.now()`. @throws Error when nothing comes in a minute */
  async heard(wamid: string): Promise<number> {
    const already = this.#heardAt.get(wamid);
    if (already !== undefined) return already;
    return new Promise((resolve, reject) => {
      const giveUp = setTimeout(() => reject(new Error(`Nothing was heard of ${wamid} in ${patience} ms.`)), patience);
      this.#waiting.set(wamid, (heardAt) => {
        clearTimeout(giveUp);
        resolve(heardAt);
      });
    });
  }

  async #hear(request: IncomingMessage): Promise<void> {
    const body = Buffer.concat(await request.toArray()).toString();
    const heardAt = performance.now();
    const wamid = wamidForm.exec(body)?.[1];
    if (wamid === undefined) return;
    if (this.#heardAt.has(wamid)) this.#repeats++;
    else this.#heardAt.set(wamid, heardAt);
    this.#waiting.get(wamid)?.(heardAt);
    this.#waiting.delete(wamid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
