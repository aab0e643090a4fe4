import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ACME,
  ADA,
  appToken,
  GLOBEX,
  proofOf,
  secretOf,
  simulatorForTests,
  type TestSimulator,
  tokenOf,
} from './harness.ts';

let simulator: TestSimulator;
beforeEach(async () => {
  simulator = await simulatorForTests();
});
afterEach(() => simulator.close());

const send = (body = 'hi') =>
  simulator.graph('POST', `${ACME.phone}/messages`, {
    as: 'acme-good',
    json: { messaging_product: 'whatsapp', to: ADA, type: 'text', text: { body } },
  });
const fault = (body: object) => simulator.control('POST', '/faults', body);
const sentCount = async (): Promise<unknown> => (await simulator.control('GET', '/sent')).body.items.length;

describe('faults', () => {
  it('answer an error of the catalogue instead of the call, as often as asked', async () => {
    expect((await fault({ method: 'post', path: '/messages$', code: 131056, times: 2 })).status).toBe(201);
    for (let call = 0; call < 2; call += 1) {
      expect(await send()).toMatchObject({
        status: 400,
        body: {
          error: {
            code: 131056,
            message: '(#131056) (Business Account, Consumer Account) pair rate limit hit',
            error_data: { messaging_product: 'whatsapp' },
          },
        },
      });
    }
    expect((await send()).status).toBe(200);
    expect(await sentCount()).toBe(1);
  });

  it('take a status, a subcode, an error object or an answer of their own', async () => {
    await fault({ path: '/messages', code: 190, subcode: 463, status: 400 });
    expect(await send()).toMatchObject({ status: 400, body: { error: { code: 190, error_subcode: 463 } } });
    await fault({
      path: '/messages',
      status: 429,
      error: { code: 80007, message: 'slow down' },
      headers: { 'retry-after': '7' },
    });
    const throttled = await send();
    expect(throttled).toMatchObject({ status: 429, body: { error: { code: 80007, fbtrace_id: expect.any(String) } } });
    expect(throttled.headers.get('retry-after')).toBe('7');
    await fault({ path: '/messages', status: 200, answer: { unexpected: true } });
    expect((await send()).body).toEqual({ unexpected: true });
    await fault({ path: '/messages', status: 503 });
    expect((await send()).status).toBe(503);
  });

  it('hit only calls that match path, method and body, after those that pass first', async () => {
    await fault({ path: '^/v25.0/999/', code: 2 });
    await fault({ method: 'GET', path: '/messages', code: 2 });
    await fault({ path: '/messages', body: 'unlucky', skip: 1, code: 2 });
    expect((await send()).status).toBe(200);
    expect((await send('unlucky')).status).toBe(200);
    expect((await send('unlucky')).body.error).toMatchObject({ code: 2, is_transient: true });
    expect((await send('unlucky')).status).toBe(200);
  });

  it('drop the connection before the effect, or after it', async () => {
    await fault({ path: '/messages', dropConnection: true });
    await expect(send()).rejects.toThrow();
    expect(await sentCount()).toBe(0);
    await fault({ path: '/messages', dropConnection: true, afterEffect: true });
    await expect(send()).rejects.toThrow();
    expect(await sentCount()).toBe(1);
    const { items } = (await simulator.control('GET', '/calls?path=/messages$')).body;
    expect(items.map(({ status, fault: id }: { status: number | null; fault: string }) => [status, id])).toEqual([
      [null, 'fault-1'],
      [null, 'fault-2'],
    ]);
  });

  it('hit the calls of one app alone, made with a token of it or as the app', async () => {
    await fault({ app: GLOBEX.app, code: 4, times: null });
    expect((await send()).status).toBe(200);
    const inspect = (app: string) =>
      simulator.graph('GET', `debug_token?input_token=${tokenOf('acme-good')}`, { as: `app:${app}` });
    expect((await inspect(ACME.app)).status).toBe(200);
    expect((await inspect(GLOBEX.app)).body.error.code).toBe(4);
    await fault({ app: ACME.app, code: 2 });
    expect((await send()).body.error.code).toBe(2);
  });

  it('delay the true answer, or answer an error although the message was sent', async () => {
    await fault({ path: '/messages', delayMs: 80 });
    const started = performance.now();
    expect((await send()).status).toBe(200);
    expect(performance.now() - started).toBeGreaterThanOrEqual(75);
    await fault({ path: '/messages', code: 131000, afterEffect: true });
    expect((await send()).status).toBe(500);
    expect(await sentCount()).toBe(2);
  });

  it('are listed and removed', async () => {
    const { id } = (await fault({ path: 'debug_token', code: 4, times: null })).body;
    expect((await simulator.control('GET', '/faults')).body.items).toMatchObject([
      { id, code: 4, times: null, applied: 0 },
    ]);
    expect((await simulator.control('DELETE', `/faults/${id}`)).status).toBe(200);
    expect((await simulator.control('DELETE', `/faults/${id}`)).status).toBe(404);
  });

  it.each([
    [{ path: '(', code: 1 }, /regular expression/],
    [{ path: 'x' }, /at least one of/],
    [{ code: 1, times: 0 }, /times/],
    [{ code: 1, tmies: 2 }, /tmies/],
    ['not an object', /body/],
  ])('refuse %o with a clear message', async (body, message) => {
    const answer = await simulator.control('POST', '/faults', body);
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toMatch(message);
  });
});

