import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Agent } from '../../shared/contracts/agent.ts';
import type { Credential } from '../../shared/contracts/credential.ts';
import { AgentHost, saying, textOf } from './support/agent-host.ts';
import { newBusiness, newCustomer, newTokenOf } from './support/business.ts';
import { bindAgent, type ConversationPartner, connect, newConversationPartner, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { auditOf, rowsOf } from './support/tables.ts';

/** Long enough for a check that was asked for to have been made. In milliseconds. */
const aWhile = 3_000;

/** How long Meta takes to answer where a test wants to get in between; after 5 s we wait no longer. In milliseconds. */
const slowness = 4_000;

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

type Sender = Pick<ConversationPartner, 'api' | 'agent'>;
const send = ({ api, agent }: Sender, to: string, body = 'Hello') =>
  api.call('POST', `/v1/agents/${agent.id}/messages`, { body: { to, type: 'text', text: { body } } });
const sentTo = async ({ number }: Pick<ConversationPartner, 'number'>, to: string) =>
  (await meta.sent(number)).filter((sent) => sent.to === to).map(({ body }) => body.text?.body);
const shown = async ({ api, credential }: Pick<ConversationPartner, 'api' | 'credential'>) =>
  (await api.get<Credential>(`/v1/credentials/${credential.id}`)).body;
const statusOf = async (partner: ConversationPartner) => {
  const { status, reason } = await shown(partner);
  const { body } = await partner.api.get<Agent>(`/v1/agents/${partner.agent.id}`);
  return { status, code: reason?.code ?? null, ofAgent: body.connection.status };
};
/** Nothing of it hinders anybody: a number that nobody has written to yet is waiting for its first message. */
const inOrder = {
  status: 'connected',
  code: expect.toBeOneOf([null, 'awaiting-first-message']),
  ofAgent: 'connected',
};
const disabled = { status: 'invalid', code: 'token-revoked', ofAgent: 'invalid' };
const waitingOf = async ({ api, credential }: ConversationPartner) =>
  (
    await api.get<{ items: { waiting: number; reason: string }[] }>(`/v1/credentials/${credential.id}/held`)
  ).body.items.map(({ waiting, reason }) => `${waiting} ${reason}`);
/** How often the account was looked at, which nobody but a check does here. */
const checksOf = async ({ wabaId }: ConversationPartner) => (await meta.calls(`/${wabaId}$`, 'GET')).length;
const looksSlow = ({ wabaId }: ConversationPartner) =>
  meta.fault({ method: 'GET', path: `/${wabaId}$`, delayMs: slowness, times: null });
const repair = async (partner: ConversationPartner) => {
  const token = await newTokenOf(partner.business);
  const { version } = await shown(partner);
  const patched = await partner.api.patchCredential(partner.credential.id, { accessToken: token.value }, version);
  expect([patched.status, patched.body.status], patched.text).toEqual([200, 'connected']);
};
/** Once nothing is under way for which the token is needed: the set-up after the binding looks back at what it has done. */
const revokeToken = async ({ business, credential }: ConversationPartner) => {
  await eventually(async () => {
    const open = (await rowsOf('Directory')).filter(({ pk }) => pk === 'WORK');
    expect(JSON.stringify(open)).not.toContain(credential.id);
  });
  await meta.tokenDies(business.token.name, 'revoke');
};
const doubtsOf = async (partner: ConversationPartner) =>
  (await rowsOf('Directory')).filter(({ pk }) => pk === `NUMBER#${partner.number}`).map(({ doubt }) => doubt);

describe.concurrent('an odd message that Meta refuses with a permission code', () => {
  test('pauses its number for the moment of a check, and leaves the integration connected', {
    timeout: 120_000,
  }, async () => {
    const partner = await newConversationPartner(host, 'odd', quiet);
    const { agent, number } = partner;
    agent.answer = (heard) => saying(`You said ${textOf(heard)}`);
    const [odd, other, writer] = [newCustomer().waId, newCustomer().waId, newCustomer().waId];
    await using _refuses = await meta.fault({ method: 'POST', path: '/messages$', body: odd, code: 10, times: null });
    const before = await checksOf(partner);
    {
      await using _slow = await looksSlow(partner);
      const told = expectProblem(await send(partner, odd), { status: 422, code: 'message-refused' });
      expect(told.meta?.code).toBe(10);

      const paused = await send(partner, other);
      expect(expectProblem(paused, { status: 503, code: 'sending-paused' }).guidance).toMatch(/\w+ \w+/);
      expect(Number(paused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await sentTo(partner, other)).toEqual([]);
      // Whoever writes is heard meanwhile, and answered when it is over.
      await meta.message({ phoneNumberId: number, from: writer, body: 'now' });
      await eventually(() => expect(agent.texts).toContain('now'));
    }
    await eventually(async () => expect((await send(partner, other, 'Afterwards')).status).toBe(201), 60_000);
    await eventually(async () => expect(await sentTo(partner, writer)).toEqual(['You said now']), 60_000);
    expect(await statusOf(partner)).toEqual(inOrder);
    await eventually(async () => expect(await checksOf(partner)).toBe(before + 1));

    // Again and again: it is the agent's own affair now, and stops nobody else's messages.
    for (const text of ['1', '2', '3']) {
      expectProblem(await send(partner, odd, text), { status: 422, code: 'message-refused' });
      expect((await send(partner, other, text)).status).toBe(201);
    }
    await throughout(aWhile, async () => expect(await checksOf(partner)).toBe(before + 1));
    expect(await statusOf(partner)).toEqual(inOrder);
    const opened = (await auditOf(partner.credential.id)).filter(({ actor }) => /CheckCredential/.test(String(actor)));
    expect(new Set(opened.map(({ action, purpose }) => `${action} ${purpose}`))).toEqual(
      new Set(['open app-access', 'open graph-api']),
    );
  });
});

describe.concurrent('a revoked token', () => {
  test('disables its credential within seconds of a send: nobody else’s, and a new token has everything replayed', {
    timeout: 180_000,
  }, async () => {
    const partner = await newConversationPartner(host, 'revoked', quiet);
    const { api, agent, number } = partner;
    const neighbour = await newConversationPartner(host, 'stranger', quiet);
    const twin = await connectedTwin(partner);
    const { waId } = newCustomer();

    await revokeToken(partner);
    const told = expectProblem(await send(partner, waId), { status: 422, code: 'message-refused' });
    expect(told.meta?.code).toBe(190);
    await eventually(async () => expect(await statusOf(partner)).toEqual(disabled));
    const { reason } = await shown(partner);
    expect([reason?.detail, reason?.guidance].join(' ')).toMatch(/revoked.*new token/s);
    expectProblem(await send(partner, waId), { status: 409, code: 'integration-stopped' });

    for (const text of ['1', '2', '3']) await meta.message({ phoneNumberId: number, from: waId, body: text });
    await eventually(async () => expect(await waitingOf(partner)).toEqual(['3 stopped']), 60_000);
    expect(agent.heard).toEqual([]);
    for (const other of [neighbour, twin]) {
      expect((await send(other, waId)).status).toBe(201);
      expect((await shown(other)).status).toBe('connected');
    }
    const audit = await api.get<{ items: { action: string; about?: string[]; actor: { id: string } }[] }>(
      `/v1/credentials/${partner.credential.id}/audit?limit=100`,
    );
    expect(audit.body.items.filter(({ action }) => action === 'disable')).toMatchObject([
      { about: ['token-revoked'], actor: { id: expect.stringMatching(/CheckCredential/) } },
    ]);

    await repair(partner);
    await eventually(() => expect(agent.texts).toEqual(['1', '2', '3']), 60_000);
    await eventually(async () => expect(await waitingOf(partner)).toEqual([]), 60_000);
    expect((await send(partner, waId, 'Again')).status).toBe(201);
    expect(await statusOf(partner)).toEqual(inOrder);
  });

  test('is found out by the reply of an agent too, and no verdict survives the repair', {
    timeout: 180_000,
  }, async () => {
    const partner = await newConversationPartner(host, 'reply-revoked', quiet);
    const { agent, number } = partner;
    const { waId } = newCustomer();
    agent.answer = () => saying('Hello');
    await revokeToken(partner);
    await meta.message({ phoneNumberId: number, from: waId, body: 'first' });
    await eventually(async () => expect(await statusOf(partner)).toEqual(disabled), 60_000);
    await meta.message({ phoneNumberId: number, from: waId, body: 'second' });
    await eventually(async () => expect((await waitingOf(partner)).join()).toMatch(/stopped/), 60_000);
    expect(agent.texts.filter((text) => text === 'second')).toEqual([]);

    await repair(partner);
    await eventually(async () => expect(await sentTo(partner, waId)).toEqual(['Hello']), 60_000);
    expect(await doubtsOf(partner)).toEqual([null]);
  });
});

describe('a token that was rotated in between', () => {
  test('is not disabled by a late 190 of the old one', { timeout: 120_000 }, async () => {
    const partner = await newConversationPartner(host, 'late', quiet);
    const { waId } = newCustomer();
    await using _late = await meta.fault({
      method: 'POST',
      path: '/messages$',
      body: waId,
      code: 190,
      delayMs: 4_000,
    });
    const late = send(partner, waId);
    const ownRows = async () => (await rowsOf('Events')).filter(({ tenantId }) => tenantId === partner.api.tenant);
    await eventually(async () => expect(await ownRows()).toMatchObject([{ status: 'sending' }]));
    await repair(partner);
    const before = await checksOf(partner);
    expect(expectProblem(await late, { status: 422, code: 'message-refused' }).meta?.code).toBe(190);
    expect((await send(partner, newCustomer().waId)).status).toBe(201);
    await throughout(aWhile, async () => expect(await checksOf(partner)).toBe(before));
    expect(await statusOf(partner)).toEqual(inOrder);
    expect(await doubtsOf(partner)).toEqual([null]);
  });

  test('nor by a check of the old one that comes to its end afterwards', { timeout: 120_000 }, async () => {
    const partner = await newConversationPartner(host, 'late-check', quiet);
    const { waId } = newCustomer();
    await revokeToken(partner);
    {
      await using _slow = await meta.fault({ app: partner.business.app.id, path: '/debug_token$', delayMs: slowness });
      expectProblem(await send(partner, waId), { status: 422, code: 'message-refused' });
      const isUnderWay = { actor: expect.stringMatching(/CheckCredential/), purpose: 'graph-api', phase: 'outcome' };
      await eventually(async () =>
        expect(await auditOf(partner.credential.id)).toContainEqual(expect.objectContaining(isUnderWay)),
      );
      await repair(partner);
    }
    expect((await send(partner, waId)).status).toBe(201);
    await throughout(slowness, async () => expect(await statusOf(partner)).toEqual(inOrder));
    expect((await auditOf(partner.credential.id)).map(({ action }) => action)).not.toContain('disable');
  });
});

/** Another account of the same tenant, with an app and a token of its own. */
async function connectedTwin(partner: ConversationPartner): Promise<ConversationPartner> {
  const connection = await connect(partner.api, await newBusiness());
  const number = connection.numbers[0] ?? '';
  const agent = await bindAgent(host, `${partner.agent.id}-twin`, connection, number, quiet);
  return { ...connection, number, agent };
}
