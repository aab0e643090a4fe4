import { CreateFunctionCommand, LambdaClient, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { Webhook } from 'standardwebhooks';
import { beforeAll, describe, expect, test } from 'vitest';
import { ACCOUNT } from '../../infra/local/aws-endpoint.ts';
import { dispatcherByTarget, functionRuntime, queueRuntime } from '../../shared/adapters/runtime-dispatcher.ts';
import type { AgentEvent } from '../../shared/contracts/agent-event.ts';
import type { Dispatcher } from '../../shared/domain/dispatch.ts';
import { configurationFor } from './support/engines.ts';
import { zipOf } from './support/zip.ts';

// The platform's own runtime as a function and as a queue, in the emulator.

const secret = Buffer.from('a signing secret with 32 bytes!!');
const formerSecret = Buffer.from('the one before it with 32 bytes!');
const platform = { target: { type: 'platform' } } as const;
let events = 0;
/** What the agent is to do stands in the text of the message. */
const eventSaying = (body: unknown, conversation: { readonly id: string } | null = { id: 'conv_1' }) =>
  ({
    type: 'whatsapp.message.received',
    data: { eventId: `evt_${++events}`, phoneNumberId: '1234567', conversation, message: { text: { body } } },
  }) as unknown as AgentEvent;
const verified = (body: string, headers: Record<string, string>, key = secret) =>
  new Webhook(key, { format: 'raw' }).verify(body, headers);

/** The emulator wants the role of a function to exist; it knows this key as root and checks no signature of it. */
const makeRole = async () => {
  const question = { Action: 'CreateRole', Version: '2010-05-08', RoleName: 'agent', AssumeRolePolicyDocument: '{}' };
  const answer = await fetch(configurationFor('ministack').endpoint, {
    method: 'POST',
    headers: { authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request' },
    body: new URLSearchParams(question),
  });
  if (!answer.ok) throw new Error(`No role: ${await answer.text()}`);
};

describe('a function', () => {
  const lambda = new LambdaClient({ ...configurationFor('ministack'), maxAttempts: 1 });
  const name = `agent-${crypto.randomUUID()}`;
  const arn = `arn:aws:lambda:us-east-1:${ACCOUNT}:function:${name}`;
  const runtime = functionRuntime(lambda, arn);
  const ask = (answer: unknown) => runtime.dispatch(platform, eventSaying(answer), [secret, formerSecret]);

  beforeAll(async () => {
    const code = `exports.handler = async (request) => {
      const answer = JSON.parse(request.body).data.message.text.body;
      if (answer === 'throw') throw new Error('A secret of the agent');
      if (answer === 'hang') return new Promise((wake) => setTimeout(wake, 20_000));
      if (answer === 'flood') return { statusCode: 200, body: 'x'.repeat(300 * 1024) };
      if (answer === 'echo') return { statusCode: 200, body: JSON.stringify({ messages: [{ type: 'text', text: { body: JSON.stringify(request) } }] }) };
      return answer;
    };`;
    await makeRole();
    await lambda.send(
      new CreateFunctionCommand({
        FunctionName: name,
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Role: `arn:aws:iam::${ACCOUNT}:role/agent`,
        Timeout: 30,
        Code: { ZipFile: zipOf('index.js', code) },
      }),
    );
    await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 20 }, { FunctionName: name });
  });

  test('gets the request that an HTTPS agent gets, signed with both secrets', async () => {
    const outcome = await ask('echo');
    if (outcome.outcome !== 'answered') throw new Error(outcome.outcome);
    const [reply] = outcome.replies as readonly { readonly text?: { readonly body: string } }[];
    const { headers, body } = JSON.parse(reply?.text?.body ?? '') as {
      headers: Record<string, string>;
      body: string;
    };
    expect(headers['content-type']).toBe('application/json');
    expect(headers['webhook-id']).toBe(`evt_${events}`);
    for (const key of [secret, formerSecret]) expect(verified(body, headers, key)).toEqual(JSON.parse(body));
  });

  const messages = [{ type: 'text', text: { body: 'hi' } }];
  test.each<[unknown, unknown]>([
    [
      { statusCode: 200, body: JSON.stringify({ messages }) },
      { outcome: 'answered', httpStatus: 200, replies: messages },
    ],
    [{ statusCode: 202 }, { outcome: 'answered', httpStatus: 202, replies: [] }],
    [
      { statusCode: 200, body: Buffer.from(JSON.stringify({ messages })).toString('base64'), isBase64Encoded: true },
      { outcome: 'answered', httpStatus: 200, replies: [], unreadable: true },
    ],
    [{ statusCode: 410 }, { outcome: 'gone' }],
    [
      { statusCode: 404, body: 'no' },
      { outcome: 'refused', httpStatus: 404 },
    ],
    [
      { statusCode: 503, headers: { 'retry-after': '7' } },
      { outcome: 'failed', reason: 'http-503', httpStatus: 503, retryAfterSeconds: 7 },
    ],
    [null, { outcome: 'failed', reason: 'answer-malformed' }],
    ['ok', { outcome: 'failed', reason: 'answer-malformed' }],
    [{ statusCode: '200' }, { outcome: 'failed', reason: 'answer-malformed' }],
    [{ statusCode: 1e9 }, { outcome: 'failed', reason: 'answer-malformed' }],
    [
      { statusCode: 200, body: { messages } },
      { outcome: 'failed', reason: 'answer-malformed' },
    ],
    ['flood', { outcome: 'failed', reason: 'answer-too-large' }],
    ['throw', { outcome: 'failed', reason: 'function-error' }],
  ])('that answers %j comes to %j', async (answer, outcome) => {
    expect(await ask(answer)).toEqual(outcome);
  });

  test('that hangs has failed after 10 seconds', async () => {
    const since = performance.now();
    expect(await ask('hang')).toEqual({ outcome: 'failed', reason: 'timeout' });
    expect(performance.now() - since).toBeLessThan(13_000);
  });

  test('that does not exist has failed', async () => {
    const nowhere = functionRuntime(lambda, `${arn}-nowhere`);
    expect(await nowhere.dispatch(platform, eventSaying('echo'), [secret])).toEqual({
      outcome: 'failed',
      reason: 'runtime-unavailable',
    });
  });
});