describe('the log of calls', () => {
  it('tells who called, and whether a proof and secrets were there, and never their values', async () => {
    const token = tokenOf('acme-good');
    const proof = proofOf(ACME.app, token);
    await simulator.graph('GET', `${ACME.shop}?appsecret_proof=${proof}`, { as: 'acme-good' });
    await simulator.graph('GET', `${ACME.shop}?appsecret_proof=0&access_token=${token}`);
    await simulator.graph('GET', `debug_token?input_token=${token}`, { as: `app:${ACME.app}` });
    await simulator.graph('POST', `${ACME.phone}/messages`, {
      json: { access_token: 'EAAgarbage', appsecret_proof: 'x' },
    });
    await simulator.graph('GET', ACME.shop);
    const { body } = await simulator.control('GET', '/calls');
    expect(
      body.items.map((call: Record<string, unknown>) => [
        call.caller,
        call.tokenIn,
        call.proof,
        call.secretsInUrl,
        call.errorCode,
      ]),
    ).toEqual([
      ['acme-good', 'header', 'valid', ['appsecret_proof'], null],
      ['acme-good', 'url', 'invalid', ['access_token', 'appsecret_proof'], 100],
      [`app:${ACME.app}`, 'header', 'absent', ['input_token'], null],
      ['unknown', 'body', 'unverifiable', [], 190],
      ['none', 'none', 'absent', [], 104],
    ]);
    const text = JSON.stringify(body);
    for (const secret of [token, proof, secretOf(ACME.app), 'EAAgarbage']) expect(text).not.toContain(secret);
  });

  it('is filtered by path, method and time, and forgotten on request', async () => {
    await simulator.graph('GET', ACME.shop, { as: 'acme-good' });
    await send();
    expect((await simulator.control('GET', '/calls?method=post&path=/messages$')).body.items).toHaveLength(1);
    expect(
      (await simulator.control('GET', `/calls?since=${new Date(Date.now() + 1000).toISOString()}`)).body.items,
    ).toHaveLength(0);
    expect((await simulator.control('GET', '/calls?path=(')).status).toBe(400);
    await simulator.control('DELETE', '/calls');
    expect((await simulator.control('GET', '/calls')).body.items).toHaveLength(0);
  });
});

describe('seeding', () => {
  it('adds apps, WABAs, numbers and tokens that work at once', async () => {
    const secret = 'abcdef0123456789abcdef0123456789';
    const answer = await simulator.control('POST', '/seed', {
      apps: [{ id: '7001', name: 'New', secret }],
      wabas: [{ id: '7002', name: 'New', businessId: '7000' }],
      phoneNumbers: [{ id: '7003', wabaId: '7002', displayPhoneNumber: '+1 555-010-0199', verifiedName: 'New' }],
      tokens: [{ name: 'new', value: 'EAAnewtoken', appId: '7001', assets: ['7002'], expiresInSeconds: 60 }],
    });
    expect(answer.body).toEqual({ success: true });
    expect((await simulator.graph('GET', '7003?fields=verified_name', { as: 'EAAnewtoken' })).body).toEqual({
      verified_name: 'New',
      id: '7003',
    });
    const { data } = (await simulator.graph('GET', 'debug_token?input_token=EAAnewtoken', { as: `7001|${secret}` }))
      .body;
    expect(data.expires_at).toBeGreaterThan(Date.now() / 1000 + 30);
  });

  it.each([
    ['an unknown field', { apps: [{ id: '7001', name: 'x', secret: '0'.repeat(32), colour: 'red' }] }, /colour/],
    ['a secret of another form', { apps: [{ id: '7001', name: 'x', secret: 'short' }] }, /apps\.0\.secret/],
    [
      'a number of no WABA',
      { phoneNumbers: [{ id: '7003', wabaId: '7002', displayPhoneNumber: '15550100', verifiedName: 'x' }] },
      /7002/,
    ],
    ['a token of no app', { tokens: [{ name: 'x', value: 'EAAxxxxxx', appId: '7001', assets: 'all' }] }, /7001/],
    [
      'an id that is something else already',
      { wabas: [{ id: ACME.app, name: 'x', businessId: '7000' }] },
      new RegExp(ACME.app),
    ],
    ['a setting that does not exist', { settings: { speed: 11 } }, /speed/],
  ])('refuses %s and changes nothing', async (_, seed, message) => {
    const before = (await simulator.control('GET', '/state')).body;
    const { status, body } = await simulator.control('POST', '/seed', seed);
    expect(status).toBe(400);
    expect(body.error.message).toMatch(message);
    expect((await simulator.control('GET', '/state')).body).toEqual(before);
  });

  it('is undone by a reset, which forgets logs, faults and settings too', async () => {
    await send();
    await fault({ code: 1 });
    await simulator.control('POST', '/tokens/acme-good/revoke');
    await simulator.control('POST', '/reset');
    expect(await sentCount()).toBe(0);
    expect((await simulator.control('GET', '/faults')).body.items).toEqual([]);
    expect((await simulator.control('GET', '/settings')).body.statuses).toEqual(['sent', 'delivered', 'read']);
    expect((await send()).status).toBe(200);
  });
});

