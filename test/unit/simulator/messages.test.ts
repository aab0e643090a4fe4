import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ACME,
  ADA,
  type Callback,
  callbackForTests,
  eventually,
  firstValue,
  INITECH,
  MAX,
  simulatorForTests,
  subscribe,
  type TestSimulator,
  UNREGISTERED_PHONE,
} from './harness.ts';

let simulator: TestSimulator;
let callback: Callback;
beforeAll(async () => {
  [simulator, callback] = await Promise.all([simulatorForTests(), callbackForTests()]);
  await subscribe(simulator, { app: ACME.app, waba: ACME.shop, token: 'acme-good', url: callback.url });
});
beforeEach(async () => {
  await simulator.control('DELETE', '/sent');
  await simulator.control('PATCH', '/settings', { statuses: [], customerServiceWindow: 'ignored' });
  callback.received.length = 0;
});
afterAll(() => Promise.all([simulator.close(), callback.close()]));

const post = (json: Record<string, unknown>, phone: string = ACME.phone, as = 'acme-good') =>
  simulator.graph('POST', `${phone}/messages`, { as, json: { messaging_product: 'whatsapp', ...json } });
const text = (more: Record<string, unknown> = {}) => post({ to: ADA, type: 'text', text: { body: 'hi' }, ...more });

describe('sending', () => {
  it('answers with the contact and a wamid that contains the phone number', async () => {
    const { status, body } = await text({ to: `+${ADA}` });
    expect(status).toBe(200);
    expect(body).toMatchObject({ messaging_product: 'whatsapp', contacts: [{ input: `+${ADA}`, wa_id: ADA }] });
    const wamid: string = body.messages[0].id;
    expect(wamid).toMatch(/^wamid\.HBgN/);
    const bytes = Buffer.from(wamid.slice('wamid.'.length), 'base64');
    expect([bytes[0], bytes[1], bytes[2]]).toEqual([0x1c, 0x18, ADA.length]);
    expect(bytes.subarray(3, 3 + ADA.length).toString()).toBe(ADA);
  });

  it('keeps the body, without credentials', async () => {
    await text({ access_token: 'EAAsecret', biz_opaque_callback_data: 'order-7' });
    const { items } = (await simulator.control('GET', `/sent?phoneNumberId=${ACME.phone}&to=${ADA}&kind=message`)).body;
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({
      tokenName: 'acme-good',
      body: { text: { body: 'hi' }, biz_opaque_callback_data: 'order-7' },
    });
    expect(JSON.stringify(items)).not.toContain('EAA');
  });

  it('reaches a customer by user id alone', async () => {
    const inbound = await simulator.control('POST', '/message', { phoneNumberId: ACME.phone, from: MAX, body: 'hi' });
    const userId = inbound.body.payload.entry[0].changes[0].value.messages[0].from_user_id;
    const { body } = await post({ recipient: userId, text: { body: 'hello' } });
    expect(body.contacts).toEqual([{ input: userId, user_id: userId }]);
    const both = await post({ recipient: userId, to: ADA, text: { body: 'hello' } });
    expect(both.body.contacts[0].wa_id).toBe(ADA);
  });

  it('accepts every type of content, url-encoded too', async () => {
    const contents = [
      { type: 'template', template: { name: 'hello_world', language: { code: 'en_US' } } },
      { type: 'image', image: { link: 'https://example.org/a.png', caption: 'a' } },
      {
        type: 'interactive',
        interactive: {
          type: 'button',
          body: { text: '?' },
          action: { buttons: [{ type: 'reply', reply: { id: '1', title: 'Yes' } }] },
        },
      },
      { type: 'reaction', reaction: { message_id: 'wamid.x', emoji: '' } },
      { type: 'location', location: { latitude: 1, longitude: '2' } },
      { type: 'contacts', contacts: [{ name: { formatted_name: 'A' } }] },
      { text: { body: 'type is text when left out' } },
    ];
    for (const content of contents) expect((await post({ to: ADA, ...content })).status).toBe(200);
    const form = { messaging_product: 'whatsapp', to: ADA, type: 'text', text: '{"body":"form"}' };
    expect((await simulator.graph('POST', `${ACME.phone}/messages`, { as: 'acme-good', form })).status).toBe(200);
  });

  it.each([
    ['no messaging_product', { messaging_product: undefined }, 100],
    ['another product', { messaging_product: 'sms' }, 100],
    ['no recipient', { to: undefined }, 100],
    ['a recipient that is no number', { to: 'Ada' }, 131009],
    ['an unknown type', { type: 'telegram' }, 100],
    ['no text', { text: undefined }, 131008],
    ['an empty text', { text: { body: '' } }, 131008],
    ['4097 characters', { text: { body: 'x'.repeat(4097) } }, 100],
    ['an image without id and link', { type: 'image', image: {} }, 131008],
    ['a template without language', { type: 'template', template: { name: 'x' } }, 131008],
    [
      'four reply buttons',
      { type: 'interactive', interactive: { type: 'button', action: { buttons: [1, 2, 3, 4] } } },
      131009,
    ],
    ['513 characters of callback data', { biz_opaque_callback_data: 'x'.repeat(513) }, 100],
    ['a reply to nothing', { context: {} }, 100],
    ['its own number', { to: '15550100101' }, 131021],
  ])('refuses %s', async (_, change, code) => {
    const { status, body } = await text(change);
    expect(status).toBe(400);
    expect(body.error.code).toBe(code);
    expect((await simulator.control('GET', '/sent')).body.items).toEqual([]);
  });

  it('takes 4096 characters', async () => {
    expect((await text({ text: { body: 'x'.repeat(4096) } })).status).toBe(200);
  });

  it('refuses an unregistered number with 133010', async () => {
    const { status, body } = await post({ to: ADA, text: { body: 'hi' } }, UNREGISTERED_PHONE);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({
      type: 'OAuthException',
      code: 133010,
      error_data: { messaging_product: 'whatsapp', details: expect.any(String) },
    });
  });

  it('reaches only the allowed recipients of a test number', async () => {
    expect((await post({ to: ADA, text: { body: 'hi' } }, INITECH.phone, 'initech-good')).status).toBe(200);
    expect(
      (await post({ to: '15550100202', text: { body: 'hi' } }, INITECH.phone, 'initech-good')).body.error.code,
    ).toBe(131030);
  });
});

