import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AgentHost, saying, textOf } from './support/agent-host.ts';
import { Api } from './support/api.ts';
import {
  type Business,
  credentialRequest,
  newAppSecret,
  newBusiness,
  newCustomer,
  newTokenOf,
  withNewAppSecret,
} from './support/business.ts';
import { bindAgent, type ConversationPartner, connect, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { recordCredentialCanaries } from './support/record.ts';
import { deliverSigned } from './support/signed-delivery.ts';
import { auditOf, credentialRow, sealedOf } from './support/tables.ts';

/** Seven days, in milliseconds, and what an answer may take. */
const acceptedFor = 7 * 24 * 60 * 60 * 1000;
const tolerance = 60_000;

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

/** Two tenants with an account each under one Meta app, and a third account that nobody has connected. */
interface Scene {
  readonly business: Business;
  readonly owner: ConversationPartner;
  readonly neighbour: ConversationPartner;
  readonly appUrl: string;
  readonly freeWaba: string;
}

async function newScene(): Promise<Scene> {
  const business = await newBusiness({ numbers: [1, 1, 1] });
  const partnerOf = async (name: string, index: number) => {
    const api = await Api.asNewTenant(name);
    const connection = await connect(api, business, { wabaId: business.wabas[index]?.id });
    const number = connection.numbers[0] ?? '';
    const agent = await bindAgent(host, name, connection, number, quiet);
    return { ...connection, number, agent };
  };
  const owner = await partnerOf('owner', 0);
  const neighbour = await partnerOf('neighbour', 1);
  const subscription = (await meta.state()).appSubscriptions.find(({ appId }) => appId === business.app.id);
  return {
    business,
    owner,
    neighbour,
    appUrl: subscription?.callbackUrl ?? '',
    freeWaba: business.wabas[2]?.id ?? '',
  };
}

/** The status of a delivery signed with a secret on every URL at which Meta knows the app: both credentials' and the app's own. */
const statusesOf = ({ owner, neighbour, appUrl }: Scene, secret: string, text: string) =>
  Promise.all(
    [
      [owner.credential.webhook.url, owner],
      [neighbour.credential.webhook.url, neighbour],
      [appUrl, owner],
    ].map(([url, partner]) => {
      const { wabaId, number } = partner as ConversationPartner;
      return deliverSigned(url as string, secret, { wabaId, phoneNumberId: number }, text);
    }),
  );

const version = async ({ api, credential }: ConversationPartner): Promise<number> =>
  (await api.get<{ version: number }>(`/v1/credentials/${credential.id}`)).body.version;

const patch = async (partner: ConversationPartner, body: unknown) =>
  partner.api.patchCredential(partner.credential.id, body, await version(partner));

/** Sends a message through the credential, and says what Meta thought of the proof. */
async function proofOfSend(partner: ConversationPartner): Promise<string | undefined> {
  partner.agent.answer = (heard) => (textOf(heard) === 'answer me' ? saying('hello') : {});
  const before = (await meta.sent(partner.number)).length;
  await meta.message({ phoneNumberId: partner.number, from: newCustomer().waId, body: 'answer me' });
  await eventually(async () => expect(await meta.sent(partner.number)).toHaveLength(before + 1));
  const calls = await meta.calls(`/${partner.number}/messages$`, 'POST');
  return calls.filter(({ status }) => status === 200).at(-1)?.proof;
}

const resealed = (partner: ConversationPartner, proofVersion: number) =>
  eventually(async () => expect(await credentialRow(partner.credential.id)).toMatchObject({ proofVersion }));

describe('a new App Secret', () => {
  let scene: Scene;
  let old: string;
  let rotated: Business;
  beforeAll(async () => {
    scene = await newScene();
    old = scene.business.app.secret;
    rotated = await withNewAppSecret(scene.business);
    const answer = await patch(scene.owner, { appSecret: rotated.app.secret });
    expect(answer.status, answer.text).toBe(200);
    const { appSecret } = answer.body.secrets;
    expect(appSecret.lastFour).toBe(rotated.app.secret.slice(-4));
    const until = Date.parse(appSecret.previousAcceptedUntil ?? '');
    expect(Math.abs(until - Date.now() - acceptedFor)).toBeLessThan(tolerance);
  });

  test('verifies beside the old one, on every URL of the app, and no third one does', async () => {
    expect(await statusesOf(scene, old, 'signed with the old')).toEqual([200, 200, 200]);
    expect(await statusesOf(scene, rotated.app.secret, 'signed with the new')).toEqual([200, 200, 200]);
    expect(await statusesOf(scene, newAppSecret(), 'signed with a third')).toEqual([401, 401, 401]);
    await eventually(() => expect(scene.owner.agent.texts).toHaveLength(4));
    expect(scene.neighbour.agent.texts.toSorted()).toEqual(['signed with the new', 'signed with the old']);
  });

  test('gives every credential of the app a new proof, and an app that insists on it still sends', async () => {
    await Promise.all([resealed(scene.owner, 2), resealed(scene.neighbour, 2)]);
    await meta.change(`apps/${scene.business.app.id}`, { requireAppSecret: true });
    expect(await proofOfSend(scene.owner)).toBe('valid');
    expect(await proofOfSend(scene.neighbour)).toBe('valid');
    for (const { credential } of [scene.owner, scene.neighbour]) {
      expect(await sealedOf(credential.id), 'one edition, no old one').toHaveLength(2);
      expect((await credentialRow(credential.id)).secretVersion).toBe(2);
    }
  });

  test('is not the neighbour’s to judge who has not proved it: no revocation, alone or with a new token', async () => {
    const { neighbour, business } = scene;
    const fresh = await newTokenOf(business);
    const sealed = await sealedOf(`app_${business.app.id}`);
    const before = await version(neighbour);
    for (const body of [
      { previousAppSecret: 'revoke' },
      { label: 'Other', previousAppSecret: 'revoke' },
      { accessToken: fresh.value, previousAppSecret: 'revoke' },
    ])
      expectProblem(await patch(neighbour, body), { status: 409, code: 'app-secret-unproved' });
    expect(await version(neighbour)).toBe(before);
    expect(await sealedOf(`app_${business.app.id}`)).toEqual(sealed);
    expect(await statusesOf(scene, old, 'still')).toEqual([200, 200, 200]);
    expect((await auditOf(neighbour.credential.id)).filter(({ outcome }) => outcome === 'refused')).toHaveLength(3);
  });

  test('has to be sent by the neighbour for another account, who proved only the old one', async () => {
    const request = credentialRequest(rotated, { wabaId: scene.freeWaba });
    const without = await scene.neighbour.api.postCredential({ ...request, appSecret: undefined });
    expectProblem(without, { status: 422, code: 'invalid-request', pointer: '/appSecret' });
    const withOld = await scene.neighbour.api.postCredential({ ...request, appSecret: old });
    expectProblem(withOld, { status: 422, code: 'credential-refused', pointer: '/appSecret' });
  });

  test('makes the revoked old one worthless from the very next delivery on, in warm receivers too', async () => {
    expect(await statusesOf(scene, old, 'warm')).toEqual([200, 200, 200]);
    const answer = await patch(scene.owner, { previousAppSecret: 'revoke' });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.secrets.appSecret.previousAcceptedUntil).toBeNull();
    expect(await statusesOf(scene, old, 'revoked')).toEqual([401, 401, 401]);
    expect(await statusesOf(scene, rotated.app.secret, 'in force')).toEqual([200, 200, 200]);
    expect(await sealedOf(`app_${scene.business.app.id}`)).toEqual(['app-access 2', 'webhook-signature 2']);
    const again = await patch(scene.owner, { previousAppSecret: 'revoke' });
    expect(again.status, 'nothing left to revoke').toBe(200);
  });
});

