import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { type ApiRequest, apiLambda, apiRoute } from '../../../functions/edge/api-lambda.ts';
import { currentActor } from '../../../functions/edge/invocation.ts';
import * as ports from '../../../functions/edge/ports.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { captureOutput } from '../../support/captured-output.ts';
import { memoryIdempotency } from '../../support/fakes.ts';
import { bearer, context, httpEvent } from '../../support/lambda.ts';

vi.mock('../../../functions/edge/ports.ts', () => ({ idempotency: vi.fn() }));

const run = vi.fn();
const handler = apiLambda([
  apiRoute({ routeKey: 'POST /v1/things', body: z.strictObject({ name: z.string() }), idempotent: true, run }),
  apiRoute({ routeKey: 'POST /v1/repairs', body: z.strictObject({}), bodyOptional: true, idempotent: true, run }),
  apiRoute({ routeKey: 'POST /v1/checks', body: z.strictObject({ name: z.string() }), run }),
  apiRoute({ routeKey: 'POST /v1/firm-checks', body: z.strictObject({}), idempotent: false, run }),
]);

const claims = { sub: 'user-1', exp: 1, tenant: 'acme' };
const headersWith = (idempotencyKey: string | undefined, who = claims) => ({
  authorization: bearer(who),
  ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
});
const call = (change: Parameters<typeof httpEvent>[0] = {}) =>
  handler(
    httpEvent({ routeKey: 'POST /v1/things', headers: headersWith('a-key'), body: '{"name":"ok"}', ...change }),
    context(),
  );
type NamedRequest = ApiRequest<unknown, unknown, unknown>;
const problemOf = (response: { readonly body?: string | undefined }) =>
  JSON.parse(response.body ?? '') as Record<string, unknown>;

