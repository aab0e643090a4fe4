import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Agent } from '../../shared/contracts/agent.ts';
import type { Credential } from '../../shared/contracts/credential.ts';
import { AgentHost, saying } from './support/agent-host.ts';
import { Api } from './support/api.ts';
import { credentialRequest, newCustomer, newTokenOf } from './support/business.ts';
import { byHand } from './support/by-hand.ts';
import {
  agentRequest,
  bindAgent,
  type ConversationPartner,
  connect,
  newConversationPartner,
  quiet,
} from './support/connection.ts';
import { sweep } from './support/lambdas.ts';
import { meta } from './support/meta.ts';
import { configuredFor, hearersOf } from './support/meta-state.ts';
import { eventually, throughout } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { queuedMessages } from './support/queues.ts';
import { deliverSigned } from './support/signed-delivery.ts';
import { auditOf, putRow, rowsOf, sealedOf } from './support/tables.ts';
import { getWebhook } from './support/webhook-request.ts';

/** Before a test is sure that nothing comes. In milliseconds. */
const aWhile = 2500;

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

const write = (number: string, body: string, from = newCustomer().waId) =>
  meta.message({ phoneNumberId: number, from, body, wait: true });

describe('a credential that agents use', () => {
  let partner: ConversationPartner;
  beforeAll(async () => {
    partner = await newConversationPartner(host, 'in-use', quiet);
  });

  test.each([undefined, 'refuse'] as const)('is not removed unless asked to (%s): 409 names them', async (agents) => {
    const problem = expectProblem(await partner.api.deleteCredential(partner.credential.id, agents), {
      status: 409,
      code: 'agents-bound',
    });
    expect(problem.agents).toEqual([partner.agent.id]);
    expect(problem.guidance).toContain('agents=unbind');
    await write(partner.number, 'still yours?');
    await eventually(() => expect(partner.agent.texts).toContain('still yours?'));
  });

  test('is not removed by a word that is none', async () => {
    const answer = await partner.api.call('DELETE', `/v1/credentials/${partner.credential.id}?agents=kill`);
    expectProblem(answer, { status: 422, code: 'invalid-request' });
  });

  test('is removed when asked to, and its agents are switched off', async () => {
    const answer = await partner.api.deleteCredential(partner.credential.id, 'unbind');
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({ status: 'removing', leftAtMeta: [] });
    const agent = await partner.api.get<Agent>(`/v1/agents/${partner.agent.id}`);
    expect(agent.body).toMatchObject({ whatsapp: { enabled: false }, version: 2 });
    expect((await partner.api.get(`/v1/credentials/${partner.credential.id}`)).status).toBe(404);
    const again = await partner.api.deleteCredential(partner.credential.id, 'unbind');
    expectProblem(again, { status: 404, code: 'not-found' });
    const lines = (await auditOf(partner.credential.id)).map(({ action }) => action);
    expect(lines).toEqual(expect.arrayContaining(['create', 'remove', 'removed', 'shred']));
  });
});

