import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentHost, saying } from './support/agent-host.ts';
import { newAppSecret, newCustomer } from './support/business.ts';
import { type ConversationPartner, newConversationPartner, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { stack } from './support/stack.ts';
import { messageChange, webhookBody } from './support/webhook-body.ts';
import { getWebhook, postWebhook, signatureOf } from './support/webhook-request.ts';

/** Before a test is sure that nothing comes. In milliseconds. */
const aWhile = 1500;

let host: AgentHost;
let partner: ConversationPartner;
let other: ConversationPartner;
let url: string;
beforeAll(async () => {
  host = await AgentHost.open();
  [partner, other] = await Promise.all([
    newConversationPartner(host, 'webhooks', quiet),
    newConversationPartner(host, 'other-webhooks', quiet),
  ]);
  url = partner.credential.webhook.url;
});
afterAll(() => host[Symbol.asyncDispose]());

const unknownUrl = `${stack.api}/webhooks/wh_${randomBytes(32).toString('base64url')}`;

describe('the handshake', () => {
  const challenge = '1158201444';
  const verifyTokenOf = async (number: string) =>
    (await meta.state()).phoneOverrides.find(({ phoneNumberId }) => phoneNumberId === number)?.verifyToken ?? '';
  const offer = (verifyToken: string, changes: Readonly<Record<string, string | undefined>> = {}) => ({
    'hub.mode': 'subscribe',
    'hub.verify_token': verifyToken,
    'hub.challenge': challenge,
    ...changes,
  });

  test('returns the challenge, as plain text, to who knows the verify token', async () => {
    const answer = await getWebhook(url, offer(await verifyTokenOf(partner.number)));
    expect(answer).toMatchObject({ status: 200, text: challenge, contentType: expect.stringContaining('text/plain') });
  });

  test('is refused with a wrong token, with the one of another webhook, and on an unknown webhook', async () => {
    const token = await verifyTokenOf(partner.number);
    const wrong = token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    expect(await getWebhook(url, offer(wrong))).toMatchObject({ status: 403, text: 'Forbidden' });
    expect(await getWebhook(url, offer(token.slice(0, -1)))).toMatchObject({ status: 403 });
    expect(await getWebhook(url, offer(''))).toMatchObject({ status: 403 });
    expect(await getWebhook(url, offer(await verifyTokenOf(other.number)))).toMatchObject({ status: 403 });
    expect(await getWebhook(unknownUrl, offer(token))).toMatchObject({ status: 403 });
    expect(await getWebhook(`${stack.api}/webhooks/wh_1`, offer(token))).toMatchObject({ status: 404 });
  });

  test('that is none is refused, and repeats nothing that a browser would run', async () => {
    const token = await verifyTokenOf(partner.number);
    const script = '<script>alert(1)</script>';
    for (const changes of [
      { 'hub.mode': undefined },
      { 'hub.mode': 'unsubscribe' },
      { 'hub.challenge': undefined },
      { 'hub.challenge': script },
      { 'hub.verify_token': undefined },
    ]) {
      const answer = await getWebhook(url, offer(token, changes));
      expect(answer).toMatchObject({ status: 400, text: 'Bad Request' });
    }
  });
});

describe('a delivery that Meta did not sign is refused with a fixed answer and never dispatched', () => {
  const refused = { status: 401, text: 'Unauthorized' };
  const bodyOf = (text: string) =>
    JSON.stringify(
      webhookBody({
        wabaId: partner.wabaId,
        changes: [messageChange({ phoneNumberId: partner.number, from: newCustomer().waId, text })],
      }),
    );
  const cases: readonly (readonly [string, (body: string) => Record<string, string>])[] = [
    ['unsigned', () => ({})],
    ['signed with an empty header', () => ({ 'x-hub-signature-256': '' })],
    ['signed with a guessed secret', (body) => ({ 'x-hub-signature-256': signatureOf(body, newAppSecret()) })],
    [
      'signed with another app’s secret',
      (body) => ({ 'x-hub-signature-256': signatureOf(body, other.business.app.secret) }),
    ],
    ['signed with an empty secret', (body) => ({ 'x-hub-signature-256': signatureOf(body, '') })],
    ['signed for another body', (body) => ({ 'x-hub-signature-256': good(`${body} `) })],
    ['with a truncated signature', (body) => ({ 'x-hub-signature-256': good(body).slice(0, -1) })],
    ['with a signature cut to its first byte', (body) => ({ 'x-hub-signature-256': good(body).slice(0, 9) })],
    ['with something behind the signature', (body) => ({ 'x-hub-signature-256': `${good(body)}00` })],
    [
      'with the signature without its prefix',
      (body) => ({ 'x-hub-signature-256': good(body).slice('sha256='.length) }),
    ],
    ['with the signature under another prefix', (body) => ({ 'x-hub-signature-256': good(body).replace('256', '1') })],
    ['with the old SHA-1 header alone', (body) => ({ 'x-hub-signature': good(body) })],
  ];
  const good = (body: string) => signatureOf(body, partner.business.app.secret);

  test.each(cases)('%s', async (_title, headersFor) => {
    const body = bodyOf('forged');
    expect(await postWebhook(url, body, headersFor(body))).toMatchObject(refused);
  });

  test('signed well, but sent to the webhook of another app', async () => {
    const body = bodyOf('forged');
    const headers = { 'x-hub-signature-256': good(body) };
    expect(await postWebhook(other.credential.webhook.url, body, headers)).toMatchObject(refused);
  });

  test('and none of them has reached an agent, while the well signed twin does', async () => {
    const body = bodyOf('genuine');
    expect(await postWebhook(url, body, { 'x-hub-signature-256': good(body) })).toMatchObject({ status: 200 });
    await eventually(() => expect(partner.agent.texts).toContain('genuine'));
    await throughout(aWhile, () => {
      expect(partner.agent.texts).toEqual(['genuine']);
      expect(other.agent.texts).toEqual([]);
    });
  });

  test('a webhook that nobody has answers 404, signed or not', async () => {
    const body = bodyOf('nowhere');
    for (const nowhere of [unknownUrl, `${stack.api}/webhooks/wh_1`]) {
      expect(await postWebhook(nowhere, body, {})).toMatchObject({ status: 404, text: 'Not Found' });
      expect(await postWebhook(nowhere, body, { 'x-hub-signature-256': good(body) })).toMatchObject({ status: 404 });
    }
  });
});

describe('a signed delivery', () => {
  /** What Meta signs and sends, byte by byte. */
  const post = (
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ) => postWebhook(url, body, { 'x-hub-signature-256': signatureOf(body, partner.business.app.secret), ...headers });
  const say = (text: string) =>
    webhookBody({
      wabaId: partner.wabaId,
      changes: [messageChange({ phoneNumberId: partner.number, from: newCustomer().waId, text })],
    });
  const heard = (text: string) => partner.agent.texts.filter((it) => it === text);

  const garbage = ['', 'hello', '{"entry":', '[]', 'null', '7', '{}', '{"entry":{}}', '{"entry":["x"]}'];
  test.each(garbage)('of %j is no webhook: 400', async (body) => {
    expect(await post(body)).toMatchObject({ status: 400, text: 'Bad Request' });
  });

  test('of bytes that are no text is no webhook: 400', async () => {
    expect(await post(new Uint8Array([0xff, 0xfe, 0x00, 0x80]), {})).toMatchObject({ status: 400 });
  });

  test('of things that we do not know is taken', async () => {
    const { number, wabaId } = partner;
    const metadata = { phone_number_id: number };
    for (const body of [
      { entry: [] },
      { object: 'page', entry: [{ id: wabaId, changes: [] }] },
      webhookBody({ wabaId, changes: [{ field: 'brand_new', value: { anything: [1, { deep: null }] } }] }),
      webhookBody({ wabaId, changes: [{ field: 'messages', value: { metadata, messages: 'none', statuses: null } }] }),
      webhookBody({ wabaId, changes: [{ field: 'messages', value: { metadata, messages: [{ type: 'hologram' }] } }] }),
    ])
      expect(await post(JSON.stringify(body))).toMatchObject({ status: 200, text: 'OK' });
  });

  test('that is replayed, the same bytes thrice, is taken and dispatched once', async () => {
    const body = JSON.stringify(say('replayed'));
    for (let time = 1; time <= 3; time++) expect(await post(body)).toMatchObject({ status: 200 });
    await eventually(() => expect(heard('replayed')).toHaveLength(1));
    await throughout(aWhile, () => expect(heard('replayed')).toHaveLength(1));
  });

  test('is verified over its bytes, whatever the gateway takes them for', async () => {
    const body = JSON.stringify(say('Übergröße 🎉 as bytes'));
    const bytes = new Uint8Array(Buffer.from(body));
    // Without a text type the gateway hands the body over in base64.
    expect(await post(bytes, {})).toMatchObject({ status: 200 });
    expect(await post(JSON.stringify(say('octets')), { 'content-type': 'application/octet-stream' })).toMatchObject({
      status: 200,
    });
    await eventually(() => {
      expect(heard('Übergröße 🎉 as bytes')).toHaveLength(1);
      expect(heard('octets')).toHaveLength(1);
    });
  });

  test('keeps every character, escaped as Meta does or not', async () => {
    const text = 'Grüße aus Zürich / 日本語 🎉 <b>&amp; 100% @you "quoted" \\ end';
    const name = 'Zoë Ångström';
    const from = { ...newCustomer(name) };
    const { payload } = await meta.message({ phoneNumberId: partner.number, from, body: text });
    await meta.deliver({ payload: withNewId(payload), escape: false });
    await eventually(() => expect(heard(text)).toHaveLength(2));
    expect(partner.agent.heard.at(-1)?.body.data.conversation?.customer.name).toBe(name);
  });

  test('carries characters that the queue itself cannot carry', async () => {
    const text = 'a\ufffeb\uffffc\u0000d\u0007e\ud800f';
    expect(await post(JSON.stringify(say(text)))).toMatchObject({ status: 200 });
    await eventually(() => expect(heard(text)).toHaveLength(1));
  });

  test('of a message of 100 KiB arrives whole', async () => {
    const text = `long ${'x'.repeat(100 * 1024)}`;
    expect(await post(JSON.stringify(say(text)))).toMatchObject({ status: 200 });
    await eventually(() => expect(heard(text)).toHaveLength(1));
  });
});

describe('what Meta may leave out', () => {
  const lastCustomer = () => partner.agent.heard.at(-1)?.body.data.conversation?.customer;
  const arrives = async (body: string, message: Readonly<Record<string, unknown>>) => {
    await meta.message({ phoneNumberId: partner.number, body, ...message });
    await eventually(() => expect(partner.agent.texts).toContain(body));
  };

  test('a customer who hides the number is known by user id, and is answered there', async () => {
    const from = { ...newCustomer('Max'), username: 'max', hidesNumber: true };
    await meta.seed({ customers: [from] });
    partner.agent.answer = () => saying('Hello Max');
    await arrives('who am I', { from });
    const customer = lastCustomer();
    expect(customer).toMatchObject({ waId: null, userId: expect.stringMatching(/./), name: 'Max' });
    await eventually(async () =>
      expect((await meta.sent(partner.number)).map(({ body }) => body.recipient)).toEqual([customer?.userId]),
    );
    partner.agent.answer = () => ({});
  });

  test.each([
    ['contacts', { name: null }],
    ['profile', { name: null }],
    ['wa_id', { name: 'Ada' }],
    ['user_id', { name: 'Ada' }],
    ['from_user_id', { name: 'Ada' }],
  ] as const)('%s', async (field, expected) => {
    const from = newCustomer('Ada');
    await arrives(`without ${field}`, { from, omit: [field] });
    expect(lastCustomer()).toMatchObject({ waId: from.waId, ...expected });
  });

  test('a customer is heard whatever of it is there', async () => {
    const from = newCustomer('Ada');
    const omissions = [[], ['profile'], ['contacts', 'from_user_id'], ['wa_id']];
    for (const [index, omit] of omissions.entries())
      await meta.message({ phoneNumberId: partner.number, from, body: `${from.waId} ${index}`, omit });
    const ofThem = () => partner.agent.texts.filter((text) => text.startsWith(from.waId));
    await eventually(() => expect(ofThem()).toHaveLength(omissions.length));
  });
});

test('statuses reach an agent that asked for them, and no other', async () => {
  const behaviour = { ...quiet, forward: ['message', 'status'] };
  const curious = await newConversationPartner(host, 'curious', behaviour);
  const types = ({ agent }: ConversationPartner) => agent.heard.map(({ body }) => body.type);
  for (const { agent, number } of [curious, other]) {
    agent.answer = ({ body }) => (body.type === 'whatsapp.message.received' ? saying('hello') : {});
    await meta.message({ phoneNumberId: number, from: newCustomer().waId, body: 'hi' });
  }
  await eventually(() => {
    const statuses = curious.agent.heard.flatMap(({ body }) => ('status' in body.data ? body.data.status.status : []));
    expect([...statuses].sort()).toEqual(['delivered', 'read', 'sent']);
  });
  await eventually(async () => expect(await meta.sent(other.number)).toHaveLength(1));
  await throughout(aWhile, () => expect(types(other)).toEqual(['whatsapp.message.received']));
});

/** The same webhook with another message id: another message in the same words. */
const withNewId = (payload: unknown): unknown =>
  JSON.parse(JSON.stringify(payload).replace(/"id":"wamid\.[^"]+"/, `"id":"wamid.${randomBytes(12).toString('hex')}"`));
