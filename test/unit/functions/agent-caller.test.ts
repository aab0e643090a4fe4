import { describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { userOrAgent } from '../../../functions/edge/agent-caller.ts';
import { apiLambda, apiRoute } from '../../../functions/edge/api-lambda.ts';
import { agentId } from '../../../shared/contracts/ids.ts';
import { type AgentKeyOwner, agentKeyDigest, makeAgentKey } from '../../../shared/domain/agent-key.ts';
import { bearer, context, httpEvent } from '../../support/lambda.ts';
import { ids } from '../../support/records.ts';

const { shown: key, record } = makeAgentKey(new Date());
const owner: AgentKeyOwner = { tenantId: ids.tenant, agentId: ids.agent, keyId: record.keyId };
const token = bearer({ sub: 'ada', tenant: 'acme', exp: Math.floor(Date.now() / 1000) + 3600 });

const world = ({ isRevoked = false, isAcceptable = true } = {}) => {
  process.env.TENANT_CLAIM = 'tenant';
  const ownerOf = vi.fn((digest: string) =>
    Promise.resolve(!isRevoked && digest === agentKeyDigest(key) ? owner : undefined),
  );
  const judged = vi.fn(() => Promise.resolve(isAcceptable));
  const authenticate = userOrAgent(() => ({ keys: { ownerOf }, isAcceptable: judged }));
  return { authenticate, ownerOf, judged };
};

describe('who calls', () => {
  test('is the agent whose key it is', async () => {
    expect(await world().authenticate(`Bearer ${key}`)).toEqual({
      tenantId: ids.tenant,
      subject: record.keyId,
      agentId: ids.agent,
    });
  });

  test('is the user whose token is good, and is no agent', async () => {
    expect(await world().authenticate(token)).toEqual({ tenantId: 'acme', subject: 'ada' });
  });

  test.each<[string, string | undefined, Parameters<typeof world>[0]]>([
    ['nothing', undefined, {}],
    ['an empty header', '', {}],
    ['another scheme', `Basic ${key}`, {}],
    ['a key without scheme', key, {}],
    ['a key that was revoked', `Bearer ${key}`, { isRevoked: true }],
    ['a key that nobody has', `Bearer ${makeAgentKey(new Date()).shown}`, {}],
    ['a part of a key', `Bearer ${key.slice(0, -1)}`, {}],
    ['a key and more', `Bearer ${key} ${key}`, {}],
    ['a token that is no good', token, { isAcceptable: false }],
  ])('is nobody with %s', async (_what, authorization, change) => {
    expect(await world(change).authenticate(authorization)).toMatchObject({ refused: 'unauthenticated' });
  });

  test('is asked for each request anew: a key that is revoked is dead at once', async () => {
    const it = world();
    await it.authenticate(`Bearer ${key}`);
    it.ownerOf.mockResolvedValue(undefined);
    expect(await it.authenticate(`Bearer ${key}`)).toMatchObject({ refused: 'unauthenticated' });
  });

  test('is never asked of the issuer when it is a key, nor of the keys when it is a token', async () => {
    const it = world();
    await it.authenticate('Bearer sbk_not-a-key');
    expect([it.judged.mock.calls, it.ownerOf.mock.calls]).toEqual([[], []]);
    await it.authenticate(token);
    expect(it.ownerOf).not.toHaveBeenCalled();
  });
});

describe('an agent', () => {
  const call = async (path: Record<string, string> | undefined) => {
    const run = vi.fn(() => Promise.resolve({ kind: 'ok', body: {} } as const));
    const route = apiRoute({
      routeKey: 'GET /v1/agents/{agentId}/x',
      path: z.object({ agentId: agentId.optional() }),
      run,
    });
    const event = httpEvent({
      routeKey: 'GET /v1/agents/{agentId}/x',
      headers: { authorization: `Bearer ${key}` },
      ...(path === undefined ? {} : { pathParameters: path }),
    });
    const { statusCode } = await apiLambda([route], world().authenticate)(event, context());
    return { statusCode, ran: run.mock.calls.length };
  };

  test('reaches what is its own', async () => {
    expect(await call({ agentId: ids.agent })).toEqual({ statusCode: 200, ran: 1 });
  });

  test.each<[string, Record<string, string> | undefined]>([
    ['what is another agent’s', { agentId: 'other' }],
    ['what is no agent’s', undefined],
  ])('does not reach %s: it does not exist for it', async (_what, path) => {
    expect(await call(path)).toEqual({ statusCode: 404, ran: 0 });
  });
});
