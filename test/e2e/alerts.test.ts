import { InvokeCommand, LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Credential, Reason } from '../../shared/contracts/credential.ts';
import type { Notifications } from '../../shared/contracts/notification.ts';
import { newTicket } from '../../shared/domain/work.ts';
import { AgentHost } from './support/agent-host.ts';
import { Api } from './support/api.ts';
import { awsClient } from './support/aws.ts';
import { newBusiness, newCustomer, newTokenOf } from './support/business.ts';
import { type Connection, connect, newConnection, newConversationPartner, quiet } from './support/connection.ts';
import { outputOf, sweep } from './support/lambdas.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { stack } from './support/stack.ts';
import { Subscriber } from './support/subscriber.ts';
import { credentialRow, putRow, type Row, rowsOf } from './support/tables.ts';
import { mintToken, newTenant } from './support/tenant.ts';

/** Long enough for an alert that must not come. In milliseconds. */
const aWhile = 3_000;

let operators: Subscriber;
beforeAll(async () => {
  operators = await Subscriber.open();
  await operators.joinOperators();
  await eventually(() => operators.confirm());
});
afterAll(() => operators[Symbol.asyncDispose]());

const notificationsOf = ({ api }: Pick<Connection, 'api'>) => api.get<Notifications>('/v1/notifications');
const put = async (connection: Pick<Connection, 'api'>, destinations: readonly object[], ifMatch?: string) => {
  const etag = ifMatch ?? (await notificationsOf(connection)).headers.get('etag') ?? '';
  const call = { body: { destinations }, headers: { 'if-match': etag } };
  return connection.api.call<Notifications>('PUT', '/v1/notifications', call);
};
const at = (subscriber: Subscriber) => ({ protocol: 'https', endpoint: subscriber.url });

/** Connected, with an address that is confirmed. */
const newListener = async (tenant: string) => {
  const connection = await newConnection(tenant);
  const subscriber = await Subscriber.open();
  await subscriber.join(connection.api);
  return { ...connection, subscriber };
};

const reasonOf = (code: string): Reason => ({
  code,
  title: 'The access token was revoked',
  detail: 'Meta says that the token is not valid any more.',
  guidance: 'Make a new one.',
  since: new Date().toISOString(),
});
const verdictOf = (code: string) => ({ verdict: { status: 'invalid', reason: reasonOf(code) } });

/** What only a check, Meta or the time would write. */
const becomes = async ({ credential }: Pick<Connection, 'credential'>, change: object): Promise<Row> => {
  const row = { ...(await credentialRow(credential.id)), ...change } as Row;
  await putRow('Directory', row);
  return row;
};
const about = (subscriber: Subscriber, { credential }: Pick<Connection, 'credential'>) =>
  subscriber.alerts.filter(({ credentialId }) => credentialId === credential.id).map(({ kind }) => kind);
const historyOf = async ({ credential }: Pick<Connection, 'credential'>) =>
  (await rowsOf('Directory')).filter(({ sk }) => sk.startsWith(`VERDICT#${credential.id}#`));

