import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ada,
  bodyOf,
  callStatuses,
  calls,
  changesOfIdentity,
  displayPhoneNumber,
  echoes,
  fieldExamples,
  messages,
  messagesChange,
  metadata,
  statuses,
  statusesChange,
} from '../support/meta-payloads.ts';
import { ids } from '../support/records.ts';
import { AgentHost, type TestAgent } from './support/agent-host.ts';
import { newAppSecret, newCustomer } from './support/business.ts';
import {
  bindAgent,
  type Connection,
  type ConversationPartner,
  newConnection,
  newConversationPartner,
  quiet,
} from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { auditOf } from './support/tables.ts';
import { messageChange, webhookBody } from './support/webhook-body.ts';
import { postWebhook, signatureOf } from './support/webhook-request.ts';

// What Meta sends, in every form and size that it may have, through public HTTP to the agent.

/** Before a test is sure that nothing comes. In milliseconds. */
const aWhile = 1500;

/** For a thousand messages. In milliseconds. */
const longPatience = 100_000;

const everything = { ...quiet, forward: ['message', 'status', 'call', 'account', 'echo'] };

let host: AgentHost;
let partner: ConversationPartner;
beforeAll(async () => {
  host = await AgentHost.open();
  partner = await newConversationPartner(host, 'receiving', everything);
});
afterAll(() => host[Symbol.asyncDispose]());

/** What Meta signs and sends on the credential's own URL. Answers the status. */
const post = async ({ credential, business }: Connection, body: string): Promise<number> => {
  const signature = signatureOf(body, business.app.secret);
  const headers = { 'x-hub-signature-256': signature, 'content-type': 'application/json' };
  return (await postWebhook(credential.webhook.url, body, headers)).status;
};

/** The examples of Meta's documentation, as if they were about this number. Each time they are other ones. */
const about = ({ number, wabaId, credential }: ConversationPartner, body: object): string => {
  const listed = credential.phoneNumbers.find(({ phoneNumberId }) => phoneNumberId === number);
  return JSON.stringify(body)
    .replaceAll(ids.number, number)
    .replaceAll(ids.waba, wabaId)
    .replaceAll(`"${displayPhoneNumber}"`, `"${listed?.displayPhoneNumber?.replace(/\D/g, '')}"`)
    .replace(/"(wamid|wacid)\.([^"]+)"/g, (_all, kind, id) => `"${kind}.${id}${run}"`);
};
const run = randomUUID().slice(0, 8);

/** What the agent heard, by type. */
const heardOf = (agent: TestAgent, type: string) => agent.heard.filter(({ body }) => body.type === type);
const countOf = (...records: readonly Readonly<Record<string, unknown>>[]) =>
  records.reduce((sum, record) => sum + Object.keys(record).length, 0);

