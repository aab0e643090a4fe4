import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AgentHost, saying, type TestAgent } from './support/agent-host.ts';
import { Api } from './support/api.ts';
import { newAccessToken, newAppSecret, newBusiness, newCustomer, newTokenOf } from './support/business.ts';
import { agentRequest, bindAgent, type Connection, connect, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { recordCredentialCanaries } from './support/record.ts';
import { auditOf, credentialRow, sealedOf } from './support/tables.ts';

let host: AgentHost;
let connection: Connection;
let number: string;
let agent: TestAgent;
beforeAll(async () => {
  host = await AgentHost.open();
  const [api, business] = await Promise.all([Api.asNewTenant('update'), newBusiness({ numbers: [2] })]);
  connection = await connect(api, business);
  number = connection.numbers[0] ?? '';
  agent = await bindAgent(host, 'steady', connection, number, quiet);
  agent.answer = () => saying('I am here');
});
afterAll(() => host[Symbol.asyncDispose]());

const version = async (): Promise<number> =>
  (await connection.api.get<{ version: number }>(`/v1/credentials/${connection.credential.id}`)).body.version;
const patch = async (body: unknown) => connection.api.patchCredential(connection.credential.id, body, await version());

/** All that a failed change must leave as it is. */
async function inForce() {
  const { version, secretVersion, label, accessTokenLastFour, accessTokenSetAt, proofVersion } = await credentialRow(
    connection.credential.id,
  );
  const owners = [connection.credential.id, `app_${connection.business.app.id}`];
  const sealed = await Promise.all(owners.map(sealedOf));
  return { version, secretVersion, label, accessTokenLastFour, accessTokenSetAt, proofVersion, sealed };
}

async function stillSends(): Promise<void> {
  const before = (await meta.sent(number)).length;
  await meta.message({ phoneNumberId: number, from: newCustomer().waId, body: 'Are you there?' });
  await eventually(async () => expect(await meta.sent(number)).toHaveLength(before + 1));
}

const refusedUpdates = async () =>
  (await auditOf(connection.credential.id)).filter(
    ({ action, outcome }) => action === 'update' && outcome === 'refused',
  );

describe('a change that Meta does not confirm changes nothing, is audited, and may be repeated', () => {
  /** The calls of the validation, in their order. The path is a regular expression. */
  const calls = () => {
    const { wabaId } = connection;
    return { debug_token: 'debug_token', account: `/${wabaId}$`, numbers: `/${wabaId}/phone_numbers$` };
  };
  /** Longer than our patience with one call. In milliseconds. */
  const tooLong = 7_000;

  test.each([
    ['debug_token', { dropConnection: true }],
    ['account', { dropConnection: true }],
    ['numbers', { dropConnection: true }],
    ['debug_token', { delayMs: tooLong }],
    ['account', { delayMs: tooLong }],
    ['numbers', { delayMs: tooLong }],
    ['debug_token', { status: 500, answer: 'Sorry, something went wrong' }],
    ['account', { code: 2 }],
    ['numbers', { code: 80008 }],
  ] as const)('silence at %s (%j): 503', async (call, fault) => {
    const fresh = await newTokenOf(connection.business);
    const [before, audited] = [await inForce(), (await refusedUpdates()).length];
    {
      const app = connection.business.app.id;
      await using _fault = await meta.fault({ app, method: 'GET', path: calls()[call], times: null, ...fault });
      const problem = expectProblem(await patch({ accessToken: fresh.value }), {
        status: 503,
        code: 'meta-unreachable',
      });
      expect(problem.retryAfterSeconds).toBeGreaterThan(0);
    }
    expect(await inForce()).toEqual(before);
    const lines = await refusedUpdates();
    expect(lines).toHaveLength(audited + 1);
    expect(lines.at(-1)).toMatchObject({ about: ['meta-unreachable'], actorKind: 'user' });
  });

  const wrong: readonly (readonly [string, string, () => Promise<Record<string, string>>])[] = [
    [
      'an unknown token',
      '/accessToken',
      () => {
        const accessToken = newAccessToken();
        recordCredentialCanaries('a wrong change', connection.business.app.secret, accessToken);
        return Promise.resolve({ accessToken });
      },
    ],
    [
      'a dead token',
      '/accessToken',
      async () => {
        const { name, value } = await newTokenOf(connection.business);
        await meta.tokenDies(name, 'revoke');
        return { accessToken: value };
      },
    ],
    [
      'a token that can’t see the account',
      '/wabaId',
      async () => ({ accessToken: (await newTokenOf(connection.business, { assets: [] })).value }),
    ],
    [
      'a token without a permission',
      '/accessToken',
      async () => {
        const scopes = ['whatsapp_business_management'];
        const granularScopes = scopes.map((scope) => ({ scope }));
        return { accessToken: (await newTokenOf(connection.business, { scopes, granularScopes })).value };
      },
    ],
    [
      'a wrong App Secret',
      '/appSecret',
      () => {
        const appSecret = newAppSecret();
        recordCredentialCanaries('a wrong change', appSecret, connection.business.token.value);
        return Promise.resolve({ appSecret });
      },
    ],
    [
      'a good token with a wrong App Secret',
      '/appSecret',
      async () => {
        const [{ value }, appSecret] = [await newTokenOf(connection.business), newAppSecret()];
        recordCredentialCanaries('a wrong change', appSecret, value);
        return { accessToken: value, appSecret, previousAppSecret: 'revoke' };
      },
    ],
  ];
  test.each(wrong)('%s: 422 at %s', async (_what, pointer, body) => {
    const [before, audited] = [await inForce(), (await refusedUpdates()).length];
    expectProblem(await patch(await body()), { status: 422, code: 'credential-refused', pointer });
    expect(await inForce()).toEqual(before);
    expect(await refusedUpdates()).toHaveLength(audited + 1);
  });

  test('and the number has answered with the old token all along; a good change is taken, then', async () => {
    await stillSends();
    const before = await inForce();
    const fresh = await newTokenOf(connection.business);
    const answer = await patch({ accessToken: fresh.value });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body.secrets.accessToken.lastFour).toBe(fresh.value.slice(-4));
    const after = await inForce();
    expect(after).toMatchObject({
      version: Number(before.version) + 1,
      secretVersion: Number(before.secretVersion) + 1,
      sealed: [
        [`clean-up ${Number(before.secretVersion) + 1}`, `graph-api ${Number(before.secretVersion) + 1}`],
        before.sealed[1],
      ],
    });
    await meta.tokenDies(connection.business.token.name, 'revoke');
    await stillSends();
  });
});

