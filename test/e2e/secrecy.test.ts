import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Canary, findCanaries, type Haystack } from '../support/needles.ts';
import { AgentHost, saying } from './support/agent-host.ts';
import { credentialRequest, newAccessToken, newAppSecret, newBusiness, newCustomer } from './support/business.ts';
import { type ConversationPartner, newConversationPartner } from './support/connection.ts';
import { logLines } from './support/logs.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { queuedMessages } from './support/queues.ts';
import { recordCanary, recordCredentialCanaries, recordedAnswers, recordedCanaries } from './support/record.ts';
import { stack } from './support/stack.ts';
import { claimOf, type Row, rowsOf, type TableNoun } from './support/tables.ts';
import { postWebhook, signatureOf } from './support/webhook-request.ts';

// This file runs last (test/support/secrecy-last.ts) and judges what all the others have left behind. Its own scene has some of
// everything, so that it can run alone.

const customer = newCustomer('Ada');
const question = recordCanary('what a customer wrote', 'CANARYQUESTION-where-is-my-parcel');
const reply = recordCanary('what an agent answered', 'CANARYREPLY-it-is-on-its-way');

let host: AgentHost;
let partner: ConversationPartner;
let event: string;
beforeAll(async () => {
  host = await AgentHost.open();
  partner = await newConversationPartner(host, 'secretive');
  partner.agent.answer = () => saying(reply);
  await meta.message({ phoneNumberId: partner.number, from: customer.waId, body: question });
  await eventually(async () => expect(await meta.sent(partner.number)).toHaveLength(1));
  event = partner.agent.heard[0]?.webhookId ?? '';
  await eventually(async () => expect(await claimOf(event)).toMatchObject({ state: 'done' }));
  await everythingThatFails(partner);
});
afterAll(() => host[Symbol.asyncDispose]());

describe('no secret of any test of this run, in whatever spelling, is found', () => {
  const isSecret = ({ value }: Canary) => value !== question && value !== reply;
  const secrets = async () => [...recordedCanaries().filter(isSecret), ...(await verifyTokens())];

  test.each<TableNoun>(['Directory', 'Vault', 'Events', 'Audit'])('in the table %s', async (noun) => {
    const rows = await rowsOf(noun);
    expect(rows.length).toBeGreaterThan(0);
    expect(findCanaries(await secrets(), rows.flatMap(contentsOf))).toEqual([]);
  });

  test('in a queue', async () => {
    const haystacks = (await queuedMessages()).map((message) => ({
      place: message.queue,
      content: JSON.stringify(message),
    }));
    expect(findCanaries(await secrets(), haystacks)).toEqual([]);
  });

  test('in a log of a function', async () => {
    const lines = await logLines();
    expect(lines.length).toBeGreaterThan(0);
    expect(findCanaries(await secrets(), lines.map(haystackOfLine))).toEqual([]);
  });

  test('in a log of the local run', async () => {
    const folder = join(stack.stateDirectory, 'logs');
    const haystacks = readdirSync(folder).map((name) => ({ place: name, content: readFileSync(join(folder, name)) }));
    expect(haystacks.length).toBeGreaterThan(0);
    expect(findCanaries(await secrets(), haystacks)).toEqual([]);
  });

  test('in an answer of the API', async () => {
    const answers = recordedAnswers();
    expect(answers.length).toBeGreaterThan(0);
    const haystacks = answers.map(({ request, status, text }) => ({ place: `${status} ${request}`, content: text }));
    expect(findCanaries(await secrets(), haystacks)).toEqual([]);
  });

  test('while the search finds them where they may be', async () => {
    const { app, token } = partner.business;
    const places: readonly string[] = [
      `x${token.value}`,
      Buffer.from(`ab${token.value}yz`).toString('base64'),
      Buffer.from(`abc${app.secret}`).toString('base64url'),
      Buffer.from(app.secret).toString('hex'),
      app.secret.toUpperCase(),
    ];
    for (const [index, content] of places.entries())
      expect(findCanaries(await secrets(), [{ place: 'there', content }]), String(index)).toHaveLength(1);
    const bytes = Buffer.concat([Buffer.alloc(7), Buffer.from(app.secret, 'hex')]);
    expect(findCanaries(await secrets(), [{ place: 'bytes', content: bytes }])).toHaveLength(1);
  });
});

