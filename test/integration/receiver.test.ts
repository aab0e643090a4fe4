import { createHmac } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  type SendMessageBatchCommandInput,
  type SendMessageBatchCommandOutput,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, test } from 'vitest';
import { auditLog } from '../../shared/adapters/audit-log.ts';
import { directoryKey } from '../../shared/adapters/directory-keys.ts';
import { kmsDataKeys } from '../../shared/adapters/kms-data-keys.ts';
import { relayStore } from '../../shared/adapters/relay-store.ts';
import { eventsQueue } from '../../shared/adapters/sqs-queues.ts';
import { cachedOpener, sealedPut, secretOpener, secretSealer } from '../../shared/adapters/vault.ts';
import { webhookStore } from '../../shared/adapters/webhook-store.ts';
import { credentialId, tenantId } from '../../shared/contracts/ids.ts';
import { type AccountNews, eventsMessage, type QueuedEvents } from '../../shared/contracts/queued-events.ts';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import { failedSignatures } from '../../shared/domain/failed-signatures.ts';
import { type ReceiveDeliveryPorts, receiveDelivery } from '../../shared/domain/receive-delivery.ts';
import type { CredentialRecord } from '../../shared/domain/records.ts';
import { ownerOfApp, sharedTenant } from '../../shared/domain/vault.ts';
import { recordingJournal } from '../support/fakes.ts';
import { bodyOf, fieldExamples, messages, messagesChange } from '../support/meta-payloads.ts';
import { appRecord, credentialRecordOf, ids } from '../support/records.ts';
import { configurationFor, kmsOf, makeBucket, makeKey, makeTable, s3Of } from './support/engines.ts';
import { observe } from './support/observed-kms.ts';
import { rowsOf } from './support/rows.ts';

// The receiver on the adapters that it has in the Lambda, in front of MiniStack: what it asks AWS for, and what comes of it there.

const engine = 'ministack';
const appSecret = 'facade00facade00facade00facade02';
const salt = Buffer.alloc(32, 7);

/** Another tenant's credential of the same account and app. */
const otherCredential = (index: number): CredentialRecord =>
  credentialRecordOf({
    tenantId: tenantId.parse(`globex-${index}`),
    credentialId: credentialId.parse(`cred_01J${String(index).padStart(23, '0')}`),
    claimedNumbers: {},
  });

/** Changes what SQS is asked and answers, for the failures that it can't be made to have. */
type Interference = (
  input: SendMessageBatchCommandInput,
  send: () => Promise<SendMessageBatchCommandOutput>,
) => Promise<SendMessageBatchCommandOutput>;