describe('from the moment of the removal', () => {
  test('what is being dispatched is not answered, and what waits behind it is not dispatched', async () => {
    const { api, credential, number, agent } = await newConversationPartner(host, 'busy', quiet);
    const gate = Promise.withResolvers<void>();
    agent.answer = async () => {
      await gate.promise;
      return saying('too late');
    };
    const { waId } = newCustomer();
    await write(number, 'first', waId);
    await eventually(() => expect(agent.texts).toEqual(['first']));
    for (const text of ['second', 'third']) await write(number, text, waId);
    expect((await api.deleteCredential(credential.id, 'unbind')).status).toBe(200);
    gate.resolve();
    await throughout(2 * aWhile, async () => {
      expect(agent.texts).toEqual(['first']);
      expect(await meta.sent(number)).toEqual([]);
    });
    await eventually(async () => {
      const waiting = (await queuedMessages()).filter(({ Body }) => Body.includes(number));
      expect(waiting, 'the queue forgets them').toEqual([]);
    }, 60_000);
    expect(agent.texts).toEqual(['first']);
  });

  test('nothing that customers write reaches the agent, and nothing is sent', async () => {
    const { api, credential, number, agent } = await newConversationPartner(host, 'talkative', quiet);
    agent.answer = () => saying('hello');
    let isOver = false;
    const heardAfter: string[] = [];
    const talk = (async () => {
      for (let at = 0; at < 400 && heardAfter.length < 5; at++) {
        const text = `${isOver ? 'after' : 'before'} ${at}`;
        await meta.message({ phoneNumberId: number, from: newCustomer().waId, body: text });
        if (isOver) heardAfter.push(text);
      }
    })();
    await eventually(() => expect(agent.texts.length).toBeGreaterThan(2));
    expect((await api.deleteCredential(credential.id, 'unbind')).status).toBe(200);
    isOver = true;
    await talk;
    const sent = (await meta.sent(number)).length;
    await throughout(aWhile, async () => {
      expect(agent.texts.filter((text) => text.startsWith('after'))).toEqual([]);
      expect(await meta.sent(number)).toHaveLength(sent);
    });
  });

  test('late deliveries are taken and thrown away, on the app’s webhook too, and no handshake succeeds', async () => {
    const { api, credential, business, wabaId, number, agent } = await newConversationPartner(host, 'late', quiet);
    const { appSubscriptions, phoneOverrides } = await meta.state();
    const ofApp = appSubscriptions.find(({ appId }) => appId === business.app.id);
    const ofNumber = phoneOverrides.find(({ phoneNumberId }) => phoneNumberId === number);
    expect((await api.deleteCredential(credential.id, 'unbind')).status).toBe(200);
    for (const [url, verifyToken] of [
      [credential.webhook.url, ofNumber?.verifyToken],
      [ofApp?.callbackUrl ?? '', ofApp?.verifyToken],
    ] as const) {
      const place = { wabaId, phoneNumberId: number };
      expect(await deliverSigned(url, business.app.secret, place, 'late'), url).toBe(200);
      const offer = { 'hub.mode': 'subscribe', 'hub.challenge': '1', 'hub.verify_token': verifyToken };
      expect(await getWebhook(url, offer)).toMatchObject({ status: 403 });
    }
    await throughout(aWhile, () => expect(agent.texts).toEqual([]));
    expect((await queuedMessages()).filter(({ Body }) => Body.includes(number))).toEqual([]);
  });

  test('no wrapped key is left of the credential, nor of its app', async () => {
    const { api, credential, business } = await newConversationPartner(host, 'shredded', quiet);
    expect(await sealedOf(credential.id)).toHaveLength(2);
    await api.deleteCredential(credential.id, 'unbind');
    expect(await sealedOf(credential.id)).toEqual([]);
    expect(await sealedOf(`app_${business.app.id}`)).toEqual([]);
    const rows = (await rowsOf('Directory')).filter((row) => JSON.stringify(row).includes(business.app.id));
    // What deliveries of the next 30 days are told by: whose webhook it was, until when.
    for (const row of rows) expect(row.pk, JSON.stringify(row)).toMatch(/^WEBHOOK#/);
  });

  test('number and account are free: for another tenant, and for the same one again', async () => {
    const { api, credential, business, wabaId, number } = await newConversationPartner(host, 'passing-on', quiet);
    await api.deleteCredential(credential.id, 'unbind');
    const other = await Api.asNewTenant('heir');
    const heir = await connect(other, business, { phoneNumberIds: [number] });
    expect(await hearersOf(number)).toBe('ours (phone)');
    expectProblem(await api.postCredential(credentialRequest(business, { phoneNumberIds: [number] })), {
      status: 409,
      code: 'number-taken',
    });
    await other.deleteCredential(heir.credential.id);
    const again = await connect(api, business, { phoneNumberIds: [number] });
    const agent = await bindAgent(host, 'again', again, number, quiet);
    await write(number, 'welcome back');
    await eventually(() => expect(agent.texts).toEqual(['welcome back']));
    expect(again.wabaId).toBe(wabaId);
  });
});

describe('while Meta does not answer', () => {
  test('it is accepted, holds nothing but what the clean-up needs, refuses everything, and ends when Meta is back', async () => {
    const { api, credential, business, number, agent } = await newConversationPartner(host, 'patient', quiet);
    const path = `/v1/credentials/${credential.id}`;
    {
      // The clean-up begins with the number, and so it ends there.
      await using _fault = await meta.fault({ path: `/${number}$`, dropConnection: true, times: null });
      const accepted = await api.deleteCredential(credential.id, 'unbind');
      expect(accepted.status, accepted.text).toBe(202);
      expect(accepted.body).toMatchObject({ status: 'removing', leftAtMeta: [] });
      expect(await sealedOf(credential.id)).toEqual(['clean-up 1']);

      const shown = await api.get<Credential>(path);
      expect(shown.body.status).toBe('removing');
      const { value } = await newTokenOf(business);
      const removing = { status: 409, code: 'removing' };
      expectProblem(await api.patchCredential(credential.id, { accessToken: value }, shown.body.version), removing);
      expectProblem(await api.patchCredential(credential.id, { label: 'Back' }, shown.body.version), removing);
      expectProblem(await api.get(`${path}/webhook`), removing);
      expectProblem(await api.call('POST', `${path}/webhook/repair`), removing);
      expectProblem(await api.call('POST', `${path}/webhook/manual-setup`), removing);
      const pin = { body: { pin: '123456' } };
      expectProblem(await api.call('POST', `${path}/phone-numbers/${number}/register`, pin), removing);
      const binding = await api.putAgent('new', agentRequest(host.place('new'), { credential }, number));
      expectProblem(binding, { status: 422, code: 'credential-unknown' });
      const taken = expectProblem(await api.postCredential(credentialRequest(business)), {
        status: 409,
        code: 'waba-taken',
      });
      expect(taken.detail).toContain('being removed');
      const repeated = await api.deleteCredential(credential.id);
      expect(repeated.status, 'a repeat does no harm').toBe(202);

      const ours = (await meta.state()).phoneOverrides.find(({ phoneNumberId }) => phoneNumberId === number);
      const offer = { 'hub.mode': 'subscribe', 'hub.challenge': '1', 'hub.verify_token': ours?.verifyToken };
      expect(await getWebhook(credential.webhook.url, offer), 'nobody can set it up again').toMatchObject({
        status: 403,
      });
      await write(number, 'anybody?');
      await throughout(aWhile, () => expect(agent.texts).toEqual([]));
    }
    await eventually(async () => expect((await api.get(path)).status).toBe(404), 90_000);
    expect(await configuredFor(business)).toEqual({});
    expect(await sealedOf(credential.id)).toEqual([]);
    await connect(api, business);
  });

  test('work whose message was lost is found by the sweeper', async () => {
    const { api, credential, business, number } = await newConversationPartner(host, 'swept', quiet);
    await byHand(business).overrideNumber(number, { url: '', verifyToken: '' });
    const id = `${new Date(Date.now() - 60_000).toISOString()}#01M87HAAAAAAAAAAAAAAAAAAAA`;
    const work = { kind: 'set-up', tenantId: api.tenant, credentialId: credential.id, reclaim: false };
    await putRow('Directory', { pk: 'WORK', sk: id, work, attempts: 0 });
    expect(await hearersOf(number)).toBe('ours (app)');
    await sweep();
    await eventually(async () => expect(await hearersOf(number)).toBe('ours (phone)'));
    await eventually(async () => {
      const left = (await rowsOf('Directory')).filter(
        ({ pk, ...row }) => pk === 'WORK' && JSON.stringify(row).includes(credential.id),
      );
      expect(left).toEqual([]);
    });
  });
});
