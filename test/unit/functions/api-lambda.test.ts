import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { type ApiRequest, apiLambda, apiRoute } from '../../../functions/edge/api-lambda.ts';
import { journal } from '../../../functions/edge/operator-journal.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { refuse } from '../../../shared/domain/outcome.ts';
import { captureOutput } from '../../support/captured-output.ts';
import { bearer, context, httpEvent } from '../../support/lambda.ts';

const canary = 'CANARY-secret-value';
const inAnHour = Math.floor(Date.now() / 1000) + 3600;
const token = bearer({ sub: 'user-1', exp: inAnHour, tenant: 'acme' });

const run = vi.fn();
const handler = apiLambda([
  apiRoute({
    routeKey: 'POST /v1/things/{thingId}',
    path: z.object({ thingId: z.string().regex(/^\d+$/) }),
    query: z.object({ limit: z.coerce.number().max(10).optional() }),
    body: z.strictObject({ name: z.string().min(2), nested: z.strictObject({ kind: z.enum(['a', 'b']) }).optional() }),
    run,
  }),
  apiRoute({ routeKey: 'GET /v1/things', run }),
]);

const call = async (change: Parameters<typeof httpEvent>[0]) => {
  const event = httpEvent({
    routeKey: 'POST /v1/things/{thingId}',
    headers: { authorization: token },
    pathParameters: { thingId: '7' },
    body: '{"name":"ok"}',
    ...change,
  });
  const response = await handler(event, context());
  return { ...response, problem: JSON.parse(response.body ?? '{}') as Record<string, unknown> };
};

let output: ReturnType<typeof captureOutput>;
beforeEach(() => {
  process.env.TENANT_CLAIM = 'tenant';
  run.mockReset().mockResolvedValue({ kind: 'ok', body: { done: true }, version: 3 });
  output = captureOutput();
});
afterEach(() => {
  vi.restoreAllMocks();
});

test('a use case gets the caller from the token, and its answer gets an ETag', async () => {
  const response = await call({
    headers: { authorization: token, 'if-match': '"2"', 'if-none-match': '*' },
    queryStringParameters: { limit: '5' },
  });
  expect(response).toMatchObject({ statusCode: 200, body: '{"done":true}' });
  expect(response.headers).toStrictEqual({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    etag: '"3"',
  });
  expect(run.mock.calls[0]?.[0]).toMatchObject({
    caller: { tenantId: 'acme', subject: 'user-1' },
    path: { thingId: '7' },
    query: { limit: 5 },
    body: { name: 'ok' },
    ifMatch: '"2"',
    ifNoneMatch: '*',
  });
});

test('a use case knows how long the caller still waits', async () => {
  await call({});
  const [request] = run.mock.calls[0] as [ApiRequest<unknown, unknown, unknown>];
  expect(request.timeLeft()).toBe(29_000);
});

test('what a route does not ask for is not handed on, not even a body', async () => {
  const response = await call({
    routeKey: 'GET /v1/things',
    pathParameters: { thingId: 'x' },
    queryStringParameters: { limit: '11' },
    body: canary,
  });
  expect(response.statusCode).toBe(200);
  expect(run.mock.calls[0]?.[0]).toMatchObject({ path: undefined, query: undefined, body: undefined });
});

test('what was created is a 201 that says where it is', async () => {
  run.mockResolvedValue({ kind: 'created', body: { id: '8' }, location: '/v1/things/8' });
  const response = await call({});
  expect(response).toMatchObject({ statusCode: 201, body: '{"id":"8"}' });
  expect(response.headers).toStrictEqual({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    location: '/v1/things/8',
  });
});

describe('a caller is refused', () => {
  test.each([
    ['without a token', undefined, 401],
    ['with something else than a bearer token', 'Basic abc', 401],
    ['with a token that is no JSON', 'Bearer a.b.c', 401],
    ['with a word before the token', `Not-${token}`, 401],
    ['with a part after the token', `${token}.signature`, 401],
    ['with a token that lacks its signature', token.slice(0, token.lastIndexOf('.')), 401],
    ['with a token for an empty name', bearer({ sub: '', exp: inAnHour, tenant: 'acme' }), 401],
    ['with a token without an expiry', bearer({ sub: 'u', tenant: 'acme' }), 401],
    ['with a token without a subject', bearer({ exp: inAnHour, tenant: 'acme' }), 401],
    ['with a token without a tenant', bearer({ sub: 'u', exp: inAnHour }), 403],
    [
      'with a tenant of a form that could reach into another key',
      bearer({ sub: 'u', exp: inAnHour, tenant: 'acme#x' }),
      403,
    ],
    ['with the name that stands for no tenant', bearer({ sub: 'u', exp: inAnHour, tenant: 'shared' }), 403],
    ['with a tenant that is a list', bearer({ sub: 'u', exp: inAnHour, tenant: ['acme'] }), 403],
  ])('%s', async (_what, authorization, status) => {
    const response = await call({ headers: authorization === undefined ? {} : { authorization } });
    expect(response.statusCode).toBe(status);
    expect(response.headers).toStrictEqual({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    });
    expect(response.problem.guidance).toMatch(status === 401 ? /access token .* of the configured issuer/ : /a tenant/);
    expect(run).not.toHaveBeenCalled();
  });
});