describe.concurrent('an alert', () => {
  test('reaches the address that its tenant has confirmed and the operators, and never another tenant', async () => {
    const [one, other] = await Promise.all([newListener('alerted'), newListener('alerted-too')]);
    await becomes(one, verdictOf('token-revoked'));
    await eventually(() => expect(about(one.subscriber, one)).toEqual(['credential.invalid']));
    await eventually(() => expect(about(operators, one)).toEqual(['credential.invalid']));
    const [told] = one.subscriber.notifications;
    expect(told?.Subject).toMatch(/^[\x20-\x7e]{1,99}$/);
    expect(told?.MessageAttributes).toMatchObject({
      kind: { Value: 'credential.invalid' },
      severity: { Value: 'critical' },
    });
    expect(one.subscriber.alerts).toMatchObject([
      {
        tenantId: one.api.tenant,
        wabaId: one.wabaId,
        label: 'Shop',
        code: 'token-revoked',
        guidance: 'Make a new one.',
        link: expect.stringContaining(one.credential.id),
      },
    ]);
    expect(operators.alerts.filter(({ credentialId }) => credentialId === one.credential.id)).toMatchObject([
      { label: null, tenantId: one.api.tenant },
    ]);

    await becomes(other, verdictOf('app-secret-wrong'));
    await becomes(one, { verdict: null });
    await eventually(() => expect(about(one.subscriber, one)).toEqual(['credential.invalid', 'credential.recovered']));
    await eventually(() => expect(about(operators, one)).toEqual(['credential.invalid', 'credential.recovered']));
    await eventually(() => expect(about(other.subscriber, other)).toEqual(['credential.invalid']));
    await throughout(aWhile, () => {
      expect(one.subscriber.alerts).toHaveLength(2);
      expect(other.subscriber.alerts).toHaveLength(1);
    });
    expect(await historyOf(one)).toMatchObject([
      { from: { status: 'connected' }, to: { status: 'invalid' } },
      { from: { status: 'invalid', code: 'token-revoked' }, to: { status: 'connected' } },
    ]);
  }, 120_000);

  test('comes once for each transition: not for new words, not while Meta is away, not for a change beside it', async () => {
    const one = await newListener('steady');
    await becomes(one, { finding: { status: 'degraded', reason: reasonOf('quality-low') } });
    await eventually(() => expect(about(one.subscriber, one)).toEqual(['credential.degraded']));
    await becomes(one, {
      finding: { status: 'degraded', reason: { ...reasonOf('quality-low'), title: 'Other words' } },
    });
    await becomes(one, { unreachableSince: new Date().toISOString() });
    await becomes(one, { unreachableSince: null, label: 'Another name' });
    await throughout(aWhile, () => expect(about(one.subscriber, one)).toEqual(['credential.degraded']));
    expect((await historyOf(one)).map(({ to }) => (to as Credential).status)).toEqual([
      'degraded',
      'unreachable',
      'degraded',
    ]);
    expect(about(operators, one)).toEqual([]);
  }, 120_000);

  test('is told at 14 days, at 7 and at 1 that a token ends, each once', async () => {
    const one = await newListener('expiring');
    const expiresAt = '2027-01-01T00:00:00.000Z';
    for (const [index, days] of ([14, 7, 1] as const).entries()) {
      await becomes(one, { expiryNotice: { expiresAt, days } });
      await eventually(() => expect(about(one.subscriber, one)).toHaveLength(index + 1));
    }
    await becomes(one, { expiryNotice: { expiresAt, days: 1 }, label: 'Another name' });
    await throughout(aWhile, () => expect(about(one.subscriber, one)).toHaveLength(3));
    expect(one.subscriber.alerts.map(({ kind, severity }) => `${kind} ${severity}`)).toEqual([
      'credential.token-expiring warning',
      'credential.token-expiring warning',
      'credential.token-expiring critical',
    ]);
  }, 120_000);

  test('comes of a send that Meta refuses for a revoked token, and of the token that is put in its place', async () => {
    await using host = await AgentHost.open();
    const partner = await newConversationPartner(host, 'told', quiet);
    await using subscriber = await Subscriber.open();
    await put(partner, [at(subscriber)]);
    await eventually(() => subscriber.confirm());
    await eventually(async () => {
      const open = (await rowsOf('Directory')).filter(({ pk }) => pk === 'WORK');
      expect(JSON.stringify(open)).not.toContain(partner.credential.id);
    });
    await meta.tokenDies(partner.business.token.name, 'revoke');
    const body = { to: newCustomer().waId, type: 'text', text: { body: 'Hello' } };
    await partner.api.call('POST', `/v1/agents/${partner.agent.id}/messages`, { body });
    await eventually(() => expect(about(subscriber, partner)).toEqual(['credential.invalid']), 60_000);

    const token = await newTokenOf(partner.business);
    const { version } = (await partner.api.get<Credential>(`/v1/credentials/${partner.credential.id}`)).body;
    expect(
      (await partner.api.patchCredential(partner.credential.id, { accessToken: token.value }, version)).status,
    ).toBe(200);
    const all = ['credential.invalid', 'credential.recovered'];
    await eventually(() => expect(about(subscriber, partner)).toEqual(all));
    await eventually(() => expect(about(operators, partner)).toEqual(all));
  }, 180_000);
});

