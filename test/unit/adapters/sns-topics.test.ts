import {
  CreateTopicCommand,
  GetSubscriptionAttributesCommand,
  InternalErrorException,
  InvalidParameterException,
  ListSubscriptionsByTopicCommand,
  NotFoundException,
  PublishCommand,
  type SNSClient,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import { describe, expect, test } from 'vitest';
import { snsPublisher, tenantTopicArn, tenantTopicReader, tenantTopics } from '../../../shared/adapters/sns-topics.ts';
import { tenantId } from '../../../shared/contracts/ids.ts';
import { alertRecordOf, ids } from '../../support/records.ts';

const prefix = 'arn:aws:sns:eu-central-1:123456789012:Switchboard-tenant-';
const topicArn = tenantTopicArn(prefix, ids.tenant);
const failure = { message: 'CANARY', $metadata: {} };
const noTopic = new NotFoundException(failure);
const away = new InternalErrorException(failure);

/** An SNS that answers as it is told, one answer after the other, and remembers what it was asked. */
const scripted = (...answers: readonly (object | Error)[]) => {
  const asked: { readonly constructor: unknown; readonly input: object }[] = [];
  const left = [...answers];
  const send = (command: (typeof asked)[number]) => {
    asked.push(command);
    const answer = left.shift() ?? {};
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { asked, client: { send } as unknown as SNSClient };
};
const topicsOn = (client: SNSClient) => tenantTopics(client, { prefix, keyArn: 'arn:aws:kms:key' });
const publisherOn = (client: SNSClient) => snsPublisher(client, { operator: 'arn:operators', tenantPrefix: prefix });
const unavailable = { code: 'topic-unavailable', retryable: true };

describe('the topic of a tenant', () => {
  test('has a name that SNS takes, for every id that a tenant may have, and tells tenants apart', () => {
    const all = ['acme', 'Acme', 'a@b.example|x:1', 'x'.repeat(128)].map((id) =>
      tenantTopicArn(prefix, tenantId.parse(id)),
    );
    for (const arn of all) expect(arn.split(':').at(-1)).toMatch(/^Switchboard-tenant-[0-9a-f]{32}$/);
    expect(new Set(all).size).toBe(all.length);
  });

  test('is made with the key of the stack, under the name that the ARN ends with', async () => {
    const { asked, client } = scripted();
    await topicsOn(client).create(ids.tenant);
    expect(asked[0]).toBeInstanceOf(CreateTopicCommand);
    expect(asked[0]?.input).toMatchObject({
      Name: topicArn.split(':').at(-1),
      Attributes: { KmsMasterKeyId: 'arn:aws:kms:key' },
    });
  });
});

describe('subscriptions', () => {
  test('are read page by page; one that waits has no name, and what no tenant can ask for is not theirs', async () => {
    const { asked, client } = scripted(
      {
        Subscriptions: [
          { SubscriptionArn: 'arn:aws:sns:1', Protocol: 'email', Endpoint: 'ada@example.com' },
          // SNS goes on to list one that has ended for a while.
          { SubscriptionArn: 'Deleted', Protocol: 'email', Endpoint: 'bob@example.com' },
          { SubscriptionArn: 'arn:aws:sns:2', Protocol: 'sqs', Endpoint: 'arn:aws:sqs:queue' },
        ],
        NextToken: 'more',
      },
      {
        Subscriptions: [
          { SubscriptionArn: 'PendingConfirmation', Protocol: 'https', Endpoint: 'https://pager.example/' },
          { SubscriptionArn: 'PendingConfirmation', Protocol: 'http', Endpoint: 'http://127.0.0.1:9/' },
        ],
      },
    );
    expect(await tenantTopicReader(client, prefix).subscriptions(ids.tenant)).toEqual([
      { arn: 'arn:aws:sns:1', destination: { protocol: 'email', endpoint: 'ada@example.com' } },
      { arn: null, destination: { protocol: 'https', endpoint: 'https://pager.example/' } },
      { arn: null, destination: { protocol: 'https', endpoint: 'http://127.0.0.1:9/' } },
    ]);
    expect(asked.map(({ input }) => input)).toMatchObject([{ TopicArn: topicArn }, { NextToken: 'more' }]);
    expect(asked.every((it) => it instanceof ListSubscriptionsByTopicCommand)).toBe(true);
  });

  test('of a tenant without a topic are none, which is not the same as an empty list', async () => {
    expect(await tenantTopicReader(scripted(noTopic).client, prefix).subscriptions(ids.tenant)).toBeUndefined();
    expect(await tenantTopicReader(scripted({}).client, prefix).subscriptions(ids.tenant)).toEqual([]);
  });

  test.each([
    [{ PendingConfirmation: 'true' }, false],
    [{ PendingConfirmation: 'false' }, true],
  ])('are confirmed as SNS says: %j', async (Attributes, isConfirmed) => {
    const { asked, client } = scripted({ Attributes });
    expect(await tenantTopicReader(client, prefix).isConfirmed('arn:aws:sns:1')).toBe(isConfirmed);
    expect(asked[0]).toBeInstanceOf(GetSubscriptionAttributesCommand);
  });

  test('that are gone are not confirmed, and ending one that is gone is done', async () => {
    expect(await tenantTopicReader(scripted(noTopic).client, prefix).isConfirmed('arn:aws:sns:1')).toBe(false);
    await topicsOn(scripted(noTopic).client).unsubscribe('arn:aws:sns:1');
  });

  test.each([
    [{ protocol: 'email', endpoint: 'ada@example.com' }, 'email'],
    [{ protocol: 'https', endpoint: 'https://pager.example/' }, 'https'],
    [{ protocol: 'https', endpoint: 'http://127.0.0.1:9/' }, 'http'],
  ] as const)('are asked for by the protocol of the address: %j', async (destination, Protocol) => {
    const { asked, client } = scripted({});
    expect(await topicsOn(client).subscribe(ids.tenant, destination)).toBe(true);
    expect(asked[0]).toBeInstanceOf(SubscribeCommand);
    expect(asked[0]?.input).toMatchObject({ TopicArn: topicArn, Protocol, Endpoint: destination.endpoint });
  });

  test('are refused for good for an address that SNS does not take, and for now when it is away', async () => {
    const destination = { protocol: 'email', endpoint: 'ada@example.com' } as const;
    const invalid = new InvalidParameterException(failure);
    expect(await topicsOn(scripted(invalid).client).subscribe(ids.tenant, destination)).toBe(false);
    await expect(topicsOn(scripted(away).client).subscribe(ids.tenant, destination)).rejects.toMatchObject(unavailable);
    await expect(topicsOn(scripted(noTopic).client).subscribe(ids.tenant, destination)).rejects.toMatchObject(
      unavailable,
    );
  });
});

describe('an alert', () => {
  const told = alertRecordOf();

  test('is published in words for people and as JSON for programs, with what it can be filtered by', async () => {
    const { asked, client } = scripted({});
    expect(await publisherOn(client).toTenant(ids.tenant, told)).toBe(true);
    expect(asked[0]).toBeInstanceOf(PublishCommand);
    const input = asked[0]?.input as { readonly Message: string };
    expect(input).toMatchObject({
      TopicArn: topicArn,
      MessageStructure: 'json',
      MessageAttributes: { kind: { StringValue: told.kind }, severity: { StringValue: told.severity } },
    });
    const message = JSON.parse(input.Message) as Record<string, string>;
    for (const protocol of ['default', 'email']) expect(message[protocol]).toContain('What to do:');
    for (const protocol of ['http', 'https', 'sqs', 'lambda'])
      expect(JSON.parse(message[protocol] ?? '')).toEqual(told);
  });

  test('for operators goes to their topic', async () => {
    const { asked, client } = scripted({});
    await publisherOn(client).toOperator(told);
    expect(asked[0]?.input).toMatchObject({ TopicArn: 'arn:operators' });
  });

  test('of a tenant without a topic is told to nobody', async () => {
    expect(await publisherOn(scripted(noTopic).client).toTenant(ids.tenant, told)).toBe(false);
  });

  test('that cannot be told is a fault, of which none of the words of SNS travel on', async () => {
    const failed = await publisherOn(scripted(away).client)
      .toTenant(ids.tenant, told)
      .catch((error: unknown) => error);
    expect(failed).toMatchObject(unavailable);
    expect(String(failed)).not.toContain('CANARY');
    // Operators always have a topic: that it is not found is a fault.
    await expect(publisherOn(scripted(noTopic).client).toOperator(told)).rejects.toMatchObject(unavailable);
  });
});
