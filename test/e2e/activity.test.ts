import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ActivityCounts, type CredentialActivity, credentialActivity } from '../../shared/contracts/activity.ts';
import { type Agent, agentList } from '../../shared/contracts/agent.ts';
import { type Dashboard, dashboard } from '../../shared/contracts/dashboard.ts';
import { AgentHost, saying } from './support/agent-host.ts';
import { Api } from './support/api.ts';
import { newBusiness, newCustomer } from './support/business.ts';
import { bindAgent, type ConversationPartner, connect, newConversationPartner, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { rowsOf } from './support/tables.ts';

/** Everybody here shares one queue and one stream, which the emulator serves one batch at a time. In milliseconds. */
const patience = 60_000;

/** What nobody may find again in what is counted. */
const secretOfCustomer = (): string => `private-${randomBytes(12).toString('hex')}`;

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

const activityOf = async ({ api, credential }: Pick<ConversationPartner, 'api' | 'credential'>, query = '') => {
  const answer = await api.get<CredentialActivity>(`/v1/credentials/${credential.id}/activity${query}`);
  expect(answer.status, answer.text).toBe(200);
  return credentialActivity.parse(answer.body);
};
const dashboardOf = async (api: Api): Promise<Dashboard> => {
  const answer = await api.get<Dashboard>('/v1/dashboard');
  expect(answer.status, answer.text).toBe(200);
  return dashboard.parse(answer.body);
};
const isCounted = (partner: ConversationPartner, counts: Partial<ActivityCounts>) =>
  eventually(async () => {
    const activity = await activityOf(partner);
    expect(activity.counters.last24h).toMatchObject(counts);
    return activity;
  }, patience);
const say = (partner: ConversationPartner, from: string, body: string) =>
  meta.message({ phoneNumberId: partner.number, from, body });
const send = ({ api, agent }: ConversationPartner, to: string, body: string) =>
  api.call('POST', `/v1/agents/${agent.id}/messages`, { body: { to, type: 'text', text: { body } } });
const activityRows = async () => (await rowsOf('Events')).filter(({ pk }) => pk.startsWith('ACTIVITY'));

describe('what goes through a credential', () => {
  test('a reply that Meta took and then could not deliver counts as failed, for the reason that Meta gives', async () => {
    const partner = await newConversationPartner(host, 'undelivered', quiet);
    const { waId } = newCustomer();
    partner.agent.answer = ({ body: { type } }) =>
      type === 'whatsapp.message.received' ? saying('hello yourself') : {};
    await meta.outcome({ phoneNumberId: partner.number, statuses: ['sent', 'failed'], errorCode: 131_042 });
    await say(partner, waId, 'hello');
    const { items } = await isCounted(partner, { in: 1, answered: 1, failed: 1 });
    expect(items.map(({ kind, outcome, meta: reason }) => `${kind} ${outcome} ${reason?.code ?? ''}`)).toContain(
      'failure failed 131042',
    );
  });

  test('is counted for it, its number and its agent: what came in, what was answered, sent, refused and held', async () => {
    const partner = await newConversationPartner(host, 'counted', quiet);
    const { api, agent, number, credential } = partner;
    const { waId } = newCustomer();
    const began = new Date().toISOString();
    agent.answer = () => saying('hello yourself');

    await say(partner, waId, 'hello');
    await isCounted(partner, { in: 1, dispatched: 1, answered: 1 });
    expect((await send(partner, waId, 'and by the way')).status).toBe(201);
    {
      await using _refuses = await meta.fault({
        method: 'POST',
        path: '/messages$',
        body: waId,
        code: 131_047,
        times: null,
      });
      expectProblem(await send(partner, waId, 'too late'), { status: 422, code: 'message-refused' });
    }
    expect((await api.call('POST', `/v1/agents/${agent.id}/pause`)).status).toBe(200);
    await say(partner, waId, 'are you there?');

    const counts = { in: 2, dispatched: 1, answered: 1, sent: 1, failed: 1, held: 1, statuses: 2, echoes: 0 };
    const activity = await isCounted(partner, counts);
    expect(activity.counters.last30d).toMatchObject(counts);
    expect(activity.phoneNumbers).toMatchObject([{ phoneNumberId: number, last24h: counts, last30d: counts }]);
    expect(activity.agents).toMatchObject([{ agentId: agent.id, last24h: counts, last30d: counts }]);
    const ofHours = activity.counters.hours.reduce((sum, { in: count }) => sum + count, 0);
    expect(ofHours).toBe(2);

    expect(activity.items.map(({ direction, outcome }) => `${direction} ${outcome}`)).toEqual([
      'in held',
      'out failed',
      'out read',
      'in answered',
    ]);
    for (const item of activity.items) expect(item).toMatchObject({ agentId: agent.id, phoneNumberId: number });
    expect(activity.items[1]?.meta).toEqual({
      code: 131_047,
      title: expect.stringMatching(/\w+ \w+/),
      explanation: expect.stringMatching(/\w+ \w+/),
      guidance: expect.stringMatching(/template/),
    });
    const first = await activityOf(partner, '?limit=3');
    expect(first.items).toEqual(activity.items.slice(0, 3));
    const second = await activityOf(partner, `?limit=3&cursor=${first.nextCursor}`);
    expect([second.items, second.nextCursor]).toEqual([activity.items.slice(3), null]);

    const { body: shown } = await api.get<Agent>(`/v1/agents/${agent.id}`);
    const { lastInboundAt, lastOutboundAt } = shown.connection;
    expect((lastInboundAt ?? '') > began && (lastOutboundAt ?? '') > began.slice(0, 19)).toBe(true);
    const listed = agentList.parse((await api.get('/v1/agents')).body).items;
    expect(listed.map(({ connection }) => connection)).toEqual([shown.connection]);

    const whole = await dashboardOf(api);
    expect(whole).toMatchObject({
      isComplete: true,
      held: 1,
      totals: { last24h: counts, last30d: counts },
      credentials: [
        {
          id: credential.id,
          label: 'Shop',
          status: 'connected',
          webhook: { state: 'configured', reason: null },
          held: 1,
          activity: { last24h: counts, last30d: counts },
        },
      ],
      agents: [
        {
          id: agent.id,
          credentialId: credential.id,
          phoneNumberId: number,
          connection: shown.connection,
          dispatch: { state: 'paused' },
          activity: { last24h: counts },
        },
      ],
    });
    expect(whole.credentials[0]?.phoneNumbers.find(({ phoneNumberId }) => phoneNumberId === number)).toMatchObject({
      status: 'CONNECTED',
      qualityRating: expect.any(String),
      agentIds: [agent.id],
      lastInboundAt,
      lastOutboundAt,
      held: 1,
      activity: { last24h: counts },
    });

    expect((await api.call('POST', `/v1/agents/${agent.id}/resume`)).status).toBe(200);
    await isCounted(partner, { in: 2, dispatched: 2, answered: 2, held: 1 });
    await eventually(async () => expect((await dashboardOf(api)).held).toBe(0), patience);
  });

  test('and that an agent refuses for good has failed', async () => {
    const partner = await newConversationPartner(host, 'choosy', quiet);
    partner.agent.answer = () => ({ status: 400 });
    await say(partner, newCustomer().waId, 'no');
    await isCounted(partner, { in: 1, dispatched: 0, failed: 1 });
    const { items } = await activityOf(partner);
    expect(items).toMatchObject([{ outcome: 'refused', meta: null }]);
  });

  test('nobody else sees', async () => {
    const partner = await newConversationPartner(host, 'private', quiet);
    await say(partner, newCustomer().waId, 'hello');
    await isCounted(partner, { in: 1 });
    const stranger = await Api.asNewTenant('stranger');
    const path = `/v1/credentials/${partner.credential.id}/activity`;
    expectProblem(await stranger.get(path), { status: 404, code: 'not-found' });
    const seen = await dashboardOf(stranger);
    expect(seen).toMatchObject({ credentials: [], agents: [], held: 0, totals: { last30d: { in: 0, dispatched: 0 } } });
  });

  test('is kept without a word, a name or a number of a customer, who may be erased and leaves nothing there', async () => {
    const partner = await newConversationPartner(host, 'discreet', quiet);
    const [asked, answered, sent] = [secretOfCustomer(), secretOfCustomer(), secretOfCustomer()];
    const { waId } = newCustomer(secretOfCustomer());
    partner.agent.answer = () => saying(answered);
    await say(partner, waId, asked);
    expect((await send(partner, waId, sent)).status).toBe(201);
    await isCounted(partner, { in: 1, answered: 1, sent: 1, statuses: 2 });
    const isFound = async () => {
      const text = JSON.stringify(await activityRows(), (_key, value: unknown) =>
        value instanceof Set ? [...(value as Set<unknown>)] : value,
      );
      expect(text).toContain(partner.credential.id);
      return [asked, answered, sent, waId, Buffer.from(waId).toString('base64'), 'conv_', 'wamid'].filter((word) =>
        text.includes(word),
      );
    };
    expect(await isFound()).toEqual([]);
    const erased = await partner.api.call('DELETE', `/v1/customers/${waId}`);
    expect(erased.status, erased.text).toBe(200);
    expect(await isFound()).toEqual([]);
    await say(partner, waId, 'me again');
    await isCounted(partner, { in: 2 });
  });
});

test('of two credentials and their agents the dashboard tells apart what went through which', async () => {
  const one = await newConversationPartner(host, 'several', quiet);
  const second = await bindSecond(one);
  await say(one, newCustomer().waId, 'to the first');
  for (const text of ['to the second', 'and again'])
    await meta.message({ phoneNumberId: second.number, from: newCustomer().waId, body: text });
  await eventually(async () => {
    const whole = await dashboardOf(one.api);
    expect(whole.totals.last24h).toMatchObject({ in: 3, dispatched: 3 });
    const ofAgents = Object.fromEntries(whole.agents.map(({ id, activity }) => [id, activity.last24h.in]));
    expect(ofAgents).toEqual({ [one.agent.id]: 1, [second.agentId]: 2 });
    const ofCredentials = Object.fromEntries(whole.credentials.map(({ id, activity }) => [id, activity.last24h.in]));
    expect(ofCredentials).toEqual({ [one.credential.id]: 1, [second.credentialId]: 2 });
  }, patience);
});

/** Another account of the same tenant with an agent of its own. */
const bindSecond = async ({ api }: ConversationPartner) => {
  const business = await newBusiness();
  const connection = await connect(api, business);
  const number = connection.numbers[0] ?? '';
  const { id: agentId } = await bindAgent(host, 'several-second', connection, number, quiet);
  return { number, agentId, credentialId: connection.credential.id };
};