describe.concurrent('whoever dies on the way', () => {
  const lambda = new LambdaClient(awsClient);
  const functionName = async (name: string): Promise<string> => {
    for await (const { Functions } of paginateListFunctions({ client: lambda }, {}))
      for (const { FunctionName } of Functions ?? []) if (FunctionName?.includes(name) === true) return FunctionName;
    throw new Error(`There is no function ${name}.`);
  };

  test('before the change is written down has it heard again, and it is told once', async () => {
    const one = await newListener('heard-twice');
    const before = await credentialRow(one.credential.id);
    const after = await becomes(one, verdictOf('token-revoked'));
    await eventually(() => expect(about(one.subscriber, one)).toEqual(['credential.invalid']));
    const [, , time = '', SequenceNumber = ''] = (await historyOf(one))[0]?.sk.split('#') ?? [];
    const record = {
      eventName: 'MODIFY',
      dynamodb: {
        Keys: marshall({ pk: after.pk, sk: after.sk }),
        ApproximateCreationDateTime: Date.parse(time) / 1000,
        SequenceNumber,
        OldImage: marshall(before),
        NewImage: marshall(after),
      },
    };
    const Payload = JSON.stringify({ Records: [record, record] });
    const FunctionName = await functionName('WatchCredentialsFunction');
    const { FunctionError } = await lambda.send(new InvokeCommand({ FunctionName, Payload }));
    expect(FunctionError).toBeUndefined();
    await throughout(aWhile, () => expect(about(one.subscriber, one)).toEqual(['credential.invalid']));
    expect(await historyOf(one)).toHaveLength(1);
  }, 120_000);

  test('between the verdict and its publication leaves a ticket, which the sweeper finds: it is told once', async () => {
    const one = await newListener('swept');
    await becomes(one, verdictOf('token-revoked'));
    await eventually(() => expect(one.subscriber.alerts).toHaveLength(1));
    const [alert] = one.subscriber.alerts;
    if (alert === undefined) throw new Error('Nothing was told.');
    const lost = { ...alert, id: `alert_${'x'.repeat(43)}`, at: new Date().toISOString() };
    const work = { kind: 'publish-alert' as const, tenantId: alert.tenantId, audience: 'tenant' as const, alert: lost };
    const ticket = newTicket(work, new Date(), new Date(Date.now() - 1_000));
    await putRow('Directory', { pk: 'WORK', sk: ticket.id, work, attempts: 0 });
    await throughout(1_000, () => expect(one.subscriber.alerts).toHaveLength(1));
    await sweep();
    await eventually(() => expect(one.subscriber.alerts.map(({ id }) => id)).toEqual([alert.id, lost.id]));
    // The worker is handed the same once more: its ticket is gone.
    await new SQSClient(awsClient).send(
      new SendMessageCommand({
        QueueUrl: await outputOf('AlertQueueUrl'),
        MessageBody: JSON.stringify({ version: 1, ticket: ticket.id, work }),
      }),
    );
    await throughout(aWhile, () => expect(one.subscriber.alerts).toHaveLength(2));
  }, 120_000);
});

