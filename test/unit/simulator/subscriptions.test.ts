import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ACME,
  type Callback,
  callbackForTests,
  simulatorForTests,
  subscribe,
  type TestSimulator,
  UMBRELLA,
  WAYNE,
} from './harness.ts';

let simulator: TestSimulator;
let callback: Callback;
beforeEach(async () => {
  [simulator, callback] = await Promise.all([simulatorForTests(), callbackForTests()]);
});
afterEach(() => Promise.all([simulator.close(), callback.close()]));

const OBJECT = 'whatsapp_business_account';
const post = (path: string, json?: unknown, as = 'acme-good') =>
  simulator.graph('POST', path, { as, ...(json === undefined ? {} : { json }) });
const subscribeApp = (more: Record<string, string> = {}) =>
  simulator.graph('POST', `${ACME.app}/subscriptions`, {
    as: `app:${ACME.app}`,
    form: {
      object: OBJECT,
      callback_url: `${callback.url}/hook`,
      verify_token: 'secret-word',
      fields: 'messages,account_update',
      ...more,
    },
  });
const acme = () => ({ app: ACME.app, waba: ACME.shop, token: 'acme-good', url: `${callback.url}/app` });

describe('the subscription of an app', () => {
  it('is stored after the handshake, with the fields and their version', async () => {
    expect((await subscribeApp()).body).toEqual({ success: true });
    expect(callback.handshakes).toHaveLength(1);
    expect(callback.handshakes[0]?.get('hub.mode')).toBe('subscribe');
    expect(callback.handshakes[0]?.get('hub.verify_token')).toBe('secret-word');
    const { body } = await simulator.graph('GET', `${ACME.app}/subscriptions`, { as: `app:${ACME.app}` });
    expect(body.data).toEqual([
      {
        object: OBJECT,
        callback_url: `${callback.url}/hook`,
        active: true,
        fields: [
          { name: 'messages', version: 'v25.0' },
          { name: 'account_update', version: 'v25.0' },
        ],
      },
    ]);
  });

  it('replaces the former callback and field list', async () => {
    await subscribeApp();
    await subscribeApp({ callback_url: `${callback.url}/other`, fields: 'messages' });
    const { body } = await simulator.graph('GET', `${ACME.app}/subscriptions`, { as: `app:${ACME.app}` });
    expect(body.data).toHaveLength(1);
    expect(body.data[0]).toMatchObject({ callback_url: `${callback.url}/other`, fields: [{ name: 'messages' }] });
  });

  it('loses single fields, and with the last one itself', async () => {
    await subscribeApp();
    const remove = (query: string) =>
      simulator.graph('DELETE', `${ACME.app}/subscriptions?object=${OBJECT}${query}`, { as: `app:${ACME.app}` });
    await remove('&fields=account_update');
    const left = await simulator.graph('GET', `${ACME.app}/subscriptions`, { as: `app:${ACME.app}` });
    expect(left.body.data[0].fields).toEqual([{ name: 'messages', version: 'v25.0' }]);
    expect((await remove('')).body).toEqual({ success: true });
    expect((await simulator.graph('GET', `${ACME.app}/subscriptions`, { as: `app:${ACME.app}` })).body.data).toEqual(
      [],
    );
  });

  it('takes only the token of this very app', async () => {
    expect((await post(`${ACME.app}/subscriptions`, { object: OBJECT })).body.error.code).toBe(15);
    expect(
      (await simulator.graph('GET', `${ACME.app}/subscriptions`, { as: `app:${WAYNE.app}` })).body.error,
    ).toMatchObject({ error_subcode: 33 });
  });

  it('refuses missing parameters and unknown fields', async () => {
    for (const parameter of ['object', 'callback_url', 'verify_token', 'fields']) {
      expect((await subscribeApp({ [parameter]: '' })).body.error.code).toBe(100);
    }
    expect((await subscribeApp({ fields: 'messages,gossip' })).body.error.message).toContain(
      'Param fields[1] must be one of',
    );
    expect(callback.handshakes).toHaveLength(0);
  });
});

