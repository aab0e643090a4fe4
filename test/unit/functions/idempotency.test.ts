import { describe, expect, test, vi } from 'vitest';
import type { Answer } from '../../../functions/edge/answer.ts';
import { idempotencyDigestOf, onlyOnce } from '../../../functions/edge/idempotency.ts';
import type { IdempotencyStore } from '../../../shared/adapters/idempotency-store.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { memoryIdempotency } from '../../support/fakes.ts';
import { idempotencyContract } from '../../support/idempotency-contract.ts';
import { ids } from '../../support/records.ts';

idempotencyContract((now) => Promise.resolve(memoryIdempotency(now)));

const caller = { tenantId: ids.tenant, subject: 'user-1' };
const digestOf = (key: string | undefined) => idempotencyDigestOf(caller, 'POST /v1/things', key);

describe('an Idempotency-Key', () => {
  test.each([
    ['that is empty', ''],
    ['of spaces', ' '],
    ['with a space', 'with a space'],
    ['with a space before it', ' key'],
    ['with a space behind it', 'key '],
    ['with a line break behind it', 'key\n'],
    ['with a character that is not printable', 'key\x7f'],
    ['beyond ASCII', 'schlüssel'],
    ['of 256 characters', 'x'.repeat(256)],
  ])('%s is refused, and never repeated', (_what, key) => {
    expect(digestOf(key)).toEqual({
      refused: 'idempotency-key-invalid',
      details: { guidance: expect.stringMatching(/^Send 1 to 255 printable characters/) as string },
    });
  });

  test.each(['!', '~', 'x'.repeat(255), '"quoted#key"', crypto.randomUUID()])('%j is good', (key) => {
    expect(digestOf(key)).toMatch(/^[\w-]{43}$/);
  });

  test('that is absent names nothing', () => {
    expect(digestOf(undefined)).toBeNull();
  });

  test('names the same request as ever: a new release finds the records of the former one', () => {
    expect(digestOf('a-key')).toBe('NRW_Ypt_GdUqD38iEhBNF1Nf_XmPAJorS_VpJ9MxzjQ');
  });
});

describe('when the store fails', () => {
  const thing: Answer = { kind: 'created', body: { id: 'thing' } };
  const request = (store: IdempotencyStore, run: () => Promise<Answer>) =>
    onlyOnce({ caller, digest: 'digest', idempotencyKey: 'key', rawBody: Buffer.from('{}') }, store, run);
  const outage = new Fault('store-unavailable', { retryable: true });
  const failing = () => Promise.reject(outage);

  test('before a request has begun, it does not run', async () => {
    const run = vi.fn(() => Promise.resolve(thing));
    await expect(request({ ...memoryIdempotency(Date.now).store, begin: failing }, run)).rejects.toBe(outage);
    expect(run).not.toHaveBeenCalled();
  });

  test('to forget a request, its own error is told all the same', async () => {
    const own = new Fault('kms-unavailable', { retryable: true });
    const store = { ...memoryIdempotency(Date.now).store, forget: failing };
    await expect(request(store, () => Promise.reject(own))).rejects.toBe(own);
  });

  test('to keep an answer, it is given all the same: it was done, and a repeat must not do it again at once', async () => {
    const { store } = memoryIdempotency(Date.now);
    expect(await request({ ...store, finish: failing }, () => Promise.resolve(thing))).toEqual(thing);
    const again = await request(store, () => Promise.reject(new Error('Nothing runs here')));
    expect(again).toMatchObject({ refused: 'idempotency-in-progress' });
  });

  test.each([
    ['no JSON', 'thing'],
    ['no object', '"thing"'],
    ['an answer of no known kind', '{"kind":"gone","body":{}}'],
    ['an answer without a body', '{"kind":"ok"}'],
    ['an answer whose body is a list', '{"kind":"ok","body":[]}'],
    ['an answer whose version is a text', '{"kind":"ok","body":{},"version":"1"}'],
    ['an answer whose location is a number', '{"kind":"ok","body":{},"location":1}'],
    ['a refusal that is not known', '{"refused":"bad-luck","details":{}}'],
    ['a refusal without details', '{"refused":"not-found"}'],
  ])('to keep an answer as it was, it is not given: %s', async (_what, answer) => {
    const store: IdempotencyStore = {
      ...memoryIdempotency(Date.now).store,
      begin: () => Promise.resolve({ outcome: 'answered', answer }),
    };
    await expect(request(store, () => Promise.resolve(thing))).rejects.toThrow();
  });
});

test('the digest of a body can’t be guessed without the key', async () => {
  const begin = vi.fn<IdempotencyStore['begin']>(() => Promise.resolve({ outcome: 'running' }));
  const store = { ...memoryIdempotency(Date.now).store, begin };
  for (const idempotencyKey of ['one', 'other'])
    await onlyOnce({ caller, digest: 'digest', idempotencyKey, rawBody: Buffer.from('{}') }, store, () =>
      Promise.reject(new Error('Nothing runs here')),
    );
  const [one, other] = begin.mock.calls.map(([, , bodyDigest]) => bodyDigest);
  expect(one).not.toBe(other);
});
