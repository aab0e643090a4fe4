import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seedSchema } from '../../../simulator/seed.ts';
import { defaultSeed, type SimulatorOptions, startSimulator } from '../../../simulator/server.ts';
import { appSecretProof } from '../../../simulator/signatures.ts';

// Ids of the default seed.
export const ACME = {
  app: '900100000000001',
  shop: '900200000000001',
  service: '900200000000002',
  phone: '900400000000001',
} as const;
export const ACME_PHONES = ['900400000000001', '900400000000002'] as const;
export const ACME_SERVICE_PHONE = '900400000000003';
export const UNREGISTERED_PHONE = '900400000000004';
export const GLOBEX = { app: '900100000000002', waba: '900200000000003', phone: '900400000000005' } as const;
export const INITECH = { app: '900100000000003', waba: '900200000000004', phone: '900400000000006' } as const;
export const UMBRELLA = {
  app: '900100000000004',
  waba: '900200000000005',
  phone: '900400000000007',
  overriddenPhone: '900400000000008',
} as const;
export const WAYNE = { app: '900100000000005', waba: '900200000000006', phone: '900400000000009' } as const;
export const OLD_VENDOR_APP = '900100000000009';
export const ADA = '4915550100201';
export const MAX = '525550100204';

const seed = seedSchema.parse(defaultSeed());

export function secretOf(appId: string): string {
  return seed.apps.find(({ id }) => id === appId)?.secret ?? '';
}
export function tokenOf(name: string): string {
  return seed.tokens.find((token) => token.name === name)?.value ?? '';
}
export function appToken(appId: string): string {
  return `${appId}|${secretOf(appId)}`;
}
export function proofOf(appId: string, token: string): string {
  return appSecretProof(secretOf(appId), token);
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers that Meta gives no types for
type Json = any;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

export interface TestSimulator {
  readonly url: string;
  /** Calls the Graph API with a token's name, an app token ("app:ID"), or a raw token. */
  graph(method: string, path: string, options?: GraphOptions): Promise<Answer>;
  control(method: string, path: string, body?: unknown): Promise<Answer>;
  close(): Promise<void>;
}

export interface GraphOptions {
  readonly as?: string;
  readonly json?: unknown;
  readonly form?: Record<string, string>;
}

/** A simulator on a port of its own, quick enough for tests and silent about statuses. */
export async function simulatorForTests(options: SimulatorOptions = {}): Promise<TestSimulator> {
  const simulator = await startSimulator(options);
  const { url } = simulator;
  const control: TestSimulator['control'] = (method, path, body) =>
    call(`${url}/_control${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  await control('PATCH', '/settings', { statuses: [], retryBaseDelayMs: 5, statusDelayMs: 1 });
  return {
    url,
    control,
    graph(method, path, { as, json, form } = {}) {
      const token = as?.startsWith('app:') ? appToken(as.slice(4)) : tokenOf(as ?? '') || as;
      const headers = {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const body = json === undefined ? form && new URLSearchParams(form) : JSON.stringify(json);
      return call(`${url}/v25.0/${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
    },
    close: () => simulator.close(),
  };
}

async function call(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

export interface ChangeValue {
  readonly contacts: readonly Record<string, unknown>[];
  readonly messages: readonly Record<string, Json>[];
  readonly statuses: readonly Record<string, Json>[];
}

/** The value of the first change of a webhook body, given as text or parsed. */
export function firstValue(payload: unknown): ChangeValue {
  const parsed = (typeof payload === 'string' ? JSON.parse(payload) : payload) as {
    entry: [{ changes: [{ value: ChangeValue }] }];
  };
  return parsed.entry[0].changes[0].value;
}

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawBody: string;
}

export interface Callback {
  readonly url: string;
  readonly handshakes: URLSearchParams[];
  readonly received: Received[];
  /** Answers to the next webhooks, in order; 200 once they are used up. */
  readonly statuses: number[];
  /** What the handshake answers; left alone, the challenge. */
  handshake: { status: number; body?: string };
  close(): Promise<void>;
}

/** A callback as an application would have it. */
export async function callbackForTests(): Promise<Callback> {
  const handshakes: URLSearchParams[] = [];
  const received: Received[] = [];
  const statuses: number[] = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://callback');
    if (request.method === 'GET') {
      handshakes.push(searchParams);
      const { status, body } = callback.handshake;
      response.writeHead(status).end(body ?? searchParams.get('hub.challenge') ?? '');
      return;
    }
    let rawBody = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      rawBody += chunk;
    });
    request.on('end', () => {
      received.push({ path: request.url ?? pathname, headers: request.headers, rawBody });
      response.writeHead(statuses.shift() ?? 200).end('thanks');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const callback: Callback = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    handshakes,
    received,
    statuses,
    handshake: { status: 200 },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return callback;
}

/** Subscribes an app at both levels, as a careful integration does. */
export async function subscribe(
  simulator: TestSimulator,
  {
    app,
    waba,
    token,
    url,
    fields = 'messages',
  }: { app: string; waba: string; token: string; url: string; fields?: string },
): Promise<void> {
  const form = { object: 'whatsapp_business_account', callback_url: url, verify_token: 'v', fields };
  const first = await simulator.graph('POST', `${app}/subscriptions`, { as: `app:${app}`, form });
  const second = await simulator.graph('POST', `${waba}/subscribed_apps`, { as: token });
  if (first.status !== 200 || second.status !== 200) throw new Error(JSON.stringify([first.body, second.body]));
}

/** Waits until something holds; asynchronous webhooks arrive a little later. */
export async function eventually(holds: () => boolean | Promise<boolean>, timeoutMs = 3000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('It did not come to pass.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