describe('the former App Secret is revoked along with', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await newScene();
  });

  test('the new one, at once', async () => {
    const old = scene.business.app.secret;
    expect(await statusesOf(scene, old, 'before')).toEqual([200, 200, 200]);
    const { app } = await withNewAppSecret(scene.business);
    const answer = await patch(scene.owner, { appSecret: app.secret, previousAppSecret: 'revoke' });
    expect(answer.status, answer.text).toBe(200);
    expect(await statusesOf(scene, old, 'leaked')).toEqual([401, 401, 401]);
    expect(await statusesOf(scene, app.secret, 'new')).toEqual([200, 200, 200]);
    expect(await sealedOf(`app_${app.id}`)).toEqual(['app-access 2', 'webhook-signature 2']);
    await resealed(scene.neighbour, 2);
  });

  test('a new token of a tenant who has proved the one in force', async () => {
    const old = scene.business.app.secret;
    const { app } = await withNewAppSecret(scene.business);
    expect((await patch(scene.owner, { appSecret: app.secret })).status).toBe(200);
    expect(await statusesOf(scene, old, 'overlap')).toEqual([200, 200, 200]);
    const fresh = await newTokenOf({ ...scene.business, app });
    const answer = await patch(scene.owner, { accessToken: fresh.value, previousAppSecret: 'revoke' });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.secrets.appSecret.previousAcceptedUntil).toBeNull();
    expect(await statusesOf(scene, old, 'revoked')).toEqual([401, 401, 401]);
  });

  test('the same secret, sent by the neighbour to prove it', async () => {
    const old = scene.business.app.secret;
    const { app } = await withNewAppSecret(scene.business);
    expect((await patch(scene.owner, { appSecret: app.secret })).status).toBe(200);
    const answer = await patch(scene.neighbour, { appSecret: app.secret, previousAppSecret: 'revoke' });
    expect(answer.status, answer.text).toBe(200);
    expect(await statusesOf(scene, old, 'revoked')).toEqual([401, 401, 401]);
  });
});

