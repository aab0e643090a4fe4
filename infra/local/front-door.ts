import { once } from 'node:events';
import { Agent, createServer, ServerResponse } from 'node:http';
import { createProxyServer } from 'http-proxy-3';
import { LoopbackGate } from './loopback-gate.ts';
import { TunnelGate } from './tunnel-gate.ts';

/** Longer than callers keep an idle connection, so that none is closed under a request. */
const IDLE_CONNECTION_MS = 75_000;

/**
 * The one stable origin of API, webhooks and console: passes every request, byte by byte, to the deployed HTTP API on the
 * emulator. Refuses other Hosts and Origins with 403, and what came through a tunnel unless it is for a webhook; answers 503
 * when the emulator does not answer. Errors are `{"message"}`, as API Gateway's own are.
 */
export async function openFrontDoor(
  port: number,
  awsEndpoint: string,
  apiId: string,
  publicUrl?: string,
): Promise<AsyncDisposable> {
  const gates = [new LoopbackGate(port), ...(publicUrl === undefined ? [] : [new TunnelGate(port, publicUrl)])];
  const connections = new Agent({ keepAlive: true, maxFreeSockets: 256 });
  const proxy = createProxyServer({
    target: new URL(`${awsEndpoint}/_aws/execute-api/${apiId}`),
    agent: connections,
    // Leaves path and query exactly as they came.
    toProxy: true,
  });
  proxy.on('error', (_error, _request, response) => {
    if (!(response instanceof ServerResponse)) return;
    if (response.headersSent) response.destroy();
    else refuse(response, 503, 'The local AWS emulator does not answer; see its log in the state folder.');
  });
  const server = createServer((request, response) => {
    if (gates.some((gate) => gate.admits(request))) proxy.web(request, response);
    else refuse(response, 403, `Only http://localhost:${port} and its own pages are served here.`);
  });
  server.keepAliveTimeout = IDLE_CONNECTION_MS;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      connections.destroy();
      await closed;
    },
  };
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
}
