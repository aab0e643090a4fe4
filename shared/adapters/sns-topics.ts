import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateTopicCommand,
  GetSubscriptionAttributesCommand,
  ListSubscriptionsByTopicCommand,
  PublishCommand,
  type SNSClient,
  SubscribeCommand,
  UnsubscribeCommand,
} from '@aws-sdk/client-sns';
import type { Alert, OperatorNotice } from '../contracts/alert.ts';
import type { TenantId } from '../contracts/ids.ts';
import type { Destination } from '../contracts/notification.ts';
import { messageOf } from '../domain/alert-message.ts';
import type { AlertPublisher, Subscription, TenantTopics } from '../domain/tell-alert.ts';
import { calling, hasName } from './aws-errors.ts';

/** A tenant's id has letters that no topic may have, and the name of a topic ends at 256: 128 bits of its hash tell tenants apart. */
const hashLength = 32;

/** The topic of a tenant follows from its id: nothing about it is stored. `prefix` is what the ARNs of all of them begin with. */
export const tenantTopicArn = (prefix: string, tenantId: TenantId): string =>
  prefix + createHash('sha256').update(tenantId).digest('hex').slice(0, hashLength);

const noTopic = 'NotFoundException';
const notTaken = 'InvalidParameterException';

/** "topic-unavailable" is whatever SNS fails by; `otherwise` is what its refusal under this name means. */
const unlessRefused = async <T, E>(name: string, otherwise: E, call: () => Promise<T>): Promise<T | E> =>
  calling('topic-unavailable', () =>
    call().catch((error: unknown) => {
      if (hasName(error, name)) return otherwise;
      throw error;
    }),
  );

/** How long it takes for one message, so that a topic never gets more than SNS lets an e-mail subscription have. In milliseconds. */
const pace = 250;

/** @throws {Fault} topic-unavailable */
export const snsPublisher = (
  client: SNSClient,
  topics: { readonly operator: string; readonly tenantPrefix: string },
): AlertPublisher => {
  const publish = async (TopicArn: string, alert: Alert | OperatorNotice) => {
    await Promise.all([client.send(new PublishCommand({ TopicArn, ...inputOf(alert) })), sleep(pace)]);
  };
  return {
    async toOperator(alert) {
      await calling('topic-unavailable', () => publish(topics.operator, alert));
    },
    toTenant: (tenantId, alert) =>
      unlessRefused(noTopic, false, async () => {
        await publish(tenantTopicArn(topics.tenantPrefix, tenantId), alert);
        return true;
      }),
  };
};

/** People get the text, programs the JSON; both can be filtered by kind and severity. */
const inputOf = (alert: Alert | OperatorNotice) => {
  const { subject, text, json } = messageOf(alert);
  return {
    Subject: subject,
    MessageStructure: 'json',
    Message: JSON.stringify({ default: text, email: text, http: json, https: json, sqs: json, lambda: json }),
    MessageAttributes: {
      kind: { DataType: 'String', StringValue: alert.kind },
      severity: { DataType: 'String', StringValue: alert.severity },
    },
  };
};

/** @throws {Fault} topic-unavailable */
export const tenantTopicReader = (client: SNSClient, prefix: string) => ({
  async subscriptions(tenantId: TenantId): Promise<readonly Subscription[] | undefined> {
    const TopicArn = tenantTopicArn(prefix, tenantId);
    const found: Subscription[] = [];
    let NextToken: string | undefined;
    do {
      const page = await unlessRefused(noTopic, undefined, () =>
        client.send(new ListSubscriptionsByTopicCommand({ TopicArn, NextToken })),
      );
      if (page === undefined) return undefined;
      for (const { SubscriptionArn, Protocol, Endpoint } of page.Subscriptions ?? []) {
        const destination = destinationOf(Protocol, Endpoint);
        // One that has ended is listed for a while.
        if (destination === undefined || SubscriptionArn === 'Deleted') continue;
        found.push({ arn: SubscriptionArn?.startsWith('arn:') === true ? SubscriptionArn : null, destination });
      }
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    return found;
  },

  /**
   * Whether its owner has confirmed it. Why not by its ARN alone, which Amazon SNS gives a subscription that is confirmed: not every SNS
   * waits for that.
   */
  isConfirmed: async (arn: string): Promise<boolean> =>
    unlessRefused(noTopic, false, async () => {
      const { Attributes } = await client.send(new GetSubscriptionAttributesCommand({ SubscriptionArn: arn }));
      return Attributes?.PendingConfirmation !== 'true';
    }),
});

export type TenantTopicReader = ReturnType<typeof tenantTopicReader>;

/** New topics get this key. @throws {Fault} topic-unavailable */
export const tenantTopics = (
  client: SNSClient,
  { prefix, keyArn }: { readonly prefix: string; readonly keyArn: string },
): TenantTopics => ({
  ...tenantTopicReader(client, prefix),

  async create(tenantId) {
    const Name = tenantTopicArn(prefix, tenantId).split(':').at(-1);
    await calling('topic-unavailable', () =>
      client.send(new CreateTopicCommand({ Name, Attributes: { KmsMasterKeyId: keyArn, DisplayName: 'Switchboard' } })),
    );
  },

  subscribe: (tenantId, { protocol, endpoint }) =>
    unlessRefused(notTaken, false, async () => {
      await client.send(
        new SubscribeCommand({
          TopicArn: tenantTopicArn(prefix, tenantId),
          Protocol: protocol === 'https' && endpoint.startsWith('http:') ? 'http' : protocol,
          Endpoint: endpoint,
        }),
      );
      return true;
    }),

  async unsubscribe(arn) {
    await unlessRefused(noTopic, undefined, () => client.send(new UnsubscribeCommand({ SubscriptionArn: arn })));
  },
});

/** Undefined for what no tenant can ask for: somebody with rights of an administrator has subscribed it. */
const destinationOf = (protocol: string | undefined, endpoint: string | undefined): Destination | undefined => {
  if (endpoint === undefined) return undefined;
  if (protocol === 'email') return { protocol, endpoint };
  return protocol === 'http' || protocol === 'https' ? { protocol: 'https', endpoint } : undefined;
};
