import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openFrontDoor } from '../../../infra/local/front-door.ts';
import { freePorts } from './temporary-state.ts';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A front door before a server that records what reaches it and answers 201 with the bytes it got. */
async function frontDoor() {
  const seen: Seen[] = [];
  const emulator = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      seen.push({ method: incoming.method, url: incoming.url, headers: incoming.headers, body });
      response.writeHead(201, { 'x-from': 'emulator' }).end(body);
    });
  });
  emulator.listen(0, '127.0.0.1');
  await once(emulator, 'listening');
  const port = await freePorts(1);
  const door = await openFrontDoor(port, `http://127.0.0.1:${(emulator.address() as AddressInfo).port}`, 'api123');
  const stopEmulator = () => {
    emulator.close();
    emulator.closeAllConnections();
  };
  onTestFinished(async () => {
    await door[Symbol.asyncDispose]();
    stopEmulator();
  });
  return { port, seen, stopEmulator };
}

/** A request whose path, Host and bytes no client library touches. */
async function send(
  port: number,
  { path = '/health', method = 'GET', headers = {}, body = Buffer.alloc(0) }: Partial<SendOptions> = {},
) {
  const outgoing = request({
    host: '127.0.0.1',
    port,
    path,
    method,
    headers: { host: `localhost:${port}`, ...headers },
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
}
interface SendOptions {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

describe('the front door', () => {
  it('passes bytes that are no text unchanged, both ways', async () => {
    const { port, seen } = await frontDoor();
    const body = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256));
    const answer = await send(port, { method: 'POST', path: '/webhooks/wh_1', body });
    expect(answer.status).toBe(201);
    expect(answer.headers['x-from']).toBe('emulator');
    expect(answer.body.equals(body)).toBe(true);
    expect(seen[0]?.body.equals(body)).toBe(true);
  });

  it.each(['/webhooks/a%2Fb', '/a//b/', '/x?q=%2F&q=+&empty=', '/x?a=b?c&d=http://e', '/%E2%82%AC/../y'])(
    'passes the path and query %s as they came',
    async (path) => {
      const { port, seen } = await frontDoor();
      await send(port, { path });
      expect(seen[0]?.url).toBe(`/_aws/execute-api/api123${path}`);
    },
  );

  it('passes method and headers on, and keeps the Host', async () => {
    const { port, seen } = await frontDoor();
    await send(port, { method: 'PUT', headers: { 'if-none-match': '*', authorization: 'Bearer x' } });
    expect(seen[0]).toMatchObject({
      method: 'PUT',
      headers: { 'if-none-match': '*', authorization: 'Bearer x', host: `localhost:${port}` },
    });
  });

  it('admits its own origin by either name', async () => {
    const { port } = await frontDoor();
    for (const name of ['localhost', '127.0.0.1']) {
      const headers = { host: `${name}:${port}`, origin: `http://${name}:${port}` };
      expect((await send(port, { headers })).status).toBe(201);
    }
  });

  it.each([
    ['another Host', { host: 'switchboard.example' }],
    ['a name that only begins like ours', { host: 'localhost.example:80' }],
    ['a Host without the port', { host: 'localhost' }],
    ['the Origin of a web page', { origin: 'https://switchboard.example' }],
    ['the Origin of another port', { origin: 'http://localhost:1' }],
    ['the Origin of a sandboxed page', { origin: 'null' }],
  ])('refuses %s with 403 and passes nothing on', async (_what, headers) => {
    const { port, seen } = await frontDoor();
    const answer = await send(port, { headers });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body.toString())).toEqual({ message: expect.any(String) });
    expect(seen).toEqual([]);
  });

  it('answers 503 with a sentence when the emulator is down', async () => {
    const { port, stopEmulator } = await frontDoor();
    stopEmulator();
    const answer = await send(port);
    expect(answer.status).toBe(503);
    expect(answer.body.toString()).toContain('The local AWS emulator does not answer');
  });
});
