import { setImmediate, setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { apiLambda, apiRoute } from '../../../functions/edge/api-lambda.ts';
import { actingAlone, actingFor, currentActor } from '../../../functions/edge/invocation.ts';
import { queueLambda } from '../../../functions/edge/queue-lambda.ts';
import { webhookLambda } from '../../../functions/edge/webhook-lambda.ts';
import type { Actor } from '../../../shared/domain/audit.ts';
import { captureOutput } from '../../support/captured-output.ts';
import { bearer, context, httpEvent } from '../../support/lambda.ts';

beforeEach(() => {
  captureOutput();
  vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'Switchboard-RouteEvent');
  vi.stubEnv('TENANT_CLAIM', 'tenant');
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Who acts before, between and after all that an implementation may wait for. */
const actorsAlong = async (): Promise<Actor[]> => {
  const actors = [currentActor()];
  await Promise.resolve();
  actors.push(currentActor());
  await setTimeout(2);
  actors.push(currentActor());
  await setImmediate();
  await new Promise<void>((done) => process.nextTick(() => done(void actors.push(currentActor()))));
  actors.push(...(await Promise.all([1, 2].map(() => setTimeout(1).then(currentActor)))));
  return actors;
};
const allOf = (actor: Actor) => Array<Actor>(6).fill(actor);

describe('who acts', () => {
  test('is the function where nobody has asked', () => {
    expect(currentActor()).toEqual({ kind: 'function', id: 'Switchboard-RouteEvent', requestId: 'none' });
  });

  test('is unknown where Lambda names no function, and no request', () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', undefined);
    expect(currentActor()).toEqual({ kind: 'function', id: 'unknown', requestId: 'none' });
  });

  test('is the user for as long as the request lasts, and nobody’s request after it', async () => {
    expect(await actingFor({ subject: 'ada' }, 'r-1', actorsAlong)).toEqual(
      allOf({ kind: 'user', id: 'ada', requestId: 'r-1' }),
    );
    expect(currentActor()).toMatchObject({ kind: 'function', requestId: 'none' });
  });

  test('is the function where it acts alone', async () => {
    const alone = { kind: 'function', id: 'Switchboard-RouteEvent', requestId: 'm-1' } as const;
    expect(await actingAlone('m-1', actorsAlong)).toEqual(allOf(alone));
  });

  test('is not the user for what the function does alone within the request', async () => {
    const actors = await actingFor({ subject: 'ada' }, 'r-1', async () => [
      await actingAlone('m-1', () => Promise.resolve(currentActor().kind)),
      currentActor().kind,
    ]);
    expect(actors).toEqual(['function', 'user']);
  });

  test('stays the user after what they asked for has failed', async () => {
    const failing = () => actingFor({ subject: 'ada' }, 'r-1', () => Promise.reject(new Error('x')));
    const after = await actingFor({ subject: 'eve' }, 'r-2', async () => {
      await failing().catch(() => undefined);
      return currentActor();
    });
    expect(after).toEqual({ kind: 'user', id: 'eve', requestId: 'r-2' });
  });

  test('is never the one of another request that runs at the same time', async () => {
    const users = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    const seen = await Promise.all(users.map((user) => actingFor({ subject: user }, `of ${user}`, actorsAlong)));
    expect(seen).toEqual(users.map((id) => allOf({ kind: 'user', id, requestId: `of ${id}` })));
  });
});

describe('the actor on record', () => {
  test('of a request is the subject of its token, also among requests in parallel', async () => {
    const seen = new Map<string, readonly Actor[]>();
    const handler = apiLambda([
      apiRoute({
        routeKey: 'GET /v1/things',
        run: async ({ caller }) => {
          seen.set(caller.subject, await actorsAlong());
          return { kind: 'ok', body: {} };
        },
      }),
    ]);
    const users = ['ada', 'bob', 'eve'];
    await Promise.all(
      users.map((sub) => {
        const authorization = bearer({ sub, exp: 1, tenant: 'acme' });
        return handler(
          httpEvent({ routeKey: 'GET /v1/things', headers: { authorization }, requestId: `of ${sub}` }),
          context(),
        );
      }),
    );
    expect(Object.fromEntries(seen)).toEqual(
      Object.fromEntries(users.map((id) => [id, allOf({ kind: 'user', id, requestId: `of ${id}` })])),
    );
  });

  test('of a queue record is the function, for the message of that record', async () => {
    const seen: Actor[] = [];
    const handler = queueLambda(
      async () => {
        seen.push(...(await actorsAlong()));
        return true;
      },
      () => Promise.resolve(),
    );
    const records = ['m-1', 'm-2'].map((messageId) => ({ messageId, attributes: {} }));
    await handler({ Records: records } as never, context());
    const inRecord = (requestId: string) => allOf({ kind: 'function', id: 'Switchboard-RouteEvent', requestId });
    expect(seen.toSorted(byRequest)).toEqual([...inRecord('m-1'), ...inRecord('m-2')]);
  });

  test('of a delivery is the function, whoever sent it', async () => {
    let seen: readonly Actor[] = [];
    const handler = webhookLambda(async () => {
      seen = await actorsAlong();
      return { status: 200 };
    });
    await handler(httpEvent({ headers: { authorization: bearer({ sub: 'ada', exp: 1, tenant: 'acme' }) } }), context());
    expect(seen).toEqual(allOf({ kind: 'function', id: 'Switchboard-RouteEvent', requestId: 'request-1' }));
  });
});

const byRequest = (one: Actor, other: Actor) => one.requestId.localeCompare(other.requestId);
