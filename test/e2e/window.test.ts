import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SentMessage } from '../../shared/contracts/message.ts';
import { AgentHost } from './support/agent-host.ts';
import { newCustomer } from './support/business.ts';
import { bindAgent, type ConversationPartner, newConnection, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { auditOf, putRow, rowsOf } from './support/tables.ts';

const hour = 60 * 60 * 1000;
const hoursAgo = (hours: number): number => Date.now() - hours * hour;

/** Of two numbers the first has delivered since yesterday, the second since just now. */
let host: AgentHost;
let partner: ConversationPartner;
let fresh: Pick<ConversationPartner, 'number' | 'agent'>;
beforeAll(async () => {
  host = await AgentHost.open();
  const connection = await newConnection('window', { numbers: [2] });
  const [number = '', second = ''] = connection.numbers;
  partner = { ...connection, number, agent: await bindAgent(host, 'window-agent', connection, number, quiet) };
  fresh = { number: second, agent: await bindAgent(host, 'window-agent-2', connection, second, quiet) };
  for (const it of [partner, fresh]) await writes(it, newCustomer().waId);
  await setRow(`NUMBER#${number}`, 'deliversSince', hoursAgo(26));
});
afterAll(() => host[Symbol.asyncDispose]());

/** A customer writes. The conversation, as the agent is told of it. */
const writes = async (
  { number, agent }: typeof fresh,
  from: string | object,
  message: object = {},
): Promise<string> => {
  const { wamid } = await meta.message({ phoneNumberId: number, from, body: 'Hello', ...message });
  return eventually(() => {
    const heard = agent.heard.find(({ body: { data } }) => 'message' in data && data.message.id === wamid);
    expect(heard).toBeDefined();
    return heard?.body.data.conversation?.id ?? '';
  });
};

/** Makes a note older than it is: what only the time brings about. */
const setRow = async (pk: string, column: string, time: number): Promise<void> => {
  const row = await eventually(async () => {
    const found = (await rowsOf('Directory')).find((it) => it.pk === pk && typeof it[column] === 'string');
    if (found === undefined) throw new Error(`There is no ${column} in ${pk}`);
    return found;
  });
  await putRow('Directory', { ...row, [column]: new Date(time).toISOString() });
};

const text = (to: string) => ({ to, type: 'text', text: { body: 'Hello' } });
const template = (to: string) => ({ to, type: 'template', template: { name: 'hello', language: { code: 'en' } } });
const send = (body: object, { key, agent = partner.agent }: { key?: string; agent?: { id: string } } = {}) =>
  partner.api.call<SentMessage>('POST', `/v1/agents/${agent.id}/messages`, {
    body,
    headers: key === undefined ? {} : { 'idempotency-key': key },
  });

const callsOf = async (number: string) => (await meta.calls(`/${number}/messages$`, 'POST')).length;
const opensOf = async () =>
  (await auditOf(partner.credential.id)).filter(({ action, actorKind }) => action === 'open' && actorKind === 'user')
    .length;

/** Refused by ourselves: Meta gets no call, and no secret is opened for one. */
const expectRefused = async (body: object, key?: string) => {
  const before = [await callsOf(partner.number), await opensOf()];
  const problem = expectProblem(await send(body, key === undefined ? {} : { key }), {
    status: 422,
    code: 'message-refused',
  });
  expect(problem).toMatchObject({
    detail: expect.stringMatching(/24 hours/),
    guidance: expect.stringMatching(/template/),
    link: { href: expect.stringMatching(/^https:/) },
  });
  expect(problem.meta).toBeUndefined();
  expect([await callsOf(partner.number), await opensOf()]).toEqual(before);
};

const expectSent = async (...request: Parameters<typeof send>) => {
  const answer = await send(...request);
  expect(answer.status, answer.text).toBe(201);
};

test('after a customer has not written for a day only a template goes out, and the same request once the customer writes again', async () => {
  const { waId } = newCustomer();
  const conversation = await writes(partner, waId);
  await expectSent(text(waId));
  await setRow(`CONV#${conversation}`, 'lastInboundAt', hoursAgo(26));
  const key = `closed-${waId}`;
  await expectRefused(text(waId), key);
  await expectRefused(text(`+${waId}`));
  await expectSent(template(waId));
  await writes(partner, waId);
  await expectSent(text(waId), { key });
  const sent = (await meta.sent(partner.number)).filter(({ body }) => JSON.stringify(body).includes(waId));
  expect(sent.map(({ body }) => body.type)).toEqual(['text', 'template', 'text']);
});

test('what Meta delivers a day late opens nothing', async () => {
  const { waId } = newCustomer();
  await writes(partner, waId, { timestamp: String(Math.floor(hoursAgo(26) / 1000)) });
  await expectRefused(text(waId));
  await expectSent(template(waId));
});

test('a customer is written to by user id by the same rule', async () => {
  const customer = newCustomer();
  const { waId } = customer;
  await meta.seed({ customers: [customer] });
  await writes(partner, waId, { timestamp: String(Math.floor(hoursAgo(26) / 1000)) });
  const userId = partner.agent.heard.at(-1)?.body.data.conversation?.customer.userId;
  expect(userId).toBeTruthy();
  const hello = { recipient: userId, type: 'text', text: { body: 'Hello' } };
  await expectRefused(hello);
  await writes(partner, waId);
  await expectSent(hello);
});

test('who never wrote gets only a template from a number that has delivered for a day', async () => {
  const to = `+${newCustomer().waId}`;
  await expectRefused(text(to));
  await expectSent(template(to));
});

test('Meta is asked about who never wrote to a number that is new here', async () => {
  const before = await callsOf(fresh.number);
  await expectSent(text(`+${newCustomer().waId}`), { agent: fresh.agent });
  expect(await callsOf(fresh.number)).toBe(before + 1);
});

// The last one: from then on the number knows that somebody hides theirs.
test('Meta is asked about a phone number whose owner may be one who wrote without it', async () => {
  const hidden = newCustomer();
  const to = `+${hidden.waId}`;
  await expectRefused(text(to));
  await writes(partner, { ...hidden, hidesNumber: true });
  await expectSent(text(to));
});
