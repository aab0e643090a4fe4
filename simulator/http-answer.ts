import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';

export type HttpContext = Context<{ Bindings: HttpBindings }>;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Text, or what is written as JSON. */
  readonly body?: unknown;
  /** Instead of a body: bytes of any length, opened when they are sent. The headers are sent as they are, true or not. */
  readonly bytes?: () => Readable;
}

const NEVER_CACHED = { 'Cache-Control': 'private, no-cache, no-store, must-revalidate' } as const;

/** Sends the answer; bytes as fast as they are taken, with flat memory. */
export async function respond(c: HttpContext, { status, headers, body, bytes }: HttpAnswer): Promise<Response> {
  if (bytes !== undefined) {
    c.env.outgoing.writeHead(status, { ...NEVER_CACHED, ...headers });
    // Whoever hangs up in between, and a file that is gone, ends the connection: there is nobody left to tell.
    await pipeline(bytes(), c.env.outgoing).catch(() => undefined);
    return RESPONSE_ALREADY_SENT;
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'string' ? 'text/plain; charset=UTF-8' : 'application/json; charset=UTF-8';
  return new Response(status === 204 || status === 304 ? null : text, {
    status,
    headers: { 'Content-Type': type, ...NEVER_CACHED, ...headers },
  });
}