describe('the handshake', () => {
  it.each([
    [{ status: 404 }, 'HTTP Status Code = 404; HTTP Message = Not Found'],
    [{ status: 200, body: 'not the challenge' }, 'HTTP Status Code = 200'],
    [{ status: 302 }, 'HTTP Status Code = 302'],
  ])('fails with 2200 when the callback answers %o, and nothing is stored', async (handshake, reason) => {
    callback.handshake = handshake;
    const { status, body } = await subscribeApp();
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ type: 'OAuthException', code: 2200 });
    expect(body.error.message).toContain(`(#2200) Callback verification failed with the following errors: ${reason}`);
    expect((await simulator.graph('GET', `${ACME.app}/subscriptions`, { as: `app:${ACME.app}` })).body.data).toEqual(
      [],
    );
  });

  it('fails with curl numbers when nobody listens, and when nobody answers in time', async () => {
    const nobody = await subscribeApp({ callback_url: 'http://127.0.0.1:9/' });
    expect(nobody.body.error.message).toMatch(/curl_errno = 7; curl_error = Failed to connect/);
    await simulator.control('PATCH', '/settings', { handshakeTimeoutMs: 20 });
    const silent = await simulator.control('POST', '/seed', { foreignCallbacks: [] });
    expect(silent.status).toBe(200);
    const { createServer } = await import('node:net');
    const server = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address() as { port: number };
    const slow = await subscribeApp({ callback_url: `http://127.0.0.1:${address.port}/` });
    expect(slow.body.error.message).toContain('curl_errno = 28');
    server.close();
  });

  it('is passed by a former callback only with its own verify token', async () => {
    const former = `${simulator.url}/_foreign/umbrella-desk`;
    const restore = (verify_token: string) =>
      post(`${UMBRELLA.waba}/subscribed_apps`, { override_callback_uri: former, verify_token }, 'umbrella-good');
    expect((await restore('guessed')).body.error).toMatchObject({ code: 2200 });
    expect((await restore('guessed')).body.error.message).toContain('HTTP Status Code = 403');
    expect((await restore('umbrella-desk-verify')).body).toEqual({ success: true });
  });

  it('spells a literal plus in the path as %20', async () => {
    await subscribeApp({ callback_url: `${callback.url}/a+b` });
    await post(`${ACME.shop}/subscribed_apps`);
    await simulator.control('POST', '/message', { phoneNumberId: ACME.phone, from: '15550100202', body: 'hi' });
    expect(callback.received[0]?.path).toBe('/a%20b');
  });
});

