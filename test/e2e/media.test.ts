import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Upload } from '../../shared/contracts/media.ts';
import type { SentMessage } from '../../shared/contracts/message.ts';
import { jsonAnswer, loopbackServer } from '../support/loopback-server.ts';
import { AgentHost, mediaIdOf } from './support/agent-host.ts';
import { type Answer, Api } from './support/api.ts';
import { newCustomer } from './support/business.ts';
import { agentRequest, type ConversationPartner, newConversationPartner, quiet } from './support/connection.ts';
import { loggedAbout } from './support/logs.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { rowsOf } from './support/tables.ts';

/** The largest document but a tenth, as the promise names it. */
const largeDocument = 90 * 1024 * 1024;

/** What the function that moves media is given in memory, in MB. Node and its code are in it. */
const memoryOfFunction = 512;

let host: AgentHost;
let partner: ConversationPartner;
let byKey: Api;
beforeAll(async () => {
  host = await AgentHost.open();
  partner = await newConversationPartner(host, 'media', quiet);
  byKey = await keyOf(partner);
});
afterAll(() => host[Symbol.asyncDispose]());

const keyOf = async ({ api, agent }: Pick<ConversationPartner, 'api' | 'agent'>): Promise<Api> => {
  const { body } = await api.call<{ readonly key: string }>('POST', `/v1/agents/${agent.id}/keys`);
  return Api.withToken(body.key);
};
const mediaOf = (id: string) => `/v1/agents/${id}/media`;
const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A customer sends media; what the agent is told of them. */
const received = async (
  media: Readonly<Record<string, unknown>>,
  type = 'document',
  { number, agent } = partner,
  waId = newCustomer().waId,
): Promise<{ readonly id: string; readonly waId: string }> => {
  const before = agent.heard.length;
  await meta.message({ phoneNumberId: number, from: waId, type, media: { mimeType: 'application/pdf', ...media } });
  const id = await eventually(() => {
    const heard = agent.heard.slice(before).find(({ body }) => JSON.stringify(body).includes(waId));
    expect(heard).toBeDefined();
    return heard === undefined ? '' : mediaIdOf(heard);
  });
  expect(id).toMatch(/^\d+$/);
  return { id, waId };
};

/** Asks until the answer is more than that it takes longer. */
const fetched = async (api: Api, path: string): Promise<Answer> => {
  for (;;) {
    const answer = await api.get(path);
    if (answer.status !== 202) return answer;
    expect(answer.headers.get('location')).toBe(path);
    const pause = Number(answer.headers.get('retry-after'));
    expect(pause).toBeGreaterThan(0);
    await new Promise((wake) => setTimeout(wake, pause * 1000));
  }
};

const downloaded = async (answer: Answer): Promise<Response> => {
  expect(answer.status, answer.text).toBe(302);
  const url = answer.headers.get('location') ?? '';
  expect(url).not.toContain(partner.business.token.value);
  return fetch(url);
};

describe('what a customer has sent', () => {
  test('is got by the agent with its key, for saving only, under its own type', async () => {
    const bytes = randomBytes(20_000);
    const { id } = await received({ base64: bytes.toString('base64'), mimeType: 'image/jpeg' }, 'image');
    const answer = await fetched(byKey, `${mediaOf(partner.agent.id)}/${id}`);
    const response = await downloaded(answer);
    expect(response.headers.get('content-type')).toBe('image/jpeg');
    expect(response.headers.get('content-disposition')).toBe('attachment');
    expect(sha256Of(new Uint8Array(await response.arrayBuffer()))).toBe(sha256Of(bytes));
    // Once it is there, Meta is not asked again.
    const before = await meta.calls(id);
    await downloaded(await fetched(partner.api, `${mediaOf(partner.agent.id)}/${id}`));
    expect(await meta.calls(id)).toHaveLength(before.length);
  });

  test('may be a document of 90 MB, and is never held in memory as a whole', async () => {
    const { id } = await received({ size: largeDocument });
    const response = await downloaded(await fetched(byKey, `${mediaOf(partner.agent.id)}/${id}`));
    const hash = createHash('sha256');
    for await (const chunk of response.body ?? []) hash.update(chunk as Uint8Array);
    expect(hash.digest('hex')).toBe((await meta.medium(id)).sha256);
    await expectFlatMemory(id);
  });

  test('comes by a fresh URL when the first one has expired', async () => {
    const { id } = await received({ text: 'late', urlLifetimeSeconds: 0 });
    expect((await fetched(byKey, `${mediaOf(partner.agent.id)}/${id}`)).status).not.toBe(302);
    const looks = (await meta.calls(`/${id}$`)).filter(({ method }) => method === 'GET');
    expect(looks).toHaveLength(2);
  });

  test('goes with the customer', async () => {
    const { id, waId } = await received({ text: 'private' });
    const url = (await fetched(byKey, `${mediaOf(partner.agent.id)}/${id}`)).headers.get('location') ?? '';
    expect((await fetch(url)).status).toBe(200);
    expect((await partner.api.call('DELETE', `/v1/customers/${waId}`)).status).toBe(200);
    expect((await fetch(url)).status).toBe(404);
    expectProblem(await byKey.get(`${mediaOf(partner.agent.id)}/${id}`), { status: 404, code: 'not-found' });
  });
});

