import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { DecryptCommand, GenerateDataKeyCommand } from '@aws-sdk/client-kms';
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { ListSubscriptionsByTopicCommand, PublishCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { beforeAll, describe, expect, test } from 'vitest';
import { type HandlerName, handlerNames } from '../../infra/handlers.ts';
import { ACCOUNT } from '../../infra/local/aws-endpoint.ts';
import { type Clients, clientsOf, deployedResources, root } from './support/roles.ts';
import { stack } from './support/stack.ts';

// Real calls with the credentials of each role. That a call also needs the right purpose is asserted on the template
// (test/infra/access.test.ts): the emulator knows no encryption context when it evaluates a policy.

interface Call {
  readonly what: string;
  /** Everybody else is denied. Nobody: root shows that the call is a good one. */
  readonly allowed: readonly HandlerName[];
  readonly send: (clients: Clients) => Promise<unknown>;
}

/** Runs with an issuer of its own: the built-in user pool, and with it this function, is not deployed. */
const notDeployed: readonly HandlerName[] = ['AddTenantClaim'];
const functions = handlerNames.filter((name) => !notDeployed.includes(name));

const encryptionContext = {
  vault: 'Switchboard',
  tenantId: 'nobody',
  ownerId: 'cred_nobody',
  purpose: 'graph-api',
  secretVersion: '1',
};
const key = { pk: { S: 'nobody#cred_nobody' }, sk: { S: 'nothing' } };
/** Never true: a write that is allowed ends here and changes nothing. */
const onlyIfThere = { ConditionExpression: 'attribute_exists(pk)' };

let resources: ReadonlyMap<string, string>;
let wrappedKey: Uint8Array | undefined;
const clients = new Map<HandlerName, Clients>();
const physicalId = (logicalId: RegExp): string => [...resources].find(([id]) => logicalId.test(id))?.[1] ?? '';
const envelopeKey = () => physicalId(/^CredentialVaultEnvelopeKey/);
const vault = () => ({ TableName: physicalId(/^CredentialVaultSecretsTable/) });
const directory = () => ({ TableName: physicalId(/^DirectoryRecordsTable/) });
const nothing = () => ({ Bucket: physicalId(/^MediaRelayBucket[0-9A-F]{8}$/), Key: 'events/nobody/nothing' });
const events = () => ({ TableName: physicalId(/^EventStoreEventsTable/) });
/** With nothing to say: who may send is told that, and nothing is sent. */
const nothingFor = (queue: RegExp) => ({ QueueUrl: physicalId(queue), MessageBody: '' });
const eventsQueue = /^WebhookInboxEventsQueue/;
const releaseQueue = /^AgentRouterReleaseRequestsQueue/;
const transfersQueue = /^MediaExchangeTransfersQueue/;
const checkQueue = /^HealthWatchChecksQueue/;
const alertQueue = /^AlertDeliveryRequestsQueue/;
const operators = () => physicalId(/^AlertsOperatorTopic[0-9A-F]{8}$/);
const topicNamed = (name: string) => `arn:aws:sns:${stack.region}:${ACCOUNT}:${name}`;
const tenantTopic = () => topicNamed('Switchboard-tenant-nobody');
/** More than SNS takes: who may publish is told that, and nobody hears it. */
const tooMuch = 'x'.repeat(300_000);
const audit = () => ({ TableName: physicalId(/^AuditLogAccessesTable/) });

beforeAll(async () => {
  resources = await deployedResources();
  for (const name of functions) clients.set(name, await clientsOf(name, resources));
  const dataKey = new GenerateDataKeyCommand({
    KeyId: envelopeKey(),
    KeySpec: 'AES_256',
    EncryptionContext: encryptionContext,
  });
  wrappedKey = (await root.kms.send(dataKey)).CiphertextBlob;
});

const openers: readonly HandlerName[] = [
  'ManageCredentials',
  'CleanUpCredential',
  'ResealCredentials',
  'ReceiveWebhook',
  'SetUpWebhook',
  'RouteEvent',
  'TestAgent',
  'SendMessages',
  'ServeMedia',
  'MoveMedia',
  'CheckCredential',
];
/** Of what stands in the Events table they reach their own alone, which the emulator does not enforce: test/infra/access.test.ts. */
const senders: readonly HandlerName[] = ['SendMessages', 'ServeMedia', 'MoveMedia'];
const counter: HandlerName = 'ProjectActivity';
const shower: HandlerName = 'ShowActivity';
const sealers: readonly HandlerName[] = ['ManageCredentials', 'ResealCredentials', 'ManageAgents'];
const shredders: readonly HandlerName[] = [
  'ManageCredentials',
  'CleanUpCredential',
  'ResealCredentials',
  'ManageAgents',
];
const auditors: readonly HandlerName[] = [...openers, 'ManageAgents', 'ManageNotifications'];

const calls: readonly Call[] = [
  {
    what: 'unwrap a data key with the envelope key',
    allowed: openers,
    send: ({ kms }) =>
      kms.send(
        new DecryptCommand({
          KeyId: envelopeKey(),
          CiphertextBlob: wrappedKey,
          EncryptionContext: encryptionContext,
        }),
      ),
  },
  {
    what: 'make a data key with the envelope key',
    allowed: sealers,
    send: ({ kms }) =>
      kms.send(
        new GenerateDataKeyCommand({
          KeyId: envelopeKey(),
          KeySpec: 'AES_256',
          EncryptionContext: encryptionContext,
        }),
      ),
  },
  {
    what: 'read a sealed secret',
    allowed: openers,
    send: ({ dynamoDb }) => dynamoDb.send(new GetItemCommand({ ...vault(), Key: key })),
  },
  {
    what: 'store a sealed secret',
    allowed: sealers,
    send: ({ dynamoDb }) => dynamoDb.send(new PutItemCommand({ ...vault(), Item: key, ...onlyIfThere })),
  },
  {
    what: 'change a sealed secret in place',
    allowed: ['RewrapVault'],
    send: ({ dynamoDb }) => dynamoDb.send(new UpdateItemCommand({ ...vault(), Key: key, ...onlyIfThere })),
  },
  {
    what: 'take a sealed secret away',
    allowed: shredders,
    send: ({ dynamoDb }) => dynamoDb.send(new DeleteItemCommand({ ...vault(), Key: key, ...onlyIfThere })),
  },
  {
    what: "hand something to the platform's own runtime",
    allowed: ['RouteEvent', 'TestAgent'],
    send: ({ sqs }) =>
      sqs.send(
        new SendMessageCommand({
          QueueUrl: `${stack.awsEndpoint}/${ACCOUNT}/agent-runtime.fifo`,
          MessageBody: 'least-privilege',
          MessageGroupId: 'least-privilege',
          MessageDeduplicationId: crypto.randomUUID(),
        }),
      ),
  },
  {
    what: 'scan the Vault',
    allowed: ['RewrapVault'],
    send: ({ dynamoDb }) => dynamoDb.send(new ScanCommand({ ...vault(), Limit: 1 })),
  },
  {
    what: 'scan the Directory',
    allowed: ['SweepWork'],
    send: ({ dynamoDb }) => dynamoDb.send(new ScanCommand({ ...directory(), Limit: 1 })),
  },
  {
    what: 'add a line to the audit',
    allowed: auditors,
    send: ({ dynamoDb }) => dynamoDb.send(new PutItemCommand({ ...audit(), Item: key, ...onlyIfThere })),
  },
  {
    what: 'list lines of the audit',
    allowed: ['DescribeCredentials'],
    send: ({ dynamoDb }) =>
      dynamoDb.send(
        new QueryCommand({
          ...audit(),
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': key.pk },
        }),
      ),
  },
  {
    what: 'change a line of the audit',
    allowed: [],
    send: ({ dynamoDb }) => dynamoDb.send(new UpdateItemCommand({ ...audit(), Key: key, ...onlyIfThere })),
  },
  {
    what: 'remove a line of the audit',
    allowed: [],
    send: ({ dynamoDb }) => dynamoDb.send(new DeleteItemCommand({ ...audit(), Key: key, ...onlyIfThere })),
  },
  {
    what: 'see where held events stand in line',
    allowed: ['RouteEvent', 'ReleaseHeld', 'ManageHeld', 'EraseCustomer', shower],
    send: ({ dynamoDb }) =>
      dynamoDb.send(
        new QueryCommand({
          ...events(),
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': key.pk },
        }),
      ),
  },
  {
    what: 'read how far an event has come',
    allowed: ['RouteEvent', ...senders, counter],
    send: ({ dynamoDb }) => dynamoDb.send(new GetItemCommand({ ...events(), Key: key })),
  },
  {
    what: 'put an event into a line',
    allowed: ['RouteEvent', 'SendMessages', 'ServeMedia'],
    send: ({ dynamoDb }) => dynamoDb.send(new PutItemCommand({ ...events(), Item: key, ...onlyIfThere })),
  },
  {
    what: 'claim an event',
    allowed: ['RouteEvent', ...senders, counter],
    send: ({ dynamoDb }) => dynamoDb.send(new UpdateItemCommand({ ...events(), Key: key, ...onlyIfThere })),
  },
  {
    what: 'take an event out of a line',
    allowed: ['RouteEvent', 'EraseCustomer'],
    send: ({ dynamoDb }) => dynamoDb.send(new DeleteItemCommand({ ...events(), Key: key, ...onlyIfThere })),
  },
  {
    what: 'put something into the queue of events',
    allowed: ['ReceiveWebhook', 'RouteEvent', 'ReleaseHeld'],
    send: ({ sqs }) => sqs.send(new SendMessageCommand({ ...nothingFor(eventsQueue), MessageGroupId: 'nobody' })),
  },
  {
    what: 'take something out of the queue of events',
    allowed: ['RouteEvent'],
    send: ({ sqs }) =>
      sqs.send(new ReceiveMessageCommand({ QueueUrl: physicalId(eventsQueue), MaxNumberOfMessages: 11 })),
  },
  {
    what: 'ask for held events',
    allowed: [
      'ManageCredentials',
      'ResealCredentials',
      'ManageAgents',
      'ManageHeld',
      'RouteEvent',
      'ReleaseHeld',
      'CheckCredential',
      'SweepWork',
    ],
    send: ({ sqs }) => sqs.send(new SendMessageCommand(nothingFor(releaseQueue))),
  },
  {
    what: 'be asked for held events',
    allowed: ['ReleaseHeld'],
    send: ({ sqs }) =>
      sqs.send(new ReceiveMessageCommand({ QueueUrl: physicalId(releaseQueue), MaxNumberOfMessages: 11 })),
  },
  {
    what: 'have a credential checked',
    allowed: ['SendMessages', 'RouteEvent', 'CheckCredential', 'SweepWork'],
    send: ({ sqs }) => sqs.send(new SendMessageCommand(nothingFor(checkQueue))),
  },
  {
    what: 'be asked for a check',
    allowed: ['CheckCredential'],
    send: ({ sqs }) =>
      sqs.send(new ReceiveMessageCommand({ QueueUrl: physicalId(checkQueue), MaxNumberOfMessages: 11 })),
  },
  {
    what: 'have an alert sent',
    allowed: ['WatchCredentials', 'PlanChecks', 'SendAlerts', 'ManageNotifications', 'ManageCredentials', 'SweepWork'],
    send: ({ sqs }) => sqs.send(new SendMessageCommand(nothingFor(alertQueue))),
  },
  {
    what: 'be asked to send an alert',
    allowed: ['SendAlerts'],
    send: ({ sqs }) =>
      sqs.send(new ReceiveMessageCommand({ QueueUrl: physicalId(alertQueue), MaxNumberOfMessages: 11 })),
  },
  {
    what: 'tell operators something',
    allowed: ['SendAlerts'],
    send: ({ sns }) => sns.send(new PublishCommand({ TopicArn: operators(), Message: tooMuch })),
  },
  {
    what: 'tell a tenant something',
    allowed: ['SendAlerts'],
    send: ({ sns }) => sns.send(new PublishCommand({ TopicArn: tenantTopic(), Message: 'x' })),
  },
  {
    what: 'tell others something',
    allowed: [],
    send: ({ sns }) => sns.send(new PublishCommand({ TopicArn: topicNamed('somebody-else'), Message: 'x' })),
  },
  {
    what: 'have an address asked whether it wants what a tenant is told',
    allowed: ['SendAlerts'],
    send: ({ sns }) => sns.send(new SubscribeCommand({ TopicArn: tenantTopic(), Protocol: 'email', Endpoint: 'x' })),
  },
  {
    what: 'subscribe somebody to what operators are told',
    allowed: [],
    send: ({ sns }) => sns.send(new SubscribeCommand({ TopicArn: operators(), Protocol: 'sqs', Endpoint: 'x' })),
  },
  {
    what: 'see who hears what a tenant is told',
    allowed: ['SendAlerts', 'ManageNotifications'],
    send: ({ sns }) => sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: tenantTopic() })),
  },
  {
    what: 'put something into the relay bucket',
    allowed: ['ReceiveWebhook', 'RouteEvent'],
    send: ({ s3 }) => s3.send(new PutObjectCommand({ ...nothing(), Body: '[]' })),
  },
  {
    what: 'get something out of the relay bucket',
    allowed: ['RouteEvent'],
    send: ({ s3 }) => s3.send(new GetObjectCommand(nothing())),
  },
  {
    what: 'list the relay bucket',
    allowed: ['RouteEvent', 'ServeMedia', 'MoveMedia', 'EraseCustomer'],
    send: ({ s3 }) => s3.send(new ListObjectsV2Command({ Bucket: nothing().Bucket, MaxKeys: 1 })),
  },
  {
    what: 'delete something from the relay bucket',
    allowed: ['RouteEvent', 'EraseCustomer'],
    send: ({ s3 }) => s3.send(new DeleteObjectCommand(nothing())),
  },
  {
    what: 'put media of a customer into the relay bucket',
    allowed: ['ReceiveWebhook', 'RouteEvent', 'MoveMedia'],
    send: ({ s3 }) => s3.send(new PutObjectCommand({ ...nothing(), Key: 'media/nobody/nothing', Body: '-' })),
  },
  {
    what: 'get media of a customer',
    allowed: ['RouteEvent', 'ServeMedia'],
    send: ({ s3 }) => s3.send(new GetObjectCommand({ ...nothing(), Key: 'media/nobody/nothing' })),
  },
  {
    what: 'bring media of an agent',
    allowed: ['ReceiveWebhook', 'RouteEvent', 'ServeMedia'],
    send: ({ s3 }) => s3.send(new PutObjectCommand({ ...nothing(), Key: 'uploads/nobody/nothing', Body: '-' })),
  },
  {
    what: 'have media moved',
    allowed: ['ServeMedia'],
    send: ({ sqs }) => sqs.send(new SendMessageCommand(nothingFor(transfersQueue))),
  },
  {
    what: 'be asked to move media',
    allowed: ['MoveMedia'],
    send: ({ sqs }) =>
      sqs.send(new ReceiveMessageCommand({ QueueUrl: physicalId(transfersQueue), MaxNumberOfMessages: 11 })),
  },
];

