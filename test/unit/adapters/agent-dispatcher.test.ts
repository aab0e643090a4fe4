import net, { type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test, vi } from 'vitest';
import { agentDispatcher } from '../../../shared/adapters/agent-dispatcher.ts';
import { type Resolver, targetRefusal } from '../../../shared/adapters/public-host.ts';
import type { AgentEvent } from '../../../shared/contracts/agent-event.ts';
import { jsonAnswer, loopbackServer } from '../../support/loopback-server.ts';
import { publicHosts } from '../../support/public-host.ts';

const signingSecret = Buffer.from('a signing secret with 32 bytes!!');
const formerSecret = Buffer.from('the one before it with 32 bytes!');
const event = {
  type: 'whatsapp.message.received',
  data: { eventId: 'evt_1', message: { text: { body: 'Grüße 👋' } } },
} as unknown as AgentEvent;
const onAws = { allowLoopback: false };
const local = agentDispatcher({ allowLoopback: true });
const bindingTo = (url: string) => ({ target: { type: 'https', url } as const });
const answered = (status: number, more: object = {}) => ({
  outcome: 'answered',
  httpStatus: status,
  replies: [],
  ...more,
});

describe('a target on this machine', () => {
  test.each(['http://localhost:1234/', 'http://127.0.0.1:1234/x', 'http://[::1]:1/'])(
    '%s is allowed in the local stage alone',
    async (url) => {
      expect(await targetRefusal(url, { allowLoopback: true })).toBeUndefined();
      expect(await targetRefusal(url, onAws)).toMatch(/\w/);
    },
  );

  test.each([
    'http://agent.example/',
    'https://10.0.0.1/',
    'http://169.254.169.254/',
    'http://0.0.0.0/',
    'ftp://localhost/',
  ])('%s is refused in the local stage too', async (url) => {
    expect(await targetRefusal(url, { allowLoopback: true })).toMatch(/\w/);
  });
});

