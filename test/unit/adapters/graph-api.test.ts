import { describe, expect, test } from 'vitest';
import { graphApi } from '../../../shared/adapters/graph-api.ts';
import { failureOf } from '../../../shared/adapters/graph-error.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import type { Graph } from '../../../shared/domain/graph.ts';
import { jsonAnswer, loopbackServer } from '../../support/loopback-server.ts';
import { ids } from '../../support/records.ts';

const token = () => SecretBytes.fromText('EAA-the-token');
const access = () => ({ accessToken: token(), proof: SecretBytes.fromText('the-proof') });
const graphAt = (baseUrl: string) => graphApi({ baseUrl, version: 'v25.0' });

describe('what is heard of an answer', () => {
  const heardOf = async (baseUrl: string, ask = (graph: Graph) => graph.readBusinessAccount(access(), ids.waba)) => {
    const heard: boolean[] = [];
    await ask(graphApi({ baseUrl, version: 'v25.0', onAnswer: ({ failed }) => void heard.push(failed) }));
    return heard;
  };
  const error = (code: number, message = '') => ({ error: { code, message } });

  test.each([
    ['an answer', 200, { name: 'Shop' }, false],
    ['a token that is over', 401, error(190), false],
    ['a parameter that is wrong', 400, error(100), false],
    ['a limit that is reached', 400, error(80007), false],
    ['a certificate that is wrong, though Meta calls it a 500', 500, error(131045), false],
    ['an error of Meta', 500, error(131000), true],
    ['a service that is away', 503, error(2), true],
    ['an error without a word', 502, undefined, true],
    ['an answer of another form', 200, [], true],
  ])('%s: %i %j counts as failed: %s', async (_what, status, body, failed) => {
    await using server = await loopbackServer((_heard, response) => jsonAnswer(response, status, body ?? null));
    expect(await heardOf(server.url)).toEqual([failed]);
  });

  test('no answer counts as failed', async () => {
    const server = await loopbackServer(() => undefined);
    await server[Symbol.asyncDispose]();
    expect(await heardOf(server.url)).toEqual([true]);
  });

  test('each request counts by itself: those of one list, and one that is repeated without its proof', async () => {
    await using server = await loopbackServer(({ url }, response) =>
      url.searchParams.has('appsecret_proof')
        ? jsonAnswer(response, 400, error(100, 'Invalid appsecret_proof provided in the API argument'))
        : jsonAnswer(response, 503, error(2)),
    );
    const lagging = (graph: Graph) => graph.readBusinessAccount({ ...access(), proofMayLag: true }, ids.waba);
    expect(await heardOf(server.url, lagging)).toEqual([false, true]);
  });
});

