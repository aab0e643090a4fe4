import { createHmac, randomBytes } from 'node:crypto';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HandlerName, handlerNames } from '../../infra/handlers.ts';
import { credentialReader } from '../../shared/adapters/credential-store.ts';
import { mediaTransferStore } from '../../shared/adapters/media-transfer-store.ts';
import { relayStore } from '../../shared/adapters/relay-store.ts';
import { webhookStore } from '../../shared/adapters/webhook-store.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import {
  agentId,
  appId,
  credentialId,
  mediaId,
  phoneNumberId,
  type TransferId,
  tenantId,
  transferId,
} from '../../shared/contracts/ids.ts';
import { conversationIdOf, customerKeyOf } from '../../shared/domain/event-identity.ts';
import { inboundTransferId } from '../../shared/domain/media-transfer.ts';
import { failureOfReply } from '../../shared/domain/meta-errors.ts';
import { httpEvent } from '../support/lambda.ts';
import { findCanaries } from '../support/needles.ts';
import { alertRecordOf, credentialRecordOf, releaseWorkOf } from '../support/records.ts';
import { recordOf } from '../support/stream-records.ts';
import { CanaryStage } from './support/canary-stage.ts';
import { dynamoDbOf, s3Of } from './support/engines.ts';
import type { AwsFault } from './support/faulty-aws.ts';
import { environmentNamesOf } from './support/lambda-environment.ts';

// Marked secrets go through every Lambda of infra/handlers.ts, whatever comes of it. None may be found in what it prints, answers or
// throws, nor in a table or a queue. A Lambda without scenes fails: add them to `scenes` below.

/** Scenes of one Lambda, by what happens in them. */
interface Scenes {
  /** It does what it is for. */
  readonly works: Readonly<Record<string, () => Promise<unknown>>>;
  /** It gets secrets where none belong, and refuses. */
  readonly refuses: Readonly<Record<string, () => Promise<unknown>>>;
  /** A request that comes as far as it can. It is repeated under each fault of what the Lambda depends on. */
  readonly usual: (remaining?: number) => Promise<unknown>;
}

// A token is opaque: its characters are those that URLs, JSON and shells write otherwise.
const accessToken = `EAACANARY${randomBytes(18).toString('base64url')}+/"\\<%&=${randomBytes(18).toString('base64url')}`;
const otherToken = `EAACANARY${randomBytes(40).toString('base64url')}`;
const appSecret = `cafe${randomBytes(14).toString('hex')}`;
const formerVerifyToken = `CANARY-former-verify-token-${randomBytes(12).toString('hex')}`;
const guessedVerifyToken = `CANARY-guessed-verify-token-${randomBytes(12).toString('hex')}`;
const idempotencyKey = `CANARY-idempotency-key-${randomBytes(12).toString('hex')}`;
const wrongSecret = `cafe${randomBytes(14).toString('hex')}`;
const pin = '739251';
const question = 'CANARYQUESTION-where-is-my-parcel';
const reply = 'CANARYREPLY-it-is-on-its-way';
const greeting = 'CANARYGREETING-welcome-to-the-shop';
const awayMessage = 'CANARYAWAY-nobody-is-there-now';
const customerName = 'CANARYNAME-Ada-Lovelace';
const customerNumber = '4915550100201';

const app = appId.parse('900100000000001');
const waba = '900200000000001';
const otherWaba = '900200000000002';
const number = '900400000000001';
const unregistered = '900400000000002';
const acme = tenantId.parse('acme');
const agent = 'agent_one';

let stage: CanaryStage;
/** The credential that everything is tried with, and its webhook. */
let credential: ReturnType<typeof credentialId.parse>;
let webhook: string;
let signingSecret = '';
const fresh = () => randomBytes(32).toString('base64url');

const connecting = (change: object = {}) => ({
  label: 'Shop',
  appId: app,
  appSecret,
  wabaId: waba,
  accessToken,
  phoneNumberIds: [number],
  onExistingCallback: 'replace',
  previousVerifyToken: formerVerifyToken,
  ...change,
});

const connect = (body: object | string, headers: Record<string, string> = {}, tenant = 'acme') =>
  stage.api('ManageCredentials', 'POST /v1/credentials', { tenant, body, headers });

const ofCredential = (handler: HandlerName, routeKey: string, body?: object | string, path: object = {}) =>
  stage.api(handler, routeKey, {
    path: { credentialId: credential, ...path },
    headers: { 'if-match': '*' },
    ...(body === undefined ? {} : { body }),
  });

const setUp = () => stage.work({ kind: 'set-up', tenantId: acme, credentialId: credential, reclaim: true });

const put = (id: string, body: object | string, headers: Record<string, string>, remaining?: number) =>
  stage.api('ManageAgents', 'PUT /v1/agents/{agentId}', { path: { agentId: id }, body, headers }, remaining);

/** The key that the agent has had since the first scene that needs one. */
let knownKey: string | undefined;
const agentKey = async (): Promise<string> => {
  if (knownKey === undefined) {
    const answer = await ofAgent('ManageAgents', 'POST /v1/agents/{agentId}/keys');
    const { key } = JSON.parse(answer.body) as { key: string };
    knownKey = key;
  }
  return `Bearer ${knownKey}`;
};

const outgoing = () => ({ to: customerNumber, type: 'text', text: { body: `Hello ${fresh()}` } });

const sending = (call: Parameters<CanaryStage['api']>[2], remaining?: number) =>
  stage.api(
    'SendMessages',
    'POST /v1/agents/{agentId}/messages',
    { path: { agentId: agent }, body: outgoing(), ...call },
    remaining,
  );

/** A document of a customer of which the agent was told. */
const toldOf = async (change: object = {}, remaining?: number): Promise<string> => {
  const media = { phoneNumberId: number, mimeType: 'application/pdf', text: question, ...change };
  const { id } = await stage.meta.control<{ id: string }>('POST', 'media', media);
  await routed(remaining, { value: { id: `wamid.${fresh()}`, type: 'document', document: { id } } });
  return id;
};

const serving = async (
  routeKey: 'GET /{mediaId}' | 'POST ' | 'POST /{uploadId}/complete',
  call: Parameters<CanaryStage['api']>[2] = {},
  remaining?: number,
) => {
  const [method = '', path = ''] = routeKey.split(' ');
  return stage.api(
    'ServeMedia',
    `${method} /v1/agents/{agentId}/media${path}`,
    {
      ...call,
      path: { agentId: agent, ...call.path },
      headers: { authorization: await agentKey(), ...call.headers },
    },
    remaining,
  );
};

const uploading = (call: Parameters<CanaryStage['api']>[2] = {}, remaining?: number) =>
  serving('POST ', { body: question, headers: { 'content-type': 'image/png', ...call.headers }, ...call }, remaining);

/** A form, and what was brought with it, as far as the bucket is concerned. */
const brought = async (remaining?: number): Promise<string> => {
  const wish = { body: { contentType: 'text/plain' }, headers: { 'content-type': 'application/json' } };
  const answer = await serving('POST ', wish, remaining);
  const { id } = JSON.parse(answer.body) as { id: string };
  const bucket = relayStore(s3Of('ministack'), stage.setting(environmentName.relayBucket));
  await bucket.put(`uploads/${acme}/${id}`, question);
  return id;
};

/** What is on the queue for a transfer that was begun. */
const queuedTransfer = async (id: TransferId): Promise<string> => {
  const transfers = mediaTransferStore(dynamoDbOf('ministack'), stage.setting(environmentName.eventsTable));
  return JSON.stringify({ version: 1, transferId: id, attempt: (await transfers.find(id))?.attempt ?? 'none' });
};

const fetching = async (id: string, remaining?: number): Promise<unknown> => {
  await serving('GET /{mediaId}', { path: { mediaId: id } });
  const place = { tenantId: acme, phoneNumberId: phoneNumberId.parse(number) };
  const transfer = inboundTransferId(place, agentId.parse(agent), mediaId.parse(id));
  return stage.queue('MoveMedia', await queuedTransfer(transfer), remaining);
};

const handingOver = async (remaining?: number): Promise<unknown> => {
  const id = await brought();
  await serving('POST /{uploadId}/complete', { path: { uploadId: id } });
  return stage.queue('MoveMedia', await queuedTransfer(transferId.parse(id)), remaining);
};

const preview = (changes: object | string, remaining?: number) =>
  stage.api(
    'DescribeAgents',
    'POST /v1/routing/preview',
    {
      body:
        typeof changes === 'string'
          ? changes
          : { phoneNumberId: number, sender: { waId: '4915112345678' }, message: 'hello', ...changes },
    },
    remaining,
  );
const ofAgent = (
  handler: HandlerName,
  routeKey: string,
  call: Parameters<CanaryStage['api']>[2] = {},
  remaining?: number,
) => stage.api(handler, routeKey, { path: { agentId: agent }, ...call }, remaining);