test('the Vault holds sealed bytes under ids, and nothing else: one blob per purpose, none like another', async () => {
  const { credential, business, agent } = partner;
  const owners = new Set([credential.id, `app_${business.app.id}`, agent.id]);
  const rows = (await rowsOf('Vault')).filter(
    ({ ownerId, tenantId }) => owners.has(String(ownerId)) && ['shared', partner.api.tenant].includes(String(tenantId)),
  );
  expect(rows.map(({ ownerId, purpose }) => `${String(ownerId)} ${String(purpose)}`).sort()).toEqual(
    [
      `${credential.id} clean-up`,
      `${credential.id} graph-api`,
      `${agent.id} agent-signature`,
      `app_${business.app.id} app-access`,
      `app_${business.app.id} webhook-signature`,
    ].sort(),
  );
  for (const row of rows)
    expect(Object.keys(row).sort()).toEqual(['ownerId', 'pk', 'purpose', 'sealed', 'secretVersion', 'sk', 'tenantId']);
  const blobs = rows.map(({ sealed }) => Buffer.from(sealed as Uint8Array));
  expect(new Set(blobs.map((blob) => blob.toString('hex'))).size).toBe(blobs.length);
  expect(
    blobs.every((blob) => blob[0] === 1),
    'each begins with the version of the layout',
  ).toBe(true);
});

test('what an agent answered is kept only until it is sent', async () => {
  expect(await claimOf(event)).not.toHaveProperty('replies');
  const events = (await rowsOf('Events')).flatMap(contentsOf);
  expect(findCanaries([{ name: 'the reply', value: reply }], events)).toEqual([]);
});

test('logs tell neither what customers and agents write nor who the customers are', async () => {
  const personal: readonly Canary[] = [
    { name: 'the question', value: question },
    { name: 'the reply', value: reply },
  ];
  const lines = (await logLines()).map(haystackOfLine);
  expect(findCanaries(personal, lines)).toEqual([]);
  expect(lines.filter(({ content }) => String(content).includes(customer.waId))).toEqual([]);
});

test('the customer’s number stands in no key and in no row of the tables', async () => {
  const rows = (await Promise.all([rowsOf('Directory'), rowsOf('Events'), rowsOf('Audit')])).flat();
  expect(rows.filter((row) => JSON.stringify(row).includes(customer.waId))).toEqual([]);
});

/** Each way that a secret could take into an error. */
async function everythingThatFails({ api, credential, number, business, agent }: ConversationPartner): Promise<void> {
  const fresh = await newBusiness();
  const wrong = { appSecret: newAppSecret(), accessToken: newAccessToken() };
  recordCredentialCanaries('a wrong request', wrong.appSecret, wrong.accessToken);
  await api.postCredential(credentialRequest(fresh, { appSecret: wrong.appSecret }));
  await api.postCredential(credentialRequest(fresh, { accessToken: wrong.accessToken }));
  await api.postCredential(credentialRequest(fresh, { unknown: wrong.accessToken }));
  await api.call('POST', '/v1/credentials', { rawBody: `{"appSecret":"${wrong.appSecret}` });
  {
    const quoting = `Malformed access token ${fresh.token.value}`;
    await using _fault = await meta.fault({ path: 'debug_token', error: { message: quoting, code: 190 }, times: null });
    await api.postCredential(credentialRequest(fresh));
  }
  {
    await using _fault = await meta.fault({ path: 'debug_token', dropConnection: true, times: null });
    await api.postCredential(credentialRequest(fresh));
  }
  const { url } = credential.webhook;
  await postWebhook(url, business.app.secret, { 'x-hub-signature-256': signatureOf('x', business.app.secret) });
  await postWebhook(url, business.token.value, {
    'x-hub-signature-256': signatureOf(business.token.value, business.app.secret),
  });
  agent.answer = () => ({ status: 400, text: agent.signingSecret });
  const quoting = `Error validating ${business.token.value} of ${business.app.secret}`;
  await using _fault = await meta.fault({
    path: `${number}/messages`,
    error: { message: quoting, code: 190 },
    times: null,
  });
  await meta.message({ phoneNumberId: number, from: customer.waId, body: question });
  await eventually(() => expect(agent.heard).toHaveLength(2));
  agent.answer = () => saying(reply);
  await meta.message({ phoneNumberId: number, from: customer.waId, body: question });
  await eventually(async () =>
    expect(await claimOf(agent.heard[2]?.webhookId ?? '')).toMatchObject({ fates: [{ fate: 'refused' }] }),
  );
}

/** Ours, as Meta was told them. */
async function verifyTokens(): Promise<readonly Canary[]> {
  const { appSubscriptions, phoneOverrides } = await meta.state();
  return [
    ...appSubscriptions.map(({ callbackUrl, verifyToken }) => ({ url: callbackUrl, verifyToken })),
    ...phoneOverrides.map(({ overrideCallbackUri, verifyToken }) => ({ url: overrideCallbackUri, verifyToken })),
  ]
    .filter(({ url }) => url.startsWith(stack.api))
    .map(({ url, verifyToken }) => ({ name: `verify token of ${url}`, value: verifyToken }));
}

/** A row as text, and each of its binary columns as bytes. */
function contentsOf(row: Row): readonly Haystack[] {
  const place = `${row.pk} ${row.sk}`;
  const binary = Object.values(row).filter((value) => value instanceof Uint8Array);
  return [{ place, content: JSON.stringify(row) }, ...binary.map((content) => ({ place, content }))];
}

const haystackOfLine = ({ group, text }: { readonly group: string; readonly text: string }): Haystack => ({
  place: group,
  content: text,
});
