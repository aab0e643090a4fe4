import { describe, expect, test } from 'vitest';
import type { Answer } from '../../functions/edge/api-lambda.ts';
import { idempotencyDigestOf, onlyOnce } from '../../functions/edge/idempotency.ts';
import { idempotencyStore } from '../../shared/adapters/idempotency-store.ts';
import { tenantId } from '../../shared/contracts/ids.ts';
import { Fault } from '../../shared/domain/fault.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { dynamoDbOf, makeTable } from './support/engines.ts';
import { rowsOf } from './support/rows.ts';

const caller = { tenantId: tenantId.parse('acme'), subject: 'user-1' };
const other = { tenantId: tenantId.parse('globex'), subject: 'user-2' };
const idempotencyKey = 'a-key-CANARY';
const body = Buffer.from('{"accessToken":"CANARY"}');

const scene = async () => {
  const table = await makeTable('ministack');
  let at = Date.parse('2026-11-22T10:00:00Z');
  const store = idempotencyStore(dynamoDbOf('ministack'), table, () => at);
  let runs = 0;
  const request = (
    run: () => Promise<Answer | Refused>,
    change: { readonly caller?: typeof caller; readonly rawBody?: Uint8Array; readonly key?: string } = {},
  ) => {
    const by = change.caller ?? caller;
    const key = change.key ?? idempotencyKey;
    const digest = idempotencyDigestOf(by, 'POST /v1/things', key);
    if (typeof digest !== 'string') throw new Error('The key is good');
    return onlyOnce({ caller: by, digest, idempotencyKey: key, rawBody: change.rawBody ?? body }, store, () => {
      runs++;
      return run();
    });
  };
  return { request, table, runs: () => runs, later: (seconds: number) => (at += seconds * 1000) };
};

const created = (): Promise<Answer> => Promise.resolve({ kind: 'created', body: { id: 'thing' }, version: 1 });
const never = () => Promise.reject(new Error('must not run'));

describe('a repeated request', () => {
  test('gets the first answer, and nothing runs again', async () => {
    const { request, runs } = await scene();
    const first = await request(created);
    expect(await request(never)).toEqual(first);
    expect(runs()).toBe(1);
  });

  test('gets the first refusal, too', async () => {
    const { request } = await scene();
    await request(() => Promise.resolve(refuse('waba-taken', { detail: 'taken' })));
    expect(await request(never)).toEqual({ refused: 'waba-taken', details: { detail: 'taken' } });
  });

  test('in parallel runs once; the others are told to wait', async () => {
    const { request, runs } = await scene();
    const slow = () => new Promise<Answer>((answer) => setTimeout(() => void created().then(answer), 200));
    const answers = await Promise.all(Array.from({ length: 8 }, () => request(slow)));
    expect(runs()).toBe(1);
    expect(answers.filter((answer) => 'kind' in answer)).toHaveLength(1);
    expect(
      answers.filter((answer) => 'refused' in answer && answer.refused === 'idempotency-in-progress'),
    ).toHaveLength(7);
    expect(await request(never)).toMatchObject({ kind: 'created' });
  });

  test('with another body is refused', async () => {
    const { request } = await scene();
    await request(created);
    expect(await request(never, { rawBody: Buffer.from('{}') })).toMatchObject({ refused: 'idempotency-key-reused' });
  });

  test('of another tenant, or under another key, is a first one', async () => {
    const { request, runs } = await scene();
    await request(created);
    await request(created, { caller: other });
    await request(created, { key: 'another-key' });
    expect(runs()).toBe(3);
  });

  test('after 24 hours is a first one', async () => {
    const { request, runs, later } = await scene();
    await request(created);
    later(24 * 60 * 60 - 1);
    await request(never);
    later(1);
    await request(created);
    expect(runs()).toBe(2);
  });

  test('does not get an answer again that held a secret', async () => {
    const { request, table } = await scene();
    await request(() => Promise.resolve({ kind: 'ok', body: { verifyToken: 'CANARY' }, holdsSecret: true }));
    expect(await request(never)).toMatchObject({ refused: 'already-shown' });
    expect(JSON.stringify(await rowsOf('ministack', table))).not.toContain('CANARY');
  });
});

describe('a request that came to nothing', () => {
  test('on our side may be repeated', async () => {
    const { request, runs } = await scene();
    await expect(request(() => Promise.reject(new Fault('kms-unavailable', { retryable: true })))).rejects.toThrow();
    await request(() => Promise.resolve(refuse('meta-unreachable')));
    expect(await request(created)).toMatchObject({ kind: 'created' });
    expect(runs()).toBe(3);
  });

  test('because its function died is taken up after a minute, for the same body alone', async () => {
    const { request, later } = await scene();
    void request(() => new Promise<never>(() => undefined));
    await new Promise((wake) => setTimeout(wake, 200));
    later(59);
    expect(await request(never)).toMatchObject({ refused: 'idempotency-in-progress' });
    later(1);
    expect(await request(never, { rawBody: Buffer.from('{}') })).toMatchObject({ refused: 'idempotency-key-reused' });
    expect(await request(created)).toMatchObject({ kind: 'created' });
  });
});

test('neither the key nor the body is kept', async () => {
  const { request, table } = await scene();
  await request(created);
  const rows = await rowsOf('ministack', table);
  expect(rows).toHaveLength(1);
  expect(JSON.stringify(rows)).not.toContain('CANARY');
});

test.each([[''], ['with a space'], ['ü'], ['x'.repeat(256)]])('the key %j is refused', (key) => {
  expect(idempotencyDigestOf(caller, 'POST /v1/things', key)).toMatchObject({ refused: 'idempotency-key-invalid' });
});
