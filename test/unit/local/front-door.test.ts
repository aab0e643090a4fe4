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
async function frontDoor(publicUrl?: string) {
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
  const address = `http://127.0.0.1:${(emulator.address() as AddressInfo).port}`;
  const door = await openFrontDoor(port, address, 'api123', publicUrl);
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
    ['what a proxy has forwarded', { 'x-forwarded-for': '203.0.113.7' }],
    ['what a proxy has forwarded under its own name', { 'x-forwarded-host': 'switchboard.example' }],
    ['what a proxy has forwarded from https', { 'x-forwarded-proto': 'https' }],
    ['what a proxy names the sender of', { 'x-real-ip': '203.0.113.7' }],
    ['what a proxy has forwarded by the standard', { forwarded: 'for=203.0.113.7' }],
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

describe('the front door behind a tunnel', () => {
  const tunnel = { host: 'tunnel.example', 'x-forwarded-host': 'tunnel.example', 'x-forwarded-for': '203.0.113.7' };

  it.each(['/v1/credentials', '/', '/health', '/openapi.json', '/console/', '/_aws/lambda', '/webhooks', '/webhooks/'])(
    'refuses %s under the tunnel’s name',
    async (path) => {
      const { port, seen } = await frontDoor('https://tunnel.example');
      expect((await send(port, { path, headers: tunnel })).status).toBe(403);
      expect(seen).toEqual([]);
    },
  );

  it.each([
    '/webhooks/../v1/credentials',
    '/webhooks/%2e%2e/v1/credentials',
    '/webhooks/wh_1/../../v1/credentials',
    '/webhooks/wh_1%2F..%2F..%2Fv1',
    '//webhooks/wh_1',
    '/v1/webhooks/wh_1',
    '/webhooks/wh_1/',
    '/Webhooks/wh_1',
    'http://localhost/webhooks/wh_1',
  ])('refuses %s, which may lead elsewhere than to a webhook', async (path) => {
    const { port, seen } = await frontDoor('https://tunnel.example');
    expect((await send(port, { path, headers: tunnel })).status).toBe(403);
    expect(seen).toEqual([]);
  });

  it.each([
    ['under the name of another tunnel', { host: 'other.example' }],
    ['under a name that only ends like the tunnel’s', { host: 'my-tunnel.example' }],
    ['on another port of the tunnel', { host: 'tunnel.example:8443' }],
    ['under another name, though forwarded for the tunnel', { ...tunnel, host: 'other.example' }],
    ['forwarded for another name', { ...tunnel, 'x-forwarded-host': 'other.example' }],
    ['forwarded for two names', { ...tunnel, 'x-forwarded-host': 'tunnel.example, other.example' }],
    ['from a web page', { ...tunnel, origin: 'https://tunnel.example' }],
  ])('refuses a webhook %s', async (_what, headers) => {
    const { port, seen } = await frontDoor('https://tunnel.example');
    expect((await send(port, { method: 'POST', path: '/webhooks/wh_1', headers })).status).toBe(403);
    expect(seen).toEqual([]);
  });

  it('refuses the API to a tunnel that puts localhost in the place of its own name', async () => {
    const { port, seen } = await frontDoor('https://tunnel.example');
    for (const name of ['x-forwarded-host', 'x-forwarded-for', 'forwarded']) {
      const headers = { host: `localhost:${port}`, [name]: `localhost:${port}` };
      expect((await send(port, { path: '/v1/credentials', headers })).status).toBe(403);
    }
    expect(seen).toEqual([]);
  });

  it('refuses a webhook under that name where no tunnel was announced', async () => {
    const { port } = await frontDoor();
    expect((await send(port, { path: '/webhooks/wh_1', headers: tunnel })).status).toBe(403);
  });

  it.each([
    ['its own name', tunnel],
    ['its own name, and nothing more', { host: 'tunnel.example' }],
    ['localhost in the place of its name', { 'x-forwarded-host': 'tunnel.example', 'x-forwarded-proto': 'https' }],
  ])('passes Meta’s requests for a webhook on from a tunnel with %s', async (_what, headers) => {
    const { port, seen } = await frontDoor('https://tunnel.example');
    const path = '/webhooks/wh_A-z0?hub.mode=subscribe&hub.challenge=1';
    expect((await send(port, { path, headers })).status).toBe(201);
    const body = Buffer.from([0, 255, 10]);
    expect((await send(port, { method: 'POST', path: '/webhooks/wh_A-z0', headers, body })).status).toBe(201);
    expect(seen.map(({ url }) => url)).toEqual([
      `/_aws/execute-api/api123${path}`,
      '/_aws/execute-api/api123/webhooks/wh_A-z0',
    ]);
    expect(seen[1]?.body.equals(body)).toBe(true);
  });

  it('serves this machine as before', async () => {
    const { port } = await frontDoor('https://tunnel.example');
    for (const path of ['/v1/credentials', '/openapi.json', '/webhooks/wh_1'])
      expect((await send(port, { path })).status).toBe(201);
  });
});