const agentBody = (whatsapp: object = { enabled: false }) => ({
  name: 'Bot',
  target: { type: 'https', url: `${stage.agent.url}/agent` },
  whatsapp,
});
const bound = () => agentBody({ enabled: true, credentialId: credential, phoneNumberId: number });

const delivered = (body: string, signature = signed(body), id = webhook) =>
  stage.invoke(
    'ReceiveWebhook',
    httpEvent({
      routeKey: 'POST /webhooks/{webhookId}',
      pathParameters: { webhookId: id },
      headers: { 'x-hub-signature-256': signature },
      body,
    }),
  );
const signed = (body: string) => `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;
const message = (filler = '') =>
  JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [
      {
        id: waba,
        time: 1,
        changes: [
          {
            field: 'messages',
            value: {
              messaging_product: 'whatsapp',
              metadata: { display_phone_number: '15550100', phone_number_id: number },
              contacts: [{ profile: { name: customerName }, wa_id: customerNumber }],
              messages: [
                {
                  from: customerNumber,
                  id: `wamid.${fresh()}`,
                  timestamp: '1',
                  type: 'text',
                  text: { body: `${question}${filler}` },
                },
              ],
            },
          },
        ],
      },
    ],
  });
/** More than the queue carries. */
const largeMessage = () => message('x'.repeat(300_000));

const shakenHands = (verifyToken: string) =>
  stage.invoke(
    'VerifyWebhook',
    httpEvent({
      routeKey: 'GET /webhooks/{webhookId}',
      pathParameters: { webhookId: webhook },
      queryStringParameters: {
        'hub.mode': 'subscribe',
        'hub.challenge': '1158201444',
        'hub.verify_token': verifyToken,
      },
    }),
  );

/** What a message of the queue says, and the events in it: one of a customer, if nothing else is said. */
const queuedEvent = (change: object = {}) => ({
  envelope: {
    version: 1,
    tenantId: acme,
    credentialId: credential,
    phoneNumberId: number,
    conversationId: `conv_${fresh()}`,
    receivedAt: new Date().toISOString(),
  },
  events: [
    {
      eventId: `evt_${fresh()}`,
      kind: 'message',
      field: 'messages',
      alsoKnownAs: null,
      customer: { waId: customerNumber, userId: null, groupId: null, name: customerName },
      value: { id: `wamid.${fresh()}`, type: 'text', text: { body: question } },
      ...change,
    },
  ],
});

const routed = (remaining = 15_200, change: object = {}) => {
  const { envelope, events } = queuedEvent(change);
  return stage.queue('RouteEvent', JSON.stringify({ ...envelope, type: 'events', events }), remaining);
};

/** An event that is held, since its agent is paused; then nothing holds it any more. */
const held = async (remaining?: number) => {
  const { envelope, events } = queuedEvent();
  await ofAgent('ManageAgents', 'POST /v1/agents/{agentId}/pause');
  await stage
    .queue('RouteEvent', JSON.stringify({ ...envelope, type: 'events', events }), remaining)
    .finally(() => ofAgent('ManageAgents', 'POST /v1/agents/{agentId}/resume'));
  return envelope;
};

const letGo = (envelope: object, change: object = {}, remaining = 15_200) =>
  stage.queue(
    'RouteEvent',
    JSON.stringify({
      ...envelope,
      type: 'release-held',
      action: 'replay',
      maxAgeHours: null,
      heldBefore: null,
      ...change,
    }),
    remaining,
  );

const failedStatus = (callbackData: string) => ({
  kind: 'status',
  value: {
    id: `wamid.${fresh()}`,
    status: 'failed',
    recipient_id: customerNumber,
    biz_opaque_callback_data: callbackData,
    errors: [
      { code: 131_026, title: 'Message undeliverable', error_data: { details: `Not delivered: ${wrongSecret}` } },
    ],
  },
});

/** What comes back to the agent of a reply that Meta refused. */
const refusedReply = () =>
  failureOfReply({ inReplyTo: null, index: 0 }, { kind: 'refused', refusal: 'other', code: 131_047 });

const news = (value: object, remaining?: number) =>
  stage.queue(
    'RouteEvent',
    JSON.stringify({
      version: 1,
      type: 'account-news',
      tenantId: acme,
      credentialId: credential,
      receivedAt: new Date().toISOString(),
      news: [{ eventId: `evt_${fresh()}`, field: 'account_update', value, at: null }],
    }),
    remaining,
  );

/** An agent that speaks itself, whatever the time. */
const speaking = () =>
  agentBody({
    enabled: true,
    credentialId: credential,
    phoneNumberId: number,
    behaviour: { greeting, away: { message: awayMessage, timeZone: 'Europe/Berlin', hours: [] } },
  });

const release = () => stage.work(releaseWorkOf({ tenantId: acme, phoneNumberIds: [phoneNumberId.parse(number)] }));

const ofHeld = (method: 'GET' | 'DELETE' | 'POST', call: Parameters<CanaryStage['api']>[2] = {}, remaining?: number) =>
  stage.api(
    'ManageHeld',
    `${method} /v1/credentials/{credentialId}/held${method === 'POST' ? '/replay' : ''}`,
    { path: { credentialId: credential }, ...call },
    remaining,
  );

const erase = (id: string, call: Parameters<CanaryStage['api']>[2] = {}, remaining?: number) =>
  stage.api('EraseCustomer', 'DELETE /v1/customers/{customerId}', { path: { customerId: id }, ...call }, remaining);

/** A customer of whom something is held, under the conversation that the erasure will look for. */
const heldOfCustomer = async (remaining?: number) => {
  const salt = await webhookStore(dynamoDbOf('ministack'), stage.setting(environmentName.directoryTable)).tenantSalt(
    acme,
  );
  const { events } = queuedEvent();
  const customer = events[0]?.customer ?? { waId: null, userId: null, groupId: null, name: null };
  const conversationId = conversationIdOf(acme, phoneNumberId.parse(number), customerKeyOf(salt, customer));
  await ofAgent('ManageAgents', 'POST /v1/agents/{agentId}/pause');
  await stage
    .queue(
      'RouteEvent',
      JSON.stringify({ ...queuedEvent().envelope, conversationId, type: 'events', events }),
      remaining,
    )
    .finally(() => ofAgent('ManageAgents', 'POST /v1/agents/{agentId}/resume'));
};

/** The same by way of the relay bucket. */
const relayed = async (remaining = 15_200) => {
  const { envelope, events } = queuedEvent();
  const relayKey = `events/${acme}/${fresh()}`;
  const bucket = relayStore(s3Of('ministack'), stage.setting(environmentName.relayBucket));
  await bucket.put(relayKey, JSON.stringify(events));
  return stage.queue('RouteEvent', JSON.stringify({ ...envelope, type: 'relayed', relayKey }), remaining);
};

let removed = 0;
/** A credential of another tenant on its way out, and the work that this leaves. */
async function removal(): Promise<string> {
  const tenant = `leaving-${++removed}`;
  const answer = await connect(connecting({ wabaId: otherWaba, phoneNumberIds: [] }), {}, tenant);
  const { id } = JSON.parse(answer.body) as { id: string };
  await stage.api('ManageCredentials', 'DELETE /v1/credentials/{credentialId}', { tenant, path: { credentialId: id } });
  return stage.work({ kind: 'clean-up', tenantId: tenantId.parse(tenant), credentialId: credentialId.parse(id) });
}

/** As if the App Secret had been changed since its proof was made. */
async function proofLags(): Promise<string> {
  await dynamoDbOf('ministack').send(
    new UpdateCommand({
      TableName: stage.setting(environmentName.directoryTable),
      Key: { pk: `TENANT#${acme}`, sk: `CRED#${credential}` },
      UpdateExpression: 'SET proofVersion = :lagging',
      ExpressionAttributeValues: { ':lagging': 999 },
    }),
  );
  return stage.work({ kind: 'reseal', appId: app });
}

let doubted = 0;
/** A credential of another tenant that a refused send has made doubtful, and the check that this asks for. */
async function doubt(): Promise<string> {
  const tenant = `doubted-${++doubted}`;
  const answer = await connect(connecting({ wabaId: otherWaba, phoneNumberIds: [] }), {}, tenant);
  const { id } = JSON.parse(answer.body) as { id: string };
  return stage.work(checkOf(tenantId.parse(tenant), credentialId.parse(id), 1));
}
const checkOf = (tenant: typeof acme, id: typeof credential, secretVersion: number) =>
  ({
    kind: 'check-credential',
    tenantId: tenant,
    credentialId: id,
    secretVersion,
    phoneNumberId: phoneNumberId.parse(number),
    askedAt: new Date().toISOString(),
  }) as const;

const ownCheck = () => ({ tenantId: acme, credentialId: credential });

