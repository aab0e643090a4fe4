import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SentMessage } from '../../shared/contracts/message.ts';
import { AgentHost } from './support/agent-host.ts';
import { Api } from './support/api.ts';
import { newCustomer } from './support/business.ts';
import { bindAgent, type ConversationPartner, newConversationPartner, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { auditOf, rowsOf } from './support/tables.ts';

let host: AgentHost;
let partner: ConversationPartner;
beforeAll(async () => {
  host = await AgentHost.open();
  partner = await newConversationPartner(host, 'sender', { ...quiet, forward: ['message', 'status'] });
});
afterAll(() => host[Symbol.asyncDispose]());

interface NewKey {
  readonly id: string;
  readonly key: string;
}

const newKey = async ({ api, agent }: Pick<ConversationPartner, 'api' | 'agent'>): Promise<NewKey> => {
  const answer = await api.call<NewKey>('POST', `/v1/agents/${agent.id}/keys`);
  expect(answer.status, answer.text).toBe(201);
  return answer.body;
};
const text = (to: string, body = 'Hello') => ({ to, type: 'text', text: { body } });
const messagesOf = (id: string) => `/v1/agents/${id}/messages`;
const send = (api: Api, id: string, body: object, headers: Record<string, string> = {}) =>
  api.call<SentMessage>('POST', messagesOf(id), { body, headers });
const sentTo = async (to: string) =>
  (await meta.sent(partner.number)).filter(({ body }) => JSON.stringify(body).includes(to));

describe('a message is sent', () => {
  test('by a user with a token and by the agent with its key, and both hear what became of it', async () => {
    const { api, agent } = partner;
    const byKey = Api.withToken((await newKey(partner)).key);
    for (const sender of [api, byKey]) {
      const { waId } = newCustomer();
      const answer = await send(sender, agent.id, { ...text(waId), biz_opaque_callback_data: `order ${waId}` });
      expect(answer.status, answer.text).toBe(201);
      expect(answer.body).toMatchObject({
        wamid: expect.stringMatching(/^wamid\./),
        status: 'accepted',
        failure: null,
      });
      expect(await sentTo(waId)).toMatchObject([{ wamid: answer.body.wamid }]);
      const path = `${messagesOf(agent.id)}/${answer.body.id}`;
      await eventually(async () => expect((await sender.get(path)).body).toMatchObject({ status: 'read' }));
      const ownMark = {
        type: 'whatsapp.message.status',
        data: { status: { biz_opaque_callback_data: `order ${waId}` } },
      };
      await eventually(() =>
        expect(agent.heard.map(({ body }) => body)).toContainEqual(
          expect.objectContaining({
            type: ownMark.type,
            data: expect.objectContaining({ status: expect.objectContaining(ownMark.data.status) }),
          }),
        ),
      );
    }
  });

  test('once, by twenty that repeat it at the same time under one Idempotency-Key', async () => {
    const { api, agent } = partner;
    const { waId } = newCustomer();
    const key = { 'idempotency-key': `once-${waId}` };
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(api, agent.id, text(waId), key)));
    const done = answers.filter(({ status }) => status === 201);
    expect(new Set(done.map(({ body }) => body.id)).size).toBe(1);
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expect(answer.status, answer.text).toBe(409);
      expect(answer.headers.get('retry-after')).not.toBeNull();
    }
    await eventually(async () =>
      expect((await api.get(`${messagesOf(agent.id)}/${done[0]?.body.id}`)).body).toMatchObject({ status: 'read' }),
    );
    expect((await send(api, agent.id, text(waId), key)).body).toEqual(done[0]?.body);
    expectProblem(await send(api, agent.id, text(waId, 'other'), key), { status: 422, code: 'idempotency-key-reused' });
    expect(await sentTo(waId)).toHaveLength(1);
  });

  test('at most once when Meta does not answer: it is named, and what Meta reports tells', async () => {
    const { api, agent } = partner;
    const { waId } = newCustomer();
    const key = { 'idempotency-key': `hangs-${waId}` };
    {
      await using _hangs = await meta.fault({
        method: 'POST',
        path: '/messages$',
        body: waId,
        afterEffect: true,
        dropConnection: true,
      });
      const answer = await send(api, agent.id, text(waId), key);
      expect(answer.status, answer.text).toBe(504);
      expect(answer.body).toMatchObject({
        code: 'outcome-unknown',
        instance: expect.stringContaining(messagesOf(agent.id)),
      });
      const { instance } = answer.body as unknown as { readonly instance: string };
      await eventually(async () => expect((await api.get(instance)).body).toMatchObject({ status: 'read' }));
    }
    const again = await send(api, agent.id, text(waId), key);
    expect(again.status, again.text).toBe(201);
    expect(again.body).toMatchObject({ status: 'accepted', wamid: (await sentTo(waId))[0]?.wamid });
    expect(await sentTo(waId)).toHaveLength(1);
  });

  test('and one that fails later comes back to the agent, with the reason in both places', async () => {
    const { api, agent, number } = partner;
    const { waId } = newCustomer();
    await meta.outcome({ phoneNumberId: number, body: waId, statuses: ['sent', 'failed'], errorCode: 131_026 });
    const { body } = await send(api, agent.id, text(waId));
    await eventually(async () =>
      expect((await api.get(`${messagesOf(agent.id)}/${body.id}`)).body).toMatchObject({
        status: 'failed',
        failure: { code: 131_026, guidance: expect.stringMatching(/\w+ \w+/) },
      }),
    );
    await eventually(() =>
      expect(agent.heard.map(({ body: event }) => event)).toContainEqual(
        expect.objectContaining({
          type: 'whatsapp.message.failed',
          data: expect.objectContaining({
            failure: expect.objectContaining({ messageId: body.id, outcome: 'failed' }),
          }),
        }),
      ),
    );
  });
});

