import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { journal } from '../../../functions/edge/operator-journal.ts';
import { type WebhookAnswer, type WebhookRequest, webhookLambda } from '../../../functions/edge/webhook-lambda.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { captureOutput } from '../../support/captured-output.ts';
import { context, httpEvent } from '../../support/lambda.ts';

const canary = 'CANARY-secret-value';

let output: ReturnType<typeof captureOutput>;
beforeEach(() => {
  output = captureOutput();
});
afterEach(() => {
  vi.restoreAllMocks();
});

const call = async (
  serve: (request: WebhookRequest) => Promise<WebhookAnswer>,
  change: Parameters<typeof httpEvent>[0] = {},
) => webhookLambda(serve)(httpEvent({ routeKey: 'POST /webhooks/{webhookId}', ...change }), context());

const requestOf = async (change: Parameters<typeof httpEvent>[0]) => {
  const serve = vi.fn((_request: WebhookRequest) => Promise.resolve({ status: 200 } as const));
  await call(serve, change);
  return serve.mock.calls[0]?.[0];
};

describe('whatever goes wrong is a 500, so that Meta repeats, and gives nothing away', () => {
  test.each([
    ['a bug', new TypeError(canary), { errorName: 'TypeError' }],
    ['a thrown text', canary, { errorName: 'string' }],
    [
      'a broken promise',
      new Fault('store-unavailable', { retryable: true, cause: new RangeError(canary) }),
      { errorName: 'Fault', causeName: 'RangeError', code: 'store-unavailable' },
    ],
  ])('%s', async (_what, error, said) => {
    const response = await call(() => Promise.reject(error as Error));
    expect(response).toEqual({ statusCode: 500, headers: plainText, body: 'Not accepted' });
    expect(output.lines()).toMatchObject([
      { level: 'ERROR', message: 'webhook-failed', routeKey: 'POST /webhooks/{webhookId}', ...said },
    ]);
    expect(output.metrics()).toMatchObject([{ UnhandledError: 1, WebhookFailed: 1 }]);
    expect(output.text()).not.toContain(canary);
  });
});

const plainText = {
  'content-type': 'text/plain; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

describe('an answer is fixed by its status', () => {
  test.each([
    [200, 'OK'],
    [400, 'Bad Request'],
    [401, 'Unauthorized'],
    [403, 'Forbidden'],
    [404, 'Not Found'],
    [429, 'Too Many Requests'],
    [500, 'Not accepted'],
  ] as const)('%i says %s in plain text that no browser takes for a page and nobody keeps', async (status, body) => {
    expect(await call(() => Promise.resolve({ status }))).toEqual({ statusCode: status, headers: plainText, body });
  });
});

test('a challenge comes back as it was, as plain text', async () => {
  const response = await call(() => Promise.resolve({ challenge: '007' }));
  expect(response).toEqual({ statusCode: 200, headers: plainText, body: '007' });
});

test('what Meta sent arrives unread: id, query, bytes and the claimed signature', async () => {
  const raw = Buffer.from([0x7b, 0xff, 0x00, 0x7d]);
  expect(
    await requestOf({
      headers: { 'x-hub-signature-256': 'sha256=00' },
      pathParameters: { webhookId: 'wh_1' },
      queryStringParameters: { 'hub.mode': 'subscribe' },
      body: raw.toString('base64'),
      isBase64Encoded: true,
    }),
  ).toEqual({ webhookId: 'wh_1', query: { 'hub.mode': 'subscribe' }, rawBody: raw, signature: 'sha256=00' });
});

test('a bare request has no id, no query, no bytes and no signature', async () => {
  expect(await requestOf({})).toEqual({
    webhookId: undefined,
    query: {},
    rawBody: Buffer.alloc(0),
    signature: undefined,
  });
});

describe('a 500 to Meta is counted, whoever decided on it, and nothing else is', () => {
  test('a delivery that the queue did not take', async () => {
    await call(() => Promise.resolve({ status: 500 }));
    expect(output.metrics()).toMatchObject([{ WebhookFailed: 1 }]);
  });

  test.each([200, 400, 401, 403, 404, 429] as const)('%i is an answer as it should be', async (status) => {
    await call(() => Promise.resolve({ status }));
    expect(output.text()).not.toContain('WebhookFailed');
  });
});

test('what a delivery has counted is written out at its end', async () => {
  await call(() => {
    journal.count('WebhookAccepted');
    return Promise.resolve({ status: 200 });
  });
  expect(output.metrics()).toMatchObject([{ WebhookAccepted: 1 }]);
});