describe('a dispatch', () => {
  test('is signed over exactly the bytes that are sent, with the event id', async () => {
    await using agent = await loopbackServer((_heard, response) => jsonAnswer(response, 200, {}));
    await local.dispatch(bindingTo(agent.url), event, [signingSecret]);
    const [heard] = agent.heard;
    if (heard === undefined) throw new Error('nothing heard');
    const headers = heard.headers as Record<string, string>;
    expect(new Webhook(signingSecret, { format: 'raw' }).verify(heard.body, headers)).toEqual(event);
    expect(headers['webhook-id']).toBe('evt_1');
  });

  test('is signed with both secrets while a rotation lasts: an agent that knows one of them is content', async () => {
    await using agent = await loopbackServer((_heard, response) => jsonAnswer(response, 200, {}));
    await local.dispatch(bindingTo(agent.url), event, [signingSecret, formerSecret]);
    const [heard] = agent.heard;
    if (heard === undefined) throw new Error('nothing heard');
    const headers = heard.headers as Record<string, string>;
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(2);
    for (const secret of [signingSecret, formerSecret])
      expect(new Webhook(secret, { format: 'raw' }).verify(heard.body, headers)).toEqual(event);
    const stranger = new Webhook(Buffer.from('somebody else with 32 bytes here'), { format: 'raw' });
    expect(() => stranger.verify(heard.body, headers)).toThrow();
  });

  test('asks for nothing that is compressed', async () => {
    await using agent = await loopbackServer((_heard, response) => jsonAnswer(response, 200, {}));
    await local.dispatch(bindingTo(agent.url), event, [signingSecret]);
    expect(agent.heard[0]?.headers).not.toHaveProperty('accept-encoding');
  });

  test.each([
    [
      200,
      { messages: [{ type: 'text', text: { body: 'hi' } }] },
      answered(200, { replies: [{ type: 'text', text: { body: 'hi' } }] }),
    ],
    [202, { messages: [{ type: 'text' }] }, answered(202)],
    [400, {}, { outcome: 'refused', httpStatus: 400 }],
    [410, {}, { outcome: 'gone' }],
    [429, {}, { outcome: 'failed', reason: 'http-429', httpStatus: 429 }],
    [500, {}, { outcome: 'failed', reason: 'http-500', httpStatus: 500 }],
    [302, {}, { outcome: 'failed', reason: 'http-302', httpStatus: 302 }],
  ])('answered with %i %j is %j', async (status, body, outcome) => {
    await using agent = await loopbackServer((_heard, response) => jsonAnswer(response, status, body));
    expect(await local.dispatch(bindingTo(agent.url), event, [signingSecret])).toEqual(outcome);
  });

  test('answered with a wish for a pause hands it on', async () => {
    await using agent = await loopbackServer((_heard, response) =>
      response.writeHead(503, { 'retry-after': '20' }).end(),
    );
    expect(await local.dispatch(bindingTo(agent.url), event, [signingSecret])).toEqual({
      outcome: 'failed',
      reason: 'http-503',
      httpStatus: 503,
      retryAfterSeconds: 20,
    });
  });

  test('answered with something compressed took the event, and nothing is unpacked', async () => {
    const messages = [{ type: 'text', text: { body: 'hi' } }];
    await using agent = await loopbackServer((_heard, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(JSON.stringify({ messages }))),
    );
    expect(await local.dispatch(bindingTo(agent.url), event, [signingSecret])).toEqual(
      answered(200, { unreadable: true }),
    );
  });

  test('answered by an end of the connection has its answer read to there', async () => {
    const messages = [{ type: 'text', text: { body: 'hi' } }];
    await using agent = await rudeAgent((socket) => socket.end(`${head}\r\n${JSON.stringify({ messages })}`));
    expect(await local.dispatch(bindingTo(agent.url), event, [signingSecret])).toEqual(
      answered(200, { replies: messages }),
    );
  });

  test('answered with 101 is over: it must not hang its whole batch', async () => {
    await using agent = await loopbackServer((_heard, response) => {
      response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    });
    expect(await local.dispatch(bindingTo(agent.url), event, [signingSecret])).toMatchObject({ outcome: 'failed' });
  });

  test('does not follow a redirect', async () => {
    await using elsewhere = await loopbackServer((_heard, response) => jsonAnswer(response, 200, {}));
    await using agent = await loopbackServer((_heard, response) =>
      response.writeHead(307, { location: elsewhere.url }).end(),
    );
    await local.dispatch(bindingTo(agent.url), event, [signingSecret]);
    expect(elsewhere.heard).toEqual([]);
  });

  test('cuts off an answer without end', async () => {
    await using agent = await loopbackServer((_heard, response) => {
      response.writeHead(200);
      response.write('x'.repeat(300 * 1024));
    });
    expect(await local.dispatch(bindingTo(agent.url), event, [signingSecret])).toEqual({
      outcome: 'failed',
      reason: 'answer-too-large',
    });
  });

  test('fails when nobody listens or the connection breaks', async () => {
    await using agent = await loopbackServer((_heard, response) => response.destroy());
    expect(await local.dispatch(bindingTo(agent.url), event, [signingSecret])).toMatchObject({ outcome: 'failed' });
    expect(await local.dispatch(bindingTo('http://127.0.0.1:9/'), event, [signingSecret])).toMatchObject({
      outcome: 'failed',
      reason: 'ECONNREFUSED',
    });
  });

  test('never reaches a target that is not allowed, however it got into the table', async () => {
    await using agent = await loopbackServer((_heard, response) => jsonAnswer(response, 200, {}));
    const strict = agentDispatcher(onAws);
    expect(await strict.dispatch(bindingTo(agent.url), event, [signingSecret])).toEqual({
      outcome: 'failed',
      reason: 'target-refused',
    });
    expect(agent.heard).toEqual([]);
  });
});

/** An agent that speaks no proper HTTP: what it does with a connection once a request has come. */
const rudeAgent = async (answer: (socket: net.Socket) => void) => {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => answer(socket));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
};
const head = 'HTTP/1.1 200 OK\r\n';
/** Says something again and again, as long as somebody listens. */
const dripping = (socket: net.Socket, text: string, interval: number, first = '') => {
  socket.write(first);
  const timer = setInterval(() => socket.write(text), interval);
  socket.on('close', () => clearInterval(timer));
};

