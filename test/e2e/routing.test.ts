import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentHost, saying, textOf } from './support/agent-host.ts';
import { newCustomer } from './support/business.ts';
import {
  bindAgent,
  type ConversationPartner,
  newConnection,
  newConversationPartner,
  quiet,
} from './support/connection.ts';
import { loggedAbout } from './support/logs.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { queuedMessages } from './support/queues.ts';
import { claimOf, rowsOf } from './support/tables.ts';
import { messageChange, webhookBody } from './support/webhook-body.ts';

/** A thousand events, each with its claim, dispatch and record, on two cores. In milliseconds. */
const bulkPatience = 90_000;

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

/** Before a test asks that something arrives once only. In milliseconds. */
const aWhile = 1500;

describe('one message', () => {
  let partner: ConversationPartner;
  const customer = newCustomer('Ada');
  beforeAll(async () => {
    partner = await newConversationPartner(host, 'one');
    partner.agent.answer = (heard) => saying(`You said: ${textOf(heard)}`);
  });

  test('goes to the agent, signed, and the answer to the customer who wrote', async () => {
    const { agent, number, credential, api } = partner;
    const { wamid } = await meta.message({ phoneNumberId: number, from: customer.waId, body: 'hello' });

    const [reply] = await eventually(async () => {
      const sent = await meta.sent(number);
      expect(sent).toHaveLength(1);
      return sent;
    });
    expect(reply?.body).toMatchObject({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: customer.waId,
      type: 'text',
      text: { body: 'You said: hello' },
    });
    expect(agent.heard).toHaveLength(1);
    expect(agent.heard[0]).toMatchObject({
      verified: true,
      webhookId: expect.stringMatching(/^evt_[\w-]{43}$/),
      body: {
        type: 'whatsapp.message.received',
        data: {
          eventId: agent.heard[0]?.webhookId,
          tenantId: api.tenant,
          agentId: agent.id,
          credentialId: credential.id,
          phoneNumberId: number,
          conversation: { id: expect.stringMatching(/^conv_/), customer: { waId: customer.waId } },
          replayed: false,
          heldSince: null,
          message: { id: wamid, type: 'text', text: { body: 'hello' } },
        },
      },
    });
    await eventually(async () =>
      expect(await claimOf(agent.heard[0]?.webhookId ?? '')).toMatchObject({
        state: 'done',
        fates: [{ fate: 'sent' }],
      }),
    );
  });

  test('is answered within a second once the workers are warm', async () => {
    const before = (await meta.sent(partner.number)).length;
    const startedAt = performance.now();
    await meta.message({ phoneNumberId: partner.number, from: customer.waId, body: 'again' });
    await eventually(async () => expect(await meta.sent(partner.number)).toHaveLength(before + 1));
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  test('is marked as read, with the typing indicator, before the answer', async () => {
    const [reads, replies] = await Promise.all([meta.sent(partner.number, 'read'), meta.sent(partner.number)]);
    expect(reads).toHaveLength(replies.length);
    for (const [index, read] of reads.entries()) {
      expect(read).toMatchObject({ typing: true, body: { status: 'read' } });
      expect(read.at <= (replies[index]?.at ?? '')).toBe(true);
    }
  });

  test('of the same wamid, delivered three times at once and one after the other, is answered once', async () => {
    const { agent, number } = partner;
    agent.heard.length = 0;
    const before = (await meta.sent(number)).length;
    const message = { phoneNumberId: number, from: customer.waId, body: 'thrice', times: 3 };
    const { wamid } = await meta.message({ ...message, parallel: true });
    await meta.message({ ...message, wamid });
    await eventually(async () => expect(await meta.sent(number)).toHaveLength(before + 1));
    await throughout(aWhile, async () => {
      expect(agent.texts).toEqual(['thrice']);
      expect(await meta.sent(number)).toHaveLength(before + 1);
    });
  });
});

describe('one POST', () => {
  test('with two entries and three numbers of two agents reaches each agent with its own items', async () => {
    const shop = await newConnection('three-numbers', { numbers: [2, 1] });
    const [one = '', two = ''] = shop.numbers;
    const second = await shop.api.postCredential({
      label: 'Service',
      appId: shop.business.app.id,
      wabaId: shop.business.wabas[1]?.id,
      accessToken: shop.business.token.value,
    });
    expect(second.status, second.text).toBe(201);
    const [three = ''] = shop.business.wabas[1]?.numbers ?? [];
    const service = { ...shop, credential: second.body, wabaId: shop.business.wabas[1]?.id ?? '', numbers: [three] };
    const sales = await bindAgent(host, 'sales', shop, one);
    const support = await bindAgent(host, 'support', shop, two);
    const third = await bindAgent(host, 'service', service, three);
    const { waId } = newCustomer();
    const change = (phoneNumberId: string, text: string) => messageChange({ phoneNumberId, from: waId, text });

    // Only the app's own webhook can hear of two accounts at once.
    const { appSubscriptions } = await meta.state();
    const url = appSubscriptions.find(({ appId }) => appId === shop.business.app.id)?.callbackUrl;
    const { deliveries } = await meta.deliver({
      appId: shop.business.app.id,
      url,
      payload: webhookBody(
        { wabaId: shop.wabaId, changes: [change(one, 'to sales'), change(two, 'to support'), change(one, 'sales 2')] },
        { wabaId: service.wabaId, changes: [change(three, 'to service')] },
      ),
    });
    expect(deliveries[0]?.attempts[0]?.status).toBe(200);
    await eventually(() => {
      expect(sales.texts).toEqual(['to sales', 'sales 2']);
      expect(support.texts).toEqual(['to support']);
      expect(third.texts).toEqual(['to service']);
    });
    expect([...sales.heard, ...support.heard, ...third.heard].every(({ verified }) => verified)).toBe(true);
  });

  test('with 1000 changes is dispatched whole, each once, and in order within each conversation', async () => {
    const { agent, number, wabaId, business } = await newConversationPartner(host, 'thousand', quiet);
    const customers = Array.from({ length: 50 }, () => newCustomer().waId);
    const changes = Array.from({ length: 1000 }, (_, index) => {
      const from = customers[index % customers.length] ?? '';
      return messageChange({ phoneNumberId: number, from, text: `${from} ${Math.floor(index / customers.length)}` });
    });
    const { deliveries } = await meta.deliver({
      appId: business.app.id,
      phoneNumberId: number,
      payload: webhookBody({ wabaId, changes }),
    });
    expect(deliveries[0]?.attempts[0]?.status).toBe(200);
    await eventually(() => expect(agent.heard.length).toBeGreaterThanOrEqual(1000), bulkPatience);

    expect(new Set(agent.heard.map(({ webhookId }) => webhookId)).size).toBe(1000);
    expect(agent.heard).toHaveLength(1000);
    for (const customer of customers) {
      const expected = Array.from({ length: 20 }, (_, index) => `${customer} ${index}`);
      expect(agent.texts.filter((text) => text.startsWith(customer))).toEqual(expected);
    }
  });
});

test('200 messages of one customer, each in a POST of its own, arrive in order', async () => {
  const { agent, number } = await newConversationPartner(host, 'in-order', quiet);
  const { waId } = newCustomer();
  const expected = Array.from({ length: 200 }, (_, index) => `${index}`);
  for (const body of expected) await meta.message({ phoneNumberId: number, from: waId, body });
  await eventually(() => expect(agent.heard.length).toBeGreaterThanOrEqual(expected.length), bulkPatience);
  expect(agent.texts).toEqual(expected);
});

test('1000 events that tenant A signs in the name of tenant B’s number and customer reach nothing of B', async () => {
  const [attacker, victim] = await Promise.all([
    newConversationPartner(host, 'attacker'),
    newConversationPartner(host, 'victim'),
  ]);
  const { waId } = newCustomer('Victor');
  await meta.message({ phoneNumberId: victim.number, from: waId, body: 'genuine' });
  await eventually(() => expect(victim.agent.texts).toEqual(['genuine']));
  const claimsBefore = await claims();

  const { appSubscriptions } = await meta.state();
  const appUrl = appSubscriptions.find(({ appId }) => appId === attacker.business.app.id)?.callbackUrl;
  const genuineLater = 'wamid.used-up-by-the-attacker';
  // Under the attacker's account and under the victim's, at each of the attacker's two URLs.
  for (const url of [attacker.credential.webhook.url, appUrl]) {
    for (const wabaId of [attacker.wabaId, victim.wabaId]) {
      const changes = Array.from({ length: 250 }, (_, index) =>
        messageChange({
          phoneNumberId: victim.number,
          from: waId,
          text: `forged ${index}`,
          ...(index === 0 ? { wamid: genuineLater } : {}),
        }),
      );
      const payload = webhookBody({ wabaId, changes });
      const { deliveries } = await meta.deliver({ appId: attacker.business.app.id, url, payload });
      expect(deliveries[0]?.attempts[0]?.status).toBe(200);
    }
  }

  await throughout(aWhile, async () => {
    expect(victim.agent.texts).toEqual(['genuine']);
    expect(attacker.agent.texts).toEqual([]);
    expect((await queuedMessages()).filter(({ Body }) => Body.includes(victim.number))).toEqual([]);
    expect(await claims()).toEqual(claimsBefore);
  });
  expect(await loggedAbout('event-foreign', attacker.credential.id), 'dropped before the queue').toEqual([]);
  await meta.message({ phoneNumberId: victim.number, from: waId, body: 'still new', wamid: genuineLater });
  await eventually(() => expect(victim.agent.texts).toEqual(['genuine', 'still new']));
  // The attacker is heard on its own number: what was dropped was foreign, not broken.
  await meta.message({ phoneNumberId: attacker.number, from: waId, body: 'own' });
  await eventually(() => expect(attacker.agent.texts).toEqual(['own']));
});

describe('an agent', () => {
  test('that answers 500 is asked again with the same webhook-id, and its answer is sent once', async () => {
    const { agent, number } = await newConversationPartner(host, 'stumbles');
    agent.answer = ({ attempt }) => (attempt === 1 ? { status: 500 } : saying('better now'));
    await meta.message({ phoneNumberId: number, from: newCustomer().waId, body: 'hello' });
    await eventually(async () => expect(await meta.sent(number)).toHaveLength(1));
    expect(agent.heard.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(agent.heard.every(({ verified }) => verified)).toBe(true);
  });

  test('that fails for longer than one invocation still gets the event, and only its own conversation waits', async () => {
    const { agent, number } = await newConversationPartner(host, 'recovers', quiet);
    const [patient, other] = [newCustomer().waId, newCustomer().waId];
    agent.answer = (heard) => (textOf(heard) === 'first' && heard.attempt <= 4 ? { status: 503 } : {});
    await meta.message({ phoneNumberId: number, from: patient, body: 'first' });
    await meta.message({ phoneNumberId: number, from: patient, body: 'second' });
    await meta.message({ phoneNumberId: number, from: other, body: 'elsewhere' });
    await eventually(() => expect(agent.texts).toContain('second'), 45_000);
    const events = agent.texts;
    expect(events.filter((text) => text === 'first')).toHaveLength(5);
    expect(events.lastIndexOf('first')).toBeLessThan(events.indexOf('second'));
    expect(events.indexOf('elsewhere')).toBeLessThan(events.indexOf('second'));
  });

  test('that answers 400 has refused the event: it is acknowledged and not repeated', async () => {
    const { agent, number } = await newConversationPartner(host, 'refuses');
    agent.answer = () => ({ status: 400 });
    await meta.message({ phoneNumberId: number, from: newCustomer().waId, body: 'hello' });
    const [heard] = await eventually(() => {
      expect(agent.heard).toHaveLength(1);
      return agent.heard;
    });
    await eventually(async () => expect(await claimOf(heard?.webhookId ?? '')).toMatchObject({ state: 'done' }));
    await throughout(aWhile, () => expect(agent.heard).toHaveLength(1));
    expect(await meta.sent(number)).toEqual([]);
    expect(await queuesNaming(number)).toEqual([]);
  });

  test('cannot write to another customer, from another number, or anything but messages', async () => {
    const { agent, number } = await newConversationPartner(host, 'hostile');
    const [own, stranger] = [newCustomer().waId, newCustomer().waId];
    const text = { type: 'text', text: { body: 'hostile' } };
    agent.answer = () => ({
      messages: [
        { ...text, to: stranger },
        { ...text, recipient: stranger },
        { ...text, recipient_type: 'group', to: stranger },
        { ...text, status: 'read', message_id: 'wamid.somebodys' },
        { ...text, messaging_product: 'facebook', biz_opaque_callback_data: 'forged' },
        { ...text, phone_number_id: stranger },
      ],
    });
    await meta.message({ phoneNumberId: number, from: own, body: 'hello' });
    const sent = await eventually(async () => {
      const messages = await meta.sent(number);
      expect(messages).toHaveLength(6);
      return messages;
    });
    for (const { to, body } of sent) {
      expect(to).toBe(own);
      expect(body).toMatchObject({ to: own, recipient_type: 'individual', messaging_product: 'whatsapp' });
      expect(body.biz_opaque_callback_data).toMatch(/^sb1:evt_/);
      expect(body).not.toHaveProperty('recipient');
    }
    expect(JSON.stringify(await meta.sent(number, 'read'))).not.toContain('wamid.somebodys');
  });

  const nonsense: readonly (readonly [string, { text: string }])[] = [
    ['text instead of JSON', { text: 'ok' }],
    ['messages that are no list', { text: '{"messages":{"type":"text"}}' }],
    ['messages without a type', { text: '{"messages":[{"text":{"body":"x"}}]}' }],
    ['more messages than are allowed', { text: JSON.stringify({ messages: Array(11).fill({ type: 'text' }) }) }],
  ];
  test.each(nonsense)('that answers 200 with %s has taken the event, and nothing is sent', async (_title, answer) => {
    const { agent, number } = await newConversationPartner(host, 'nonsense', quiet);
    agent.answer = () => answer;
    await meta.message({ phoneNumberId: number, from: newCustomer().waId, body: 'hello' });
    await eventually(() => expect(agent.heard).toHaveLength(1));
    const id = agent.heard[0]?.webhookId ?? '';
    await eventually(async () => expect(await claimOf(id)).toMatchObject({ state: 'done', fates: [] }));
    expect(await meta.sent(number)).toEqual([]);
  });

  test('whose reply Meta refuses loses this reply, not the next ones', async () => {
    const { agent, number } = await newConversationPartner(host, 'unregistered');
    agent.answer = () => saying('hello yourself');
    await meta.change(`phone-numbers/${number}`, { registered: false });
    const { waId } = newCustomer();
    await meta.message({ phoneNumberId: number, from: waId, body: 'hello' });
    // And soon after it the event that tells of the refusal.
    await eventually(() => expect(agent.heard).not.toHaveLength(0));
    const id = agent.heard[0]?.webhookId ?? '';
    await eventually(async () =>
      expect(await claimOf(id)).toMatchObject({ state: 'done', fates: [{ fate: 'refused', metaCode: 133010 }] }),
    );
    expect(await loggedAbout('reply-refused', id)).toHaveLength(1);
    expect(await meta.sent(number)).toEqual([]);

    await meta.change(`phone-numbers/${number}`, { registered: true });
    await meta.message({ phoneNumberId: number, from: waId, body: 'once more' });
    await eventually(async () => expect(await meta.sent(number)).toHaveLength(1));
  });
});

test('a message that comes to the app’s own webhook is routed by app and account, and not twice over both URLs', async () => {
  const { agent, number, wabaId, business, credential } = await newConversationPartner(host, 'both-urls', quiet);
  const { appSubscriptions } = await meta.state();
  const appUrl = appSubscriptions.find(({ appId }) => appId === business.app.id)?.callbackUrl;
  const { waId } = newCustomer();
  const payloads = ['over the app', 'over the credential'].map((text) =>
    webhookBody({ wabaId, changes: [messageChange({ phoneNumberId: number, from: waId, text })] }),
  );
  for (const url of [appUrl, credential.webhook.url]) {
    for (const payload of payloads) {
      const { deliveries } = await meta.deliver({ appId: business.app.id, url, payload });
      expect(deliveries[0]?.attempts[0]?.status).toBe(200);
    }
  }
  await eventually(() => expect(agent.texts).toEqual(['over the app', 'over the credential']));
  await throughout(aWhile, () => expect(agent.heard).toHaveLength(2));
});

/** Not what is counted of them, which comes a moment later. */
const claims = async () =>
  (await rowsOf('Events'))
    .map(({ pk }) => pk)
    .filter((pk) => !pk.startsWith('ACTIVITY'))
    .sort();
const queuesNaming = async (number: string) => (await queuedMessages()).filter(({ Body }) => Body.includes(number));