const tokenRefused = () => ({
  path: '/messages$',
  times: null,
  error: { code: 190, message: quoting, type: appSecret },
});

/** As if the check had been made that a scene before has asked for. */
const sendsAgain = () =>
  dynamoDbOf('ministack').send(
    new UpdateCommand({
      TableName: stage.setting(environmentName.directoryTable),
      Key: { pk: `NUMBER#${number}`, sk: 'NUMBER' },
      UpdateExpression: 'SET doubt = :none ADD revision :one',
      ExpressionAttributeValues: { ':none': null, ':one': 1 },
    }),
  );

/** The credential that everything is tried with, doubtful since Meta refused what was sent. */
async function doubtOfOwn(): Promise<string> {
  await sendsAgain();
  await whileMeta(tokenRefused(), () => routed());
  const directory = stage.setting(environmentName.directoryTable);
  const found = await credentialReader(dynamoDbOf('ministack'), directory).find(acme, credential);
  return stage.work(checkOf(acme, credential, found?.secretVersion ?? 0));
}

const auditLine = { pk: { S: 'acme#cred_1' }, sk: { S: '01J0000000000000000000000A' } };
/** A line of the audit that somebody has filled with secrets. */
const changes = (keys: object) => {
  const image = { ...keys, action: { S: accessToken }, actor: { S: appSecret } };
  return { Records: [{ eventName: 'MODIFY', dynamodb: { Keys: keys, OldImage: image, NewImage: image } }] };
};

let changesOfOwn = 0;
/** A change of a credential that is heard of for the first time. */
const changeOfOwn = (change: object = {}) => {
  const reason = { code: 'x', title: 'X', detail: 'X', guidance: 'X', since: '2026-11-22T10:00:00.000Z' };
  const sequence = { SequenceNumber: String(++changesOfOwn) };
  const after = credentialRecordOf({ verdict: { status: 'invalid', reason } });
  return { Records: [recordOf(credentialRecordOf(), after, { ...sequence, ...change })] };
};

const choosing = (destinations: readonly object[], headers: Record<string, string> = {}, remaining?: number) =>
  stage.api(
    'ManageNotifications',
    'PUT /v1/notifications',
    { body: { destinations }, headers: { 'if-match': '*', ...headers } },
    remaining,
  );
/** Has what is told come to the server of the agent, which keeps it. */
const telling = async (): Promise<void> => {
  await choosing([{ protocol: 'https', endpoint: `${stage.agent.url}/alerts` }]);
  await stage.queue('SendAlerts', await stage.work({ kind: 'subscribe', tenantId: acme }));
};
const alerting = (audience: 'tenant' | 'operator' = 'tenant') =>
  stage.work({ kind: 'publish-alert', tenantId: acme, audience, alert: alertRecordOf() });
/** A claim as the stream tells of it when it is new. */
const streamedClaim = (change: object = {}) => ({
  pk: { S: `evt_${fresh()}` },
  sk: { S: 'CLAIM' },
  tenantId: { S: acme },
  credentialId: { S: credential },
  phoneNumberId: { S: number },
  agentId: { S: agent },
  kind: { S: 'message' },
  receivedAt: { S: new Date().toISOString() },
  state: { S: 'leased' },
  fates: { L: [] },
  ...change,
});
const isCounted = (NewImage: object, remaining?: number) =>
  stage.invoke('ProjectActivity', { Records: [{ eventName: 'INSERT', dynamodb: { NewImage } }] }, remaining);

const status = (answer: unknown) => (answer as { statusCode?: number }).statusCode;
const isServed = async (answer: Promise<unknown>) =>
  expect(await answer).toMatchObject({ statusCode: expect.toSatisfy((code: number) => code < 300) });
const isRefused = async (answer: Promise<unknown>) => expect(status(await answer)).toBeGreaterThanOrEqual(400);
const isDone = async (answer: Promise<unknown>) => expect(await answer).toEqual({ batchItemFailures: [] });
const staysQueued = async (answer: Promise<unknown>) =>
  expect(await answer).toMatchObject({ batchItemFailures: [expect.anything()] });
/** Neither JSON nor without secrets. */
const torn = () => `{"appSecret":"${appSecret}","accessToken":"${otherToken}`;
const poison = () => JSON.stringify({ version: 1, ticket: accessToken, work: { kind: appSecret } });
const queueRefusals = (handler: HandlerName) => ({
  'a message that is torn': () => staysQueued(stage.queue(handler, torn())),
  'a message of another form': () => staysQueued(stage.queue(handler, poison())),
  'work of another function': async () =>
    staysQueued(stage.queue(handler, handler === 'CleanUpCredential' ? await setUp() : await removal())),
});