describe('the client of the Graph API', () => {
  test('sends the token in the header, never in the URL, and the proof with it', async () => {
    await using server = await loopbackServer((_heard, response) => jsonAnswer(response, 200, { name: 'Shop' }));
    expect(await graphAt(server.url).readBusinessAccount(access(), ids.waba)).toEqual({
      ok: true,
      value: { name: 'Shop' },
    });
    const [call] = server.heard;
    expect(call?.headers.authorization).toBe('Bearer EAA-the-token');
    expect(call?.url.pathname).toBe(`/v25.0/${ids.waba}`);
    expect(call?.url.searchParams.get('appsecret_proof')).toBe('the-proof');
    expect(call?.url.href).not.toContain('EAA-the-token');
  });

  test('reads an invalid token out of an answer of 200', async () => {
    const data = { is_valid: false, scopes: [], error: { code: 190, subcode: 463, message: 'x' } };
    await using server = await loopbackServer((_heard, response) => jsonAnswer(response, 200, { data }));
    const facts = await graphAt(server.url).inspectToken(SecretBytes.fromText('1|s'), token());
    expect(facts).toMatchObject({ ok: true, value: { valid: false, errorCode: 190, errorSubcode: 463 } });
  });

  test('takes permissions from both lists, and 0 for no expiry', async () => {
    const data = {
      is_valid: true,
      app_id: 42,
      expires_at: 0,
      scopes: ['a'],
      granular_scopes: [{ scope: 'b', target_ids: ['1'] }],
    };
    await using server = await loopbackServer((_heard, response) => jsonAnswer(response, 200, { data }));
    const facts = await graphAt(server.url).inspectToken(SecretBytes.fromText('1|s'), token());
    expect(facts).toMatchObject({
      ok: true,
      value: { appId: '42', expiresAt: null, permissions: new Set(['a', 'b']) },
    });
  });

  test.each([[{ error: { code: 190 } }], [{ is_valid: true, app_id: '42' }], [{ is_valid: 'false', scopes: [] }]])(
    'takes no verdict from an answer that does not say what the token is worth: %j',
    async (data) => {
      await using server = await loopbackServer((_heard, response) => jsonAnswer(response, 200, { data }));
      const facts = await graphAt(server.url).inspectToken(SecretBytes.fromText('1|s'), token());
      expect(facts).toEqual({ ok: false, failure: { kind: 'unknown-outcome' } });
    },
  );

  test('blames the App Secret when Meta refuses the app token itself', async () => {
    await using server = await loopbackServer((_heard, response) =>
      jsonAnswer(response, 400, { error: { code: 190, message: 'Invalid OAuth access token signature' } }),
    );
    const facts = await graphAt(server.url).inspectToken(SecretBytes.fromText('1|s'), token());
    expect(facts).toMatchObject({ ok: false, failure: { refusal: 'app-secret-wrong' } });
  });

  test('follows pages by their cursor, with the proof on each, and never the URL that it is given', async () => {
    await using server = await loopbackServer(({ url }, response) =>
      jsonAnswer(response, 200, {
        data: [{ id: url.searchParams.get('after') === null ? '30001' : '30002' }],
        paging:
          url.searchParams.get('after') === null
            ? { cursors: { after: 'next' }, next: 'http://attacker.example/' }
            : { cursors: { after: 'end' } },
      }),
    );
    const numbers = await graphAt(server.url).listPhoneNumbers(access(), ids.waba);
    expect(numbers.ok && numbers.value.map(({ phoneNumberId }) => phoneNumberId)).toEqual(['30001', '30002']);
    expect(server.heard.map(({ url }) => url.searchParams.get('appsecret_proof'))).toEqual(['the-proof', 'the-proof']);
  });

  test('does not follow a redirect with the token', async () => {
    await using elsewhere = await loopbackServer((_heard, response) => jsonAnswer(response, 200, {}));
    await using server = await loopbackServer((_heard, response) =>
      response.writeHead(302, { location: elsewhere.url }).end(),
    );
    const answer = await graphAt(server.url).readBusinessAccount(access(), ids.waba);
    expect(answer).toEqual({ ok: false, failure: { kind: 'unknown-outcome' } });
    expect(elsewhere.heard).toEqual([]);
  });

  test('knows that a refused connection sent nothing', async () => {
    const gone = await loopbackServer(() => undefined);
    await gone[Symbol.asyncDispose]();
    const sent = await graphAt(gone.url).sendMessage(access(), ids.number, {});
    expect(sent).toEqual({ ok: false, failure: { kind: 'not-sent' } });
  });

  test.each<[string, (response: import('node:http').ServerResponse) => void]>([
    ['drops the connection', (response) => response.destroy()],
    ['answers 500 without an envelope', (response) => response.writeHead(500).end('oops')],
    ['answers 200 with something else', (response) => jsonAnswer(response, 200, { messages: [] })],
    ['answers 200 with no JSON', (response) => response.writeHead(200).end('<html>')],
  ])('calls the outcome of a send unknown when Meta %s', async (_what, answer) => {
    await using server = await loopbackServer((_heard, response) => answer(response));
    const sent = await graphAt(server.url).sendMessage(access(), ids.number, { type: 'text' });
    expect(sent).toEqual({ ok: false, failure: { kind: 'unknown-outcome' } });
  });

  describe('with a proof that Meta refuses', () => {
    const refusingProofs = (heard: { readonly url: URL }, response: import('node:http').ServerResponse) =>
      heard.url.searchParams.has('appsecret_proof')
        ? jsonAnswer(response, 400, { error: { code: 100, message: 'Invalid appsecret_proof provided' } })
        : jsonAnswer(response, 200, { id: '1', name: 'Shop' });

    test('repeats a call once without it, where the App Secret may have changed since it was made', async () => {
      await using server = await loopbackServer(refusingProofs);
      const answer = await graphAt(server.url).readBusinessAccount({ ...access(), proofMayLag: true }, ids.waba);
      expect(answer).toEqual({ ok: true, value: { name: 'Shop' } });
      expect(server.heard.map(({ url }) => url.searchParams.has('appsecret_proof'))).toEqual([true, false]);
    });

    test('never repeats it while a new App Secret is being proved', async () => {
      await using server = await loopbackServer(refusingProofs);
      const answer = await graphAt(server.url).readBusinessAccount(access(), ids.waba);
      expect(answer).toMatchObject({ ok: false, failure: { refusal: 'proof-invalid' } });
      expect(server.heard).toHaveLength(1);
    });

    test('repeats nothing that was refused for another reason', async () => {
      await using server = await loopbackServer((_heard, response) =>
        jsonAnswer(response, 400, { error: { code: 190, message: 'dead' } }),
      );
      await graphAt(server.url).readBusinessAccount({ ...access(), proofMayLag: true }, ids.waba);
      expect(server.heard).toHaveLength(1);
    });
  });

  test('reads the number’s own callback out of Meta’s other shape', async () => {
    const webhook_configuration = { phone_number: 'https://a.example', application: 'https://b.example' };
    await using server = await loopbackServer((_heard, response) =>
      jsonAnswer(response, 200, { webhook_configuration }),
    );
    expect(await graphAt(server.url).readNumberCallback(access(), ids.number)).toEqual({
      ok: true,
      value: 'https://a.example',
    });
  });
});