describe('everything that Meta is known to send', () => {
  test('reaches an agent that wants it all, each once and signed', async () => {
    const { agent } = partner;
    const notices = fieldExamples.filter(({ kinds, entryId }) => entryId === undefined && kinds.join() === 'account');
    const bodies = [
      bodyOf([messagesChange([...Object.values(messages), ...Object.values(changesOfIdentity)])]),
      bodyOf([statusesChange(Object.values(statuses))]),
      bodyOf([
        { field: 'calls', value: { metadata, calls: Object.values(calls) } },
        { field: 'calls', value: { metadata, statuses: Object.values(callStatuses) } },
        { field: 'smb_message_echoes', value: { metadata, message_echoes: Object.values(echoes) } },
      ]),
      bodyOf(notices),
    ];
    for (const body of bodies) expect(await post(partner, about(partner, body))).toBe(200);
    await eventually(() => {
      expect(heardOf(agent, 'whatsapp.message.received')).toHaveLength(countOf(messages, changesOfIdentity));
      expect(heardOf(agent, 'whatsapp.message.status')).toHaveLength(countOf(statuses));
      expect(heardOf(agent, 'whatsapp.call')).toHaveLength(countOf(calls, callStatuses));
      expect(heardOf(agent, 'whatsapp.message.echo')).toHaveLength(countOf(echoes));
      expect(heardOf(agent, 'whatsapp.account')).toHaveLength(notices.length);
    });
    for (const { verified, attempt } of agent.heard)
      expect({ verified, attempt }).toEqual({ verified: true, attempt: 1 });
  });

  test('disables the account, as some of it says, until Meta reinstates it', async () => {
    const { api, credential } = partner;
    const state = async () => (await api.get<{ status: string }>(`/v1/credentials/${credential.id}`)).body.status;
    const value = { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'REINSTATE' } };
    expect(await post(partner, about(partner, bodyOf([{ field: 'account_update', value }])))).toBe(200);
    await eventually(async () => expect(await state()).toBe('connected'));
  });

  test('is Meta’s object as it came', async () => {
    const texts = heardOf(partner.agent, 'whatsapp.message.received').map(({ body }) =>
      'message' in body.data ? body.data.message : {},
    );
    const sent = JSON.parse(about(partner, Object.values(messages))) as object[];
    for (const message of sent) expect(texts).toContainEqual(message);
  });

  test('is never what was said before the account was connected', async () => {
    const before = partner.agent.heard.length;
    const history = fieldExamples.filter(({ field }) => field === 'history');
    expect(await post(partner, about(partner, bodyOf(history)))).toBe(200);
    await throughout(aWhile, () => expect(partner.agent.heard).toHaveLength(before));
  });
});

describe('what the account itself reports', () => {
  test('comes over the app’s own webhook to each number whose agent asks for it', async () => {
    const connection = await newConnection('account-news', { numbers: [3] });
    const [one = '', two = '', three = ''] = connection.numbers;
    const [curious, curiousToo, incurious] = [
      await bindAgent(host, 'curious-one', connection, one, everything),
      await bindAgent(host, 'curious-two', connection, two, everything),
      await bindAgent(host, 'incurious', connection, three, quiet),
    ];
    const value = {
      event: 'ACCOUNT_RESTRICTION',
      restriction_info: [{ restriction_type: 'RESTRICTED_UTILITY_TEMPLATES' }],
    };
    const { deliveries } = await meta.deliver({ wabaId: connection.wabaId, field: 'account_update', value });
    expect(deliveries.map(({ level, attempts }) => [level, attempts.at(-1)?.status])).toEqual([['app', 200]]);
    await eventually(() => {
      for (const agent of [curious, curiousToo])
        expect(agent.heard.map(({ body }) => body)).toMatchObject([
          { type: 'whatsapp.account', data: { conversation: null, notice: { field: 'account_update', value } } },
        ]);
    });
    const seen = [curious, curiousToo].map(({ heard }) => heard[0]?.webhookId);
    expect(seen[0]).not.toBe(seen[1]);
    await throughout(aWhile, () => expect(incurious.heard).toEqual([]));
  });
});