/** Every Lambda has its scenes here, under its name in infra/handlers.ts. */
const scenes: Readonly<Partial<Record<string, Scenes>>> = {
  ManageCredentials: {
    works: {
      'checks a credential while its user waits': () =>
        isServed(
          stage.api('ManageCredentials', 'POST /v1/credentials/{credentialId}/check', {
            path: { credentialId: credential },
          }),
        ),
      'lists templates': () =>
        isServed(
          stage.api('ManageCredentials', 'GET /v1/credentials/{credentialId}/templates', {
            path: { credentialId: credential },
          }),
        ),
      'validates credentials': () =>
        isServed(
          stage.api('ManageCredentials', 'POST /v1/credentials/validate', {
            tenant: 'curious',
            body: { ...connecting(), label: undefined, previousVerifyToken: undefined },
          }),
        ),
      'connects under an Idempotency-Key, twice': async () => {
        const body = connecting({ wabaId: otherWaba, phoneNumberIds: [] });
        await isServed(connect(body, { 'idempotency-key': idempotencyKey }, 'second'));
        await isServed(connect(body, { 'idempotency-key': idempotencyKey }, 'second'));
      },
      'changes the access token': () =>
        isServed(
          ofCredential('ManageCredentials', 'PATCH /v1/credentials/{credentialId}', { accessToken: otherToken }),
        ),
      'takes back the App Secret that it has': () =>
        isServed(ofCredential('ManageCredentials', 'PATCH /v1/credentials/{credentialId}', { appSecret, accessToken })),
      'registers a number': () =>
        isServed(
          ofCredential(
            'ManageCredentials',
            'POST /v1/credentials/{credentialId}/phone-numbers/{phoneNumberId}/register',
            { pin },
            { phoneNumberId: unregistered },
          ),
        ),
      'looks at the webhook': () =>
        isServed(ofCredential('ManageCredentials', 'GET /v1/credentials/{credentialId}/webhook')),
      'repairs the webhook': () =>
        isServed(
          ofCredential('ManageCredentials', 'POST /v1/credentials/{credentialId}/webhook/repair', {
            onExistingCallback: 'replace',
            previousVerifyToken: formerVerifyToken,
          }),
        ),
      'guides through a set-up by hand, showing a verify token once': () =>
        isServed(ofCredential('ManageCredentials', 'POST /v1/credentials/{credentialId}/webhook/manual-setup')),
      removes: async () => {
        await removal();
      },
    },
    refuses: {
      'a body that is torn': () => isRefused(connect(torn())),
      'fields that are not known': () =>
        isRefused(connect(connecting({ [otherToken]: appSecret, unknown: accessToken }))),
      'values of another form': () =>
        isRefused(connect(connecting({ appSecret: `${appSecret}0`, wabaId: accessToken, label: [appSecret] }))),
      'a body that is too large': () =>
        isRefused(connect(JSON.stringify(connecting({ label: accessToken.repeat(2_000) })))),
      'an App Secret that is wrong': () =>
        isRefused(connect(connecting({ appSecret: wrongSecret, wabaId: otherWaba }), {}, 'wrong')),
      'an access token that is wrong': () =>
        isRefused(connect(connecting({ accessToken: `${otherToken}X`, wabaId: otherWaba }), {}, 'wrong')),
      'an account that is connected already': () => isRefused(connect(connecting())),
      'an Idempotency-Key with a space': () =>
        isRefused(connect(connecting(), { 'idempotency-key': `${idempotencyKey} ${appSecret}` })),
      'an Idempotency-Key for another request': async () => {
        const key = { 'idempotency-key': `${idempotencyKey}-again` };
        await connect(connecting({ wabaId: otherWaba, phoneNumberIds: [] }), key, 'third');
        await isRefused(connect(connecting({ wabaId: otherWaba, label: appSecret }), key, 'third'));
      },
      'a PIN that is wrong': () =>
        isRefused(
          ofCredential(
            'ManageCredentials',
            'POST /v1/credentials/{credentialId}/phone-numbers/{phoneNumberId}/register',
            { pin: `${pin}0` },
            { phoneNumberId: unregistered },
          ),
        ),
      'a secret in the path': () =>
        isRefused(
          ofCredential(
            'ManageCredentials',
            'PATCH /v1/credentials/{credentialId}',
            { accessToken },
            { credentialId: accessToken },
          ),
        ),
      'a secret in place of an ETag': () =>
        isRefused(
          stage.api('ManageCredentials', 'PATCH /v1/credentials/{credentialId}', {
            path: { credentialId: credential },
            headers: { 'if-match': accessToken },
            body: { accessToken },
          }),
        ),
      'a token without a tenant': () =>
        isRefused(
          connect(connecting(), { authorization: `Bearer e30.${Buffer.from(appSecret).toString('base64url')}.x` }),
        ),
    },
    usual: (remaining) =>
      stage.api(
        'ManageCredentials',
        'PATCH /v1/credentials/{credentialId}',
        { path: { credentialId: credential }, headers: { 'if-match': '*' }, body: { accessToken, appSecret } },
        remaining,
      ),
  },
  CleanUpCredential: {
    works: { 'takes a credential out of Meta': async () => isDone(stage.queue('CleanUpCredential', await removal())) },
    refuses: queueRefusals('CleanUpCredential'),
    usual: async (remaining) => stage.queue('CleanUpCredential', await removal(), remaining),
  },
  ResealCredentials: {
    works: {
      'makes new proofs': async () => isDone(stage.queue('ResealCredentials', await proofLags())),
      'retires a former signing secret': async () =>
        isDone(
          stage.queue(
            'ResealCredentials',
            await stage.work({
              kind: 'retire-agent-secret',
              tenantId: acme,
              agentId: agentId.parse(agent),
              secretVersion: 1,
            }),
          ),
        ),
      'retires a former App Secret': async () =>
        isDone(
          stage.queue('ResealCredentials', await stage.work({ kind: 'retire-secret', appId: app, secretVersion: 1 })),
        ),
    },
    refuses: queueRefusals('ResealCredentials'),
    usual: async (remaining) => stage.queue('ResealCredentials', await proofLags(), remaining),
  },
  DescribeCredentials: {
    works: {
      lists: () => isServed(stage.api('DescribeCredentials', 'GET /v1/credentials')),
      describes: () => isServed(ofCredential('DescribeCredentials', 'GET /v1/credentials/{credentialId}')),
      'lists numbers': () =>
        isServed(ofCredential('DescribeCredentials', 'GET /v1/credentials/{credentialId}/phone-numbers')),
    },
    refuses: {
      'a secret in the path': () =>
        isRefused(
          ofCredential('DescribeCredentials', 'GET /v1/credentials/{credentialId}', undefined, {
            credentialId: appSecret,
          }),
        ),
      'secrets in the query': () =>
        isRefused(
          stage.api('DescribeCredentials', 'GET /v1/credentials', {
            query: { limit: appSecret, [accessToken]: appSecret },
          }),
        ),
    },
    usual: () => stage.api('DescribeCredentials', 'GET /v1/credentials'),
  },
  ManageAgents: {
    works: {
      'creates an agent, showing its signing secret once': () =>
        isServed(put(`agent_${fresh()}`, agentBody(), { 'if-none-match': '*' })),
      'edits an agent': () => isServed(put(agent, bound(), { 'if-match': '*' })),
      'pauses and resumes': async () => {
        await isServed(ofAgent('ManageAgents', 'POST /v1/agents/{agentId}/pause'));
        await isServed(ofAgent('ManageAgents', 'POST /v1/agents/{agentId}/resume'));
      },
      'rotates a signing secret, showing the new one once, twice under an Idempotency-Key': async () => {
        const headers = { 'idempotency-key': `${idempotencyKey}-rotation` };
        await isServed(ofAgent('ManageAgents', 'POST /v1/agents/{agentId}/signing-secret', { headers }));
        await isRefused(ofAgent('ManageAgents', 'POST /v1/agents/{agentId}/signing-secret', { headers }));
      },
      'removes an agent': async () => {
        const id = `agent_${fresh()}`;
        await put(id, agentBody(), { 'if-none-match': '*' });
        await isServed(
          ofAgent('ManageAgents', 'DELETE /v1/agents/{agentId}', {
            path: { agentId: id },
            headers: { 'if-match': '*' },
          }),
        );
      },
    },
    refuses: {
      'a body that is torn': () => isRefused(put(agent, torn(), { 'if-match': '*' })),
      'fields that are not known': () =>
        isRefused(put(agent, { ...agentBody(), [accessToken]: appSecret }, { 'if-match': '*' })),
      'a signing secret as a name': () =>
        isRefused(put(agent, { ...agentBody(), name: signingSecret.repeat(3) }, { 'if-match': '*' })),
      'a target with a password': () =>
        isRefused(
          put(
            agent,
            { ...agentBody(), target: { type: 'https', url: `https://x:${appSecret}@example.com/` } },
            { 'if-match': '*' },
          ),
        ),
      'a credential that is a secret': () =>
        isRefused(
          put(agent, agentBody({ enabled: true, credentialId: appSecret, phoneNumberId: number }), { 'if-match': '*' }),
        ),
      'an agent that exists': () => isRefused(put(agent, bound(), { 'if-none-match': '*' })),
      'a removal whose ETag is a secret': () =>
        isRefused(ofAgent('ManageAgents', 'DELETE /v1/agents/{agentId}', { headers: { 'if-match': appSecret } })),
      'a key for an agent that is a secret': () =>
        isRefused(ofAgent('ManageAgents', 'POST /v1/agents/{agentId}/keys', { path: { agentId: accessToken } })),
      'a key that is a secret': () =>
        isRefused(
          ofAgent('ManageAgents', 'DELETE /v1/agents/{agentId}/keys/{keyId}', {
            path: { agentId: agent, keyId: accessToken },
          }),
        ),
      'a rotation of an agent that is a secret': () =>
        isRefused(
          ofAgent('ManageAgents', 'POST /v1/agents/{agentId}/signing-secret', { path: { agentId: accessToken } }),
        ),
    },
    usual: async (remaining) => {
      const id = `agent_${fresh()}`;
      await put(id, agentBody(), { 'if-none-match': '*' }, remaining);
      await put(agent, bound(), { 'if-match': '*' }, remaining);
      for (const route of ['pause', 'resume', 'signing-secret'])
        await ofAgent('ManageAgents', `POST /v1/agents/{agentId}/${route}`, {}, remaining).catch(() => undefined);
      await ofAgent(
        'ManageAgents',
        'DELETE /v1/agents/{agentId}',
        { path: { agentId: id }, headers: { 'if-match': '*' } },
        remaining,
      );
    },
  },
  TestAgent: {
    works: {
      'sends a sample and says what came back': () => isServed(ofAgent('TestAgent', 'POST /v1/agents/{agentId}/test')),
    },
    refuses: {
      'a secret in the path': () =>
        isRefused(ofAgent('TestAgent', 'POST /v1/agents/{agentId}/test', { path: { agentId: accessToken } })),
      'to repeat an answer that is a secret': async () => {
        stage.agentAnswer = { status: 400, body: signingSecret };
        await isServed(ofAgent('TestAgent', 'POST /v1/agents/{agentId}/test'));
      },
      'to repeat a failure that is a secret': async () => {
        stage.agentAnswer = { status: 500, body: `${signingSecret} ${appSecret}` };
        await isServed(ofAgent('TestAgent', 'POST /v1/agents/{agentId}/test'));
      },
      'to repeat messages that are secrets': async () => {
        stage.agentAnswer = {
          status: 200,
          body: JSON.stringify({ messages: [{ type: 'text', text: { body: signingSecret } }, { type: accessToken }] }),
        };
        await isServed(ofAgent('TestAgent', 'POST /v1/agents/{agentId}/test'));
      },
    },
    usual: (remaining) => ofAgent('TestAgent', 'POST /v1/agents/{agentId}/test', {}, remaining),
  },
  SendMessages: {
    works: {
      'sends for an agent with its key, says what became of it, and marks as read': async () => {
        const authorization = await agentKey();
        const answer = await sending({ body: outgoing(), headers: { authorization } });
        expect(answer.statusCode).toBe(201);
        const { id } = JSON.parse(answer.body) as { id: string };
        await isServed(
          stage.api('SendMessages', 'GET /v1/agents/{agentId}/messages/{messageId}', {
            path: { agentId: agent, messageId: id },
            headers: { authorization },
          }),
        );
        await isServed(
          sending({ body: { status: 'read', message_id: `wamid.${fresh()}` }, headers: { authorization } }),
        );
      },
    },
    refuses: {
      'a key that is a secret': () => isRefused(sending({ headers: { authorization: `Bearer ${accessToken}` } })),
      'a key that looks like one': () => isRefused(sending({ headers: { authorization: `Bearer sbk_${appSecret}` } })),
      'a body that is torn': async () =>
        isRefused(sending({ body: torn(), headers: { authorization: await agentKey() } })),
      'content that is a secret': async () =>
        isRefused(
          sending({
            body: { to: accessToken, type: 'text', text: { body: '' }, [appSecret]: 1 },
            headers: { authorization: await agentKey() },
          }),
        ),
      'a message that is a secret': async () =>
        isRefused(
          stage.api('SendMessages', 'GET /v1/agents/{agentId}/messages/{messageId}', {
            path: { agentId: agent, messageId: accessToken },
            headers: { authorization: await agentKey() },
          }),
        ),
    },
    usual: async (remaining) => {
      await sendsAgain();
      const send = async () => sending({ headers: { authorization: await agentKey() } }, remaining);
      await send().catch(() => undefined);
      await whileMeta(tokenRefused(), send);
    },
  },
  ServeMedia: {
    works: {
      'takes a small file to Meta': () => isServed(uploading({}, littleTime)),
      'gives a form for a larger one': async () => expect(await brought()).toMatch(/^upl_/),
      'has a document moved, and gives a URL for it': async () => {
        const id = await toldOf();
        expect(await serving('GET /{mediaId}', { path: { mediaId: id } })).toMatchObject({ statusCode: 202 });
        await isDone(fetching(id));
        expect(await serving('GET /{mediaId}', { path: { mediaId: id } })).toMatchObject({ statusCode: 302 });
      },
    },
    refuses: {
      'a key that is a secret': () => isRefused(uploading({ headers: { authorization: `Bearer ${accessToken}` } })),
      'media that are a secret': () => isRefused(serving('GET /{mediaId}', { path: { mediaId: accessToken } })),
      'an upload that is a secret': () =>
        isRefused(serving('POST /{uploadId}/complete', { path: { uploadId: accessToken } })),
      'a type that is a secret': () => isRefused(uploading({ headers: { 'content-type': accessToken } })),
      'a wish that is a secret': () =>
        isRefused(
          serving('POST ', {
            body: { contentType: accessToken, [appSecret]: otherToken },
            headers: { 'content-type': 'application/json' },
          }),
        ),
      'a wish that is torn': () =>
        isRefused(serving('POST ', { body: torn(), headers: { 'content-type': 'application/json' } })),
    },
    usual: async (remaining) => {
      await uploading({}, remaining);
      await serving('GET /{mediaId}', { path: { mediaId: await toldOf() } }, remaining);
      await serving('POST /{uploadId}/complete', { path: { uploadId: await brought() } }, remaining);
    },
  },
  MoveMedia: {
    works: {
      'fetches a document': async () => isDone(fetching(await toldOf())),
      'hands one over': () => isDone(handingOver()),
    },
    refuses: {
      'a message that is torn': () => staysQueued(stage.queue('MoveMedia', torn())),
      'a message of another form': () => staysQueued(stage.queue('MoveMedia', poison())),
      'a document that is not what Meta says': async () => isDone(fetching(await toldOf({ sha256: 'wrong' }))),
      'a place that is not Meta’s': async () =>
        isDone(fetching(await toldOf({ url: `https://${appSecret}.example/${accessToken.replace(/\W/g, '')}` }))),
    },
    usual: async (remaining) => {
      await fetching(await toldOf(), remaining);
      await handingOver(remaining);
    },
  },
  DescribeAgents: {
    works: {
      lists: () => isServed(stage.api('DescribeAgents', 'GET /v1/agents')),
      describes: () => isServed(stage.api('DescribeAgents', 'GET /v1/agents/{agentId}', { path: { agentId: agent } })),
      'previews who would get a secret': () => isServed(preview({ message: `here it is: ${accessToken}` })),
    },
    refuses: {
      'a secret in the path': () =>
        isRefused(stage.api('DescribeAgents', 'GET /v1/agents/{agentId}', { path: { agentId: accessToken } })),
      'secrets in the query': () =>
        isRefused(stage.api('DescribeAgents', 'GET /v1/agents', { query: { limit: accessToken } })),
      'a preview that is torn': () => isRefused(preview(torn())),
      'a preview for a number that is a secret': () => isRefused(preview({ phoneNumberId: appSecret })),
      'a preview with fields that are not known': () =>
        isRefused(preview({ sender: { waId: '4915112345678', [accessToken]: appSecret } })),
    },
    usual: async (remaining) => {
      await stage.api('DescribeAgents', 'GET /v1/agents', {}, remaining);
      await preview({}, remaining);
    },
  },
  ReceiveWebhook: {
    works: {
      'queues a message': () => isServed(delivered(message())),
      'puts a large message into the relay bucket': () => isServed(delivered(largeMessage())),
    },
    refuses: {
      'a signature that is a secret': () => isRefused(delivered(message(), `sha256=${appSecret}${appSecret}`)),
      'a signature of another form': () => isRefused(delivered(message(), accessToken)),
      'secrets that are signed and torn': () => isRefused(delivered(torn())),
      'secrets that are signed and no webhook': () => isRefused(delivered(JSON.stringify({ appSecret, accessToken }))),
      'a secret as the address': () => isRefused(delivered(message(), undefined, appSecret)),
    },
    usual: () => delivered(largeMessage()),
  },
  VerifyWebhook: {
    works: {
      'takes the verify token that Meta was given': async () => {
        const { phoneOverrides } = await stage.meta.state();
        await isServed(
          shakenHands(phoneOverrides.find(({ phoneNumberId }) => phoneNumberId === number)?.verifyToken ?? ''),
        );
      },
    },
    refuses: {
      'a verify token that somebody guesses': () => isRefused(shakenHands(guessedVerifyToken)),
      'an App Secret as a verify token': () => isRefused(shakenHands(appSecret)),
      'a challenge that is a secret of another form': () =>
        isRefused(
          stage.invoke(
            'VerifyWebhook',
            httpEvent({
              routeKey: 'GET /webhooks/{webhookId}',
              pathParameters: { webhookId: webhook },
              queryStringParameters: {
                'hub.mode': 'subscribe',
                'hub.challenge': accessToken,
                'hub.verify_token': guessedVerifyToken,
              },
            }),
          ),
        ),
    },
    usual: () => shakenHands(guessedVerifyToken),
  },
  SetUpWebhook: {
    works: { 'brings the webhook in order': async () => isDone(stage.queue('SetUpWebhook', await setUp())) },
    refuses: queueRefusals('SetUpWebhook'),
    usual: async (remaining) => stage.queue('SetUpWebhook', await setUp(), remaining),
  },
  CheckCredential: {
    works: {
      'lets a number send again whose credential is good': async () => {
        await isDone(stage.queue('CheckCredential', await doubtOfOwn()));
        const said = await saidWhile(() => isDone(routed()));
        expect(said).toContain(reply);
      },
      'checks a credential whose time has come': async () => {
        await isDone(stage.queue('CheckCredential', await stage.due(ownCheck())));
      },
      'disables a credential whose token is revoked': async () => {
        const data = { is_valid: false, scopes: [], error: { code: 190, subcode: 467, message: quoting } };
        const work = await doubt();
        await whileMeta({ path: '/debug_token$', times: null, status: 200, answer: { data } }, () =>
          isDone(stage.queue('CheckCredential', work)),
        );
        const list = await stage.api('DescribeCredentials', 'GET /v1/credentials', { tenant: `doubted-${doubted}` });
        expect(JSON.parse(list.body)).toMatchObject({
          items: [{ status: 'invalid', reason: { code: 'token-revoked' } }],
        });
      },
    },
    refuses: {
      ...queueRefusals('CheckCredential'),
      'a check whose entry is gone': async () => {
        const check = JSON.parse(await stage.due(ownCheck())) as object;
        await isDone(stage.queue('CheckCredential', JSON.stringify({ ...check, entry: appSecret })));
      },
    },
    usual: async (remaining) => stage.queue('CheckCredential', await doubt(), remaining),
  },
  PlanChecks: {
    works: {
      'queues what is due': async () => {
        await stage.due(ownCheck());
        await stage.invoke('PlanChecks', {});
      },
    },
    refuses: {
      'an entry that nobody can read': async () => {
        const unreadable = await stage.due({ ...ownCheck(), tenantId: { secret: accessToken } } as never);
        await stage.invoke('PlanChecks', { secret: appSecret });
        await stage.forgetDue(unreadable);
      },
    },
    usual: async (remaining) => {
      await stage.due(ownCheck());
      await stage.invoke('PlanChecks', {}, remaining);
    },
  },
  WatchCredentials: {
    works: {
      'writes down what is to be told': () => stage.invoke('WatchCredentials', changeOfOwn()),
    },
    refuses: {
      'a row that somebody has filled with secrets': () =>
        stage.invoke(
          'WatchCredentials',
          changeOfOwn({ NewImage: { label: { S: accessToken }, [appSecret]: { S: pin } } }),
        ),
      'a row that DynamoDB does not write so': () =>
        stage.invoke('WatchCredentials', changeOfOwn({ NewImage: { label: { [accessToken]: appSecret } } })),
      'what cannot be read': () => stage.invoke('WatchCredentials', { Records: [{ [accessToken]: appSecret }] }),
      'an event of another form': () =>
        expect(stage.invoke('WatchCredentials', { secret: appSecret })).rejects.toThrow(),
    },
    usual: (remaining) => stage.invoke('WatchCredentials', changeOfOwn(), remaining),
  },
  SendAlerts: {
    works: {
      'has an address asked and tells what is to be told': async () => {
        await telling();
        await isDone(stage.queue('SendAlerts', await alerting()));
      },
      'tells operators': async () => isDone(stage.queue('SendAlerts', await alerting('operator'))),
    },
    refuses: queueRefusals('SendAlerts'),
    usual: async (remaining) => {
      await telling();
      await stage.queue('SendAlerts', await alerting(), remaining);
    },
  },
  ManageNotifications: {
    works: {
      'shows where alerts go': () => isServed(stage.api('ManageNotifications', 'GET /v1/notifications')),
      'changes where alerts go': () =>
        isServed(choosing([{ protocol: 'https', endpoint: `${stage.agent.url}/alerts` }])),
    },
    refuses: {
      'a URL with a secret in it': () =>
        isRefused(choosing([{ protocol: 'https', endpoint: `https://${appSecret}:${pin}@example.com/` }])),
      'a secret instead of an address': () => isRefused(choosing([{ protocol: 'email', endpoint: accessToken }])),
      'a secret as a protocol': () => isRefused(choosing([{ protocol: appSecret, endpoint: accessToken }])),
      'fields that are not known': () => isRefused(choosing([{ protocol: 'email', [accessToken]: appSecret }])),
      'a body that is torn': () =>
        isRefused(
          stage.api('ManageNotifications', 'PUT /v1/notifications', { body: torn(), headers: { 'if-match': '*' } }),
        ),
      'a secret as a version': () => isRefused(choosing([], { 'if-match': appSecret })),
    },
    usual: async (remaining) => {
      await choosing([{ protocol: 'email', endpoint: 'ada@example.com' }], {}, remaining);
      await stage.api('ManageNotifications', 'GET /v1/notifications', {}, remaining);
    },
  },
  SweepWork: {
    works: {
      'queues what is overdue': async () => {
        await setUp();
        await stage.invoke('SweepWork', {});
      },
    },
    refuses: {
      'a ticket that nobody can read': async () => {
        const ticket = await stage.work({ kind: appSecret, tenantId: accessToken } as never);
        await stage.invoke('SweepWork', { secret: appSecret });
        await stage.forgetTicket(ticket);
      },
    },
    usual: async (remaining) => {
      await setUp();
      await stage.invoke('SweepWork', {}, remaining);
    },
  },
  RouteEvent: {
    works: {
      'takes a message to its agent and the answer to the customer': () => isDone(routed()),
      'takes a large message out of the relay bucket': () => isDone(relayed()),
      'greets, and says that nobody is there': async () => {
        await isServed(put(agent, speaking(), { 'if-match': '*' }));
        const said = await saidWhile(() => isDone(routed()));
        expect(said).toEqual(expect.arrayContaining([greeting, awayMessage]));
        await isServed(put(agent, bound(), { 'if-match': '*' }));
      },
      'tells the agent that a reply was refused': async () => {
        const refusal = { path: '/messages$', times: 1, error: { code: 131_047, message: quoting, type: appSecret } };
        expect(await whileMeta(refusal, () => isDone(routed()))).toBe(1);
        await isDone(routed(undefined, { kind: 'failure', value: refusedReply() }));
      },
      'tells the agent late that a reply was not delivered': () =>
        isDone(routed(undefined, failedStatus(`sb1:evt_${fresh()}:0`))),
      'holds an event, and lets it go': async () => {
        const before = stage.agent.heard.length;
        const envelope = await held();
        expect(stage.agent.heard).toHaveLength(before);
        await isDone(letGo(envelope));
        expect(stage.agent.heard.at(-1)?.body).toContain('"replayed":true');
      },
      'discards what is held': async () => {
        const before = stage.agent.heard.length;
        await isDone(letGo(await held(), { action: 'discard' }));
        expect(stage.agent.heard).toHaveLength(before);
      },
      'hears that the account was disabled, and reinstated': async () => {
        await isDone(news({ event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE' } }));
        const disabled = await ofCredential('DescribeCredentials', 'GET /v1/credentials/{credentialId}');
        expect(JSON.parse(disabled.body)).toMatchObject({ reason: { code: 'account-disabled' } });
        await isDone(routed());
        await isDone(news({ event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'REINSTATE' } }));
      },
    },
    refuses: {
      'a message that is torn': () => staysQueued(stage.queue('RouteEvent', torn())),
      'a message of another form': () => staysQueued(stage.queue('RouteEvent', poison())),
      'an agent’s answer that is a secret': async () => {
        stage.agentAnswer = { status: 400, body: signingSecret };
        await isDone(routed());
      },
      'an agent’s answer that is no message': async () => {
        stage.agentAnswer = {
          status: 200,
          body: JSON.stringify({ messages: [{ type: signingSecret, [appSecret]: 1 }] }),
        };
        await isDone(routed());
      },
      'an agent that fails with a secret': async () => {
        stage.agentAnswer = { status: 500, body: `${signingSecret} ${appSecret}` };
        await staysQueued(routed());
      },
      'an agent that sends it elsewhere': async () => {
        stage.agentAnswer = { status: 302, body: signingSecret };
        await staysQueued(routed());
      },
      'a release of another form': () => staysQueued(letGo(queuedEvent().envelope, { action: appSecret })),
      'a mark of ours that somebody forged out of secrets': () =>
        isDone(routed(undefined, failedStatus(`sb1:${appSecret}:${accessToken}`))),
      'news that nobody understands': async () => {
        await isDone(news({ event: appSecret, [accessToken]: { waba_ban_state: otherToken } }));
        await isDone(news({ event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: accessToken } }));
        await isDone(news({ event: [appSecret], ban_info: accessToken }));
      },
    },
    usual: async (remaining) => {
      await relayed(remaining).catch(() => undefined);
      await routed(remaining, failedStatus(`sb1:evt_${fresh()}:0`)).catch(() => undefined);
      const envelope = await held(remaining).catch(() => queuedEvent().envelope);
      await letGo(envelope, {}, remaining).catch(() => undefined);
      await news({ event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'REINSTATE' } }, remaining);
    },
  },
  ReleaseHeld: {
    works: {
      'has what is held on a number let go': async () => {
        await held();
        await isDone(stage.queue('ReleaseHeld', await release()));
      },
    },
    refuses: queueRefusals('ReleaseHeld'),
    usual: async (remaining) => {
      await held().catch(() => undefined);
      await stage.queue('ReleaseHeld', await release(), remaining);
    },
  },
  ManageHeld: {
    works: {
      'lists what is held, not what was said': async () => {
        await held();
        const list = await ofHeld('GET');
        expect(JSON.parse(list.body)).toMatchObject({ items: expect.arrayContaining([expect.anything()]) });
      },
      'has it replayed, twice under an Idempotency-Key': async () => {
        const headers = { 'idempotency-key': `${idempotencyKey}-replay` };
        await isServed(ofHeld('POST', { body: { maxAgeHours: 2 }, headers }));
        await isServed(ofHeld('POST', { body: { maxAgeHours: 2 }, headers }));
      },
      'has it discarded': () => isServed(ofHeld('DELETE')),
    },
    refuses: {
      'a body that is torn': () => isRefused(ofHeld('POST', { body: torn() })),
      'fields that are not known': () =>
        isRefused(ofHeld('POST', { body: { maxAgeHours: appSecret, [accessToken]: otherToken } })),
      'secrets in the query': () =>
        isRefused(ofHeld('GET', { query: { limit: accessToken, cursor: appSecret, [otherToken]: pin } })),
      'a secret in the path': () => isRefused(ofHeld('DELETE', { path: { credentialId: accessToken } })),
      'an Idempotency-Key for another request': async () => {
        const headers = { 'idempotency-key': `${idempotencyKey}-replay` };
        await isRefused(ofHeld('POST', { body: { maxAgeHours: 3 }, headers }));
      },
    },
    usual: async (remaining) => {
      await ofHeld('GET', {}, remaining).catch(() => undefined);
      await ofHeld('POST', {}, remaining);
    },
  },
  EraseCustomer: {
    works: {
      'erases a customer, with what is held': async () => {
        await heldOfCustomer();
        const answer = await erase(`+${customerNumber}`);
        expect(JSON.parse(answer.body)).toEqual({ erased: { conversations: 1, heldEvents: 1 } });
      },
      'erases who was never heard of': () => isServed(erase('a-user-id')),
    },
    refuses: {
      'a customer who is a secret, too long for an id': () => isRefused(erase(accessToken.repeat(4))),
      'to say anything of a customer who is a secret': () => isServed(erase(otherToken)),
      'a token without a tenant': () =>
        isRefused(
          erase(customerNumber, {
            headers: { authorization: `Bearer e30.${Buffer.from(appSecret).toString('base64url')}.x` },
          }),
        ),
    },
    usual: async (remaining) => {
      await heldOfCustomer().catch(() => undefined);
      await erase(customerNumber, {}, remaining);
    },
  },
  ProjectActivity: {
    works: {
      'counts what became of an event': async () => {
        await isCounted(streamedClaim());
        const activity = await stage.api('ShowActivity', 'GET /v1/credentials/{credentialId}/activity', {
          path: { credentialId: credential },
        });
        expect(JSON.parse(activity.body)).toMatchObject({ items: expect.arrayContaining([expect.anything()]) });
      },
    },
    refuses: {
      'rows that are full of secrets': () =>
        isCounted(
          streamedClaim({ leaseId: { S: accessToken }, conversationId: { S: appSecret }, text: { S: question } }),
        ),
      'rows of another form': () => isCounted(streamedClaim({ pk: { S: appSecret }, agentId: { S: accessToken } })),
      'rows that hold what was said': () =>
        isCounted({ pk: { S: `conv_${fresh()}` }, sk: { S: `ANSWER#evt_${fresh()}` }, replies: { S: reply } }),
      'what cannot be read': () =>
        stage.invoke('ProjectActivity', { Records: [{ dynamodb: [appSecret], [accessToken]: pin }] }),
      'an event of another form': () =>
        expect(stage.invoke('ProjectActivity', { secret: appSecret })).rejects.toThrow(),
    },
    usual: (remaining) => isCounted(streamedClaim(), remaining),
  },
  ShowActivity: {
    works: {
      'shows the activity of a credential': () =>
        isServed(ofCredential('ShowActivity', 'GET /v1/credentials/{credentialId}/activity')),
      'shows the dashboard': () => isServed(stage.api('ShowActivity', 'GET /v1/dashboard')),
    },
    refuses: {
      'a secret in the path': () =>
        isRefused(
          ofCredential('ShowActivity', 'GET /v1/credentials/{credentialId}/activity', undefined, {
            credentialId: accessToken,
          }),
        ),
      'secrets in the query': () =>
        isRefused(
          stage.api('ShowActivity', 'GET /v1/credentials/{credentialId}/activity', {
            path: { credentialId: credential },
            query: { limit: accessToken, cursor: appSecret, [otherToken]: pin },
          }),
        ),
      'to show the dashboard of somebody else': async () => {
        const answer = await stage.api('ShowActivity', 'GET /v1/dashboard', { tenant: 'stranger' });
        expect(JSON.parse(answer.body)).toMatchObject({ credentials: [], agents: [] });
      },
    },
    usual: async (remaining) => {
      await ofCredential('ShowActivity', 'GET /v1/credentials/{credentialId}/activity').catch(() => undefined);
      await stage.api('ShowActivity', 'GET /v1/dashboard', {}, remaining);
    },
  },
  WatchAudit: {
    works: {
      'raises the alarm for a line that was changed': () => stage.invoke('WatchAudit', changes(auditLine)),
    },
    refuses: {
      'a line whose key is a secret': () => stage.invoke('WatchAudit', changes({ pk: auditLine.pk, sk: { N: pin } })),
      'what cannot be read': () =>
        stage.invoke('WatchAudit', { Records: [{ eventName: [appSecret], [accessToken]: pin }] }),
      'an event of another form': () => expect(stage.invoke('WatchAudit', { secret: appSecret })).rejects.toThrow(),
    },
    usual: () => stage.invoke('WatchAudit', changes(auditLine)),
  },
  RewrapVault: {
    works: {
      'moves the Vault to the current key': async () =>
        expect(await stage.invoke('RewrapVault', { restart: true })).toMatchObject({
          moved: expect.toSatisfy((count: number) => count > 0),
          failed: 0,
        }),
    },
    refuses: {
      'fields that are not known': () =>
        expect(stage.invoke('RewrapVault', { [accessToken]: appSecret })).rejects.toThrow(),
      'what is no request': () => expect(stage.invoke('RewrapVault', appSecret)).rejects.toThrow(),
    },
    usual: (remaining) => stage.invoke('RewrapVault', { restart: true }, remaining),
  },
  ServePlatform: {
    works: {
      'is there': () => isServed(stage.invoke('ServePlatform', httpEvent({ routeKey: 'GET /health' }))),
      'describes itself': () => isServed(stage.invoke('ServePlatform', httpEvent({ routeKey: 'GET /openapi.json' }))),
    },
    refuses: {
      'a route that does not exist': () =>
        isRefused(
          stage.invoke(
            'ServePlatform',
            httpEvent({ routeKey: '$default', body: torn(), headers: { cookie: appSecret } }),
          ),
        ),
    },
    usual: () => stage.invoke('ServePlatform', httpEvent({ routeKey: 'GET /health' })),
  },
  AddTenantClaim: {
    works: {
      'names the tenant': async () => {
        await stage.invoke('AddTenantClaim', { request: { userAttributes: { sub: 'ada', 'custom:tenant': 'acme' } } });
      },
    },
    refuses: {
      'an event of another form': () =>
        expect(
          stage.invoke('AddTenantClaim', { request: { clientMetadata: { secret: appSecret } } }),
        ).rejects.toThrow(),
    },
    usual: () => stage.invoke('AddTenantClaim', { request: { userAttributes: { sub: 'ada' } } }),
  },
};