describe('reading and typing', () => {
  it('marks the earlier messages too, shows typing, and ends it with the reply', async () => {
    const send = async (body: string): Promise<unknown> =>
      (await simulator.control('POST', '/message', { phoneNumberId: ACME.phone, from: '447700900203', body })).body
        .wamid;
    await send('one');
    const wamid = await send('two');
    await send('three');
    expect((await post({ status: 'read', message_id: wamid, typing_indicator: { type: 'text' } })).body).toEqual({
      success: true,
    });
    const chat = async () => {
      const { body } = await simulator.control('GET', `/conversations?phoneNumberId=${ACME.phone}&waId=447700900203`);
      return body.items[0] as { items: { ticks: string }[]; typingUntil: number };
    };
    expect((await chat()).items.map(({ ticks }) => ticks)).toEqual(['read', 'read', 'delivered']);
    expect((await chat()).typingUntil).toBeGreaterThan(Date.now() + 20_000);
    const { items } = (await simulator.control('GET', '/sent?kind=read')).body;
    expect(items).toMatchObject([{ wamid, typing: true, to: null }]);
    await post({ to: '447700900203', text: { body: 'answer' } });
    expect((await chat()).typingUntil).toBe(0);
    expect((await chat()).items.at(-1)).toMatchObject({ from: 'business', text: 'answer' });
  });

  it('refuses a wrong status, a missing message id and an unknown indicator', async () => {
    expect((await post({ status: 'seen', message_id: 'wamid.x' })).body.error.code).toBe(100);
    expect((await post({ status: 'read' })).body.error.code).toBe(100);
    expect(
      (await post({ status: 'read', message_id: 'wamid.x', typing_indicator: { type: 'voice' } })).body.error.code,
    ).toBe(100);
  });
});

describe('the statuses of a message', () => {
  const values = () => callback.received.map(({ rawBody }) => firstValue(rawBody));

  it('arrive as signed webhooks, with the opaque callback data and no conversation', async () => {
    await simulator.control('PATCH', '/settings', { statuses: ['sent', 'delivered', 'read'], statusDelayMs: 20 });
    const { body } = await text({ biz_opaque_callback_data: 'order-8' });
    await eventually(() => callback.received.length === 3);
    expect(callback.received.every(({ headers }) => headers['x-hub-signature-256'] !== undefined)).toBe(true);
    const [sent, delivered, read] = values();
    expect(sent?.statuses[0]).toMatchObject({
      id: body.messages[0].id,
      status: 'sent',
      recipient_id: ADA,
      biz_opaque_callback_data: 'order-8',
      pricing: { pricing_model: 'PMP' },
    });
    expect(sent?.statuses[0]).not.toHaveProperty('conversation');
    expect(delivered?.statuses[0]?.status).toBe('delivered');
    expect(read?.statuses[0]).not.toHaveProperty('pricing');
    expect(read?.contacts[0]).toMatchObject({ wa_id: ADA });
  });

  it('fail with errors and without contacts, when an outcome says so', async () => {
    await simulator.control('POST', '/outcomes', {
      phoneNumberId: ACME.phone,
      body: 'doomed',
      statuses: ['failed'],
      errorCode: 131049,
      delayMs: 0,
    });
    await text();
    await text({ text: { body: 'doomed' } });
    await eventually(() => callback.received.length === 1);
    const [failed] = values();
    expect(failed).not.toHaveProperty('contacts');
    expect(failed?.statuses[0]).toMatchObject({
      status: 'failed',
      errors: [{ code: 131049, title: expect.any(String), href: expect.any(String) }],
    });
    expect(failed?.statuses[0]?.errors[0]).not.toHaveProperty('type');
  });

  it('fail with 131047 outside the customer service window, templates excepted', async () => {
    await simulator.control('PATCH', '/settings', { statuses: ['sent'], customerServiceWindow: 'enforced' });
    await post({ to: '15559990000', text: { body: 'hi' } });
    await post({ to: '15559990000', type: 'template', template: { name: 'x', language: { code: 'en' } } });
    await eventually(() => callback.received.length === 2);
    expect(values().map(({ statuses }) => statuses[0])).toMatchObject([
      { status: 'failed', errors: [{ code: 131047 }] },
      { status: 'sent' },
    ]);
  });

  it('leave recipient_id out for somebody who hides the number', async () => {
    await simulator.control('PATCH', '/settings', { statuses: ['delivered'] });
    await text({ to: MAX });
    await eventually(() => callback.received.length === 1);
    const [value] = values();
    expect(value?.statuses[0]).not.toHaveProperty('recipient_id');
    expect(value?.statuses[0]?.recipient_user_id).toMatch(/^MX\.\d+$/);
    expect(value?.contacts[0]).toMatchObject({ profile: { username: 'mysterious.max' } });
    expect(value?.contacts[0]).not.toHaveProperty('wa_id');
  });
});