describe('a body is refused without an echo', () => {
  test.each([
    ['malformed', `{"name": "${canary}", `, 400, []],
    ['empty', '', 400, []],
    ['a list', `["${canary}"]`, 422, ['']],
    ['null', 'null', 422, ['']],
    ['of a wrong type', `{"name": 5}`, 422, ['/name']],
    ['with an unknown field', `{"name":"ok","${canary}":1}`, 422, ['']],
    ['with an unknown field deep inside', `{"name":"ok","nested":{"kind":"a","${canary}":1}}`, 422, ['/nested']],
    ['with a value out of its list', `{"name":"ok","nested":{"kind":"${canary}"}}`, 422, ['/nested/kind']],
    ['too large', `{"name":"${'x'.repeat(70_000)}${canary}"}`, 413, undefined],
  ])('%s', async (_what, body, status, pointers) => {
    const response = await call({ body });
    expect(response.statusCode).toBe(status);
    const errors = (response.problem.errors as { pointer: string }[] | undefined)?.map(({ pointer }) => pointer) ?? [];
    expect(errors).toEqual(pointers ?? []);
    expect(JSON.stringify(response) + output.text()).not.toContain(canary);
    expect(run).not.toHaveBeenCalled();
  });

  test('also when it came in base64', async () => {
    const response = await call({ body: Buffer.from(`{"name": "${canary}`).toString('base64'), isBase64Encoded: true });
    expect(response.statusCode).toBe(400);
  });

  test('and says what to send instead', async () => {
    const guidanceFor = async (body: string) => (await call({ body })).problem;
    expect(await guidanceFor('{')).toMatchObject({ guidance: expect.stringContaining('Send a JSON object') });
    expect(await guidanceFor('{}')).toMatchObject({ guidance: expect.stringMatching(/named fields.*\/openapi\.json/) });
    expect(await guidanceFor('x'.repeat(70_000))).toMatchObject({ detail: 'At most 65536 bytes are accepted.' });
  });
});

test('a path that can’t be an id names nothing', async () => {
  expect((await call({ pathParameters: { thingId: 'x' } })).statusCode).toBe(404);
});

test('a query is refused by field', async () => {
  const response = await call({ queryStringParameters: { limit: '11' } });
  expect(response).toMatchObject({ statusCode: 422, problem: { errors: [{ pointer: '/limit' }] } });
});

test('a route that the Lambda does not serve is a 404', async () => {
  expect((await call({ routeKey: 'GET /v1/other' })).statusCode).toBe(404);
});

test('a refusal becomes a problem with what it says', async () => {
  run.mockResolvedValue(refuse('number-taken', { guidance: 'Choose another.', retryAfterSeconds: 7 }));
  expect(await call({})).toMatchObject({
    statusCode: 409,
    headers: { 'content-type': 'application/problem+json', 'retry-after': '7' },
    problem: {
      type: 'urn:switchboard:problem:number-taken',
      code: 'number-taken',
      status: 409,
      instance: 'urn:switchboard:request:request-1',
      guidance: 'Choose another.',
    },
  });
});

describe('nothing escapes the handler', () => {
  test.each([
    ['a bug', new TypeError(canary), 500, 'internal-error', { errorName: 'TypeError' }],
    ['a thrown text', canary, 500, 'internal-error', { errorName: 'string' }],
    [
      'a broken promise for good',
      new Fault('secret-refused', { retryable: false, cause: new Error(canary) }),
      500,
      'internal-error',
      { errorName: 'Fault', causeName: 'Error', code: 'secret-refused' },
    ],
    [
      'a broken promise for now',
      new Fault('store-unavailable', { retryable: true, cause: new Error(canary) }),
      503,
      'service-unavailable',
      { errorName: 'Fault', causeName: 'Error', code: 'store-unavailable' },
    ],
  ])('%s', async (_what, error, status, code, said) => {
    run.mockRejectedValue(error);
    const response = await call({});
    expect(response).toMatchObject({ statusCode: status, problem: { code } });
    expect(response.headers?.['retry-after']).toBe(status === 503 ? '5' : undefined);
    expect(response.problem.guidance).toMatch(
      status === 503 ? /Repeat the request in a few seconds/ : /name the instance to the operator/,
    );
    expect(JSON.stringify(response) + output.text()).not.toContain(canary);
    expect(output.lines()).toMatchObject([
      {
        level: 'ERROR',
        message: 'request-failed',
        routeKey: 'POST /v1/things/{thingId}',
        requestId: 'request-1',
        ...said,
      },
    ]);
    expect(output.metrics()).toMatchObject([{ UnhandledError: 1 }]);
  });
});

test('a request is logged by its route and status alone', async () => {
  await call({ body: `{"name":"${canary}"}`, pathParameters: { thingId: '424242' } });
  expect(output.lines()).toMatchObject([
    {
      level: 'INFO',
      message: 'request',
      routeKey: 'POST /v1/things/{thingId}',
      requestId: 'request-1',
      httpStatus: 200,
    },
  ]);
  expect(output.text()).not.toMatch(/424242|CANARY|Bearer/);
});

test('what a request has counted is written out at its end', async () => {
  run.mockImplementation(() => {
    journal.count('RepliesSent', 2);
    return Promise.resolve({ kind: 'ok', body: {} });
  });
  await call({});
  expect(output.metrics()).toMatchObject([{ RepliesSent: 2 }]);
});