/** Whatever fails may quote what it was sent. */
const quoting = `Could not take ${accessToken} of ${appSecret}, nor ${formerVerifyToken}.`;
const aws = (target: RegExp, statusCode: number, type: string): AwsFault => ({
  target,
  answer: { status: statusCode, type, message: quoting },
});
const awsFaults: readonly {
  readonly of: 'KMS' | 'DynamoDB' | 'SQS' | 'S3' | 'SNS';
  readonly what: string;
  readonly fault: AwsFault;
}[] = [
  { of: 'SNS', what: 'SNS fails', fault: aws(/^SNS/, 500, 'InternalError') },
  { of: 'SNS', what: 'SNS is cut off', fault: { target: /^SNS/, answer: 'dropped' } },
  { of: 'KMS', what: 'KMS fails', fault: aws(/^Trent/, 500, 'KMSInternalException') },
  { of: 'KMS', what: 'KMS is cut off', fault: { target: /^Trent/, answer: 'dropped' } },
  {
    of: 'DynamoDB',
    what: 'DynamoDB is throttled',
    fault: aws(/^Dynamo/, 400, 'ProvisionedThroughputExceededException'),
  },
  {
    of: 'DynamoDB',
    what: 'DynamoDB takes no writes',
    fault: aws(/^Dynamo.*\.(TransactWriteItems|PutItem|UpdateItem|DeleteItem)$/, 400, 'ThrottlingException'),
  },
  { of: 'DynamoDB', what: 'DynamoDB is cut off', fault: { target: /^Dynamo/, answer: 'dropped' } },
  { of: 'SQS', what: 'SQS fails', fault: aws(/^AmazonSQS/, 500, 'InternalFailure') },
  { of: 'SQS', what: 'SQS is cut off', fault: { target: /^AmazonSQS/, answer: 'dropped' } },
  { of: 'S3', what: 'S3 fails', fault: aws(/^S3$/, 503, 'SlowDown') },
  { of: 'S3', what: 'S3 is cut off', fault: { target: /^S3$/, answer: 'dropped' } },
];