async function deployed({ others = 1 } = {}) {
  const credential = credentialRecordOf();
  const [directory, vault, audit, keyArn, bucket] = await Promise.all([
    makeTable(engine),
    makeTable(engine),
    makeTable(engine),
    makeKey(engine),
    makeBucket(engine),
  ]);
  const sqs = new SQSClient(configurationFor(engine));
  const { QueueUrl = '' } = await sqs.send(
    new CreateQueueCommand({
      QueueName: `events-${crypto.randomUUID()}.fifo`,
      Attributes: { FifoQueue: 'true', DeduplicationScope: 'messageGroup', FifoThroughputLimit: 'perMessageGroupId' },
    }),
  );
  const plain = DynamoDBDocumentClient.from(new DynamoDBClient(configurationFor(engine)));
  const put = (Item: object, key: object, TableName = directory) =>
    plain.send(new PutCommand({ TableName, Item: { ...key, ...Item } }));
  const route = ({ tenantId, credentialId }: CredentialRecord) => ({ tenantId, credentialId });
  await Promise.all([
    put(appRecord(), directoryKey.app(ids.app)),
    ...[credential, ...Array.from({ length: others }, (_, index) => otherCredential(index))].flatMap((record) => [
      put(record, directoryKey.credential(record.tenantId, record.credentialId)),
      put(route(record), directoryKey.appWaba(ids.app, ids.waba, record.tenantId)),
      put({ salt }, directoryKey.tenant(record.tenantId)),
    ]),
    put(
      { kind: 'credential', webhookId: ids.webhook, appId: ids.app, ...route(credential) },
      directoryKey.webhook(ids.webhook),
    ),
    put({ kind: 'app', webhookId: ids.appWebhook, appId: ids.app }, directoryKey.webhook(ids.appWebhook)),
  ]);
  using secret = SecretBytes.fromText(appSecret);
  const identity = {
    tenantId: sharedTenant,
    ownerId: ownerOfApp(ids.app),
    purpose: 'webhook-signature',
    secretVersion: 1,
  } as const;
  const sealed = await secretSealer(kmsDataKeys(kmsOf(engine), keyArn), 'test').seal(identity, secret);
  await plain.send(new PutCommand(sealedPut(vault, sealed).Put));

  const received: Message[] = [];
  return {
    audited: () => rowsOf(engine, audit),
    relay: relayStore(s3Of(engine), bucket),

    /** Everything in the queue, group by group in order. Nothing is left in it. */
    async queued(): Promise<readonly Message[]> {
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl,
            MaxNumberOfMessages: 10,
            MessageSystemAttributeNames: ['MessageGroupId'],
          }),
        );
        if (Messages.length === 0) return received;
        received.push(...Messages);
        for (const { ReceiptHandle } of Messages) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    },

    /** A worker of the receiver that has just been started, with every call that it makes. */
    worker(interfere: Interference = (_input, send) => send()) {
      const calls: string[] = [];
      const rows: Record<string, unknown>[] = [];
      const dynamoDb = new DynamoDBClient(configurationFor(engine));
      dynamoDb.middlewareStack.add(
        (next, { commandName = '' }) =>
          async (args) => {
            calls.push(commandName.replace(/Command$/, ''));
            const result = await next(args);
            const { Responses = {} } = result.output as { Responses?: Record<string, Record<string, unknown>[]> };
            rows.push(...Object.values(Responses).flat());
            return result;
          },
        { step: 'initialize' },
      );
      const queue = new SQSClient(configurationFor(engine));
      queue.middlewareStack.add(
        (next, { commandName = '' }) =>
          async (args) => {
            calls.push(commandName.replace(/Command$/, ''));
            const input = args.input as SendMessageBatchCommandInput;
            const send = async () => (await next(args)).output as SendMessageBatchCommandOutput;
            return { output: await interfere(input, send), response: undefined };
          },
        { step: 'initialize' },
      );
      const kms = kmsOf(engine);
      const kmsCalls = observe(kms).calls;
      const documents = DynamoDBDocumentClient.from(dynamoDb);
      const opener = secretOpener({
        client: documents,
        table: vault,
        keys: kmsDataKeys(kms, keyArn),
        audit: auditLog(documents, audit, () => ({ kind: 'function', id: 'receive-webhook', requestId: 'request-1' })),
        vaultName: 'test',
      });
      const journal = recordingJournal();
      const ports: ReceiveDeliveryPorts = {
        webhooks: webhookStore(documents, directory),
        vault: cachedOpener(opener),
        failures: failedSignatures(() => new Date()),
        suspect: () => Promise.resolve(),
        relay: relayStore(s3Of(engine), bucket),
        queue: eventsQueue(queue, QueueUrl),
        journal,
        now: () => new Date(),
      };
      return {
        rows,
        kmsCalls,
        journal,
        ports,
        opener,
        /** Calls of DynamoDB and SQS since it was last asked. */
        calls: () => calls.splice(0),
        deliver: (body: object, webhookId = ids.webhook, secretOfSender = appSecret, worker = ports) => {
          const rawBody = Buffer.from(JSON.stringify(body));
          const signature = `sha256=${createHmac('sha256', secretOfSender).update(rawBody).digest('hex')}`;
          return receiveDelivery({ webhookId, rawBody, signature }, worker);
        },
      };
    },
  };
}