beforeEach(() => {
  vi.stubEnv('TENANT_CLAIM', 'tenant');
  captureOutput();
  vi.mocked(ports.idempotency).mockReset().mockReturnValue(memoryIdempotency(Date.now).store);
  run.mockReset().mockResolvedValue({ kind: 'created', body: { id: '8' }, version: 1, location: '/v1/things/8' });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe('a route that may be repeated', () => {
  test('refuses a key that is not acceptable, and does nothing', async () => {
    const response = await call({ headers: headersWith('a key') });
    expect(response).toMatchObject({ statusCode: 422 });
    expect(problemOf(response)).toMatchObject({ code: 'idempotency-key-invalid' });
    expect(run).not.toHaveBeenCalled();
    expect(ports.idempotency).not.toHaveBeenCalled();
  });

  test('refuses a key that belongs to another request', async () => {
    await call();
    const response = await call({ body: '{"name":"another"}' });
    expect(response).toMatchObject({ statusCode: 422 });
    expect(problemOf(response)).toMatchObject({ code: 'idempotency-key-reused' });
    expect(run).toHaveBeenCalledOnce();
  });

  test('refuses a key that belongs to the same request for another resource', async () => {
    const repair = { routeKey: 'POST /v1/repairs', body: '' };
    await call({ ...repair, pathParameters: { credentialId: 'cred_1' } });
    const response = await call({ ...repair, pathParameters: { credentialId: 'cred_2' } });
    expect(response).toMatchObject({ statusCode: 422 });
    expect(problemOf(response)).toMatchObject({ code: 'idempotency-key-reused' });
    expect(await call({ ...repair, pathParameters: { credentialId: 'cred_1' } })).toMatchObject({ statusCode: 201 });
    expect(run).toHaveBeenCalledOnce();
  });

  test('remembers no request that it could not read: corrected, it is a first one', async () => {
    expect(await call({ body: '{"name":5}' })).toMatchObject({ statusCode: 422 });
    expect(await call()).toMatchObject({ statusCode: 201 });
  });

  test('tells who repeats a request while it runs to wait', async () => {
    const waiting = Promise.withResolvers();
    run.mockReturnValue(waiting.promise);
    const first = call();
    await vi.waitFor(() => expect(run).toHaveBeenCalled());
    expect(await call()).toMatchObject({ statusCode: 409, headers: { 'retry-after': '2' } });
    waiting.resolve({ kind: 'ok', body: {} });
    expect(await first).toMatchObject({ statusCode: 200 });
  });

  test('does not show a secret twice', async () => {
    run.mockResolvedValue({ kind: 'ok', body: { verifyToken: 'CANARY' }, holdsSecret: true });
    expect(await call()).toMatchObject({ statusCode: 200, body: '{"verifyToken":"CANARY"}' });
    const response = await call();
    expect(response).toMatchObject({ statusCode: 409 });
    expect(problemOf(response)).toMatchObject({ code: 'already-shown' });
  });

  test('answers a repeat as it did at first, in base64 too, and does nothing', async () => {
    const first = await call();
    expect(first).toMatchObject({ statusCode: 201, headers: { etag: '"1"', location: '/v1/things/8' } });
    expect(await call()).toEqual(first);
    expect(await call({ body: Buffer.from('{"name":"ok"}').toString('base64'), isBase64Encoded: true })).toEqual(first);
    expect(run).toHaveBeenCalledOnce();
  });

  test('takes the same key of another tenant for another one', async () => {
    await call();
    await call({ headers: headersWith('a-key', { ...claims, tenant: 'globex' }) });
    expect(run).toHaveBeenCalledTimes(2);
  });

  test('runs again after it failed', async () => {
    run.mockRejectedValueOnce(new Fault('kms-unavailable', { retryable: true }));
    expect(await call()).toMatchObject({ statusCode: 503 });
    expect(await call()).toMatchObject({ statusCode: 201 });
  });

  test('runs under the name of who asks', async () => {
    run.mockImplementation(() => Promise.resolve({ kind: 'ok', body: currentActor() }));
    expect(problemOf(await call())).toEqual({ kind: 'user', id: 'user-1', requestId: 'request-1' });
  });

  test('runs each time when the client sends no key', async () => {
    for (let i = 0; i < 2; i++) await call({ headers: headersWith(undefined) });
    expect(run).toHaveBeenCalledTimes(2);
    expect(run.mock.calls[0]?.[0]).toMatchObject({ requestDigest: null });
    expect(ports.idempotency).not.toHaveBeenCalled();
  });

  test('hands on a name for the request and its body', async () => {
    run.mockRejectedValue(new Fault('kms-unavailable', { retryable: true }));
    for (const name of ['ok', 'ok', 'another']) await call({ body: JSON.stringify({ name }) });
    const [one, repeated, other] = run.mock.calls.map(([request]) => (request as NamedRequest).requestDigest);
    expect(one).toMatch(/^[\w-]{43}$/);
    expect(repeated).toBe(one);
    expect(other).not.toBe(one);
  });
});

describe('a route that may not be repeated', () => {
  test.each(['POST /v1/checks', 'POST /v1/firm-checks'])(
    'has no use for a key, be it good or not: %s',
    async (routeKey) => {
      const body = routeKey === 'POST /v1/checks' ? '{"name":"ok"}' : '{}';
      for (const key of ['a-key', 'a-key', 'a key'])
        expect(await call({ routeKey, body, headers: headersWith(key) })).toMatchObject({ statusCode: 201 });
      expect(run).toHaveBeenCalledTimes(3);
      expect(run.mock.calls[0]?.[0]).toMatchObject({ requestDigest: null });
      expect(ports.idempotency).not.toHaveBeenCalled();
    },
  );
});

describe('a body that may be absent', () => {
  const repair = (body?: string) =>
    call({ routeKey: 'POST /v1/repairs', headers: headersWith(undefined), ...(body === undefined ? {} : { body }) });

  test.each(['{', ' ', 'null', '[]', '{"name":"ok"}'])('is refused all the same when it is %j', async (body) => {
    expect((await repair(body)).statusCode).toBe(body === '{' || body === ' ' ? 400 : 422);
    expect(run).not.toHaveBeenCalled();
  });

  test('counts as an object without fields', async () => {
    for (const body of ['', '{}']) await repair(body);
    await handler(httpEvent({ routeKey: 'POST /v1/repairs', headers: headersWith(undefined) }), context());
    expect(run.mock.calls.map(([request]) => (request as NamedRequest).body)).toEqual([{}, {}, {}]);
  });

  test('is one that others need', async () => {
    expect(await call({ body: '' })).toMatchObject({ statusCode: 400 });
  });
});

test('what was accepted to be done later is a 202', async () => {
  run.mockResolvedValue({ kind: 'accepted', body: { state: 'removing' } });
  expect(await call()).toMatchObject({ statusCode: 202, body: '{"state":"removing"}' });
});