const always = { path: '.', times: null } as const;
const metaFaults: readonly { readonly what: string; readonly fault: object }[] = [
  { what: 'Meta is cut off', fault: { ...always, dropConnection: true } },
  { what: 'Meta answers no JSON', fault: { ...always, answer: `no JSON ${quoting}` } },
  { what: 'Meta answers another form', fault: { ...always, answer: { data: quoting, [accessToken]: appSecret } } },
  {
    what: 'Meta refuses, quoting secrets',
    fault: { ...always, error: { message: quoting, code: 190, type: appSecret } },
  },
  { what: 'Meta is busy, quoting secrets', fault: { ...always, status: 503, error: { message: quoting, code: 2 } } },
];

/** Short of time a worker gives its work back. In milliseconds. */
const littleTime = 6_000;

type Column = 'works' | 'refuses' | 'KMS' | 'DynamoDB' | 'SQS' | 'S3' | 'SNS' | 'Meta';
/** What a Lambda depends on, as far as the variables tell that infra gives it. */
const variables: Readonly<Record<'KMS' | 'DynamoDB' | 'SQS' | 'S3' | 'SNS' | 'Meta', RegExp>> = {
  KMS: /^ENVELOPE_KEY_ARN$/,
  DynamoDB: /_TABLE$/,
  SQS: /_QUEUE_URL$/,
  S3: /^RELAY_BUCKET$/,
  SNS: /_TOPIC_/,
  Meta: /^GRAPH_API_URL$/,
};
const dependsOn = (handler: HandlerName, what: keyof typeof variables): boolean =>
  environmentNamesOf(handler).some((name) => variables[what].test(name));