const said = (id: string, from: string, text = id) => ({
  id,
  from,
  timestamp: '1',
  type: 'text',
  text: { body: text },
});
const hello = (id: string) => bodyOf([messagesChange([said(id, '491511')], [])]);
const bodies = (found: readonly Message[]) => found.map(({ Body = '' }) => eventsMessage.parse(JSON.parse(Body)));
const idsIn = (found: readonly Message[]) =>
  bodies(found).flatMap((message) => (message.type === 'events' ? message.events.map(({ value }) => value.id) : []));

describe('a delivery', () => {
  test('costs a worker that is warm one call of DynamoDB and one of SQS, and none of KMS', async () => {
    const worker = (await deployed()).worker();
    expect(await worker.deliver(hello('wamid.1'))).toBe('accepted');
    const [cold, opened] = [worker.calls(), worker.kmsCalls.length];
    expect(cold.length).toBeGreaterThan(2);
    for (const body of [
      hello('wamid.2'),
      bodyOf([
        messagesChange(
          Array.from({ length: 10 }, (_, index) => said(`wamid.3${index}`, `49${index}`)),
          [],
        ),
      ]),
    ]) {
      expect(await worker.deliver(body)).toBe('accepted');
      expect(worker.calls()).toEqual(['BatchGetItem', 'SendMessageBatch']);
    }
    expect(worker.kmsCalls.length).toBe(opened);
  });

  test('fetches of the rows what it needs, and no label, name or reason', async () => {
    const worker = (await deployed()).worker();
    await worker.deliver(hello('wamid.1'));
    const fetched = new Set(worker.rows.flatMap((row) => Object.keys(row)));
    expect([...fetched].sort()).toEqual(
      [
        ...['pk', 'sk', 'appId', 'secretVersion', 'previousSecretVersion', 'previousAcceptedUntil', 'credentialCount'],
        ...['tenantId', 'credentialId', 'wabaId', 'status', 'claimedNumbers', 'phoneNumbers'],
      ].sort(),
    );
  });

  test('of a thousand changes arrives whole, each conversation in order', async () => {
    const deployment = await deployed();
    const worker = deployment.worker();
    const changes = Array.from({ length: 1000 }, (_, index) =>
      messagesChange([said(`wamid.${index}`, `49${index % 100}`)], []),
    );
    expect(await worker.deliver(bodyOf(changes))).toBe('accepted');
    const found = await deployment.queued();
    expect(idsIn(found)).toHaveLength(1000);
    for (const group of Map.groupBy(found, (message) => message.Attributes?.MessageGroupId).values()) {
      const order = idsIn(group).map((id) => Number(String(id).slice(6)));
      expect(order).toEqual(order.toSorted((a, b) => a - b));
    }
  });

  test('of 3 MB lies in the bucket where the queue says', async () => {
    const deployment = await deployed();
    const large = said('wamid.1', '491511', `Grüße ${'x'.repeat(3_000_000)}`);
    expect(await deployment.worker().deliver(bodyOf([messagesChange([large], [])]))).toBe('accepted');
    const [message, ...more] = bodies(await deployment.queued());
    expect(more).toEqual([]);
    const list = await deployment.relay.get(message?.type === 'relayed' ? message.relayKey : '');
    expect(JSON.parse(list ?? '')).toMatchObject([{ kind: 'message', value: large }]);
  });

  test('about the account is news of every credential of it, in a group of its own', async () => {
    const deployment = await deployed();
    const worker = deployment.worker();
    const news = fieldExamples.filter(({ isNews, entryId }) => isNews && entryId === undefined);
    expect(await worker.deliver(bodyOf(news), ids.appWebhook)).toBe('accepted');
    const found = await deployment.queued();
    const told = bodies(found).filter((message): message is AccountNews => message.type === 'account-news');
    const byCredential = Map.groupBy(told, ({ tenantId, credentialId }) => `${tenantId} ${credentialId}`);
    expect([...byCredential.keys()].sort()).toEqual([
      `${ids.tenant} ${ids.credential}`,
      `${otherCredential(0).tenantId} ${otherCredential(0).credentialId}`,
    ]);
    for (const messages of byCredential.values())
      expect(messages.flatMap((message) => message.news.map(({ value }) => value))).toEqual(
        news.map(({ value }) => value),
      );
    expect(new Set(found.map((message) => message.Attributes?.MessageGroupId)).size).toBe(2);
  });
});