describe('what is no rotation', () => {
  test('the App Secret in force, in capitals: nothing of the app changes', async () => {
    const scene = await newScene();
    const { id, secret } = scene.business.app;
    recordCredentialCanaries('capitals', secret.toUpperCase(), scene.business.token.value);
    const answer = await patch(scene.owner, { appSecret: secret.toUpperCase() });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.secrets.appSecret).toMatchObject({ previousAcceptedUntil: null });
    expect(await sealedOf(`app_${id}`)).toEqual(['app-access 1', 'webhook-signature 1']);
  });

  test('connecting an account with a new App Secret is one: the neighbours get their proofs, the old one its days', async () => {
    const scene = await newScene();
    const old = scene.business.app.secret;
    const rotated = await withNewAppSecret(scene.business);
    const third = await Api.asNewTenant('third');
    await connect(third, rotated, { wabaId: scene.freeWaba });
    await Promise.all([resealed(scene.owner, 2), resealed(scene.neighbour, 2)]);
    expect(await statusesOf(scene, old, 'overlap')).toEqual([200, 200, 200]);
    expect(await proofOfSend(scene.neighbour)).toBe('valid');
  });

  test('a third App Secret ends the first one’s days: two are accepted, never three', async () => {
    const scene = await newScene();
    const first = scene.business.app.secret;
    const second = await withNewAppSecret(scene.business);
    expect((await patch(scene.owner, { appSecret: second.app.secret })).status).toBe(200);
    await Promise.all([resealed(scene.owner, 2), resealed(scene.neighbour, 2)]);
    const third = await withNewAppSecret(scene.business);
    expect((await patch(scene.neighbour, { appSecret: third.app.secret })).status).toBe(200);
    expect(await statusesOf(scene, first, 'first')).toEqual([401, 401, 401]);
    expect(await statusesOf(scene, second.app.secret, 'second')).toEqual([200, 200, 200]);
    expect(await statusesOf(scene, third.app.secret, 'third')).toEqual([200, 200, 200]);
    await resealed(scene.owner, 3);
    expect(await sealedOf(`app_${scene.business.app.id}`)).toEqual([
      'app-access 3',
      'webhook-signature 2',
      'webhook-signature 3',
    ]);
  });
});
