import { describe, expect, test } from 'vitest';
import type { Answer } from '../../functions/edge/answer.ts';
import type { Caller } from '../../functions/edge/caller.ts';
import { onlyOnce, repeatableRequest } from '../../functions/edge/idempotency.ts';
import type { IdempotencyStore } from '../../shared/adapters/idempotency-store.ts';
import { tenantId } from '../../shared/contracts/ids.ts';
import { Fault } from '../../shared/domain/fault.ts';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';

const caller = { tenantId: tenantId.parse('acme'), subject: 'user-1' };
const colleague = { ...caller, subject: 'user-2' };
const stranger = { tenantId: tenantId.parse('globex'), subject: 'user-1' };

interface Request {
  readonly by: Caller;
  readonly routeKey: string;
  readonly key: string;
  readonly rawBody: Uint8Array;
}
const first: Request = {
  by: caller,
  routeKey: 'POST /v1/things',
  key: 'a-key-CANARY',
  rawBody: Buffer.from('{"accessToken":"CANARY"}'),
};

const created = (): Promise<Answer> => Promise.resolve({ kind: 'created', body: { id: 'thing' }, version: 1 });
const never = () => Promise.reject(new Error('Nothing runs here'));

/** A store, and everything in it. */
export type MakeStore = (
  now: () => number,
) => Promise<{ readonly store: IdempotencyStore; readonly rows: () => Promise<readonly object[]> }>;