test('the app’s own webhook is heard by however many credentials an account has', async () => {
  const deployment = await deployed({ others: 120 });
  const [ban] = fieldExamples.filter(({ title }) => title === 'account_update: DISABLED_UPDATE');
  expect(await deployment.worker().deliver(bodyOf(ban === undefined ? [] : [ban]), ids.appWebhook)).toBe('accepted');
  const told = bodies(await deployment.queued()).filter(({ type }) => type === 'account-news');
  expect(new Set(told.map((news) => news.tenantId)).size).toBe(121);
});

describe('SQS that takes only a part', () => {
  /** Leaves out every third message of the first calls, and says so, as SQS does. */
  const partly = (calls: number): Interference => {
    let left = calls;
    return async (input, send) => {
      if (left-- <= 0) return send();
      const refused = (input.Entries ?? []).filter((_, index) => index % 3 === 1);
      input.Entries = (input.Entries ?? []).filter((entry) => !refused.includes(entry));
      const output = await send();
      return {
        ...output,
        Failed: refused.map(({ Id }) => ({ Id, SenderFault: false, Code: 'InternalError', Message: 'refused' })),
      };
    };
  };

  test('makes Meta repeat, after which all of it is there once and in order', async () => {
    const deployment = await deployed();
    const worker = deployment.worker(partly(3));
    const all = Array.from({ length: 90 }, (_, index) => said(`wamid.${index}`, `49${index % 30}`));
    const body = bodyOf([messagesChange(all, [])]);
    expect(await worker.deliver(body)).toBe('not-queued');
    expect(await worker.deliver(body)).toBe('accepted');
    const found = await deployment.queued();
    expect(idsIn(found)).toHaveLength(90);
    expect(new Set(idsIn(found)).size).toBe(90);
    const eventIds = bodies(found).flatMap((message) => (message as QueuedEvents).events.map(({ eventId }) => eventId));
    expect(new Set(eventIds).size).toBe(90);
  });
});

describe('a flood of wrong signatures', () => {
  const wrong = 'x'.repeat(32);
  const flood = async (
    worker: ReturnType<Awaited<ReturnType<typeof deployed>>['worker']>,
    times: number,
    ports = worker.ports,
  ) => {
    const outcomes = new Set<string>();
    for (let time = 0; time < times; time++)
      outcomes.add(await worker.deliver(hello(`wamid.${time}`), ids.webhook, wrong, ports));
    return [...outcomes];
  };

  test('costs one call of KMS and one opening in the audit, then none at all', async () => {
    const deployment = await deployed();
    const worker = deployment.worker();
    expect(await flood(worker, 100)).toEqual(['refused']);
    expect(worker.kmsCalls).toEqual(['Decrypt']);
    expect(await deployment.audited()).toHaveLength(2);
    // The secret falls out of the worker's memory.
    const cold = { ...worker.ports, vault: cachedOpener(worker.opener) };
    expect(await flood(worker, 100, cold)).toEqual(['throttled']);
    expect(worker.kmsCalls).toEqual(['Decrypt']);
    expect(await deployment.audited()).toHaveLength(2);
    expect(await deployment.queued()).toEqual([]);
  });

  test('stops nobody whose secret is at hand', async () => {
    const deployment = await deployed();
    const worker = deployment.worker();
    await flood(worker, 100);
    expect(await worker.deliver(bodyOf([messagesChange([messages.text ?? {}])]))).toBe('accepted');
    expect(await deployment.queued()).toHaveLength(1);
  });
});
