import * as z from 'zod';
import { createDocument, type ZodOpenApiOperationObject } from 'zod-openapi';
import { credentialActivity } from './activity.ts';
import { agent, agentList, agentTest, putAgentRequest } from './agent.ts';
import { agentAnswer, agentEvent } from './agent-event.ts';
import { agentKey, agentKeyList, createAgentKeyRequest, newAgentKey } from './agent-key.ts';
import { auditList } from './audit.ts';
import {
  createCredentialRequest,
  credential,
  credentialList,
  credentialWebhook,
  manualWebhookSetUp,
  phoneNumberList,
  registerNumberRequest,
  removeCredentialQuery,
  repairWebhookRequest,
  updateCredentialRequest,
  validateCredentialRequest,
  webhookRepair,
} from './credential.ts';
import { customerErased, customerId } from './customer.ts';
import { dashboard } from './dashboard.ts';
import { credentialHealthView, describedHealth } from './health.ts';
import { heldList, heldRelease, replayHeldRequest } from './held.ts';
import { agentId, agentKeyId, credentialId, mediaId, messageId, phoneNumberId, uploadId } from './ids.ts';
import { transferPending, upload, uploadedMedia, uploadKinds, uploadRequest } from './media.ts';
import { sendMessageBody, sentMessage } from './message.ts';
import { notifications, putNotificationsRequest } from './notification.ts';
import { pageQuery } from './page.ts';
import { check, problem } from './problem.ts';
import { routingPreview, routingPreviewRequest } from './routing-preview.ts';
import { templateList, templateQuery } from './template.ts';

const json = (schema: z.ZodType) => ({ 'application/json': { schema } });
const problemContent = { 'application/problem+json': { schema: problem } };
const gatewayMessage = z
  .object({ message: z.string() })
  .meta({ id: 'GatewayMessage', description: 'What API Gateway answers by itself' });

const problemAnswers = (...statuses: readonly (keyof typeof problemTexts)[]) =>
  Object.fromEntries(
    statuses.map((status) => [status, { description: problemTexts[status], content: problemContent }]),
  );

const problemTexts = {
  '400': 'The body is not JSON',
  '403': 'The token names no tenant',
  '404': 'Not found, or not yours',
  '409': 'In conflict with what is there',
  '410': 'Meta no longer has it',
  '412': 'Changed meanwhile',
  '413': 'Too large',
  '415': 'A type that WhatsApp does not take',
  '422': 'Fields or values are refused; `errors[]` points at them',
  '428': 'A precondition header is missing',
  '500': 'A fault of ours',
  '502': 'What Meta gave is not what it had announced',
  '503': 'Meta or a service did not answer; repeat after Retry-After',
  '504': 'Meta did not answer, and it may have taken effect',
} as const;

const gatewayAnswers = {
  '401': { description: 'No acceptable token', content: json(gatewayMessage) },
  '429': { description: 'Too many requests', content: json(gatewayMessage) },
};

/** One that agents share: a key will do as well, and we answer 401 and 429 ourselves. */
const agentOperation = (object: ZodOpenApiOperationObject): ZodOpenApiOperationObject => ({
  ...object,
  security: [{ accessToken: [] }, { agentKey: [] }],
  responses: {
    ...object.responses,
    '401': { description: 'No acceptable token or key', content: problemContent },
    '429': { description: 'Meta takes no more for now; repeat after Retry-After', content: problemContent },
    ...problemAnswers('403', '500', '503'),
  },
});

/** Every other /v1 operation: needs a token, may be throttled, may fail. */
const operation = (object: ZodOpenApiOperationObject): ZodOpenApiOperationObject => ({
  ...object,
  security: [{ accessToken: [] }],
  responses: { ...object.responses, ...gatewayAnswers, ...problemAnswers('403', '500', '503') },
});

const etag = { etag: { description: 'Version, for If-Match', schema: { type: 'string' as const } } };
const binary = z.string().meta({ format: 'binary' });
const pending = {
  headers: {
    location: { description: 'Where to ask again', schema: { type: 'string' as const } },
    'retry-after': { description: 'In seconds', schema: { type: 'integer' as const } },
  },
  content: json(transferPending),
};
const credentialPath = z.object({ credentialId });
const numberPath = z.object({ credentialId, phoneNumberId });