/** What repeated requests get, whichever store remembers them: DynamoDB's, and the one in memory that the unit tests take for it. */
export const idempotencyContract = (makeStore: MakeStore): void => {
  const scene = async () => {
    let at = Date.parse('2026-11-22T10:00:00Z');
    const { store, rows } = await makeStore(() => at);
    let runs = 0;
    const request = (run: () => Promise<Answer | Refused>, change: Partial<Request> = {}) => {
      const { by, routeKey, key, rawBody } = { ...first, ...change };
      const repeatable = repeatableRequest(by, routeKey, key, rawBody);
      if (isRefused(repeatable)) throw new Error('The key is good');
      return onlyOnce(repeatable, store, () => {
        runs++;
        return run();
      });
    };
    return { request, store, rows, runs: () => runs, later: (seconds: number) => (at += seconds * 1000) };
  };

  /** A request whose function dies in the middle of it. */
  const dying = (request: (run: () => Promise<never>) => Promise<unknown>) =>
    new Promise<void>((started) => {
      void request(() => {
        started();
        return new Promise<never>(() => undefined);
      });
    });

  describe('a repeated request', () => {
    test('with another body is refused', async () => {
      const { request, runs } = await scene();
      await request(created);
      expect(await request(never, { rawBody: Buffer.from('{}') })).toEqual({
        refused: 'idempotency-key-reused',
        details: { guidance: expect.stringMatching(/a new Idempotency-Key/) as string },
      });
      expect(runs()).toBe(1);
    });

    test('with a body that differs in a byte which is no text is refused, too', async () => {
      const { request } = await scene();
      await request(created, { rawBody: Uint8Array.of(0x80) });
      const other = await request(never, { rawBody: Uint8Array.of(0x81) });
      expect(other).toMatchObject({ refused: 'idempotency-key-reused' });
    });

    test('does not get an answer again that held a secret', async () => {
      const { request, rows } = await scene();
      const shown: Answer = { kind: 'ok', body: { verifyToken: 'CANARY' }, holdsSecret: true };
      expect(await request(() => Promise.resolve(shown))).toEqual(shown);
      expect(await request(never)).toEqual({
        refused: 'already-shown',
        details: { guidance: expect.stringMatching(/secret is lost.*a new Idempotency-Key/) as string },
      });
      expect(JSON.stringify(await rows())).not.toContain('CANARY');
    });

    test('in parallel runs once; the others are told to wait', async () => {
      const { request, runs } = await scene();
      const firstAnswer = Promise.withResolvers<Answer>();
      let answered = 0;
      const answers = Array.from({ length: 8 }, async () => {
        const answer = await request(() => firstAnswer.promise);
        if (++answered === 7) firstAnswer.resolve(created());
        return answer;
      });
      const toldToWait = (await Promise.all(answers)).filter((answer) => 'refused' in answer);
      expect(toldToWait).toHaveLength(7);
      for (const refused of toldToWait)
        expect(refused).toEqual({
          refused: 'idempotency-in-progress',
          details: { guidance: expect.stringMatching(/in a moment/) as string, retryAfterSeconds: 2 },
        });
      expect(runs()).toBe(1);
      expect(await request(never)).toMatchObject({ kind: 'created' });
    });

    test.each<Answer>([
      { kind: 'created', body: { id: 'thing', nested: { list: [1, null] } }, version: 1, location: '/v1/things/1' },
      { kind: 'ok', body: {} },
      { kind: 'accepted', body: { state: 'configuring' } },
    ])('gets the first answer, and nothing runs again: $kind', async (answer) => {
      const { request, runs } = await scene();
      expect(await request(() => Promise.resolve(answer))).toEqual(answer);
      expect(await request(never)).toEqual(answer);
      expect(runs()).toBe(1);
    });

    test.each([
      ['the first', refuse('waba-taken', { detail: 'taken' })],
      ['one without a word', refuse('not-found')],
      ['one of the highest status that is the client’s', refuse('precondition-required')],
    ])('gets a refusal again, too: %s', async (_which, refused) => {
      const { request, runs } = await scene();
      await request(() => Promise.resolve(refused));
      expect(await request(never)).toEqual(refused);
      expect(runs()).toBe(1);
    });

    test('of a colleague is the same one', async () => {
      const { request, runs } = await scene();
      await request(created);
      expect(await request(never, { by: colleague })).toMatchObject({ kind: 'created' });
      expect(runs()).toBe(1);
    });

    test.each<[string, Partial<Request>]>([
      ['of another tenant', { by: stranger }],
      ['on another route', { routeKey: 'POST /v1/others' }],
      ['under another key', { key: 'another-key' }],
    ])('%s is a first one', async (_what, change) => {
      const { request, runs } = await scene();
      await request(created);
      await request(created, change);
      expect(runs()).toBe(2);
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
  });

  describe('a request that came to nothing', () => {
    test('because its function died is refused for a minute, and for another body also after it', async () => {
      const { request, later, runs } = await scene();
      await dying(request);
      later(59);
      expect(await request(never)).toMatchObject({ refused: 'idempotency-in-progress' });
      later(1);
      expect(await request(never, { rawBody: Buffer.from('{}') })).toMatchObject({ refused: 'idempotency-key-reused' });
      expect(await request(created)).toMatchObject({ kind: 'created' });
      expect(runs()).toBe(2);
    });

    test.each([
      ['a promise that broke', new Fault('kms-unavailable', { retryable: true })],
      ['a bug', new TypeError('a bug')],
    ])('on our side may be repeated when it failed with %s', async (_what, error) => {
      const { request, runs } = await scene();
      await expect(request(() => Promise.reject(error))).rejects.toBe(error);
      expect(await request(created)).toMatchObject({ kind: 'created' });
      expect(runs()).toBe(2);
    });

    test.each([
      ['the lowest status that is ours', refuse('internal-error')],
      ['an outage of Meta', refuse('meta-unreachable')],
      ['that it may be tried again', refuse('conflict', { retryAfterSeconds: 1 })],
    ])('may be repeated, also with another body, when it answered %s', async (_what, refused) => {
      const { request, runs } = await scene();
      expect(await request(() => Promise.resolve(refused))).toEqual(refused);
      expect(await request(created, { rawBody: Buffer.from('{}') })).toMatchObject({ kind: 'created' });
      expect(runs()).toBe(2);
    });
  });

  describe('the record of a request', () => {
    test('holds neither the key nor the body', async () => {
      const { request, rows } = await scene();
      await request(created);
      expect(await rows()).toHaveLength(1);
      expect(JSON.stringify(await rows())).not.toContain('CANARY');
    });

    test('that was forgotten takes no answer', async () => {
      const { store } = await scene();
      await store.begin(caller.tenantId, 'digest', 'body');
      await store.forget(caller.tenantId, 'digest');
      await expect(store.finish(caller.tenantId, 'digest', '{}')).rejects.toThrow(
        expect.objectContaining({ code: 'store-unavailable', retryable: true }) as Error,
      );
    });
  });
};
