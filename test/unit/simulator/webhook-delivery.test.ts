import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hubSignature } from '../../../simulator/signatures.ts';
import {
  ACME,
  ADA,
  type Callback,
  callbackForTests,
  firstValue,
  INITECH,
  MAX,
  OLD_VENDOR_APP,
  secretOf,
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

const subscribeAcme = (fields = 'messages,account_update') =>
  subscribe(simulator, { app: ACME.app, waba: ACME.shop, token: 'acme-good', url: `${callback.url}/app`, fields });
const message = (more: object = {}) =>
  simulator.control('POST', '/message', { phoneNumberId: ACME.phone, from: ADA, body: 'hi', ...more });
const deliver = (body: object) => simulator.control('POST', '/deliver', body);
const sign = (secret: string, body: string) =>
  `sha256=${createHmac('sha256', secret).update(Buffer.from(body)).digest('hex')}`;

describe('the signature', () => {
  it("is Meta's: HMAC-SHA256 of the bytes, keyed with the App Secret", () => {
    expect(hubSignature("It's a Secret to Everybody", Buffer.from('Hello, World!'))).toBe(
      'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    );
  });

  it('covers the exact bytes, in which non-ASCII, slashes and @ are escaped', async () => {
    await subscribeAcme();
    await message({ body: 'Grüße 😀 a/b @c <50%>' });
    const { rawBody = '', headers = {} } = callback.received[0] ?? {};
    expect(rawBody).toContain('Gr\\u00fc\\u00dfe \\ud83d\\ude00 a\\/b \\u0040c \\u003c50\\u0025>');
    expect(headers['x-hub-signature-256']).toBe(sign(secretOf(ACME.app), rawBody));
    expect(headers['content-type']).toBe('application/json');
    expect(headers['content-length']).toBe(String(Buffer.byteLength(rawBody)));
    expect(JSON.parse(rawBody).entry[0].changes[0].value.messages[0].text.body).toBe('Grüße 😀 a/b @c <50%>');
  });

  it('can be wrong, cut off, missing, or made with another secret, and the body unescaped or any bytes', async () => {
    await subscribeAcme();
    const payload = { note: 'ü/' };
    for (const signing of ['wrong', 'truncated', 'none', { secret: 'other' }]) {
      await deliver({ phoneNumberId: ACME.phone, payload, sign: signing, escape: false });
    }
    await deliver({ phoneNumberId: ACME.phone, rawBody: '{"broken":' });
    await deliver({ phoneNumberId: ACME.phone, rawBodyBase64: Buffer.from('bytes').toString('base64') });
    const [wrong, truncated, none, other, broken, bytes] = callback.received;
    const good = sign(secretOf(ACME.app), '{"note":"ü/"}');
    expect(wrong?.rawBody).toBe('{"note":"ü/"}');
    expect(wrong?.headers['x-hub-signature-256']).toMatch(/^sha256=[0-9a-f]{64}$/);
    expect(wrong?.headers['x-hub-signature-256']).not.toBe(good);
    expect(good.startsWith(String(truncated?.headers['x-hub-signature-256']))).toBe(true);
    expect(none?.headers).not.toHaveProperty('x-hub-signature-256');
    expect(other?.headers['x-hub-signature-256']).toBe(sign('other', '{"note":"ü/"}'));
    expect(broken?.rawBody).toBe('{"broken":');
    expect(broken?.headers['x-hub-signature-256']).toBe(sign(secretOf(ACME.app), '{"broken":'));
    expect(bytes?.rawBody).toBe('bytes');
  });

  it('is made with a new App Secret from its rotation on', async () => {
    await subscribeAcme();
    const { secret } = (await simulator.control('POST', `/apps/${ACME.app}/rotate-secret`)).body;
    expect(secret).toMatch(/^[0-9a-f]{32}$/);
    await message();
    expect(callback.received[0]?.headers['x-hub-signature-256']).toBe(
      sign(String(secret), callback.received[0]?.rawBody ?? ''),
    );
  });
});

describe('where an event goes', () => {
  const levels = async (query: string): Promise<unknown> =>
    (await simulator.control('GET', `/targets?${query}`)).body.targets.map(
      (target: { appId: string; level: string }) => [target.appId, target.level],
    );

  it('is the phone override, else the WABA override, else the app callback, for each app on its own', async () => {
    expect(await levels(`phoneNumberId=${UMBRELLA.overriddenPhone}`)).toEqual([
      [UMBRELLA.app, 'phone'],
      [OLD_VENDOR_APP, 'app'],
    ]);
    expect(await levels(`phoneNumberId=${UMBRELLA.phone}`)).toEqual([
      [UMBRELLA.app, 'waba'],
      [OLD_VENDOR_APP, 'app'],
    ]);
  });

  it('is the app callback alone for fields that no override covers', async () => {
    expect(await levels(`phoneNumberId=${UMBRELLA.overriddenPhone}&field=account_update`)).toEqual([
      [UMBRELLA.app, 'app'],
    ]);
  });

  it('is nobody when the app is not subscribed to the field, or not published', async () => {
    await simulator.control('POST', '/seed', {
      wabaSubscriptions: [
        { appId: WAYNE.app, wabaId: WAYNE.waba },
        { appId: INITECH.app, wabaId: INITECH.waba },
      ],
      appSubscriptions: [{ appId: INITECH.app, callbackUrl: callback.url, verifyToken: 'v', fields: ['messages'] }],
    });
    const wayne = await message({ phoneNumberId: WAYNE.phone });
    expect(wayne.body).toMatchObject({
      deliveries: [],
      skipped: [{ appId: WAYNE.app, reason: 'app-not-subscribed-to-field' }],
    });
    const initech = await message({ phoneNumberId: INITECH.phone });
    expect(initech.body).toMatchObject({
      deliveries: [],
      skipped: [{ appId: INITECH.app, reason: 'app-not-published' }],
    });
    await deliver({ phoneNumberId: INITECH.phone, value: {}, testWebhook: true });
    expect(callback.received).toHaveLength(1);
    await simulator.control('PATCH', `/apps/${INITECH.app}`, { published: true });
    expect((await message({ phoneNumberId: INITECH.phone })).body.deliveries).toHaveLength(1);
  });

  it('is read from the payload when it is not named, and can be any URL', async () => {
    await subscribeAcme();
    const { payload } = (await message({ dryRun: true })).body;
    expect((await deliver({ payload })).body.deliveries).toMatchObject([
      { appId: ACME.app, level: 'app', attempts: [{ status: 200, body: 'thanks' }] },
    ]);
    await deliver({ payload, appId: ACME.app, url: `${callback.url}/elsewhere` });
    expect(callback.received.map(({ path }) => path)).toEqual(['/app', '/elsewhere']);
  });
});

describe('retries', () => {
  it('follow on anything but 200, other success included', async () => {
    await subscribeAcme();
    callback.statuses.push(500, 201, 401);
    const { body } = await message({ retries: 5 });
    expect(body.deliveries[0].attempts.map((attempt: { status: number }) => attempt.status)).toEqual([
      500, 201, 401, 200,
    ]);
    expect(new Set(callback.received.map(({ rawBody }) => rawBody)).size).toBe(1);
  });

  it('stop when they are used up, a dead endpoint being named', async () => {
    await subscribeAcme();
    await callback.close();
    const { body } = await message({ retries: 2 });
    expect(body.deliveries[0].attempts).toHaveLength(3);
    expect(body.deliveries[0].attempts[2]).toMatchObject({
      status: null,
      error: expect.stringContaining('Failed to connect'),
    });
    callback = await callbackForTests();
  });

  it('go to all apps of the WABA when one of them fails', async () => {
    await simulator.control('PATCH', '/foreign/old-vendor', { status: 500 });
    const { body } = await message({ phoneNumberId: UMBRELLA.phone, retries: 2 });
    expect(
      body.deliveries.map(({ attempts }: { attempts: { status: number }[] }) => attempts.map(({ status }) => status)),
    ).toEqual([
      [200, 200, 200],
      [500, 500, 500],
    ]);
    const { items } = (await simulator.control('GET', '/foreign')).body;
    expect(items.filter(({ name }: { name: string }) => name === 'umbrella-desk')).toHaveLength(3);
  });

  it('come at once first, then with doubled pauses', async () => {
    await subscribeAcme();
    await simulator.control('PATCH', '/settings', { retryBaseDelayMs: 60 });
    callback.statuses.push(500, 500, 500);
    const { body } = await message({ retries: 3 });
    const times = body.deliveries[0].attempts.map(({ at }: { at: string }) => Date.parse(at));
    expect(times[1] - times[0]).toBeLessThan(50);
    expect(times[2] - times[1]).toBeGreaterThanOrEqual(55);
    expect(times[3] - times[2]).toBeGreaterThanOrEqual(115);
  });
});

describe('what a customer sends', () => {
  it('is a messages change for the number, with a fresh wamid and no entry time', async () => {
    await subscribeAcme();
    const { body } = await message();
    const parsed = JSON.parse(callback.received[0]?.rawBody ?? '');
    expect(parsed).toEqual(body.payload);
    expect(parsed).toMatchObject({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: ACME.shop,
          changes: [
            {
              field: 'messages',
              value: {
                messaging_product: 'whatsapp',
                metadata: { display_phone_number: '15550100101', phone_number_id: ACME.phone },
                contacts: [{ profile: { name: 'Ada Lovelace' }, wa_id: ADA }],
                messages: [
                  {
                    from: ADA,
                    id: body.wamid,
                    timestamp: expect.stringMatching(/^\d{10}$/),
                    type: 'text',
                    text: { body: 'hi' },
                  },
                ],
              },
            },
          ],
        },
      ],
    });
    expect(parsed.entry[0]).not.toHaveProperty('time');
    expect((await message()).body.wamid).not.toBe(body.wamid);
  });

  it('may lack contacts, profile, wa_id and from', async () => {
    const value = async (omit: string[]) => firstValue((await message({ omit, dryRun: true })).body.payload);
    expect(await value(['contacts'])).not.toHaveProperty('contacts');
    expect((await value(['profile'])).contacts[0]).not.toHaveProperty('profile');
    expect((await value(['wa_id', 'from'])).contacts[0]).not.toHaveProperty('wa_id');
    expect((await value(['wa_id', 'from'])).messages[0]).not.toHaveProperty('from');
    expect((await value(['from_user_id'])).messages[0]).not.toHaveProperty('from_user_id');
  });

  it('names a username user by user id alone, another one in each portfolio', async () => {
    const messageOf = async (phoneNumberId: string) =>
      firstValue((await message({ from: MAX, phoneNumberId, dryRun: true })).body.payload);
    const value = await messageOf(ACME.phone);
    expect(value.contacts[0]).toEqual({
      profile: { name: 'Max', username: 'mysterious.max' },
      user_id: value.messages[0]?.from_user_id,
    });
    expect(value.messages[0]).not.toHaveProperty('from');
    expect((await messageOf(UMBRELLA.phone)).messages[0]?.from_user_id).not.toBe(value.messages[0]?.from_user_id);
  });

  it('can be any type, and be delivered several times at once with the same wamid', async () => {
    await subscribeAcme();
    const { body } = await message({
      type: 'location',
      body: undefined,
      content: { location: { latitude: 1, longitude: 2 }, context: { forwarded: true } },
      times: 3,
      parallel: true,
    });
    expect(body.deliveries).toHaveLength(3);
    const messages = callback.received.map(({ rawBody }) => firstValue(rawBody).messages[0]);
    expect(messages).toMatchObject(Array(3).fill({ id: body.wamid, location: { latitude: 1 } }));
  });

  it('reaches a callback with 3 MB and 1000 changes', async () => {
    await subscribeAcme();
    const value = firstValue((await message({ dryRun: true })).body.payload);
    const change = { field: 'messages', value: { ...value, padding: 'x'.repeat(2500) } };
    const changes = Array.from({ length: 1000 }, () => change);
    const { body } = await deliver({
      payload: { object: 'whatsapp_business_account', entry: [{ id: ACME.shop, changes }] },
    });
    expect(body.deliveries[0].attempts[0].status).toBe(200);
    expect(JSON.parse(callback.received[0]?.rawBody ?? '').entry[0].changes).toHaveLength(1000);
  });
});
