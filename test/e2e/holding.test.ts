import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Agent } from '../../shared/contracts/agent.ts';
import type { AgentEvent } from '../../shared/contracts/agent-event.ts';
import type { Credential } from '../../shared/contracts/credential.ts';
import { AgentHost, type Heard, saying, type TestAgent, textOf } from './support/agent-host.ts';
import { Api, overwrite } from './support/api.ts';
import { heldBodiesOf } from './support/bodies.ts';
import { newCustomer, newTokenOf } from './support/business.ts';
import { agentRequest, type ConversationPartner, newConversationPartner, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { queuedMessages } from './support/queues.ts';
import { putRow, rowsOf } from './support/tables.ts';
import { messageChange, webhookBody } from './support/webhook-body.ts';
import { postWebhook, signatureOf } from './support/webhook-request.ts';
import { signalWorkers } from './support/worker.ts';

/** Three rounds with their pauses, and the first try after that: how long a target takes to be suspended and to be found in order again. */
const suspension = 90_000;

/** Everybody here shares one queue, which the emulator serves one batch at a time. In milliseconds. */
const patience = 90_000;
const aWhile = 1500;
const hour = 60 * 60 * 1000;

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

const effective = (agent: TestAgent) => agent.heard.filter(({ taken }) => taken);
const sayerOf = ({ body: { data } }: Heard) => ('message' in data ? data.conversation.customer.waId : null);
const textsOf = (agent: TestAgent, from: string) =>
  effective(agent).flatMap((heard) => (sayerOf(heard) === from ? [textOf(heard)] : []));
/** Whether it was held, and it says since when. */
const isReplayed = ({ body: { data } }: Heard): boolean => {
  expect(data.replayed).toBe(data.heldSince !== null);
  return data.replayed;
};

interface HeldConversation {
  readonly conversationId: string;
  readonly agentId: string;
  readonly reason: string;
  readonly heldSince: string;
  readonly waiting: number;
  readonly needsChoice: number;
}
const heldPath = ({ credential }: Pick<ConversationPartner, 'credential'>) => `/v1/credentials/${credential.id}/held`;
const heldOf = async (partner: ConversationPartner) =>
  (await partner.api.get<{ items: HeldConversation[] }>(`${heldPath(partner)}?limit=100`)).body.items;
const counted = async (partner: ConversationPartner) => {
  const items = await heldOf(partner);
  const sum = (of: (item: HeldConversation) => number) => items.reduce((total, item) => total + of(item), 0);
  return { waiting: sum(({ waiting }) => waiting), needsChoice: sum(({ needsChoice }) => needsChoice) };
};
const reasonsOf = async (partner: ConversationPartner) => [
  ...new Set((await heldOf(partner)).map(({ reason }) => reason)),
];
const isHeld = (partner: ConversationPartner, waiting: number, needsChoice = 0) =>
  eventually(async () => expect(await counted(partner)).toEqual({ waiting, needsChoice }), patience);
/** Nothing is held any more, no body lies anywhere, and no message waits in any queue. */
const nothingIsLeft = async (partner: ConversationPartner) => {
  await eventually(async () => expect(await heldOf(partner)).toEqual([]), patience);
  await eventually(async () => expect([...(await heldBodiesOf(partner.api.tenant)).keys()]).toEqual([]));
  await eventually(async () =>
    expect((await queuedMessages()).filter(({ Body }) => Body.includes(partner.credential.id))).toEqual([]),
  );
};

const say = (partner: ConversationPartner, from: string | object, body: string) =>
  meta.message({ phoneNumberId: partner.number, from, body });
const pause = async ({ api, agent }: ConversationPartner) =>
  expect((await api.call('POST', `/v1/agents/${agent.id}/pause`)).status).toBe(200);
const resume = async ({ api, agent }: ConversationPartner) =>
  expect((await api.call('POST', `/v1/agents/${agent.id}/resume`)).status).toBe(200);
const replay = (partner: ConversationPartner, body?: object, headers = {}) =>
  partner.api.call('POST', `${heldPath(partner)}/replay`, { ...(body === undefined ? {} : { body }), headers });
const erase = async (api: Api, id: string) => {
  const answer = await api.call<{ erased: object }>('DELETE', `/v1/customers/${encodeURIComponent(id)}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.body.erased;
};

/** Meta's own delivery on the credential's URL. */
const posted = async ({ credential, business, wabaId }: ConversationPartner, changes: readonly object[]) => {
  const body = JSON.stringify(webhookBody({ wabaId, changes }));
  const headers = { 'x-hub-signature-256': signatureOf(body, business.app.secret) };
  expect((await postWebhook(credential.webhook.url, body, headers)).status).toBe(200);
};
const accountBecomes = (partner: ConversationPartner, state: 'DISABLE' | 'REINSTATE') =>
  posted(partner, [
    { field: 'account_update', value: { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: state } } },
  ]);
/** A message of each conversation in turn, in batches as when Meta catches up. */
const postedInBatches = async (partner: ConversationPartner, froms: readonly string[], from: number, to: number) => {
  const places = Array.from({ length: to - from }, (_, index) => from + index);
  for (let first = 0; first < places.length; first += 20)
    await posted(
      partner,
      places.slice(first, first + 20).map((place) =>
        messageChange({
          phoneNumberId: partner.number,
          from: froms[place % froms.length] ?? '',
          text: String(place).padStart(3, '0'),
        }),
      ),
    );
};
const placesOf = (froms: readonly string[], from: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, place) => String(place).padStart(3, '0')).filter(
    (_, place) => froms[place % froms.length] === from,
  );

const statusOf = async ({ api, credential, agent }: ConversationPartner) => {
  const [{ body: shown }, { body: shownAgent }] = await Promise.all([
    api.get<Credential>(`/v1/credentials/${credential.id}`),
    api.get<Agent>(`/v1/agents/${agent.id}`),
  ]);
  return { status: shown.status, code: shown.reason?.code, ofAgent: shownAgent.connection.status };
};
const inOrder = { status: 'connected', code: undefined, ofAgent: 'connected' };
const disabled = { status: 'action_required', code: 'account-disabled', ofAgent: 'action_required' };

const customers = (count: number) => Array.from({ length: count }, (_, index) => newCustomer(`Customer ${index}`).waId);

describe.concurrent('events are held', () => {
  test('while an agent is down: its neighbour’s arrive as ever, and it gets its own in order once it is back', {
    timeout: 3 * suspension,
  }, async () => {
    const [down, neighbour] = await Promise.all([
      newConversationPartner(host, 'down', quiet),
      newConversationPartner(host, 'neighbour', quiet),
    ]);
    const froms = customers(4);
    down.agent.answer = () => ({ status: 503 });

    for (const index of [0, 1, 2]) for (const from of froms) await say(down, from, `${index}`);
    await eventually(async () => expect(await counted(down)).toMatchObject({ waiting: 12 }), suspension);
    expect(await reasonsOf(down)).toEqual(['suspended']);
    for (const index of [3, 4]) for (const from of froms) await say(down, from, `${index}`);
    await say(neighbour, froms[0] ?? '', 'hello');
    await eventually(() => expect(textsOf(neighbour.agent, froms[0] ?? '')).toEqual(['hello']));
    await eventually(async () => expect(await counted(down)).toMatchObject({ waiting: 20 }));
    // Neither in the queue, where it would stand in everybody's way, nor among the dead letters.
    expect((await queuedMessages()).filter(({ Body }) => froms.some((from) => Body.includes(from)))).toEqual([]);
    const rows = JSON.stringify((await Promise.all([rowsOf('Directory'), rowsOf('Events')])).flat());
    for (const from of froms) expect(rows).not.toContain(from);

    const tries = down.agent.heard.length;
    down.agent.answer = () => ({});
    await eventually(() => {
      for (const from of froms) expect(textsOf(down.agent, from)).toEqual(['0', '1', '2', '3', '4']);
    }, suspension);
    expect(down.agent.heard.slice(tries).every(isReplayed)).toBe(true);
    await nothingIsLeft(down);
    await say(down, froms[0] ?? '', 'new');
    await eventually(() => expect(textsOf(down.agent, froms[0] ?? '').at(-1)).toBe('new'));
    expect(down.agent.heard.slice(-1).map(isReplayed)).toEqual([false]);
    await throughout(aWhile, () => expect(effective(down.agent)).toHaveLength(21));
  });

  test('while Meta has disabled the account: 200 events wait, and are replayed in order while new ones arrive', {
    timeout: 4 * patience,
  }, async () => {
    const partner = await newConversationPartner(host, 'disabled', quiet);
    const froms = customers(8);
    await accountBecomes(partner, 'DISABLE');
    await eventually(async () => expect(await statusOf(partner)).toEqual(disabled), patience);

    await postedInBatches(partner, froms, 0, 200);
    await isHeld(partner, 200);
    expect(await reasonsOf(partner)).toEqual(['stopped']);
    expect(await heldOf(partner)).toHaveLength(8);
    expect((await heldBodiesOf(partner.api.tenant)).size).toBe(200);
    expect(partner.agent.heard).toEqual([]);

    await Promise.all([accountBecomes(partner, 'REINSTATE'), postedInBatches(partner, froms, 200, 240)]);
    await eventually(() => expect(new Set(effective(partner.agent).map(textOf)).size).toBe(240), 2 * patience);
    await nothingIsLeft(partner);
    expect(await statusOf(partner)).toEqual(inOrder);
    expect(effective(partner.agent), 'each is taken once').toHaveLength(240);
    for (const from of froms) expect(textsOf(partner.agent, from)).toEqual(placesOf(froms, from, 240));
    const held = effective(partner.agent).filter((heard) => Number(textOf(heard)) < 200);
    expect(held.every(isReplayed)).toBe(true);
    for (const from of froms) await say(partner, from, 'afterwards');
    await eventually(() => expect(effective(partner.agent)).toHaveLength(248), patience);
    expect(effective(partner.agent).slice(-8).some(isReplayed)).toBe(false);
  });

  test('until its user repairs a credential with a new token that Meta lets in', {
    timeout: 2 * patience,
  }, async () => {
    const partner = await newConversationPartner(host, 'repaired', quiet);
    const { api, business, credential } = partner;
    const froms = customers(2);
    await accountBecomes(partner, 'DISABLE');
    await eventually(async () => expect(await statusOf(partner)).toEqual(disabled), patience);
    await postedInBatches(partner, froms, 0, 6);
    await isHeld(partner, 6);

    const token = await newTokenOf(business);
    const { version } = (await api.get<Credential>(`/v1/credentials/${credential.id}`)).body;
    const patched = await api.patchCredential(credential.id, { accessToken: token.value }, version);
    expect([patched.status, patched.body.status, patched.body.reason], patched.text).toEqual([200, 'connected', null]);
    await eventually(() => expect(effective(partner.agent)).toHaveLength(6), patience);
    for (const from of froms) expect(textsOf(partner.agent, from)).toEqual(placesOf(froms, from, 6));
    await nothingIsLeft(partner);
    expect(await statusOf(partner)).toEqual(inOrder);
  });

  test('while its user has paused the agent, and come in order once it is resumed', {
    timeout: 2 * patience,
  }, async () => {
    const partner = await newConversationPartner(host, 'paused', quiet);
    const froms = customers(2);
    await pause(partner);
    await postedInBatches(partner, froms, 0, 6);
    await isHeld(partner, 6);
    expect(await reasonsOf(partner)).toEqual(['paused']);
    // What is asked for is not enough while it is paused.
    expect((await replay(partner)).status).toBe(202);
    await throughout(aWhile, () => expect(partner.agent.heard).toEqual([]));

    await resume(partner);
    await eventually(() => expect(effective(partner.agent)).toHaveLength(6), patience);
    for (const from of froms) expect(textsOf(partner.agent, from)).toEqual(placesOf(froms, from, 6));
    expect(effective(partner.agent).every(isReplayed)).toBe(true);
    await nothingIsLeft(partner);
  });

  test('for more than a day only until their user decides: replay or discard, and nobody else can', {
    timeout: 3 * patience,
  }, async () => {
    const [partner, stranger] = await Promise.all([
      newConversationPartner(host, 'patient', quiet),
      Api.asNewTenant('stranger'),
    ]);
    const [first = '', second = '', third = ''] = customers(3);
    await pause(partner);
    for (const from of [first, second, third]) for (const text of ['1', '2']) await say(partner, from, text);
    await isHeld(partner, 6);
    const [ofFirst, ofSecond, ofThird] = await conversationsOf(partner, [first, second, third]);
    await aged(ofFirst, 30);
    await aged(ofSecond, 60);
    await aged(ofThird, 90);
    await resume(partner);
    await isHeld(partner, 0, 6);
    expect(await reasonsOf(partner)).toEqual(['choice']);
    expect(partner.agent.heard).toEqual([]);
    // Those who write now need not wait for them.
    await say(partner, first, 'new');
    await eventually(() => expect(textsOf(partner.agent, first)).toEqual(['new']), patience);

    for (const [method, path] of [
      ['GET', heldPath(partner)],
      ['POST', `${heldPath(partner)}/replay`],
      ['DELETE', heldPath(partner)],
    ] as const)
      expectProblem(await stranger.call(method, path), { status: 404, code: 'not-found' });
    await throughout(aWhile, async () => expect(await counted(partner)).toEqual({ waiting: 0, needsChoice: 6 }));

    const key = { 'idempotency-key': randomUUID() };
    const asked = await replay(partner, { maxAgeHours: 40 }, key);
    expect([asked.status, asked.body], asked.text).toEqual([
      202,
      { credentialId: partner.credential.id, action: 'replay' },
    ]);
    await eventually(() => expect(textsOf(partner.agent, first)).toEqual(['new', '1', '2']), patience);
    await isHeld(partner, 0, 4);
    const repeated = await replay(partner, { maxAgeHours: 40 }, key);
    expect([repeated.status, repeated.text]).toEqual([202, asked.text]);
    expectProblem(await replay(partner, { maxAgeHours: 41 }, key), { status: 422, code: 'idempotency-key-reused' });

    // The first key asked for no more than 40 hours, and asks for nothing again.
    expect((await replay(partner, { maxAgeHours: 70 })).status).toBe(202);
    await eventually(() => expect(textsOf(partner.agent, second)).toEqual(['1', '2']), patience);
    await isHeld(partner, 0, 2);
    const discarded = await partner.api.call('DELETE', heldPath(partner));
    expect([discarded.status, discarded.body]).toEqual([
      202,
      { credentialId: partner.credential.id, action: 'discard' },
    ]);
    await nothingIsLeft(partner);
    expect(textsOf(partner.agent, third)).toEqual([]);
    expect(effective(partner.agent).map(isReplayed)).toEqual([false, true, true, true, true]);
  });

  test('once a target has answered 410, until its user says otherwise', { timeout: 3 * patience }, async () => {
    const [resumed, moved] = await Promise.all([
      newConversationPartner(host, 'gone', quiet),
      newConversationPartner(host, 'moved', quiet),
    ]);
    const [from = ''] = customers(1);
    const dispatchOf = async ({ api, agent }: ConversationPartner) =>
      (await api.get<Agent>(`/v1/agents/${agent.id}`)).body.dispatch.state;
    for (const partner of [resumed, moved]) {
      partner.agent.answer = () => ({ status: 410 });
      for (const text of ['1', '2', '3']) await say(partner, from, text);
      await isHeld(partner, 3);
      expect(await reasonsOf(partner)).toEqual(['gone']);
      expect(await dispatchOf(partner)).toBe('gone');
      // It was asked once.
      expect(partner.agent.heard).toHaveLength(1);
    }

    resumed.agent.answer = () => ({});
    await resume(resumed);
    const { agent: former, api } = moved;
    const place = host.place(former.id);
    const { version } = (await api.get<Agent>(`/v1/agents/${former.id}`)).body;
    const put = await api.putAgent(former.id, agentRequest(place, moved, moved.number, quiet), overwrite(version));
    expect(put.status, put.text).toBe(200);
    for (const [partner, agent] of [
      [resumed, resumed.agent],
      [moved, place],
    ] as const) {
      await eventually(() => expect(textsOf(agent, from)).toEqual(['1', '2', '3']), patience);
      expect(await dispatchOf(partner)).toBe('active');
      await nothingIsLeft(partner);
    }
    expect(former.heard).toHaveLength(1);
  });
});

describe.concurrent('a customer is erased', () => {
  test('with everything that is held of them, under whatever name; others stay', {
    timeout: 3 * patience,
  }, async () => {
    const [partner, stranger] = await Promise.all([
      newConversationPartner(host, 'forgets', quiet),
      newConversationPartner(host, 'other-forgets', quiet),
    ]);
    const { api } = partner;
    const known = (name: string) => ({ ...newCustomer(name), userId: `US.${randomUUID()}` });
    const [byNumber, byUserId, hidden, other] = [
      known('Nora Number'),
      known('Uma User'),
      known('Hida Hidden'),
      known('Otto Other'),
    ];
    // A conversation that an agent has, and held events besides.
    for (const customer of [byNumber, byUserId, other]) await say(partner, customer, 'before');
    await eventually(() => expect(effective(partner.agent)).toHaveLength(3), patience);
    await pause(partner);
    for (const customer of [byNumber, byUserId, other])
      for (const text of ['1', '2']) await say(partner, customer, `${text} of ${customer.name}`);
    await meta.message({ phoneNumberId: partner.number, from: hidden, body: '1 of Hida', omit: ['from', 'wa_id'] });
    await isHeld(partner, 7);
    expect((await heldBodiesOf(api.tenant)).size).toBe(7);

    const nobody = { conversations: 0, heldEvents: 0 };
    for (const { waId, userId } of [byNumber, byUserId, hidden, other])
      for (const id of [waId, userId]) expect(await erase(stranger.api, id)).toEqual(nobody);
    expect(await erase(api, newCustomer().waId)).toEqual(nobody);
    expect(await erase(api, 'DE.00000000000000000000')).toEqual(nobody);
    expect(await counted(partner)).toEqual({ waiting: 7, needsChoice: 0 });

    const written = byNumber.waId.replace(/^(..)(...)/, '+$1 ($2) ');
    expect(await erase(api, written)).toEqual({ conversations: 1, heldEvents: 2 });
    expect(await erase(api, byUserId.userId)).toEqual({ conversations: 1, heldEvents: 2 });
    expect(await erase(api, hidden.userId)).toEqual({ conversations: 1, heldEvents: 1 });
    for (const id of [byNumber.userId, byUserId.waId, hidden.userId]) expect(await erase(api, id)).toEqual(nobody);

    expect(await counted(partner)).toEqual({ waiting: 2, needsChoice: 0 });
    const bodies = [...(await heldBodiesOf(api.tenant)).values()].join();
    const rows = JSON.stringify((await Promise.all([rowsOf('Directory'), rowsOf('Events')])).flat());
    for (const { waId, userId, name } of [byNumber, byUserId, hidden])
      for (const word of [waId, userId, name]) {
        expect(bodies).not.toContain(word);
        expect(rows).not.toContain(word);
      }
    await resume(partner);
    await eventually(
      () => expect(textsOf(partner.agent, other.waId)).toEqual(['before', '1 of Otto Other', '2 of Otto Other']),
      patience,
    );
    await nothingIsLeft(partner);
    await say(partner, byNumber, 'new');
    await eventually(() => expect(textsOf(partner.agent, byNumber.waId)).toEqual(['before', 'new']), patience);
    expect(textsOf(partner.agent, byUserId.waId)).toEqual(['before']);
  });

  test('with what is still queued behind an event that is under way', { timeout: 2 * patience }, async () => {
    const partner = await newConversationPartner(host, 'queues', quiet);
    const [from = '', other = ''] = customers(2);
    const thinks = Promise.withResolvers<void>();
    partner.agent.answer = async (heard) => {
      if (textOf(heard) === 'first') await thinks.promise;
      return {};
    };
    await say(partner, from, 'first');
    await eventually(() => expect(partner.agent.heard).toHaveLength(1), patience);
    await say(partner, from, 'queued');
    await say(partner, other, 'of another');
    expect(await erase(partner.api, from)).toMatchObject({ conversations: 1 });
    thinks.resolve();
    await eventually(() => expect(textsOf(partner.agent, other)).toEqual(['of another']), patience);
    await say(partner, from, 'new');
    await eventually(() => expect(textsOf(partner.agent, from)).toEqual(['first', 'new']), patience);
    await nothingIsLeft(partner);
  });
});

describe.concurrent('an agent', () => {
  const messages = (agent: TestAgent) =>
    effective(agent).filter(({ body }) => body.type === 'whatsapp.message.received');
  const failures = (agent: TestAgent) =>
    effective(agent).flatMap(({ body }) =>
      body.type === 'whatsapp.message.failed' ? [body as Extract<AgentEvent, { type: 'whatsapp.message.failed' }>] : [],
    );
  const said = async (number: string, to: string) =>
    (await meta.sent(number)).flatMap((sent) => (sent.to === to ? [sent.body.text?.body] : []));

  test('takes the conversations that its conditions name and keeps them; the others go to the default agent', {
    timeout: 2 * patience,
  }, async () => {
    const partner = await newConversationPartner(host, 'shares', quiet);
    const orders = host.place('orders');
    const request = agentRequest(orders, partner, partner.number, quiet);
    const routing = { priority: 1, conditions: { keywords: ['order'] } };
    const put = await partner.api.putAgent('orders', { ...request, whatsapp: { ...request.whatsapp, routing } });
    expect(put.status, put.text).toBe(201);
    const [buyer = '', visitor = ''] = customers(2);
    for (const [from, text] of [
      [buyer, 'Where is my ORDER?'],
      [visitor, 'good morning'],
      [buyer, 'thank you'],
      [visitor, 'are you reordering?'],
    ] as const)
      await say(partner, from, text);
    await eventually(() => {
      expect(textsOf(orders, buyer)).toEqual(['Where is my ORDER?', 'thank you']);
      expect(textsOf(partner.agent, visitor)).toEqual(['good morning', 'are you reordering?']);
    }, patience);
    // A conversation stays where it is, whatever is said in it.
    await say(partner, visitor, 'my order, please');
    await eventually(() => expect(textsOf(partner.agent, visitor)).toHaveLength(3), patience);
    expect(orders.heard).toHaveLength(2);
    expect(partner.agent.heard).toHaveLength(3);
  });

  test('greets once per conversation and says once that nobody is there, in its own time zone', {
    timeout: 2 * patience,
  }, async () => {
    // Away all day there, with the hours of the day before yesterday; the date line runs between the two.
    const zone = 'Pacific/Kiritimati';
    const today = new Intl.DateTimeFormat('en', { timeZone: zone, weekday: 'short' }).format(new Date()).toLowerCase();
    const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
    const before = days[(days.indexOf(today) + 5) % 7];
    const awayIn = (timeZone: string, open: string | undefined) => ({
      ...quiet,
      greeting: 'Welcome!',
      away: { message: 'Nobody is here now.', timeZone, hours: [{ days: [open], from: '00:00', to: '24:00' }] },
    });
    const [absent, present] = await Promise.all([
      newConversationPartner(host, 'absent', awayIn(zone, before)),
      newConversationPartner(host, 'present', awayIn(zone, today)),
    ]);
    const [from = '', other = ''] = customers(2);
    for (const partner of [absent, present])
      for (const [who, text] of [
        [from, '1'],
        [other, '1'],
        [from, '2'],
      ] as const)
        await say(partner, who, text);
    await eventually(() => {
      expect(messages(absent.agent)).toHaveLength(3);
      expect(messages(present.agent)).toHaveLength(3);
    }, patience);
    for (const who of [from, other]) {
      await eventually(async () => expect(await said(absent.number, who)).toEqual(['Welcome!', 'Nobody is here now.']));
      await eventually(async () => expect(await said(present.number, who)).toEqual(['Welcome!']));
    }
    expect(absent.agent.heard.map(({ body }) => body.data.away)).toEqual([true, true, true]);
    expect(present.agent.heard.map(({ body }) => body.data.away)).toEqual([false, false, false]);
    await throughout(aWhile, async () => expect(await meta.sent(absent.number)).toHaveLength(4));
  });

  test('hears that a human has taken over', { timeout: 2 * patience }, async () => {
    const partner = await newConversationPartner(host, 'human', { ...quiet, forward: ['message', 'echo'] });
    const [from = ''] = customers(1);
    const handledBy = () => effective(partner.agent).map(({ body }) => [body.type, body.data.conversation?.handledBy]);
    await say(partner, from, 'hello');
    await eventually(() => expect(handledBy()).toEqual([['whatsapp.message.received', 'agent']]), patience);
    await posted(partner, [echoTo(partner, from)]);
    await eventually(() => expect(handledBy().at(-1)).toEqual(['whatsapp.message.echo', 'human']), patience);
    await say(partner, from, 'thanks, Jo');
    await eventually(() => expect(handledBy().at(-1)).toEqual(['whatsapp.message.received', 'human']), patience);
  });

  test('hears of its reply that Meta refuses, and of one that Meta could not deliver, with an explanation', {
    timeout: 2 * patience,
  }, async () => {
    const partner = await newConversationPartner(host, 'hapless', quiet);
    const { agent, number } = partner;
    const [refused = '', late = ''] = customers(2);
    agent.answer = (heard) => (sayerOf(heard) === null ? {} : saying(`re: ${textOf(heard)}`));
    await using _fault = await meta.fault({ path: `/${number}/messages$`, body: refused, code: 131_047 });
    await meta.outcome({ phoneNumberId: number, body: late, statuses: ['sent', 'failed'], errorCode: 131_047 });
    await Promise.all([say(partner, refused, 'one'), say(partner, late, 'two')]);
    await eventually(() => expect(failures(agent)).toHaveLength(2), patience);
    const eventIdOf = (from: string) => messages(agent).find((heard) => sayerOf(heard) === from)?.webhookId;
    for (const [from, outcome] of [
      [refused, 'refused'],
      [late, 'failed'],
    ] as const) {
      const told = failures(agent).find(({ data }) => data.failure.outcome === outcome);
      expect(told?.data).toMatchObject({
        conversation: { customer: { waId: from } },
        failure: {
          inReplyTo: eventIdOf(from),
          index: 0,
          meta: { code: 131_047 },
          explanation: expect.stringMatching(/24 hours/),
          guidance: expect.stringMatching(/template/),
        },
      });
    }
    // What it answers to that would be an answer to an answer.
    await throughout(aWhile, async () => {
      expect(failures(agent)).toHaveLength(2);
      expect((await meta.sent(number)).length).toBeLessThanOrEqual(2);
    });
  });
});

// Alone: the others would stand still with it.
test('the first message of somebody who is erased while it is queued is never dispatched', async () => {
  const partner = await newConversationPartner(host, 'unheard', quiet);
  const [first = '', other = ''] = customers(2);
  await say(partner, other, 'warm up');
  await eventually(() => expect(textsOf(partner.agent, other)).toEqual(['warm up']));
  signalWorkers('RouteEvent', 'SIGSTOP');
  try {
    await say(partner, first, 'forget this');
    expect(await erase(partner.api, first)).toEqual({ conversations: 0, heldEvents: 0 });
  } finally {
    signalWorkers('RouteEvent', 'SIGCONT');
  }
  await say(partner, other, 'afterwards');
  await eventually(() => expect(textsOf(partner.agent, other)).toEqual(['warm up', 'afterwards']));
  await nothingIsLeft(partner);
  expect(textsOf(partner.agent, first)).toEqual([]);
});

/** Which conversation is whose is told by nobody: by the bodies of what is held. */
async function conversationsOf(partner: ConversationPartner, froms: readonly string[]): Promise<readonly string[]> {
  const bodies = await heldBodiesOf(partner.api.tenant);
  const lines = (await rowsOf('Events')).filter(({ sk }) => sk.startsWith('HELD#'));
  return froms.map((from) => {
    const [key] = [...bodies].find(([, body]) => body.includes(from)) ?? [];
    const line = lines.find(({ relayKey }) => relayKey === key);
    if (line === undefined) throw new Error('Nothing is held of this customer.');
    return line.pk;
  });
}

/** As if what is in line had been held for so many hours. */
async function aged(conversation: string | undefined, hours: number): Promise<void> {
  const lines = (await rowsOf('Events')).filter(({ pk, sk }) => pk === conversation && sk.startsWith('HELD#'));
  expect(lines).not.toEqual([]);
  for (const line of lines)
    await putRow('Events', { ...line, heldSince: new Date(Date.now() - hours * hour).toISOString() });
}

/** What a human has answered from the Business app. */
const echoTo = ({ number }: ConversationPartner, to: string) => ({
  field: 'smb_message_echoes',
  value: {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550100', phone_number_id: number },
    message_echoes: [
      {
        from: '15550100',
        to,
        id: `wamid.${randomUUID()}`,
        timestamp: String(Math.floor(Date.now() / 1000)),
        type: 'text',
        text: { body: 'This is Jo from the shop.' },
      },
    ],
  },
});