const expectFlatMemory = async (mediaId: string): Promise<void> => {
  const transfer = (await rowsOf('Events')).find((row) => row.sk === 'TRANSFER' && row.mediaId === mediaId);
  const line = await eventually(async () => {
    const [found] = await loggedAbout('media-transferred', String(transfer?.transferId));
    expect(found).toBeDefined();
    return found?.text ?? '';
  });
  const { peakMegabytes } = JSON.parse(line) as { readonly peakMegabytes: number };
  expect(peakMegabytes).toBeGreaterThan(0);
  expect(peakMegabytes).toBeLessThan(memoryOfFunction);
};

describe('refused is what', () => {
  test.each([
    ['has another SHA-256 than Meta names', { text: 'forged', sha256: 'wrong' }, /SHA-256/],
    ['is longer than Meta says', { text: 'longer', lyingFileSize: 3 }, /longer/],
    ['is shorter than Meta says', { text: 'shorter', lyingFileSize: 300 }, /shorter/],
    ['has more than its Content-Length', { text: 'cut off', lyingContentLength: 3 }, /shorter/],
    ['ends before its Content-Length', { text: 'cut off', lyingContentLength: 3000 }, /broke/],
  ])('%s', async (_what, media, why) => {
    const { id } = await received(media);
    const answer = await fetched(byKey, `${mediaOf(partner.agent.id)}/${id}`);
    expect(expectProblem(answer, { status: 502, code: 'media-damaged' }).detail).toMatch(why);
  });

  test.each([
    ['is larger than WhatsApp allows', { size: 101 * 1024 * 1024 }],
    ['says so of itself', { text: 'huge', lyingFileSize: 2 ** 40 }],
  ])('%s', async (_what, media) => {
    const { id } = await received(media);
    expectProblem(await fetched(byKey, `${mediaOf(partner.agent.id)}/${id}`), { status: 422, code: 'media-too-large' });
  });

  test('lies at a host that is not Meta’s, or where a redirect leads to one: no token goes there', async () => {
    await using elsewhere = await loopbackServer((_heard, response) => jsonAnswer(response, 200, {}));
    for (const media of [{ url: `${elsewhere.url}/x` }, { redirectTo: `${elsewhere.url}/x` }]) {
      const { id } = await received({ text: 'elsewhere', ...media });
      const answer = await fetched(byKey, `${mediaOf(partner.agent.id)}/${id}`);
      expect(expectProblem(answer, { status: 502, code: 'media-damaged' }).detail).toMatch(/hosts/);
    }
    expect(elsewhere.heard).toEqual([]);
  });

  test('Meta no longer has', async () => {
    const { id } = await received({ text: 'old', expiresInSeconds: 0 });
    expectProblem(await fetched(byKey, `${mediaOf(partner.agent.id)}/${id}`), { status: 410, code: 'media-gone' });
  });
});

describe('nobody else gets it', () => {
  test('no other tenant, no other agent, not the agent itself under another name, and nobody after the key is revoked', async () => {
    const stranger = await newConversationPartner(host, 'stranger', quiet);
    const { id } = await received({ text: 'mine' });
    const theirs = await received({ text: 'theirs' }, 'document', stranger);
    const sibling = host.place('media-sibling');
    await partner.api.putAgent(sibling.id, {
      ...agentRequest(sibling, partner, partner.number),
      whatsapp: {
        enabled: true,
        credentialId: partner.credential.id,
        phoneNumberId: partner.number,
        routing: { priority: 5, conditions: { keywords: ['sibling'] } },
      },
    });
    const strangerKey = await keyOf(stranger);
    const siblingKey = await keyOf({ api: partner.api, agent: sibling });
    for (const [api, path] of [
      [byKey, `${mediaOf(partner.agent.id)}/${theirs.id}`],
      [byKey, `${mediaOf(stranger.agent.id)}/${theirs.id}`],
      [byKey, `${mediaOf(partner.agent.id)}/123456789`],
      [stranger.api, `${mediaOf(partner.agent.id)}/${id}`],
      [stranger.api, `${mediaOf(stranger.agent.id)}/${id}`],
      [strangerKey, `${mediaOf(stranger.agent.id)}/${id}`],
      [siblingKey, `${mediaOf(partner.agent.id)}/${id}`],
      [siblingKey, `${mediaOf(sibling.id)}/${id}`],
      [partner.api, `${mediaOf(sibling.id)}/${id}`],
    ] as const)
      expectProblem(await api.get(path), { status: 404, code: 'not-found' });
    const { body } = await partner.api.get<{ items: { id: string }[] }>(`/v1/agents/${sibling.id}/keys`);
    await partner.api.call('DELETE', `/v1/agents/${sibling.id}/keys/${body.items[0]?.id}`);
    expectProblem(await siblingKey.get(`${mediaOf(sibling.id)}/${id}`), { status: 401, code: 'unauthenticated' });
  });
});

