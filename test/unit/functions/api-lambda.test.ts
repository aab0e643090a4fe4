import { beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { apiLambda, apiRoute } from '../../../functions/edge/api-lambda.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { refuse } from '../../../shared/domain/outcome.ts';
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

let output: string[];
beforeEach(() => {
  process.env.TENANT_CLAIM = 'tenant';
  run.mockReset().mockResolvedValue({ kind: 'ok', body: { done: true }, version: 3 });
  output = [];
  for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const)
    vi.spyOn(console, level).mockImplementation((...words: unknown[]) => void output.push(words.map(String).join(' ')));
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((chunk) => Boolean(output.push(String(chunk))));
});

test('a use case gets the caller from the token, and its answer gets an ETag', async () => {
  const response = await call({
    headers: { authorization: token, 'if-match': '"2"' },
    queryStringParameters: { limit: '5' },
  });
  expect(response).toMatchObject({ statusCode: 200, headers: { etag: '"3"', 'cache-control': 'no-store' } });
  expect(run.mock.calls[0]?.[0]).toMatchObject({
    caller: { tenantId: 'acme', subject: 'user-1' },
    path: { thingId: '7' },
    query: { limit: 5 },
    body: { name: 'ok' },
    ifMatch: '"2"',
  });
});

describe('a caller is refused', () => {
  test.each([
    ['without a token', undefined, 401],
    ['with something else than a bearer token', 'Basic abc', 401],
    ['with a token that is no JSON', 'Bearer a.b.c', 401],
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
    expect(response.headers?.['content-type']).toBe('application/problem+json');
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
    expect(JSON.stringify(response) + output.join('')).not.toContain(canary);
    expect(run).not.toHaveBeenCalled();
  });

  test('also when it came in base64', async () => {
    const response = await call({ body: Buffer.from(`{"name": "${canary}`).toString('base64'), isBase64Encoded: true });
    expect(response.statusCode).toBe(400);
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
    ['a bug', new TypeError(canary), 500, 'internal-error'],
    ['a thrown text', canary, 500, 'internal-error'],
    [
      'a broken promise for good',
      new Fault('secret-refused', { retryable: false, cause: new Error(canary) }),
      500,
      'internal-error',
    ],
    [
      'a broken promise for now',
      new Fault('store-unavailable', { retryable: true, cause: new Error(canary) }),
      503,
      'service-unavailable',
    ],
  ])('%s', async (_what, error, status, code) => {
    run.mockRejectedValue(error);
    const response = await call({});
    expect(response).toMatchObject({ statusCode: status, problem: { code } });
    expect(JSON.stringify(response) + output.join('')).not.toContain(canary);
    expect(output.join('')).toContain('request-failed');
  });
});

test('a request is logged by its route and status alone', async () => {
  await call({ body: `{"name":"${canary}"}`, pathParameters: { thingId: '424242' } });
  expect(output.join('')).toContain('POST /v1/things/{thingId}');
  expect(output.join('')).not.toMatch(/424242|CANARY|Bearer/);
});