describe('subscribed_apps', () => {
  it('lists every app of the WABA under a nested id', async () => {
    const { body } = await simulator.graph('GET', `${UMBRELLA.waba}/subscribed_apps`, { as: 'umbrella-good' });
    expect(body.data).toEqual([
      {
        whatsapp_business_api_data: {
          id: UMBRELLA.app,
          name: 'Umbrella Care',
          link: expect.stringContaining(UMBRELLA.app),
        },
        override_callback_uri: `${simulator.url}/_foreign/umbrella-desk`,
      },
      { whatsapp_business_api_data: { id: '900100000000009', name: 'Old Vendor Inbox', link: expect.any(String) } },
    ]);
  });

  it('refuses an override before the subscriptions of both levels', async () => {
    const override = () =>
      post(`${ACME.shop}/subscribed_apps`, { override_callback_uri: `${callback.url}/o`, verify_token: 'v' });
    const refused = {
      status: 400,
      body: {
        error: {
          code: 100,
          message: expect.stringContaining('Before override the current callback uri, your app must be subscribed'),
        },
      },
    };
    expect(await override()).toMatchObject(refused);
    await post(`${ACME.shop}/subscribed_apps`);
    expect(await override()).toMatchObject(refused);
    await subscribeApp();
    expect((await override()).body).toEqual({ success: true });
    expect(callback.handshakes).toHaveLength(2);
  });

  it('deletes the override when it is posted again without a body', async () => {
    await subscribe(simulator, acme());
    await post(`${ACME.shop}/subscribed_apps`, { override_callback_uri: `${callback.url}/o`, verify_token: 'v' });
    const overrides = async (): Promise<unknown> =>
      (await simulator.graph('GET', `${ACME.shop}/subscribed_apps`, { as: 'acme-good' })).body.data.map(
        (app: object) => 'override_callback_uri' in app,
      );
    expect(await overrides()).toEqual([true]);
    await post(`${ACME.shop}/subscribed_apps`);
    expect(await overrides()).toEqual([false]);
  });

  it('wants both parameters of an override, and at most 200 characters', async () => {
    await subscribe(simulator, acme());
    expect((await post(`${ACME.shop}/subscribed_apps`, { override_callback_uri: callback.url })).body.error.code).toBe(
      100,
    );
    expect((await post(`${ACME.shop}/subscribed_apps`, { verify_token: 'v' })).body.error.code).toBe(100);
    const url = (length: number) => `${callback.url}/`.padEnd(length, 'a');
    const override = (length: number) =>
      post(`${ACME.shop}/subscribed_apps`, { override_callback_uri: url(length), verify_token: 'v'.repeat(5000) });
    expect((await override(201)).body.error.code).toBe(100);
    expect((await override(200)).body).toEqual({ success: true });
  });

  it('is left by the app of the token alone', async () => {
    await simulator.graph('DELETE', `${UMBRELLA.waba}/subscribed_apps`, { as: 'umbrella-good' });
    const { body } = await simulator.graph('GET', `${UMBRELLA.waba}/subscribed_apps`, { as: 'old-vendor' });
    expect(
      body.data.map((app: { whatsapp_business_api_data: { name: string } }) => app.whatsapp_business_api_data.name),
    ).toEqual(['Old Vendor Inbox']);
  });
});

describe('the override of a phone number', () => {
  const configure = (override_callback_uri: string, verify_token?: string, as?: string) =>
    post(
      ACME.phone,
      { webhook_configuration: { override_callback_uri, ...(verify_token === undefined ? {} : { verify_token }) } },
      as,
    );

  it('is written in one shape and read in another, by the calling app alone', async () => {
    await subscribe(simulator, acme());
    expect((await configure(`${callback.url}/p`, 'v')).body).toEqual({ success: true });
    const { body } = await simulator.graph('GET', `${ACME.phone}?fields=webhook_configuration`, { as: 'acme-good' });
    expect(body.webhook_configuration).toEqual({
      phone_number: `${callback.url}/p`,
      application: `${callback.url}/app`,
    });
    const other = await simulator.graph('GET', `${UMBRELLA.overriddenPhone}?fields=webhook_configuration`, {
      as: 'old-vendor',
    });
    expect(other.body.webhook_configuration).toEqual({ application: `${simulator.url}/_foreign/old-vendor` });
  });

  it('is removed by an empty URL', async () => {
    await subscribe(simulator, acme());
    await configure(`${callback.url}/p`, 'v');
    expect((await configure('')).body).toEqual({ success: true });
    const { body } = await simulator.graph('GET', `${ACME.phone}?fields=webhook_configuration`, { as: 'acme-good' });
    expect(body.webhook_configuration).toEqual({ application: `${callback.url}/app` });
  });

  it('refuses 201 characters, a missing verify token, an unsubscribed app and a failing handshake', async () => {
    expect((await configure(`${callback.url}/p`, 'v')).body.error.message).toContain('Before override');
    await subscribe(simulator, acme());
    expect((await configure(`${callback.url}/`.padEnd(201, 'a'), 'v')).body.error.code).toBe(100);
    expect((await configure(`${callback.url}/p`)).body.error.code).toBe(100);
    callback.handshake = { status: 403 };
    expect((await configure(`${callback.url}/p`, 'v')).body.error.code).toBe(2200);
  });

  it('may come url-encoded with the object as JSON text', async () => {
    await subscribe(simulator, acme());
    const form = {
      webhook_configuration: JSON.stringify({ override_callback_uri: `${callback.url}/f`, verify_token: 'v' }),
    };
    expect((await simulator.graph('POST', ACME.phone, { as: 'acme-good', form })).body).toEqual({ success: true });
  });
});