describe.each([
  ['a queue', ''],
  ['an ordered queue', '.fifo'],
])('%s', (_what, suffix) => {
  const sqs = new SQSClient({ ...configurationFor('ministack'), maxAttempts: 1, useQueueUrlAsEndpoint: false });
  const name = `agent-${crypto.randomUUID()}${suffix}`;
  // As CloudFormation makes it of the ARN.
  const url = `https://sqs.us-east-1.amazonaws.com/${ACCOUNT}/${name}`;
  const runtime = queueRuntime(sqs, url);
  const received = async () => {
    const { Messages } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['MessageGroupId'],
      }),
    );
    return (Messages ?? []).map(({ Body = '', MessageAttributes = {}, Attributes }) => ({
      body: Body,
      headers: Object.fromEntries(
        Object.entries(MessageAttributes).map(([key, { StringValue = '' }]) => [key, StringValue]),
      ),
      group: Attributes?.MessageGroupId,
    }));
  };

  beforeAll(async () => {
    const Attributes = suffix === '' ? {} : { FifoQueue: 'true' };
    await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
  });

  test('gets the event with its signatures in attributes; nobody has answered yet', async () => {
    const event = eventSaying('Grüße 👋 \u0000 \ufffe \ud800');
    expect(await runtime.dispatch(platform, event, [secret, formerSecret])).toEqual({
      outcome: 'answered',
      replies: [],
    });
    const [message] = await received();
    if (message === undefined) throw new Error('Nothing came');
    for (const key of [secret, formerSecret]) expect(verified(message.body, message.headers, key)).toBeTruthy();
    expect(message.headers['webhook-id']).toBe(event.data.eventId);
    expect(JSON.parse(message.body)).toEqual(JSON.parse(JSON.stringify(event)));
    // AWS refuses the character, the emulator does not.
    expect(message.body).not.toContain('\ufffe');
    if (suffix !== '') expect(message.group).toBe('conv_1');
  });

  test('refuses what is larger than it takes: a repeat would be as large', async () => {
    const tooLarge = eventSaying('x'.repeat(1024 * 1024));
    expect(await runtime.dispatch(platform, tooLarge, [secret])).toEqual({ outcome: 'refused', httpStatus: 413 });
  });

  test('that does not exist has failed', async () => {
    const nowhere = queueRuntime(sqs, `https://sqs.us-east-1.amazonaws.com/${ACCOUNT}/nowhere${suffix}`);
    expect(await nowhere.dispatch(platform, eventSaying('hi'), [secret])).toEqual({
      outcome: 'failed',
      reason: 'runtime-unavailable',
    });
  });

  test.runIf(suffix !== '')(
    'keeps an event that is handed over twice once, and what is about the number apart',
    async () => {
      const event = eventSaying('twice', null);
      await runtime.dispatch(platform, event, [secret]);
      await runtime.dispatch(platform, event, [secret]);
      expect((await received()).map(({ group }) => group)).toEqual(['1234567']);
    },
  );
});

describe('by the kind of target', () => {
  const naming = (reason: string): Dispatcher => ({ dispatch: () => Promise.resolve({ outcome: 'failed', reason }) });
  const https = { target: { type: 'https', url: 'https://agent.example/' } } as const;

  test('an event goes to the agent by HTTPS or to the runtime', async () => {
    const both = dispatcherByTarget(naming('by https'), naming('by the runtime'));
    expect(await both.dispatch(https, eventSaying('hi'), [secret])).toMatchObject({ reason: 'by https' });
    expect(await both.dispatch(platform, eventSaying('hi'), [secret])).toMatchObject({ reason: 'by the runtime' });
  });

  test('and fails where the operator has set none', async () => {
    const https = dispatcherByTarget(naming('by https'), undefined);
    expect(await https.dispatch(platform, eventSaying('hi'), [secret])).toEqual({
      outcome: 'failed',
      reason: 'no-runtime',
    });
  });
});