describe('an agent that speaks no proper HTTP', () => {
  test.each<[string, string, (socket: net.Socket) => void]>([
    ['closes at once', 'ECONNRESET', (socket) => socket.end()],
    ['speaks another language', 'HPE_INVALID_CONSTANT', (socket) => socket.end('220 mail.example ESMTP\r\n')],
    ['floods with headers', 'HPE_HEADER_OVERFLOW', (socket) => socket.write(`${head}${'x-a: b\r\n'.repeat(10_000)}`)],
    ['sends one endless header', 'HPE_HEADER_OVERFLOW', (socket) => socket.write(`${head}x: ${'a'.repeat(100_000)}`)],
    [
      'closes before its answer is complete',
      'answer-cut-short',
      (socket) => socket.end(`${head}content-length: 9\r\n\r\n{}`),
    ],
    [
      'sends a chunk that is none',
      'HPE_INVALID_CHUNK_SIZE',
      (socket) => socket.end(`${head}transfer-encoding: chunked\r\n\r\nzz\r\n`),
    ],
    [
      'gives two lengths',
      'HPE_UNEXPECTED_CONTENT_LENGTH',
      (socket) => socket.end(`${head}content-length: 1\r\ncontent-length: 2\r\n\r\n{}`),
    ],
    [
      'floods with interim answers',
      'too-many-interim-answers',
      (socket) => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1_000)),
    ],
  ])('and %s has failed: %s', async (_what, reason, answer) => {
    await using agent = await rudeAgent(answer);
    expect(await local.dispatch(bindingTo(agent.url), event, [signingSecret])).toEqual({ outcome: 'failed', reason });
  });
});