describe('Meta refuses', () => {
  test.each([
    [131_047, 422, 'message-refused', /template/],
    [131_056, 429, 'message-limited', /[Ss]low/],
    [131_042, 422, 'message-refused', /payment/],
  ])('with %d: explained, once asked', async (code, status, problem, words) => {
    const { api, agent } = partner;
    const { waId } = newCustomer();
    await using _refuses = await meta.fault({ method: 'POST', path: '/messages$', body: waId, code, times: null });
    const answer = await send(api, agent.id, text(waId));
    const told = expectProblem(answer, { status, code: problem });
    expect(told.meta?.code).toBe(code);
    expect(told.guidance).toMatch(words);
    if (status === 429) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await sentTo(waId)).toEqual([]);
  });
});

describe('a key of an agent', () => {
  test('opens nothing but that agent’s messages', async () => {
    const { api, agent, numbers } = partner;
    const other = await bindAgent(host, `${agent.id}-2`, partner, numbers[1] ?? numbers[0] ?? '', quiet).catch(
      () => undefined,
    );
    const byKey = Api.withToken((await newKey(partner)).key);
    const { waId } = newCustomer();
    expectProblem(await send(byKey, other?.id ?? 'another', text(waId)), { status: 404, code: 'not-found' });
    for (const path of ['/v1/credentials', `/v1/agents/${agent.id}`, '/v1/agents']) {
      const answer = await byKey.get(path);
      expect([401, 403], path).toContain(answer.status);
    }
    expect(await sentTo(waId)).toEqual([]);
    const keys = await api.get<{ items: { id: string }[] }>(`/v1/agents/${agent.id}/keys`);
    for (const { id } of keys.body.items) await api.call('DELETE', `/v1/agents/${agent.id}/keys/${id}`);
  });

  test('is shown once, counts two, and is dead with the next request after it is revoked', async () => {
    const { api, agent } = partner;
    const [first, second] = [await newKey(partner), await newKey(partner)];
    expectProblem(await api.call('POST', `/v1/agents/${agent.id}/keys`), { status: 409, code: 'too-many-keys' });
    const { text: listed } = await api.get(`/v1/agents/${agent.id}/keys`);
    for (const { id, key } of [first, second]) {
      expect(listed).toContain(id);
      expect(listed).not.toContain(key);
    }
    const byKey = Api.withToken(first.key);
    expect((await send(byKey, agent.id, text(newCustomer().waId))).status).toBe(201);
    expect((await api.call('DELETE', `/v1/agents/${agent.id}/keys/${first.id}`)).status).toBe(200);
    expectProblem(await send(byKey, agent.id, text(newCustomer().waId)), { status: 401, code: 'unauthenticated' });
    expect((await send(Api.withToken(second.key), agent.id, text(newCustomer().waId))).status).toBe(201);
    for (const table of ['Directory', 'Events', 'Audit'] as const) {
      const rows = JSON.stringify(await rowsOf(table));
      for (const { key } of [first, second]) expect(rows).not.toContain(key.slice(4));
    }
    const opened = (await auditOf(partner.credential.id)).filter(
      ({ action, actorKind }) => action === 'open' && actorKind === 'agent-key',
    );
    expect(opened.map(({ actor }) => actor)).toContain(first.id);
    await api.call('DELETE', `/v1/agents/${agent.id}/keys/${second.id}`);
  });

  test.each(['', 'sbk_', `sbk_${'a'.repeat(43)}`, 'x.y.z'])(
    'that is none is refused by ourselves: %s',
    async (token) => {
      const answer = await send(Api.withToken(token), partner.agent.id, text('49151'));
      expectProblem(answer, { status: 401, code: 'unauthenticated' });
    },
  );
});

test('a stranger’s agent does not exist, nor do its messages', async () => {
  const stranger = await Api.asNewTenant('stranger');
  const { api, agent } = partner;
  expectProblem(await send(stranger, agent.id, text('49151')), { status: 404, code: 'not-found' });
  const { body } = await send(api, agent.id, text(newCustomer().waId));
  expectProblem(await stranger.get(`${messagesOf(agent.id)}/${body.id}`), { status: 404, code: 'not-found' });
});

test('a message of a customer is marked as read', async () => {
  const { api, agent, number } = partner;
  const { wamid } = await meta.message({ phoneNumberId: number, from: newCustomer().waId, body: 'hello' });
  const answer = await send(api, agent.id, { status: 'read', message_id: wamid, typing_indicator: { type: 'text' } });
  expect(answer.status, answer.text).toBe(200);
  expect((await meta.sent(number, 'read')).map(({ wamid: read, typing }) => [read, typing])).toContainEqual([
    wamid,
    true,
  ]);
});