const uploadFile = (api: Api, bytes: Uint8Array<ArrayBuffer>, type: string, headers: Record<string, string> = {}) =>
  api.call<{ readonly id: string }>('POST', mediaOf(partner.agent.id), {
    rawBody: bytes,
    headers: { 'content-type': type, ...headers },
  });
const askForForm = (contentType: string, headers: Record<string, string> = {}) =>
  byKey.call<Upload>('POST', mediaOf(partner.agent.id), { body: { contentType }, headers });
const fillForm = ({ url, fields }: Upload, file: Blob): Promise<Response> => {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('file', file);
  return fetch(url, { method: 'POST', body: form });
};
const completed = async (id: string): Promise<Answer<{ readonly id: string }>> => {
  for (;;) {
    const answer = await byKey.call<{ readonly id: string }>('POST', `${mediaOf(partner.agent.id)}/${id}/complete`);
    if (answer.status !== 202) return answer;
    await new Promise((wake) => setTimeout(wake, Number(answer.headers.get('retry-after')) * 1000));
  }
};

describe('what an agent sends', () => {
  test('is taken to Meta at once while it is small, once for each Idempotency-Key, and can be sent', async () => {
    const bytes = new Uint8Array(randomBytes(50_000));
    const key = { 'idempotency-key': `direct-${randomBytes(8).toString('hex')}` };
    const first = await uploadFile(byKey, bytes, 'image/png', key);
    expect(first.status, first.text).toBe(201);
    expect((await uploadFile(byKey, bytes, 'image/png', key)).body).toEqual(first.body);
    expect(await meta.medium(first.body.id)).toMatchObject({
      sha256: sha256Of(bytes),
      mimeType: 'image/png',
      phoneNumberId: partner.number,
    });
    const { waId } = newCustomer();
    const sent = await byKey.call<SentMessage>('POST', `/v1/agents/${partner.agent.id}/messages`, {
      body: { to: waId, type: 'image', image: { id: first.body.id } },
    });
    expect(sent.status, sent.text).toBe(201);
  });

  test('may be a document of 90 MB, by a form, and is never held in memory as a whole', async () => {
    const chunk = randomBytes(1024 * 1024);
    const file = new Blob(Array.from({ length: 90 }, () => chunk));
    const hash = createHash('sha256');
    for (let index = 0; index < 90; index++) hash.update(chunk);
    const offer = await askForForm('application/pdf');
    expect(offer.status, offer.text).toBe(201);
    expectProblem(await byKey.call('POST', `${mediaOf(partner.agent.id)}/${offer.body.id}/complete`), {
      status: 409,
      code: 'upload-missing',
    });
    expect((await fillForm(offer.body, file)).ok).toBe(true);
    const done = await completed(offer.body.id);
    expect(done.status, done.text).toBe(201);
    expect(await meta.medium(done.body.id)).toMatchObject({ sha256: hash.digest('hex'), mimeType: 'application/pdf' });
    // Asked again it is the same, and nothing is uploaded once more.
    expect((await completed(offer.body.id)).body).toEqual(done.body);
    expect(
      (await meta.calls(`/${partner.number}/media$`, 'POST')).filter(({ status }) => status === 200).length,
    ).toBeGreaterThan(0);
    await expectFlatMemory(done.body.id);
  });

  test('by the same form when it is asked for again under its Idempotency-Key', async () => {
    const key = { 'idempotency-key': `form-${randomBytes(8).toString('hex')}` };
    const [one, other] = [await askForForm('image/png', key), await askForForm('image/png', key)];
    expect(other.body.id).toBe(one.body.id);
    expect((await askForForm('image/png')).body.id).not.toBe(one.body.id);
  });

  test('is refused when it is too large, of another type, or not there', async () => {
    const small = new Uint8Array(10);
    expectProblem(await uploadFile(byKey, small, 'application/zip'), { status: 415, code: 'media-type-refused' });
    expectProblem(await uploadFile(byKey, new Uint8Array(501 * 1024), 'image/webp'), {
      status: 422,
      code: 'media-too-large',
    });
    const large = await uploadFile(byKey, new Uint8Array(4 * 1024 * 1024 + 1), 'application/pdf');
    expect(expectProblem(large, { status: 413, code: 'body-too-large' }).guidance).toMatch(/form/);
    expectProblem(await uploadFile(byKey, new Uint8Array(), 'image/png'), { status: 409, code: 'upload-missing' });
    expectProblem(await askForForm('application/zip'), {
      status: 422,
      code: 'invalid-request',
      pointer: '/contentType',
    });
    const offer = await askForForm('image/png');
    await fillForm(offer.body, new Blob([new Uint8Array(6 * 1024 * 1024)]));
    const late = await completed(offer.body.id);
    expect([409, 422]).toContain(late.status);
  });

  test('is completed by nobody else', async () => {
    const offer = await askForForm('image/png');
    const stranger = await newConversationPartner(host, 'completer', quiet);
    for (const path of [
      `${mediaOf(stranger.agent.id)}/${offer.body.id}/complete`,
      `${mediaOf(partner.agent.id)}/${offer.body.id}/complete`,
    ])
      expectProblem(await stranger.api.call('POST', path), { status: 404, code: 'not-found' });
  });
});