describe('an error of Meta’s', () => {
  test.each([
    [{ code: 100, message: 'Invalid appsecret_proof provided in the API argument' }, 'proof-invalid'],
    [
      { code: 100, message: '(#100) Before override the current callback uri, your app must be subscribed' },
      'not-subscribed',
    ],
    [{ code: 100, error_subcode: 33, message: 'Unsupported get request' }, 'object-invisible'],
    [{ code: 100, message: '(#100) Invalid parameter' }, 'other'],
    [{ code: 1, message: 'Error validating client secret.' }, 'app-secret-wrong'],
    [{ code: 1, message: 'An unknown error occurred' }, 'temporary'],
    [{ code: 2, message: 'Service temporarily unavailable' }, 'temporary'],
    [{ code: 101, message: 'Error validating application.' }, 'app-unknown'],
    [{ code: 190, message: 'Session has expired' }, 'token-invalid'],
    [{ code: 0, message: 'AuthException' }, 'token-invalid'],
    [{ code: 10, message: 'no permission' }, 'permission-missing'],
    [{ code: 200, message: 'no permission' }, 'permission-missing'],
    [{ code: 299, message: 'no permission' }, 'permission-missing'],
    [{ code: 3, message: 'no capability' }, 'permission-missing'],
    [{ code: 131005, message: 'Access denied' }, 'permission-missing'],
    [{ code: 300, message: 'nobody knows' }, 'other'],
    [{ code: 2200, message: 'Callback verification failed' }, 'callback-refused'],
    [{ code: 80007, message: 'limit' }, 'rate-limited'],
    [{ code: 80008, message: 'limit' }, 'rate-limited'],
    [{ code: 131056, message: 'pair limit' }, 'rate-limited'],
    [{ code: 131047, message: 'window' }, 'other'],
  ])('%j is %s', (error, refusal) => {
    expect(failureOf({ error })).toMatchObject({ kind: 'refused', refusal, code: error.code });
  });

  test('keeps its trace id and never its message, which may quote a token', () => {
    const failure = failureOf({ error: { code: 190, message: 'Malformed access token EAAsecret', fbtrace_id: 'Abc' } });
    expect(failure).toEqual({ kind: 'refused', refusal: 'token-invalid', code: 190, fbtraceId: 'Abc' });
  });

  const token = `EAA${'x'.repeat(40)}`;
  test.each([
    [
      'its details',
      { code: 131009, message: 'x', error_data: { details: 'Parameter to is wrong' } },
      'Parameter to is wrong',
    ],
    [
      'of a wrong parameter its message',
      { code: 100, message: "(#100) Param image['id'] is wrong" },
      "(#100) Param image['id'] is wrong",
    ],
    ['and then rather its details', { code: 100, message: 'x', error_data: { details: 'to is wrong' } }, 'to is wrong'],
    ['of other codes no message', { code: 131026, message: `quotes ${token}` }, undefined],
    ['no token in either', { code: 100, message: `Param ${token} is wrong` }, 'Param … is wrong'],
    [
      'not without end',
      { code: 131009, message: 'x', error_data: { details: 'word '.repeat(200) } },
      expect.stringMatching(/^.{300}$/),
    ],
    ['nothing of another form', { code: 131009, message: 'x', error_data: 'text' }, undefined],
  ])('keeps %s', (_what, error, details) => {
    expect((failureOf({ error }) as { readonly details?: string }).details).toEqual(details);
  });

  test.each([undefined, null, 'text', {}, { error: 'x' }])('that is none (%j) leaves the outcome unknown', (body) => {
    expect(failureOf(body)).toEqual({ kind: 'unknown-outcome' });
  });
});