const columns = ['works', 'refuses', 'KMS', 'DynamoDB', 'SQS', 'S3', 'SNS', 'Meta'] as const;
const coverage = new Map<string, Map<Column, number>>();
const covered = (handler: string, column: Column) => {
  const row = coverage.get(handler) ?? new Map<Column, number>();
  coverage.set(handler, row.set(column, (row.get(column) ?? 0) + 1));
};

beforeAll(async () => {
  stage = await CanaryStage.open();
  stage.markAccess(app, appSecret, accessToken);
  stage.markAccess(app, appSecret, otherToken);
  stage.mark('App Secret that is wrong', wrongSecret);
  stage.mark('verify token of somebody else', formerVerifyToken);
  stage.mark('guessed verify token', guessedVerifyToken);
  stage.mark('Idempotency-Key', idempotencyKey);
  stage.mark('PIN', pin);
  // Whatever is said lies where it waits, and nowhere else.
  stage.mark('what a customer wrote', question, /^(queue|body|request to the agent)/);
  stage.mark('name of a customer', customerName, /^(queue|body|request to the agent)/);
  // Meta's id of a message holds the number: its sender gets it.
  stage.mark(
    'phone number of a customer',
    customerNumber,
    /^(queue|body|request to the agent|answer of SendMessages|row msg_)/,
  );
  stage.mark('what an agent answered', reply, /^(queue|row conv_\S+ ANSWER#)/);
  const whereAgentsAre = /^(row|answer of (ManageAgents|DescribeAgents))/;
  stage.mark('greeting', greeting, whereAgentsAre);
  stage.mark('word that nobody is there', awayMessage, whereAgentsAre);
  await stage.meta.seed({
    settings: { statuses: [] },
    apps: [{ id: app, name: 'Shop', secret: appSecret }],
    wabas: [waba, otherWaba].map((id) => ({ id, name: 'Shop', businessId: '900300000000001' })),
    phoneNumbers: [
      { id: number, wabaId: waba, displayPhoneNumber: '+1 555-010-0100', verifiedName: 'Shop' },
      {
        id: unregistered,
        wabaId: waba,
        displayPhoneNumber: '+1 555-010-0101',
        verifiedName: 'Shop',
        registered: false,
      },
    ],
    tokens: [
      { name: 'first', value: accessToken, appId: app, assets: 'all' },
      { name: 'second', value: otherToken, appId: app, assets: 'all' },
    ],
    foreignCallbacks: [{ name: 'vendor', verifyToken: formerVerifyToken }],
    phoneOverrides: [
      {
        appId: app,
        phoneNumberId: number,
        overrideCallbackUri: '{self}/_foreign/vendor',
        verifyToken: formerVerifyToken,
      },
    ],
  });
  const answer = await connect(connecting());
  const created = JSON.parse(answer.body) as { id: string; webhook: { url: string } };
  credential = credentialId.parse(created.id);
  webhook = created.webhook.url.split('/').at(-1) ?? '';
  const bot = await put(agent, bound(), { 'if-none-match': '*' });
  signingSecret = (JSON.parse(bot.body) as { signingSecret: string }).signingSecret;
  await isDone(stage.queue('SetUpWebhook', await setUp()));
});
afterAll(() => stage[Symbol.asyncDispose]());

/** Runs it, and looks at once at what has come of it. */
async function played(scene: string, run: () => Promise<unknown>): Promise<void> {
  stage.scene = scene;
  stage.agentAnswer = { status: 200, body: JSON.stringify({ messages: [{ type: 'text', text: { body: reply } }] }) };
  const from = stage.haystacks.length;
  await run();
  await stage.learnVerifyTokens();
  expect(stage.found(from)).toEqual([]);
}

describe.each(handlerNames)('no secret gets out of %s', (handler) => {
  const play = scenes[handler];
  if (play === undefined)
    test('has scenes', () => {
      expect.fail(`${handler} has no scenes: add them to \`scenes\` in test/integration/canary.test.ts.`);
    });
  const { works = {}, refuses = {}, usual = () => Promise.resolve() } = play ?? {};

  test.each(Object.entries(works))('when it works: %s', async (what, run) => {
    await played(`when it works: ${what}`, run);
    covered(handler, 'works');
  });

  test.each(Object.entries(refuses))('when it refuses %s', async (what, run) => {
    await played(`when it refuses ${what}`, run);
    covered(handler, 'refuses');
  });

  test.each(awsFaults.filter(({ of }) => dependsOn(handler, of)))('while $what', async ({ of, what, fault }) => {
    let failed = 0;
    const under = (run: () => Promise<unknown>) => async () => {
      failed += await stage.aws.during(fault, async () => {
        await run().catch(() => undefined);
      });
    };
    await played(`while ${what}`, under(usual));
    // What is done otherwise only when there is trouble already.
    if (of === 'SQS') {
      await played(
        `while ${what} and time is short`,
        under(() => usual(littleTime)),
      );
      await played(
        `while ${what} and Meta is silent`,
        under(() => whileMeta({ ...always, dropConnection: true }, usual)),
      );
    }
    if (failed > 0) covered(handler, of);
  });

  test.each(metaFaults.filter(() => dependsOn(handler, 'Meta')))('while $what', async ({ what, fault }) => {
    let asked = 0;
    await played(`while ${what}`, async () => {
      asked = await whileMeta(fault, usual);
    });
    if (asked > 0) covered(handler, 'Meta');
  });
});

/** What customers are told meanwhile. */
async function saidWhile(run: () => Promise<unknown>): Promise<readonly string[]> {
  await stage.meta.control('DELETE', 'sent');
  await run();
  const { items } = await stage.meta.control<{ items: readonly { body: { text?: { body: string } } }[] }>(
    'GET',
    'sent',
  );
  return items.flatMap(({ body }) => body.text?.body ?? []);
}

/** @returns how many calls failed */
async function whileMeta(fault: object, run: () => Promise<unknown>): Promise<number> {
  const { id } = await stage.meta.control<{ id: string }>('POST', 'faults', fault);
  try {
    await run().catch(() => undefined);
    const { items } = await stage.meta.control<{ items: { id: string; applied: number }[] }>('GET', 'faults');
    return items.find((item) => item.id === id)?.applied ?? 0;
  } finally {
    await stage.meta.control('DELETE', `faults/${id}`);
  }
}

describe('afterwards', () => {
  test('no secret is in a table, in a queue, in the relay bucket, or in anything that was kept', async () => {
    stage.scene = 'afterwards';
    expect(await stage.keepTables()).toBeGreaterThan(0);
    expect(await stage.keepQueues()).toBeGreaterThan(0);
    expect(await stage.keepBodies()).toBeGreaterThan(0);
    expect(stage.found()).toEqual([]);
  });

  test('the search would find each of them, in whatever spelling', () => {
    for (const { name, value } of stage.canaries) {
      const text = Buffer.from(value);
      const spellings = [
        value,
        `x${value}`.slice(1),
        ...(value.length > 12
          ? [
              text.toString('hex'),
              encodeURIComponent(value),
              JSON.stringify({ value }),
              JSON.stringify(JSON.stringify({ value })),
              ...[0, 1, 2].flatMap((offset) => {
                const padded = Buffer.concat([Buffer.alloc(offset, 'a'), text, Buffer.from('zz')]);
                return [padded.toString('base64'), padded.toString('base64url')];
              }),
            ]
          : []),
      ];
      for (const content of spellings)
        expect(findCanaries([{ name, value }], [{ place: 'there', content }]), name).toEqual([`${name} in there`]);
    }
  });

  test('every Lambda has been tried with everything that it depends on', () => {
    const missing = handlerNames.flatMap((handler) => {
      const needed: Column[] = ['works', 'refuses'];
      for (const column of ['KMS', 'DynamoDB', 'SQS', 'S3', 'SNS', 'Meta'] as const)
        if (dependsOn(handler, column)) needed.push(column);
      return needed.filter((column) => !coverage.get(handler)?.has(column)).map((column) => `${handler}: ${column}`);
    });
    const width = Math.max(...handlerNames.map((name) => name.length));
    const line = (name: string, cells: readonly unknown[]) =>
      `${name.padEnd(width)} ${cells.map((cell) => String(cell).padStart(9)).join('')}`;
    const table = handlerNames.map((name) =>
      line(
        name,
        columns.map((column) => coverage.get(name)?.get(column) ?? '-'),
      ),
    );
    stage.print([line('scenes', columns), ...table].join('\n'));
    expect(missing).toEqual([]);
  });
});