/** Every POST that creates or sends. */
const idempotencyKey = z.object({
  'idempotency-key': z.string().optional().meta({
    description:
      'A random value of yours, remembered for 24 hours: the same request gets the first answer again, 409 while that is still being made, 422 for another body',
  }),
});
const ifMatch = z.object({ 'if-match': z.string().meta({ description: 'ETag of the version that is changed' }) });

const validation = z
  .object({ valid: z.boolean(), checks: z.array(check) })
  .meta({ id: 'Validation', description: 'One verdict per check' });
const agentPath = z.object({ agentId });

/** The HTTP contract as OpenAPI 3.1, generated from the zod contracts: `npm run docs` writes docs/openapi.json. */
export const openApiDocument = () =>
  createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Switchboard',
      version: '1',
      description:
        'Bring-your-own WhatsApp for agent platforms. Errors are RFC 9457 problem details, except what API Gateway answers by itself (`{"message"}`).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    components: {
      securitySchemes: {
        accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        agentKey: { type: 'http', scheme: 'bearer', bearerFormat: 'sbk_…' },
      },
      schemas: { AgentEvent: agentEvent, AgentAnswer: agentAnswer },
    },
    paths: {
      '/v1/credentials': {
        get: operation({
          operationId: 'listCredentials',
          summary: 'List your credentials',
          requestParams: { query: pageQuery },
          responses: { '200': { description: 'A page', content: json(credentialList) }, ...problemAnswers('422') },
        }),
        post: operation({
          operationId: 'createCredential',
          summary: 'Validate credentials at Meta, store them sealed and set up the webhook',
          requestParams: { header: idempotencyKey },
          requestBody: { required: true, content: json(createCredentialRequest) },
          responses: {
            '201': { description: 'Connected', headers: etag, content: json(credential) },
            ...problemAnswers('400', '409', '413', '422'),
          },
        }),
      },
      '/v1/credentials/{credentialId}': {
        get: operation({
          operationId: 'describeCredential',
          summary: 'Describe one of your credentials',
          requestParams: { path: credentialPath },
          responses: {
            '200': { description: 'The credential', headers: etag, content: json(credential) },
            ...problemAnswers('404'),
          },
        }),
        patch: operation({
          operationId: 'updateCredential',
          summary: 'Change the label or the secrets; new secrets are proved at Meta before the old ones go',
          requestParams: { path: credentialPath, header: ifMatch },
          requestBody: { required: true, content: json(updateCredentialRequest) },
          responses: {
            '200': { description: 'Changed', headers: etag, content: json(credential) },
            ...problemAnswers('400', '404', '409', '412', '413', '422', '428'),
          },
        }),
        delete: operation({
          operationId: 'removeCredential',
          summary: 'Stop everything at once, clean up at Meta, shred the secrets',
          requestParams: { path: credentialPath, query: removeCredentialQuery },
          responses: {
            '200': {
              description: 'Gone; `leftAtMeta` names what could not be put in order',
              content: json(credential),
            },
            '202': { description: 'Stopped; the clean-up at Meta goes on', content: json(credential) },
            ...problemAnswers('404', '409', '422'),
          },
        }),
      },
      '/v1/credentials/validate': {
        post: operation({
          operationId: 'validateCredential',
          summary: 'Dry run: every check with its own verdict; stores nothing',
          requestBody: { required: true, content: json(validateCredentialRequest) },
          responses: {
            '200': { description: 'The verdicts', content: json(validation) },
            ...problemAnswers('400', '413', '422'),
          },
        }),
      },
      '/v1/credentials/{credentialId}/phone-numbers': {
        get: operation({
          operationId: 'listPhoneNumbers',
          summary: 'The numbers of a credential as Meta last described them',
          requestParams: { path: credentialPath },
          responses: {
            '200': { description: 'All of them', content: json(phoneNumberList) },
            ...problemAnswers('404'),
          },
        }),
      },
      '/v1/credentials/{credentialId}/phone-numbers/{phoneNumberId}/register': {
        post: operation({
          operationId: 'registerPhoneNumber',
          summary: 'Register a number for the Cloud API with its PIN, which is never stored',
          requestParams: { path: numberPath, header: idempotencyKey },
          requestBody: { required: true, content: json(registerNumberRequest) },
          responses: {
            '200': {
              description: 'The number as it is now',
              content: json(credential.shape.phoneNumbers.element.meta({ id: 'PhoneNumber' })),
            },
            ...problemAnswers('400', '404', '409', '413', '422'),
          },
        }),
      },
      '/v1/credentials/{credentialId}/templates': {
        get: operation({
          operationId: 'listTemplates',
          summary: 'List the message templates of the account, to pick one',
          description: 'As Meta has them now, or had them a minute ago.',
          requestParams: { path: credentialPath, query: templateQuery },
          responses: {
            '200': { description: 'All of them', content: json(templateList) },
            ...problemAnswers('404', '409', '422'),
          },
        }),
      },
      '/v1/credentials/{credentialId}/webhook': {
        get: operation({
          operationId: 'describeWebhook',
          summary: 'The webhook as it should be and as Meta has it now, at all three levels',
          requestParams: { path: credentialPath },
          responses: {
            '200': { description: 'Compared just now', content: json(credentialWebhook) },
            ...problemAnswers('404', '409', '422'),
          },
        }),
      },
      '/v1/credentials/{credentialId}/webhook/repair': {
        post: operation({
          operationId: 'repairWebhook',
          summary: 'Put the webhook in order again, and say what had changed',
          requestParams: { path: credentialPath },
          requestBody: { required: false, content: json(repairWebhookRequest) },
          responses: {
            '200': { description: 'What had changed, and the webhook as it is now', content: json(webhookRepair) },
            ...problemAnswers('400', '404', '409', '413', '422'),
          },
        }),
      },
      '/v1/credentials/{credentialId}/webhook/manual-setup': {
        post: operation({
          operationId: 'guideManualSetUp',
          summary: 'Address, verify token (shown once), fields and steps for doing it by hand',
          requestParams: { path: credentialPath, header: idempotencyKey },
          responses: {
            '200': { description: 'The only answer that shows this verify token', content: json(manualWebhookSetUp) },
            ...problemAnswers('404', '409', '422'),
          },
        }),
      },
      '/v1/credentials/{credentialId}/audit': {
        get: operation({
          operationId: 'listAccesses',
          summary: 'List who opened or changed one of your credentials, newest first',
          description:
            "Complete within seconds, and kept after the credential is removed. Every opening is also an event in the operator's CloudTrail, by `kmsRequestId`; that may lag behind by minutes.",
          requestParams: { path: credentialPath, query: pageQuery },
          responses: {
            '200': { description: 'A page', content: json(auditList) },
            ...problemAnswers('404', '422'),
          },
        }),
      },
      '/v1/credentials/{credentialId}/check': {
        post: operation({
          operationId: 'checkCredential',
          summary: 'Check a credential at Meta now',
          description:
            'Token, App Secret, permissions, account, the numbers that agents answer, and the webhook; up to 25 seconds. A credential that is right again is enabled, and what was held is replayed. Where Meta gives no verdict `checkedAt` stays as it was, and the check is repeated by itself.',
          requestParams: { path: credentialPath },
          responses: {
            '200': { description: 'How it is now', content: json(credentialHealthView) },
            ...problemAnswers('404', '409'),
          },
        }),
      },
      '/v1/credentials/{credentialId}/health': {
        get: operation({
          operationId: 'describeHealth',
          summary: 'What the last check of a credential has seen, and how it was before',
          requestParams: { path: credentialPath, query: pageQuery },
          responses: {
            '200': { description: 'How it is, and a page of its history', content: json(describedHealth) },
            ...problemAnswers('404', '422'),
          },
        }),
      },
      '/v1/credentials/{credentialId}/activity': {
        get: operation({
          operationId: 'describeActivity',
          summary: 'What went through a credential: counters by hour and day, and recent events, newest first',
          description:
            'Counted within seconds. It says what happened, never what was said nor with whom. A cursor pages the events; the counters are always those of now.',
          requestParams: { path: credentialPath, query: pageQuery },
          responses: {
            '200': { description: 'Counters, and a page of events', content: json(credentialActivity) },
            ...problemAnswers('404', '422'),
          },
        }),
      },
      '/v1/dashboard': {
        get: operation({
          operationId: 'showDashboard',
          summary: 'Everything that a dashboard shows, in one call',
          description:
            'Credentials with their numbers, agents, what goes through them and what waits. Activity is counted within seconds.',
          responses: { '200': { description: 'As of now', content: json(dashboard) } },
        }),
      },
      '/v1/credentials/{credentialId}/held': {
        get: operation({
          operationId: 'listHeld',
          summary: 'List the conversations of which events are held, and why',
          requestParams: { path: credentialPath, query: pageQuery },
          responses: {
            '200': { description: 'A page', content: json(heldList) },
            ...problemAnswers('404', '422'),
          },
        }),
        delete: operation({
          operationId: 'discardHeld',
          summary: 'Discard all held events of a credential',
          requestParams: { path: credentialPath },
          responses: {
            '202': { description: 'They are being discarded', content: json(heldRelease) },
            ...problemAnswers('404'),
          },
        }),
      },
      '/v1/credentials/{credentialId}/held/replay': {
        post: operation({
          operationId: 'replayHeld',
          summary: 'Replay held events, also those that wait for your choice',
          description:
            'In order within each conversation. What a paused agent or a disabled account holds stays held until that has changed.',
          requestParams: { path: credentialPath, header: idempotencyKey },
          requestBody: { required: false, content: json(replayHeldRequest) },
          responses: {
            '202': { description: 'They are being replayed', content: json(heldRelease) },
            ...problemAnswers('400', '404', '409', '413', '422'),
          },
        }),
      },
      '/v1/notifications': {
        get: operation({
          operationId: 'describeNotifications',
          summary: 'Where your alerts go, and which of these addresses are confirmed',
          responses: { '200': { description: 'As it is now', headers: etag, content: json(notifications) } },
        }),
        put: operation({
          operationId: 'putNotifications',
          summary: 'Choose where your alerts go',
          description:
            'Amazon SNS asks the owner of each new address by a link, and nothing is told there before. A question that nobody answers is forgotten after two days; to have it asked again, send the same once more.',
          requestParams: { header: ifMatch },
          requestBody: { required: true, content: json(putNotificationsRequest) },
          responses: {
            '200': { description: 'As it is now', headers: etag, content: json(notifications) },
            ...problemAnswers('400', '409', '412', '413', '422', '428'),
          },
        }),
      },
      '/v1/customers/{customerId}': {
        delete: operation({
          operationId: 'eraseCustomer',
          summary: 'Erase what is kept of one of your customers',
          description:
            'By phone number, user id or group id. Held events and replies that wait are discarded; what was received before and is still queued is not dispatched any more.',
          requestParams: { path: z.object({ customerId }) },
          responses: {
            '200': { description: 'Erased; the same for who was never heard of', content: json(customerErased) },
          },
        }),
      },
      '/v1/agents': {
        get: operation({
          operationId: 'listAgents',
          summary: 'List your agents',
          requestParams: { query: pageQuery },
          responses: { '200': { description: 'A page', content: json(agentList) }, ...problemAnswers('422') },
        }),
      },
      '/v1/agents/{agentId}': {
        get: operation({
          operationId: 'describeAgent',
          summary: 'Describe one of your agents',
          requestParams: { path: agentPath },
          responses: {
            '200': { description: 'The agent', headers: etag, content: json(agent) },
            ...problemAnswers('404'),
          },
        }),
        put: operation({
          operationId: 'putAgent',
          summary: 'Create or edit an agent and its WhatsApp number',
          requestParams: {
            path: agentPath,
            header: z.object({ 'if-match': z.string().optional(), 'if-none-match': z.literal('*').optional() }),
          },
          requestBody: { required: true, content: json(putAgentRequest) },
          responses: {
            '200': { description: 'Changed', headers: etag, content: json(agent) },
            '201': {
              description: 'Created; the only answer that shows `signingSecret`',
              headers: etag,
              content: json(agent),
            },
            ...problemAnswers('400', '404', '409', '412', '413', '422', '428'),
          },
        }),
        delete: operation({
          operationId: 'removeAgent',
          summary: 'Remove an agent: it gets nothing any more, its number is free, its signing secrets are shredded',
          description: 'What is held for it goes with it, unless another agent of the number takes it.',
          requestParams: { path: agentPath, header: ifMatch },
          responses: {
            '200': { description: 'Gone; the agent as it was, without WhatsApp', content: json(agent) },
            ...problemAnswers('404', '409', '412', '428'),
          },
        }),
      },
      '/v1/agents/{agentId}/pause': {
        post: operation({
          operationId: 'pauseAgent',
          summary: 'Hold what comes for the agent from now on',
          description: 'Not an edit: `version` and ETag stay. Pausing it again changes nothing.',
          requestParams: { path: agentPath },
          responses: {
            '200': { description: 'Paused', headers: etag, content: json(agent) },
            ...problemAnswers('404', '409'),
          },
        }),
      },
      '/v1/agents/{agentId}/resume': {
        post: operation({
          operationId: 'resumeAgent',
          summary: 'Hand the agent its events again, the held ones first',
          description:
            'Also for one that is `suspended` or `gone`: its target is tried at once. Not an edit: `version` and ETag stay. Where nothing holds its events nothing changes.',
          requestParams: { path: agentPath },
          responses: {
            '200': { description: 'Active', headers: etag, content: json(agent) },
            ...problemAnswers('404', '409'),
          },
        }),
      },
      '/v1/agents/{agentId}/messages': {
        post: agentOperation({
          operationId: 'sendMessage',
          summary: 'Send a message of the Cloud API from the number of the agent, or mark one as read',
          description:
            'Under an Idempotency-Key a repeat never sends twice, also after a timeout: when Meta does not answer, the outcome is unknown, and `instance` of the problem names the message. What is no template is refused without asking Meta once the 24 hours since the customer’s last message or call are known to be over: `message-refused` without `meta`, and a repeat is judged anew.',
          requestParams: { path: agentPath, header: idempotencyKey },
          requestBody: { required: true, content: json(sendMessageBody) },
          responses: {
            '200': { description: 'Marked as read', content: json(z.object({ status: z.literal('read') })) },
            '201': { description: 'Meta took it', content: json(sentMessage) },
            ...problemAnswers('400', '404', '409', '413', '422', '504'),
          },
        }),
      },
      '/v1/agents/{agentId}/messages/{messageId}': {
        get: agentOperation({
          operationId: 'describeMessage',
          summary: 'What has become of a message, for 30 days',
          requestParams: { path: agentPath.extend({ messageId }) },
          responses: { '200': { description: 'The message', content: json(sentMessage) }, ...problemAnswers('404') },
        }),
      },
      '/v1/agents/{agentId}/media/{mediaId}': {
        get: agentOperation({
          operationId: 'fetchMedia',
          summary: 'Get what a customer has sent to the agent',
          description:
            'For what the agent was told of within the last 7 days. The URL is good for five minutes and needs neither token nor key: send none there.',
          requestParams: { path: agentPath.extend({ mediaId }) },
          responses: {
            '202': { ...pending, description: 'It is on its way: ask again after Retry-After' },
            '302': { description: 'There it is', headers: { location: { schema: { type: 'string', format: 'uri' } } } },
            ...problemAnswers('404', '409', '410', '422', '502'),
          },
        }),
      },
      '/v1/agents/{agentId}/media': {
        post: agentOperation({
          operationId: 'uploadMedia',
          summary: 'Upload a file for the agent to send: up to 4 MB as the body, larger ones by a form',
          description:
            'With a body of JSON the answer is a form: send it with the file, then complete the upload. With a body of any other listed type the body is the file, and the answer is the id of Meta.',
          requestParams: { path: agentPath, header: idempotencyKey },
          requestBody: {
            required: true,
            content: {
              ...json(uploadRequest),
              ...Object.fromEntries([...uploadKinds.keys()].map((type) => [type, { schema: binary }])),
            },
          },
          responses: {
            '201': {
              description: 'A form that is good for 15 minutes, or what Meta calls the file',
              content: json(z.union([upload, uploadedMedia])),
            },
            ...problemAnswers('400', '404', '409', '413', '415', '422'),
          },
        }),
      },
      '/v1/agents/{agentId}/media/{uploadId}/complete': {
        post: agentOperation({
          operationId: 'completeUpload',
          summary: 'Take what was uploaded to Meta',
          description: 'Once, however often it is asked for.',
          requestParams: { path: agentPath.extend({ uploadId }) },
          responses: {
            '201': { description: 'Meta has it', content: json(uploadedMedia) },
            '202': { ...pending, description: 'It is on its way: ask again after Retry-After' },
            ...problemAnswers('404', '409', '422'),
          },
        }),
      },
      '/v1/agents/{agentId}/keys': {
        get: operation({
          operationId: 'listAgentKeys',
          summary: 'List the keys of an agent, never what they are',
          requestParams: { path: agentPath },
          responses: { '200': { description: 'All of them', content: json(agentKeyList) }, ...problemAnswers('404') },
        }),
        post: operation({
          operationId: 'createAgentKey',
          summary: 'Give an agent a key of its own',
          description:
            'Shown in this answer alone. With it the agent sends messages and moves media as itself and does nothing else. Two at a time, so that one can take the place of the other.',
          requestParams: { path: agentPath, header: idempotencyKey },
          requestBody: { required: false, content: json(createAgentKeyRequest) },
          responses: {
            '201': { description: 'Made', content: json(newAgentKey) },
            ...problemAnswers('400', '404', '409', '413', '422'),
          },
        }),
      },
      '/v1/agents/{agentId}/keys/{keyId}': {
        delete: operation({
          operationId: 'revokeAgentKey',
          summary: 'Take a key from an agent: the next request with it is refused',
          requestParams: { path: agentPath.extend({ keyId: agentKeyId }) },
          responses: { '200': { description: 'Revoked', content: json(agentKey) }, ...problemAnswers('404', '409') },
        }),
      },
      '/v1/agents/{agentId}/signing-secret': {
        post: operation({
          operationId: 'rotateSigningSecret',
          summary: 'Make a new signing secret; for 24 hours events are signed with the former one, too',
          description:
            'The header `webhook-signature` then holds two signatures with a space between them. Rotating again within that time ends the older one at once. Not an edit: `version` and ETag stay.',
          requestParams: { path: agentPath, header: idempotencyKey },
          responses: {
            '200': {
              description: 'The only answer that shows this `signingSecret`',
              headers: etag,
              content: json(agent),
            },
            ...problemAnswers('404', '409', '422'),
          },
        }),
      },
      '/v1/agents/{agentId}/test': {
        post: operation({
          operationId: 'testAgent',
          summary: 'Send a signed sample event to the agent and say what came back',
          description:
            'A `whatsapp.message.received` with `data.test: true`, sent at once and each time anew, also while the agent is paused. Nothing is sent to any customer, and nothing of the answer is shown.',
          requestParams: { path: agentPath },
          responses: {
            '200': { description: 'What came of it, whether it is good or bad', content: json(agentTest) },
            ...problemAnswers('404'),
          },
        }),
      },
      '/v1/routing/preview': {
        post: operation({
          operationId: 'previewRouting',
          summary: 'Which agent would get this message, and why: nothing is sent, nothing is stored',
          requestBody: { required: true, content: json(routingPreviewRequest) },
          responses: {
            '200': {
              description: 'The agent, and what is decided about each of the others',
              content: json(routingPreview),
            },
            ...problemAnswers('400', '404', '413', '422'),
          },
        }),
      },
      '/webhooks/{webhookId}': {
        get: {
          operationId: 'verifyWebhook',
          summary: "Meta's handshake",
          requestParams: {
            path: z.object({ webhookId: z.string() }),
            query: z.object({ 'hub.mode': z.string(), 'hub.challenge': z.string(), 'hub.verify_token': z.string() }),
          },
          responses: {
            '200': { description: 'The challenge', content: { 'text/plain': { schema: z.string() } } },
            '400': { description: 'Not a handshake' },
            '403': { description: 'Another verify token' },
            '404': { description: 'No such webhook' },
          },
        },
        post: {
          operationId: 'receiveWebhook',
          summary: "Meta's deliveries, signed with the App Secret (X-Hub-Signature-256)",
          requestParams: { path: z.object({ webhookId: z.string() }) },
          requestBody: {
            required: true,
            content: json(z.looseObject({ object: z.string(), entry: z.array(z.unknown()) })),
          },
          responses: {
            '200': { description: 'All of it is in the queue' },
            '400': { description: 'Signed, but not a webhook' },
            '401': { description: 'Not signed by Meta' },
            '404': { description: 'No such webhook' },
            '500': { description: 'Not all of it is in the queue: deliver again' },
          },
        },
      },
      '/health': {
        get: {
          operationId: 'health',
          summary: 'Liveness',
          responses: { '200': { description: 'Alive', content: json(z.object({ status: z.literal('ok') })) } },
        },
      },
      '/openapi.json': {
        get: {
          operationId: 'openapi',
          summary: 'This description',
          responses: { '200': { description: 'OpenAPI 3.1', content: json(z.looseObject({})) } },
        },
      },
    },
  });