describe('one delivery', () => {
  test('of 3 MB with a thousand changes of two numbers reaches each number’s agent whole, in order within each conversation', async () => {
    const connection = await newConnection('thousand', { numbers: [2] });
    const agents = await Promise.all(
      connection.numbers.map((number, index) => bindAgent(host, `thousand-${index}`, connection, number, quiet)),
    );
    const customers = Array.from({ length: 20 }, () => newCustomer().waId);
    const filler = 'x'.repeat(2_600);
    const foreign = messageChange({ phoneNumberId: '900400999999999', from: customers[0] ?? '', text: 'not yours' });
    const changes = Array.from({ length: 1000 }, (_, index) =>
      messageChange({
        phoneNumberId: connection.numbers[index % 2] ?? '',
        from: customers[index % 20] ?? '',
        text: `${index} ${filler}`,
      }),
    );
    const body = JSON.stringify(webhookBody({ wabaId: connection.wabaId, changes: [foreign, ...changes] }));
    expect(body.length).toBeGreaterThan(2_900_000);
    expect(await post(connection, body)).toBe(200);
    const numbered = (agent: TestAgent) =>
      agent.heard.map(({ body: event }, place) => ({
        index: Number(agent.texts[place]?.split(' ')[0]),
        conversation: event.data.conversation?.id,
      }));
    await eventually(() => expect(agents.map((agent) => new Set(agent.texts).size)).toEqual([500, 500]), longPatience);
    for (const [number, agent] of agents.entries()) {
      expect(agent.heard).toHaveLength(500);
      for (const { index } of numbered(agent)) expect(index % 2).toBe(number);
      for (const said of Map.groupBy(numbered(agent), ({ conversation }) => conversation).values())
        expect(said.map(({ index }) => index)).toEqual(said.map(({ index }) => index).toSorted((a, b) => a - b));
    }
  });

  test('with one event of 2.9 MB reaches the agent whole, before what was said after it', async () => {
    const { agent, number, wabaId } = partner;
    const from = newCustomer().waId;
    const large = `large ${'ü'.repeat(1_450_000)}`;
    const said = ['first', large, 'last'].map((text) => messageChange({ phoneNumberId: number, from, text }));
    expect(await post(partner, JSON.stringify(webhookBody({ wabaId, changes: said })))).toBe(200);
    const ofThem = () =>
      agent.heard.flatMap(({ body }, place) =>
        body.data.conversation?.customer.waId === from ? [agent.texts[place]] : [],
      );
    await eventually(() => expect(ofThem()).toEqual(['first', large, 'last']));
  });

  test('that comes thrice, cut otherwise each time, reaches the agent once', async () => {
    const { agent, number, wabaId } = partner;
    const changes = [ada.waId, newCustomer().waId].map((from, index) =>
      messageChange({ phoneNumberId: number, from, text: `cut ${index} ${run}` }),
    );
    const [one, two] = changes;
    const together = {
      ...one,
      value: {
        ...one?.value,
        contacts: changes.flatMap(({ value }) => value.contacts),
        messages: changes.flatMap(({ value }) => value.messages),
      },
    };
    for (const cut of [[together], changes, [two, one]])
      expect(await post(partner, JSON.stringify(webhookBody({ wabaId, changes: cut.flatMap((it) => it ?? []) })))).toBe(
        200,
      );
    const heard = () => agent.texts.filter((text) => text.startsWith('cut') && text.endsWith(run)).sort();
    await eventually(() => expect(heard()).toHaveLength(2));
    await throughout(aWhile, () => expect(heard()).toEqual([`cut 0 ${run}`, `cut 1 ${run}`]));
  });
});

test('a flood of wrong signatures opens the App Secret no more often than workers start, and stops nobody', async () => {
  const flooded = await newConversationPartner(host, 'flooded', quiet);
  const { credential, number, wabaId, agent } = flooded;
  const opened = async () =>
    (await auditOf(credential.id)).filter(
      ({ purpose, phase }) => purpose === 'webhook-signature' && phase === 'attempt',
    ).length;
  const bodyWith = (text: string) =>
    JSON.stringify(
      webhookBody({ wabaId, changes: [messageChange({ phoneNumberId: number, from: newCustomer().waId, text })] }),
    );
  const forged = bodyWith('forged');
  const headers = { 'x-hub-signature-256': signatureOf(forged, newAppSecret()), 'content-type': 'application/json' };
  const before = await opened();
  const statusesSeen = new Set<number>();
  const clients = 4;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (let time = 0; time < 50; time++)
        statusesSeen.add((await postWebhook(credential.webhook.url, forged, headers)).status);
    }),
  );
  expect([...statusesSeen]).toEqual([401]);
  expect((await opened()) - before).toBeLessThanOrEqual(clients);
  expect(await post(flooded, bodyWith('genuine'))).toBe(200);
  await eventually(() => expect(agent.texts).toEqual(['genuine']));
});
