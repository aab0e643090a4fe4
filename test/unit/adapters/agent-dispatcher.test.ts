import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import {
  agentDispatcher,
  type Resolver,
  targetProblem,
  targetRefusal,
} from '../../../shared/adapters/agent-dispatcher.ts';
import type { AgentEvent } from '../../../shared/contracts/agent-event.ts';
import { jsonAnswer, loopbackServer } from '../../support/loopback-server.ts';
import { bindingOf } from '../../support/records.ts';

const signingSecret = Buffer.from('a signing secret with 32 bytes!!');
const event = {
  type: 'whatsapp.message.received',
  data: { eventId: 'evt_1', message: { text: { body: 'Grüße 👋' } } },
} as unknown as AgentEvent;
const local = agentDispatcher({ allowLoopback: true });
const bindingTo = (url: string) => bindingOf({ target: { type: 'https', url } });

describe('a target', () => {
  test.each([
    'http://agent.example/',
    'ftp://agent.example/',
    'https://user:password@agent.example/',
    'https://user@agent.example/',
    'https://127.0.0.1/',
    'https://localhost/',
    'https://localhost:443/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://169.254.169.254/latest/meta-data/',
    'https://10.0.0.1/',
    'https://8.8.8.8/',
    'https://intranet/',
    'not a url',
  ])('%s is refused on AWS', (url) => {
    expect(targetProblem(url, { allowLoopback: false })).toMatch(/\w/);
  });

  test.each(['https://agent.example/', 'https://agent.example:8443/events?x=1'])('%s is allowed', (url) => {
    expect(targetProblem(url, { allowLoopback: false })).toBeUndefined();
  });

  test.each(['http://localhost:1234/', 'http://127.0.0.1:1234/x', 'http://[::1]:1/'])(
    '%s is allowed in the local stage alone',
    (url) => {
      expect(targetProblem(url, { allowLoopback: true })).toBeUndefined();
      expect(targetProblem(url, { allowLoopback: false })).toMatch(/\w/);
    },
  );

  test.each(['http://agent.example/', 'https://10.0.0.1/', 'http://169.254.169.254/', 'http://0.0.0.0/'])(
    '%s is refused in the local stage too',
    (url) => {
      expect(targetProblem(url, { allowLoopback: true })).toMatch(/\w/);
    },
  );

  test('whose host does not resolve yet is left to the dispatch', async () => {
    expect(
      await targetRefusal({ type: 'https', url: 'https://agent.invalid/' }, { allowLoopback: false }),
    ).toBeUndefined();
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

  test.each([
    [
      200,
      { messages: [{ type: 'text', text: { body: 'hi' } }] },
      { outcome: 'answered', replies: [{ type: 'text', text: { body: 'hi' } }] },
    ],
    [200, {}, { outcome: 'answered', replies: [] }],
    [200, 'ok', { outcome: 'answered', replies: [] }],
    [202, { messages: [{ type: 'text' }] }, { outcome: 'answered', replies: [] }],
    [
      200,
      { messages: Array.from({ length: 11 }, () => ({ type: 'text' })) },
      { outcome: 'answered', replies: [], unreadable: true },
    ],
    [200, { messages: [{ text: 'no type' }] }, { outcome: 'answered', replies: [], unreadable: true }],
    [200, { messages: [{ type: 'access_token' }] }, { outcome: 'answered', replies: [], unreadable: true }],
    [400, {}, { outcome: 'refused', httpStatus: 400 }],
    [410, {}, { outcome: 'refused', httpStatus: 410 }],
    [408, {}, { outcome: 'failed', reason: 'http-408' }],
    [429, {}, { outcome: 'failed', reason: 'http-429' }],
    [500, {}, { outcome: 'failed', reason: 'http-500' }],
    [302, {}, { outcome: 'failed', reason: 'http-302' }],
  ])('answered with %i %j is %j', async (status, body, outcome) => {
    await using agent = await loopbackServer((_heard, response) => jsonAnswer(response, status, body));
    expect(await local.dispatch(bindingTo(agent.url), event, [signingSecret])).toEqual(outcome);
  });

  test('answered with no JSON took the event all the same', async () => {
    await using agent = await loopbackServer((_heard, response) => response.end('<html>thanks</html>'));
    expect(await local.dispatch(bindingTo(agent.url), event, [signingSecret])).toEqual({
      outcome: 'answered',
      replies: [],
    });
  });

  test('answered with 101 is over: it must not hang its whole batch', async () => {
    await using agent = await loopbackServer((_heard, response) => {
      response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    });
    expect(await local.dispatch(bindingTo(agent.url), event, [signingSecret])).toMatchObject({ outcome: 'failed' });
  });

  test('answered with more replies than can be kept sends none of them', async () => {
    const messages = Array.from({ length: 3 }, () => ({ type: 'text', text: { body: '\ufffd'.repeat(40_000) } }));
    await using agent = await loopbackServer((_heard, response) => {
      response.end(Buffer.from(JSON.stringify({ messages }).replaceAll('\ufffd', '\u00ff'), 'latin1'));
    });
    const outcome = await local.dispatch(bindingTo(agent.url), event, [signingSecret]);
    expect(outcome).toEqual({ outcome: 'answered', replies: [], unreadable: true });
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
    expect(await local.dispatch(bindingTo(agent.url), event, [signingSecret])).toMatchObject({ outcome: 'failed' });
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
    const strict = agentDispatcher({ allowLoopback: false });
    expect(await strict.dispatch(bindingTo(agent.url), event, [signingSecret])).toEqual({
      outcome: 'failed',
      reason: 'target-refused',
    });
    expect(agent.heard).toEqual([]);
  });

  test.each([
    ['a private address', ['10.0.0.1']],
    ['this machine', ['127.0.0.1']],
    ['the metadata service', ['169.254.169.254']],
    ['this machine in IPv6 clothes', ['::ffff:127.0.0.1']],
    ['a unique local address', ['fd00::1']],
    ['a public address and a private one', ['93.184.216.34', '192.168.0.1']],
    ['nothing', []],
  ])('never connects to a name that resolves to %s', async (_what, addresses) => {
    const resolve: Resolver = (_hostname, _options, callback) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    const strict = agentDispatcher({ allowLoopback: false }, resolve);
    expect(await strict.dispatch(bindingTo('https://agent.example/'), event, [signingSecret])).toEqual({
      outcome: 'failed',
      reason: 'address-not-public',
    });
    expect(
      await targetRefusal({ type: 'https', url: 'https://agent.example/' }, { allowLoopback: false }, resolve),
    ).toMatch(/public address/);
  });
});