describe.each(calls)('to $what', ({ allowed, send }) => {
  const denied = functions.filter((name) => !allowed.includes(name));

  test.each(denied)('is denied to %s', async (name) => {
    expect(await verdictOn(send(clientsFor(name)))).toBe('AccessDeniedException');
  });

  test.each(allowed.length === 0 ? ['root alone'] : allowed)('is allowed to %s', async (name) => {
    expect(await verdictOn(send(name === 'root alone' ? root : clientsFor(name)))).toBe('allowed');
  });
});

function clientsFor(name: string): Clients {
  const found = [...clients].find(([function_]) => function_ === name)?.[1];
  if (found === undefined) throw new Error(`${name} is not deployed.`);
  return found;
}

/** What was asked, what is there, and a condition on it, is judged after the permission. */
const reasonsOfTheAllowed = [
  'ConditionalCheckFailedException',
  'NoSuchKey',
  'MissingParameter',
  'InvalidParameterValue',
  'InvalidParameterException',
  'NotFoundException',
];

/** Whoever comes that far was allowed to. S3 and SNS have words of their own for denied. */
async function verdictOn(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'allowed';
  } catch (error) {
    const name = error instanceof Error ? error.name : String(error);
    if (reasonsOfTheAllowed.includes(name)) return 'allowed';
    return ['AccessDenied', 'AuthorizationErrorException'].includes(name) ? 'AccessDeniedException' : name;
  }
}