describe('changing what is there', () => {
  it('expires, revokes and restores tokens', async () => {
    const subcodes = [];
    for (const change of ['expire', 'revoke', 'change-password', 'restore']) {
      await simulator.control('POST', `/tokens/acme-good/${change}`);
      subcodes.push((await send()).body.error?.error_subcode);
    }
    expect(subcodes).toEqual([463, 467, 460, undefined]);
    expect((await simulator.control('POST', '/tokens/acme-good/eat')).status).toBe(404);
    expect((await simulator.control('POST', '/tokens/nobody/expire')).status).toBe(404);
  });

  it('takes permissions and assets from a token', async () => {
    await simulator.control('PATCH', '/tokens/acme-good', {
      scopes: ['whatsapp_business_management'],
      granularScopes: [],
    });
    expect((await send()).body.error.code).toBe(10);
    await simulator.control('PATCH', '/tokens/acme-good', { assets: [] });
    expect((await send()).body.error).toMatchObject({ code: 100, error_subcode: 33 });
  });

  it('patches phone numbers, and refuses what is no phone number any more', async () => {
    await simulator.control('PATCH', `/phone-numbers/${ACME.phone}`, {
      qualityRating: 'RED',
      registered: false,
      fields: { name_status: 'DECLINED' },
    });
    expect(
      (await simulator.graph('GET', `${ACME.phone}?fields=quality_rating,name_status`, { as: 'acme-good' })).body,
    ).toMatchObject({ quality_rating: 'RED', name_status: 'DECLINED' });
    expect((await send()).body.error.code).toBe(133010);
    expect((await simulator.control('PATCH', `/phone-numbers/${ACME.phone}`, { qualityRating: 'PINK' })).status).toBe(
      400,
    );
    expect((await simulator.control('PATCH', '/phone-numbers/1', {})).status).toBe(404);
  });

  it('makes the old App Secret wrong at once, and leaves tokens alone', async () => {
    const old = appToken(ACME.app);
    await simulator.control('POST', `/apps/${ACME.app}/rotate-secret`, { secret: 'f'.repeat(32) });
    expect((await simulator.graph('GET', `${ACME.app}/subscriptions`, { as: old })).body.error.code).toBe(1);
    expect((await send()).status).toBe(200);
  });
});

describe('strangers', () => {
  const status = (headers: Record<string, string>, path = '/_control/state') =>
    new Promise<number | undefined>((resolve, reject) => {
      request(`${simulator.url}${path}`, { headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });

  it('pages of another origin and other host names are refused', async () => {
    expect(await status({ origin: 'https://evil.example' })).toBe(403);
    expect(await status({ host: 'evil.example' })).toBe(403);
    expect(await status({ host: 'evil.example' }, '/')).toBe(403);
    expect(await status({ origin: simulator.url })).toBe(200);
  });

  it('nonsense is answered 400 or 404 with a message', async () => {
    const broken = await fetch(`${simulator.url}/_control/seed`, { method: 'POST', body: '{' });
    expect(broken.status).toBe(400);
    expect(await broken.json()).toEqual({ error: { message: 'The body is not JSON.' } });
    expect((await simulator.control('GET', '/nothing')).status).toBe(404);
    expect((await simulator.control('POST', '/message', { phoneNumberId: '1', from: ADA, body: 'x' })).status).toBe(
      404,
    );
    expect(
      (await simulator.control('POST', '/message', { phoneNumberId: ACME.phone, from: 'Ada', body: 'x' })).status,
    ).toBe(400);
    expect((await simulator.control('POST', '/message', { phoneNumberId: ACME.phone, from: ADA })).status).toBe(400);
    expect((await simulator.control('POST', '/deliver', { payload: {} })).status).toBe(400);
    expect((await simulator.control('POST', '/deliver', { phoneNumberId: ACME.phone })).status).toBe(400);
    expect((await simulator.control('GET', '/')).body.routes).toContain('POST /_control/faults');
  });
});
