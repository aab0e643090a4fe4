import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Answer } from '../../../functions/edge/answer.ts';
import { onlyOnce, repeatableRequest } from '../../../functions/edge/idempotency.ts';
import type { IdempotencyStore } from '../../../shared/adapters/idempotency-store.ts';
import { agentId } from '../../../shared/contracts/ids.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { isRefused, type Refused, refuse } from '../../../shared/domain/outcome.ts';
import { captureOutput } from '../../support/captured-output.ts';
import { memoryIdempotency } from '../../support/fakes.ts';
import { idempotencyContract } from '../../support/idempotency-contract.ts';
import { ids } from '../../support/records.ts';

idempotencyContract((now) => Promise.resolve(memoryIdempotency(now)));

afterEach(() => {
  vi.restoreAllMocks();
});

const caller = { tenantId: ids.tenant, subject: 'user-1' };
const requestOf = (key: string, body = '{}') => repeatableRequest(caller, 'POST /v1/things', key, Buffer.from(body));
const acceptable = (key: string, body?: string) => {
  const request = requestOf(key, body);
  if (isRefused(request)) throw new Error('The key is good');
  return request;
};

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
    expect(requestOf(key)).toEqual({
      refused: 'idempotency-key-invalid',
      details: { guidance: expect.stringMatching(/^Send 1 to 255 printable characters/) as string },
    });
  });

  test.each(['!', '~', 'x'.repeat(255), '"quoted#key"', crypto.randomUUID()])('%j is good', (key) => {
    expect(requestOf(key)).toMatchObject({ tenantId: 'acme' });
  });
});

describe('a request that may be repeated', () => {
  test('is named as ever: a new release finds the records of the former one', () => {
    expect(requestOf('a-key')).toEqual({
      tenantId: 'acme',
      digest: 'NRW_Ypt_GdUqD38iEhBNF1Nf_XmPAJorS_VpJ9MxzjQ',
      bodyDigest: 'KbAvKvHY_SioqnWv21UhhYsl52LWUJpVlN_ZOwgmBec',
      requestDigest: 'roV4FfPsCGITp6nRBSXsqQxHoPfOEYUC3CntRkhA4Ro',
    });
  });

  test('of an agent with a key of its own is found by that agent alone', () => {
    const digestFor = (agent: string | undefined) => {
      const by = { ...caller, ...(agent === undefined ? {} : { agentId: agentId.parse(agent) }) };
      const request = repeatableRequest(by, 'POST /v1/things', 'a-key', Buffer.from('{}'));
      return isRefused(request) ? '' : request.digest;
    };
    expect(new Set([digestFor(undefined), digestFor('one'), digestFor('other')]).size).toBe(3);
    expect(digestFor('one')).toBe(digestFor('one'));
  });

  test('is found by its key whatever its body, and what it makes by both', () => {
    const [one, other] = [acceptable('a-key', '{"name":"one"}'), acceptable('a-key', '{"name":"other"}')];
    expect(other.digest).toBe(one.digest);
    expect(other.requestDigest).not.toBe(one.requestDigest);
    expect(acceptable('another-key', '{"name":"one"}').requestDigest).not.toBe(one.requestDigest);
  });

  test('has a digest of its body that can’t be guessed without the key', () => {
    expect(acceptable('a-key').bodyDigest).not.toBe(acceptable('another-key').bodyDigest);
  });
});

describe('a refusal', () => {
  const closed = refuse('message-refused', { guidance: 'Send a template.' });
  const refusedTwice = async (refusal: Refused) => {
    const { store, rows } = memoryIdempotency(Date.now);
    const run = vi.fn(() => Promise.resolve(refusal));
    for (let time = 0; time < 2; time++)
      expect(await onlyOnce(acceptable('a-key'), store, run)).toMatchObject({ refused: 'message-refused' });
    return { times: run.mock.calls.length, kept: (await rows()).length };
  };

  test('is given again to a repeat', async () => {
    expect(await refusedTwice(closed)).toEqual({ times: 1, kept: 1 });
  });

  test('that may be otherwise tomorrow is judged anew, and not kept', async () => {
    expect(await refusedTwice({ ...closed, isJudgedAnew: true })).toEqual({ times: 2, kept: 0 });
  });
});

describe('when the store fails', () => {
  const thing: Answer = { kind: 'created', body: { id: 'thing' } };
  const request = (store: IdempotencyStore, run: () => Promise<Answer | Refused>) =>
    onlyOnce(acceptable('a-key'), store, run);
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

  test.each<[string, Answer | Refused]>([
    ['to keep an answer', thing],
    ['to keep a refusal', refuse('waba-taken')],
    ['to forget a refusal', refuse('meta-unreachable')],
  ])('%s, it is given all the same, and a repeat must not do it again at once', async (_what, outcome) => {
    const output = captureOutput();
    const { store } = memoryIdempotency(Date.now);
    const lame = { ...store, finish: failing, forget: failing };
    expect(await request(lame, () => Promise.resolve(outcome))).toEqual(outcome);
    expect(output.lines()).toMatchObject([
      { level: 'ERROR', message: 'answer-not-kept', errorName: 'Fault', code: 'store-unavailable' },
    ]);
    const again = await request(store, () => Promise.reject(new Error('Nothing runs here')));
    expect(again).toMatchObject({ refused: 'idempotency-in-progress' });
  });

  test('to keep what it says of a customer, a repeat makes the answer anew, for the same request alone', async () => {
    const { store, rows } = memoryIdempotency(Date.now);
    const about: Answer = { kind: 'created', body: { of: 'a customer' }, isRemade: true };
    let times = 0;
    const run = () => Promise.resolve({ ...about, body: { ...about.body, times: ++times } });
    expect(await request(store, run)).toMatchObject({ body: { times: 1 } });
    expect(await request(store, run)).toMatchObject({ body: { times: 2 } });
    expect(JSON.stringify(await rows())).not.toContain('customer');
    const other = await onlyOnce(acceptable('a-key', '{"other":1}'), store, run);
    expect(other).toMatchObject({ refused: 'idempotency-key-reused' });
    expect(times).toBe(2);
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