describe.concurrent('a dispatch ends after 10 seconds in all, for an agent that', () => {
  const tenSeconds = 10_000;
  test.each<[string, (socket: net.Socket) => void]>([
    ['says nothing', () => undefined],
    ['drips its headers', (socket) => dripping(socket, 'x-a: b\r\n', 300, head)],
    ['drips its answer', (socket) => dripping(socket, ' ', 300, `${head}\r\n`)],
    ['drips interim answers', (socket) => dripping(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n', 2_200)],
  ])('%s', { timeout: 20_000 }, async (_what, answer) => {
    await using agent = await rudeAgent(answer);
    const since = performance.now();
    expect(await local.dispatch(bindingTo(agent.url), event, [signingSecret])).toEqual({
      outcome: 'failed',
      reason: 'timeout',
    });
    const took = performance.now() - since;
    expect(took).toBeGreaterThan(tenSeconds - 100);
    expect(took).toBeLessThan(tenSeconds + 2_000);
  });

  test('never resolves', { timeout: 20_000 }, async () => {
    const dispatcher = agentDispatcher(onAws, () => new Promise(() => undefined));
    expect(await dispatcher.dispatch(bindingTo('https://agent.example/'), event, [signingSecret])).toEqual({
      outcome: 'failed',
      reason: 'timeout',
    });
  });
});

describe('a dispatch over the internet', () => {
  const one = '93.184.215.14';
  const another = '93.184.215.15';
  const inner = '10.0.0.1';
  const target = bindingTo('https://agent.example/events');

  test('goes to the address that was judged, and to no other', async () => {
    await using hosts = await publicHosts(['agent.example'], (_request, response) => response.end('{}'));
    const dispatcher = agentDispatcher(onAws, () => Promise.resolve([one]));
    expect(await dispatcher.dispatch(target, event, [signingSecret])).toEqual(answered(200));
    const other = bindingTo('https://agent.example:8443/events');
    expect(await dispatcher.dispatch(other, event, [signingSecret])).toEqual(answered(200));
    expect(hosts.dialled).toEqual([`${one} 443`, `${one} 8443`]);
  });

  test('asks once: a name that leads elsewhere the second time gains nothing', async () => {
    await using hosts = await publicHosts(['agent.example'], (_request, response) => response.end('{}'));
    const answers = [[one], [inner]];
    const resolve: Resolver = () => Promise.resolve(answers.shift() ?? [inner]);
    expect(await agentDispatcher(onAws, resolve).dispatch(target, event, [signingSecret])).toEqual(answered(200));
    expect(hosts.dialled).toEqual([`${one} 443`]);
  });

  test('is refused when the name has come to lead inside since the agent was saved', async () => {
    await using hosts = await publicHosts(['agent.example'], (_request, response) => response.end('{}'));
    const answers = [[one], [inner]];
    const resolve: Resolver = () => Promise.resolve(answers.shift() ?? []);
    expect(await targetRefusal(target.target.url, onAws, resolve)).toBeUndefined();
    expect(await agentDispatcher(onAws, resolve).dispatch(target, event, [signingSecret])).toEqual({
      outcome: 'failed',
      reason: 'address-not-public',
    });
    expect(hosts.dialled).toEqual([]);
  });

  test('does not follow a redirect inside', async () => {
    const location = 'https://metadata.agent.example/latest/meta-data/';
    await using hosts = await publicHosts(['agent.example', 'metadata.agent.example'], (_request, response) =>
      response.writeHead(307, { location }).end(),
    );
    const asked: string[] = [];
    const resolve: Resolver = (name) => Promise.resolve([asked.push(name) > 1 ? inner : one]);
    expect(await agentDispatcher(onAws, resolve).dispatch(target, event, [signingSecret])).toEqual({
      outcome: 'failed',
      reason: 'http-307',
      httpStatus: 307,
    });
    expect(asked).toEqual(['agent.example']);
    expect(hosts.dialled).toEqual([`${one} 443`]);
  });

  test('refuses the certificate of another host', async () => {
    await using _hosts = await publicHosts(['other.example'], (_request, response) => response.end('{}'));
    const dispatcher = agentDispatcher(onAws, () => Promise.resolve([one]));
    expect(await dispatcher.dispatch(target, event, [signingSecret])).toEqual({
      outcome: 'failed',
      reason: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  test('refuses it also where the environment would not', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    await using _hosts = await publicHosts(['other.example'], (_request, response) => response.end('{}'));
    const dispatcher = agentDispatcher(onAws, () => Promise.resolve([one]));
    expect(await dispatcher.dispatch(target, event, [signingSecret])).toMatchObject({ outcome: 'failed' });
    vi.unstubAllEnvs();
  });

  describe('over a connection that was kept', () => {
    test('goes where that was opened to, whatever the name says now; a new one is judged anew', async () => {
      await using hosts = await publicHosts(['agent.example'], (request, response) => {
        if (request.headers['webhook-id'] === 'evt_last') response.setHeader('connection', 'close');
        response.end('{}');
      });
      let leadsTo = [one];
      const dispatcher = agentDispatcher(onAws, () => Promise.resolve(leadsTo));
      const last = { ...event, data: { ...event.data, eventId: 'evt_last' } } as AgentEvent;
      expect(await dispatcher.dispatch(target, event, [signingSecret])).toEqual(answered(200));
      leadsTo = [inner];
      expect(await dispatcher.dispatch(target, last, [signingSecret])).toEqual(answered(200));
      expect(await dispatcher.dispatch(target, event, [signingSecret])).toEqual({
        outcome: 'failed',
        reason: 'address-not-public',
      });
      expect(hosts.dialled).toEqual([`${one} 443`]);
    });

    test('does not do so for longer than a minute', async () => {
      await using hosts = await publicHosts(['agent.example'], (_request, response) => response.end('{}'));
      let leadsTo = [one];
      const dispatcher = agentDispatcher(onAws, () => Promise.resolve(leadsTo));
      vi.useFakeTimers({ toFake: ['Date'] });
      await dispatcher.dispatch(target, event, [signingSecret]);
      leadsTo = [another];
      vi.setSystemTime(Date.now() + 59_000);
      await dispatcher.dispatch(target, event, [signingSecret]);
      expect(hosts.dialled).toEqual([`${one} 443`]);
      vi.setSystemTime(Date.now() + 1_000);
      await dispatcher.dispatch(target, event, [signingSecret]);
      await dispatcher.dispatch(target, event, [signingSecret]);
      vi.useRealTimers();
      expect(hosts.dialled).toEqual([`${one} 443`, `${another} 443`]);
    });

    test('is repeated at once when that was over', async () => {
      const connections: net.Socket[] = [];
      await using hosts = await publicHosts(['agent.example'], (request, response) => {
        if (connections.includes(request.socket)) {
          request.socket.destroy();
          return;
        }
        connections.push(request.socket);
        response.end('{}');
      });
      const dispatcher = agentDispatcher(onAws, () => Promise.resolve([one]));
      for (let i = 0; i < 3; i++)
        expect(await dispatcher.dispatch(target, event, [signingSecret])).toEqual(answered(200));
      expect(hosts.dialled).toHaveLength(3);
    });
  });
});