describe('a change says what it is based on', () => {
  let current: number;
  beforeEach(async () => {
    current = await version();
  });
  const rename = (label: string, etag: number | undefined) =>
    connection.api.patchCredential(connection.credential.id, { label }, etag);

  test('without If-Match it is refused: 428', async () => {
    expectProblem(await rename('No', undefined), { status: 428, code: 'precondition-required' });
  });

  test.each([-1, 1, 1000])('with the ETag of another version (%i away): 412', async (away) => {
    expectProblem(await rename('No', current + away), { status: 412, code: 'precondition-failed' });
    expect(await version()).toBe(current);
  });

  test('nothing to change, an unknown field, somebody else’s credential, one that is none', async () => {
    const { id } = connection.credential;
    expectProblem(await connection.api.patchCredential(id, {}, current), { status: 422, code: 'invalid-request' });
    expectProblem(await connection.api.patchCredential(id, { wabaId: '1' }, current), {
      status: 422,
      code: 'invalid-request',
    });
    const other = await Api.asNewTenant('other-update');
    expectProblem(await other.patchCredential(id, { label: 'Mine' }, current), { status: 404, code: 'not-found' });
    expectProblem(await other.deleteCredential(id), { status: 404, code: 'not-found' });
    expectProblem(await other.patchCredential('cred_1', { label: 'x' }, 1), { status: 404, code: 'not-found' });
  });

  test('the label alone needs nothing of Meta and no new seal', async () => {
    const before = await inForce();
    await using _fault = await meta.fault({ app: connection.business.app.id, dropConnection: true, times: null });
    const answer = await rename('Renamed', current);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({ label: 'Renamed', version: current + 1 });
    expect(answer.headers.get('etag')).toBe(`"${current + 1}"`);
    expect(await inForce()).toEqual({ ...before, label: 'Renamed', version: current + 1 });
  });

  test('of several with the same ETag at once, one wins', async () => {
    const fresh = await Promise.all([1, 2, 3].map(() => newTokenOf(connection.business)));
    const answers = await Promise.all(
      fresh.map(({ value }) =>
        connection.api.patchCredential(connection.credential.id, { accessToken: value }, current),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 412, 412]);
    const winner = answers.find(({ status }) => status === 200);
    expect(await version()).toBe(current + 1);
    expect((await credentialRow(connection.credential.id)).accessTokenLastFour).toBe(
      winner?.body.secrets.accessToken.lastFour,
    );
    expect(await sealedOf(connection.credential.id)).toHaveLength(2);
    await stillSends();
  });

  test('while agents are being bound, no number goes deaf', async () => {
    const other = connection.numbers[1] ?? '';
    const late = host.place('late');
    late.answer = () => saying('I am late');
    for (let round = 1; round <= 3; round++) {
      const fresh = await newTokenOf(connection.business);
      const bound = async () => {
        const headers = round === 1 ? undefined : { 'if-match': '*' };
        const request = agentRequest(late, connection, other, quiet);
        // Whoever is overtaken is told to repeat.
        return eventually(async () => {
          const answer = await connection.api.putAgent('late', request, headers);
          expect([200, 201], answer.text).toContain(answer.status);
          late.signingSecret = answer.body.signingSecret ?? late.signingSecret;
        });
      };
      const [changed] = await Promise.all([patch({ accessToken: fresh.value }), bound()]);
      expect(changed.status, changed.text).toBe(200);
      await stillSends();
      const before = (await meta.sent(other)).length;
      await eventually(async () => expect((await meta.targets(other)).targets).toMatchObject([{ level: 'phone' }]));
      await meta.message({ phoneNumberId: other, from: newCustomer().waId, body: 'And you?' });
      await eventually(async () => expect(await meta.sent(other)).toHaveLength(before + 1));
    }
  });
});