describe.concurrent('where alerts go', () => {
  test('is nowhere at first, and then where the tenant says, confirmed or not', async () => {
    const api = await Api.asNewTenant('choosing');
    await using subscriber = await Subscriber.open();
    const first = await notificationsOf({ api });
    expect([first.status, first.headers.get('etag'), first.body]).toEqual([
      200,
      '"0"',
      { version: 0, destinations: [], updatedAt: null },
    ]);
    const chosen = await put({ api }, [at(subscriber)]);
    expect([chosen.status, chosen.headers.get('etag')], chosen.text).toEqual([200, '"1"']);
    expect(chosen.body.destinations).toEqual([{ ...at(subscriber), confirmed: false }]);
    await eventually(() => subscriber.confirm());
    expect((await notificationsOf({ api })).body.destinations).toEqual([{ ...at(subscriber), confirmed: true }]);
    // The same once more asks nobody anything.
    expect((await put({ api }, [at(subscriber)])).body.destinations).toEqual([{ ...at(subscriber), confirmed: true }]);
    await throughout(aWhile, () => expect(subscriber.questions).toBe(1));
    const none = await put({ api }, []);
    expect(none.body).toMatchObject({ version: 3, destinations: [] });
  });

  test('is no more where it was taken back before it was confirmed', async () => {
    const one = await newConnection('regretted');
    await using subscriber = await Subscriber.open();
    await put(one, [at(subscriber)]);
    await eventually(() => expect(subscriber.questions).toBe(1));
    await put(one, []);
    // SNS may have forgotten the question, or take a late yes for one.
    await subscriber.confirm().catch(() => undefined);
    await becomes(one, verdictOf('token-revoked'));
    await eventually(() => expect(about(operators, one)).toEqual(['credential.invalid']));
    await throughout(aWhile, () => expect(subscriber.alerts).toEqual([]));
  }, 60_000);

  test('is refused for what is no public https URL, no address, twice the same, too many, or a version that is old', async () => {
    const api = await Api.asNewTenant('refused');
    const refused = async (destinations: readonly object[], code: 'target-refused' | 'invalid-request') =>
      expectProblem(await put({ api }, destinations), { status: 422, code });
    const https = (endpoint: string) => ({ protocol: 'https', endpoint });
    for (const endpoint of [
      'http://example.com/alerts',
      'https://user:password@example.com/alerts',
      'https://10.0.0.1/alerts',
      'https://metadata.internal/alerts',
    ])
      await refused([https(endpoint)], 'target-refused');
    await refused([{ protocol: 'email', endpoint: 'nobody' }], 'invalid-request');
    await refused([{ protocol: 'sms', endpoint: '+4915112345678' }], 'invalid-request');
    await refused([https('https://example.com/a'), https('https://example.com/a')], 'invalid-request');
    await refused(
      Array.from({ length: 11 }, (_, index) => ({ protocol: 'email', endpoint: `ada${index}@example.com` })),
      'invalid-request',
    );
    const call = { body: { destinations: [] } };
    expectProblem(await api.call('PUT', '/v1/notifications', call), { status: 428, code: 'precondition-required' });
    expectProblem(await put({ api }, [], '"7"'), { status: 412, code: 'precondition-failed' });
    expect((await notificationsOf({ api })).body).toMatchObject({ version: 0, destinations: [] });
  });

  test('is the verified address of who connects the first credential, and no user’s choice is overridden by it', async () => {
    const tenant = newTenant('by-default');
    const email = `${tenant}@example.com`;
    const api = Api.withToken(await mintToken(tenant, stack.stateDirectory, '--email', email));
    const business = await newBusiness({ numbers: [1, 1] });
    await connect(api, business);
    const byDefault = await notificationsOf({ api });
    expect(byDefault.body).toMatchObject({ version: 1, destinations: [{ protocol: 'email', endpoint: email }] });
    await eventually(async () =>
      expect((await notificationsOf({ api })).body.destinations).toMatchObject([{ confirmed: true }]),
    );
    await put({ api }, []);
    await connect(api, business, { wabaId: business.wabas[1]?.id });
    expect((await notificationsOf({ api })).body).toMatchObject({ version: 2, destinations: [] });
  });
});
