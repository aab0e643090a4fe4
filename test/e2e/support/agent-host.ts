import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AgentEvent } from '../../../shared/contracts/agent-event.ts';

/** One request that an agent got. */
export interface Heard {
  readonly webhookId: string;
  readonly body: AgentEvent;
  /** Judged by the agent itself with the secret that it was given: Standard Webhooks, HMAC-SHA-256 over id.timestamp.body. */
  readonly verified: boolean;
  /** The same, by any secret: during a rotation two of them sign. */
  readonly verifiedBy: (secret: string) => boolean;
  /** 1 for the first request with this webhook-id. */
  readonly attempt: number;
  /** The agent answered that it has it. */
  taken: boolean;
}

export type AgentAnswer =
  | { readonly status?: number; readonly messages?: readonly unknown[]; readonly text?: string }
  /** No answer at all. */
  | 'silence';

/** Says `text` to the customer. */
export const saying = (text: string): AgentAnswer => ({ messages: [{ type: 'text', text: { body: text } }] });

/** Seconds that a timestamp may be off (Standard Webhooks suggests five minutes). */
const TOLERANCE = 300;

/** An agent of the platform: takes what comes to its URL, and answers what the test wants. */
export class TestAgent {
  readonly id: string;
  readonly url: string;
  readonly heard: Heard[] = [];
  /** From the answer that created the agent. */
  signingSecret = '';
  answer: (heard: Heard) => AgentAnswer | Promise<AgentAnswer> = () => ({});

  constructor(id: string, url: string) {
    this.id = id;
    this.url = url;
  }

  /** What customers wrote, in the order of arrival. */
  get texts(): readonly string[] {
    return this.heard.map(textOf);
  }

  async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    const raw = Buffer.concat(chunks).toString('utf8');
    const webhookId = String(request.headers['webhook-id']);
    const heard: Heard = {
      webhookId,
      body: JSON.parse(raw) as AgentEvent,
      verified: verifies(this.signingSecret, request.headers, raw),
      verifiedBy: (secret) => verifies(secret, request.headers, raw),
      attempt: this.heard.filter((earlier) => earlier.webhookId === webhookId).length + 1,
      taken: false,
    };
    this.heard.push(heard);
    const answer = await this.answer(heard);
    if (answer === 'silence') return;
    heard.taken = (answer.status ?? 200) < 300;
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
    response.end(answer.text ?? JSON.stringify(answer.messages === undefined ? {} : { messages: answer.messages }));
  }
}

/** Standard Webhooks: HMAC-SHA-256 over id.timestamp.body, by one of the signatures that the header holds. */
export const verifies = (
  signingSecret: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  raw: string,
): boolean => {
  const timestamp = String(headers['webhook-timestamp']);
  const key = Buffer.from(signingSecret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key)
    .update(`${String(headers['webhook-id'])}.${timestamp}.${raw}`)
    .digest();
  const isFresh = Math.abs(Date.now() / 1000 - Number(timestamp)) < TOLERANCE;
  return (
    isFresh &&
    String(headers['webhook-signature'])
      .split(' ')
      .some((part) => {
        const claimed = Buffer.from(part.replace(/^v1,/, ''), 'base64');
        return claimed.byteLength === expected.byteLength && timingSafeEqual(claimed, expected);
      })
  );
};

export const textOf = ({ body }: Heard): string => {
  const text = 'message' in body.data ? (body.data.message.text as { readonly body?: string } | undefined) : undefined;
  return text?.body ?? '';
};

/** Meta's id of the image, document, … that a customer has sent. */
export const mediaIdOf = ({ body }: Heard): string => {
  const message: Readonly<Record<string, unknown>> = 'message' in body.data ? body.data.message : {};
  const { id } = (message[String(message.type)] ?? {}) as { readonly id?: string };
  return id ?? '';
};

/** A loopback server on which the agents of one test file live. */
export class AgentHost implements AsyncDisposable {
  readonly #server: Server;
  readonly #agents = new Map<string, TestAgent>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const agent = this.#agents.get(request.url ?? '');
      if (agent === undefined) response.writeHead(404).end();
      else void agent.take(request, response).catch(() => response.destroy());
    });
  }

  static async open(): Promise<AgentHost> {
    const host = new AgentHost();
    host.#server.listen(0, '127.0.0.1');
    await once(host.#server, 'listening');
    return host;
  }

  /** A place for an agent to listen; it is not known to the system yet. */
  place(id: string): TestAgent {
    const path = `/${this.#agents.size + 1}/${id}`;
    const agent = new TestAgent(id, `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`);
    this.#agents.set(path, agent);
    return agent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
