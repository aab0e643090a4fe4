import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { jsonAnswer, loopbackServer } from '../../support/loopback-server.ts';

const node = fileURLToPath(new URL('../../../node_modules/.bin/node', import.meta.url));
const main = fileURLToPath(new URL('../../../simulator/demo-agent/main.ts', import.meta.url));
const SECRET = `whsec_${Buffer.from('a-secret-that-is-long-enough-for-it').toString('base64')}`;

let folder: string;
let agent: ChildProcess;
let url: string;
let environment: Record<string, string> = {};
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demo-agent-'));
  await start();
});
afterEach(async () => {
  environment = {};
  await stop();
  await rm(folder, { recursive: true });
});

const secretFile = () => join(folder, 'secret');

async function start(): Promise<void> {
  agent = spawn(node, [main, '--port', '0'], {
    env: { AGENT_SECRET_FILE: secretFile(), ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (agent.stdout === null) throw new Error('no output');
  const [output] = await once(agent.stdout, 'data');
  url = /http:\/\/127\.0\.0\.1:\d+/.exec(String(output))?.[0] ?? '';
}

async function stop(): Promise<void> {
  const exited = once(agent, 'exit');
  agent.kill('SIGTERM');
  await exited;
}

function event(body: string, name: string | null = 'Ada') {
  const data = { conversation: { customer: { name } }, message: { type: 'text', text: { body } } };
  return JSON.stringify({ type: 'whatsapp.message.received', timestamp: new Date().toISOString(), data });
}

async function post(rawBody: string, { id = 'evt_1', secret = SECRET, at = new Date(), sent = rawBody } = {}) {
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, at, rawBody),
  };
  const response = await fetch(`${url}/events`, { method: 'POST', headers, body: sent });
  return { status: response.status, body: await response.json() };
}

const teach = (body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${url}/signing-secret`, { method: 'POST', body: JSON.stringify(body), headers });
const saying = (body: string) => ({ status: 200, body: { messages: [{ type: 'text', text: { body } }] } });

it('greets by name, repeats, and gives the same answer to the same webhook-id', async () => {
  expect((await teach({ signingSecret: SECRET })).status).toBe(200);
  expect(await post(event('Hello!'))).toEqual(saying('Hello Ada, how can I help you?'));
  expect(await post(event('something else'))).toEqual(saying('Hello Ada, how can I help you?'));
  expect(await post(event('grüße'), { id: 'evt_2' })).toEqual(saying('You said: grüße'));
  expect(await post(event('hello', null), { id: 'evt_3' })).toEqual(saying('Hello there, how can I help you?'));
});

it('refuses everything while it knows no secret, and what is forged, changed, old or unsigned afterwards', async () => {
  expect((await post(event('hello'))).status).toBe(401);
  await teach({ signingSecret: SECRET });
  expect(
    (
      await post(event('hello'), {
        secret: `whsec_${Buffer.from('somebody-elses-secret-of-this-kind').toString('base64')}`,
      })
    ).status,
  ).toBe(401);
  expect((await post(event('hello'), { sent: event('goodbye') })).status).toBe(401);
  expect((await post(event('hello'), { at: new Date(Date.now() - 600_000) })).status).toBe(401);
  expect((await fetch(`${url}/events`, { method: 'POST', body: event('hello') })).status).toBe(401);
});

it('remembers the secret in a file that only its owner can read', async () => {
  await teach({ signingSecret: SECRET });
  expect((await stat(secretFile())).mode & 0o777).toBe(0o600);
  expect(await readFile(secretFile(), 'utf8')).toBe(SECRET);
  await stop();
  await start();
  expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok', ready: true });
  expect((await post(event('hello'))).status).toBe(200);
});

it('takes no secret from a web page, and none that has another form', async () => {
  expect((await teach({ signingSecret: SECRET }, { origin: 'https://evil.example' })).status).toBe(403);
  expect((await teach({ signingSecret: 'hunter2' })).status).toBe(400);
  expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok', ready: false });
});

it('takes an event with 202 and answers by the API once it has a key, under the name of the event', async () => {
  await using api = await loopbackServer((_heard, response) => jsonAnswer(response, 201, {}));
  await stop();
  environment = { AGENT_API_URL: api.url };
  await start();
  await teach({ signingSecret: SECRET });
  const key = `sbk_${'k'.repeat(43)}`;
  const keep = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body), headers });
  expect((await keep('/api-key/support', { key }, { origin: 'https://evil.example' })).status).toBe(403);
  expect((await keep('/api-key/support', { key: 'hunter2' })).status).toBe(400);
  const customer = { name: 'Ada', waId: '491511', userId: null, groupId: null };
  const said = { type: 'whatsapp.message.received', timestamp: new Date().toISOString() };
  const eventFor = (agentId: string, who: object = customer) =>
    JSON.stringify({
      ...said,
      data: { agentId, conversation: { customer: who }, message: { type: 'text', text: { body: 'hello' } } },
    });
  expect((await post(eventFor('support'))).status).toBe(200);
  expect((await keep('/api-key/support', { id: 'key_1', key })).status).toBe(200);
  await stop();
  await start();
  expect(await post(eventFor('support'))).toEqual({ status: 202, body: {} });
  expect((await post(eventFor('another'), { id: 'evt_2' })).status).toBe(200);
  await post(eventFor('support', { ...customer, waId: null, userId: 'DE.1' }), { id: 'evt_3' });
  await vi.waitFor(() => expect(api.heard).toHaveLength(2));
  const text = { body: 'Hello Ada, how can I help you?' };
  expect(
    api.heard.map(({ url: { pathname }, headers, body }) => [
      pathname,
      headers.authorization,
      headers['idempotency-key'],
      JSON.parse(body) as unknown,
    ]),
  ).toEqual([
    ['/v1/agents/support/messages', `Bearer ${key}`, 'evt_1-0', { to: '491511', type: 'text', text }],
    ['/v1/agents/support/messages', `Bearer ${key}`, 'evt_3-0', { recipient: 'DE.1', type: 'text', text }],
  ]);
});

it('gives files back by the API, large ones and texts by a form, and says so in words where it can’t', async () => {
  const large = 'x'.repeat(5 * 1024 * 1024);
  await using bucket = await loopbackServer(({ url: { pathname } }, response) => {
    const [, type = '', content = ''] = pathname.split('/').map((part) => decodeURIComponent(part));
    response.writeHead(200, { 'content-type': type }).end(content === 'large' ? large : content);
  });
  let looks = 0;
  await using api = await loopbackServer(({ method, url: { pathname }, headers }, response) => {
    const [type, content] = { 4711: ['image/png', 'photo'], 4713: ['text/plain', 'note'], 4714: ['a/b', 'large'] }[
      pathname.split('/').at(-1) ?? ''
    ] ?? ['', ''];
    const isWish = pathname.endsWith('/media') && headers['content-type'] === 'application/json';
    if (method === 'GET' && type === 'image/png' && looks++ === 0)
      response.writeHead(202, { 'retry-after': '0' }).end('{}');
    else if (method === 'GET' && type !== '')
      response.writeHead(302, { location: `${bucket.url}/${encodeURIComponent(type ?? '')}/${content}` }).end('{}');
    else if (method === 'GET') jsonAnswer(response, 410, {});
    else
      jsonAnswer(
        response,
        201,
        isWish ? { id: 'upl_1', url: `${bucket.url}/form`, fields: { key: 'k' } } : { id: '77' },
      );
  });
  await stop();
  environment = { AGENT_API_URL: api.url };
  await start();
  await teach({ signingSecret: SECRET });
  const key = `sbk_${'k'.repeat(43)}`;
  await fetch(`${url}/api-key/support`, { method: 'POST', body: JSON.stringify({ key }) });
  const withFile = (type: string, id: string) =>
    JSON.stringify({
      type: 'whatsapp.message.received',
      timestamp: new Date().toISOString(),
      data: {
        agentId: 'support',
        conversation: { customer: { name: 'Ada', waId: '491511' } },
        message: { type, [type]: { id, mime_type: 'any/thing' } },
      },
    });
  const sent = () => api.heard.filter(({ url: { pathname } }) => pathname.endsWith('/messages'));
  for (const [index, [type, id]] of [
    ['image', '4711'],
    ['image', '4712'],
    ['document', '4713'],
    ['document', '4714'],
  ].entries()) {
    await post(withFile(type ?? '', id ?? ''), { id: `evt_${index}` });
    await vi.waitFor(() => expect(sent()).toHaveLength(index + 1), 5_000);
  }
  expect(sent().map(({ body }) => JSON.parse(body) as unknown)).toEqual([
    { to: '491511', type: 'image', image: { id: '77' } },
    { to: '491511', type: 'text', text: { body: 'I can only read text, not image.' } },
    { to: '491511', type: 'document', document: { id: '77' } },
    { to: '491511', type: 'document', document: { id: '77' } },
  ]);
  const posted = api.heard.filter(({ method, url: { pathname } }) => method === 'POST' && pathname.includes('/media'));
  expect(posted.map(({ url: { pathname }, body }) => `${pathname.slice('/v1/agents/support'.length)} ${body}`)).toEqual(
    [
      '/media photo',
      '/media {"contentType":"text/plain"}',
      '/media/upl_1/complete ',
      '/media {"contentType":"a/b"}',
      '/media/upl_1/complete ',
    ],
  );
  const forms = bucket.heard.filter(({ method }) => method === 'POST');
  expect(forms.map(({ body }) => /name="key"\r\n\r\nk\r\n/.test(body))).toEqual([true, true]);
  expect(forms[1]?.body).toContain(large);
  for (const { headers } of bucket.heard) expect(headers).not.toHaveProperty('authorization');
});
