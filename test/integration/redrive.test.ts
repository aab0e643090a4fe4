import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../infra/local/refusal.ts';
import { sqsDeadLetters } from '../../infra/redrive/sqs-dead-letters.ts';
import { whatIsKnown } from '../../infra/redrive/what-is-known.ts';
import { deadLettersContract } from '../support/dead-letters-contract.ts';
import { configurationFor, dynamoDbOf, type EngineName, engineNames, makeTable } from './support/engines.ts';

const makeQueue = async (client: SQSClient, attributes: Readonly<Record<string, string>> = {}): Promise<string> => {
  const { QueueUrl = '' } = await client.send(
    new CreateQueueCommand({
      QueueName: `queue-${crypto.randomUUID()}.fifo`,
      Attributes: {
        FifoQueue: 'true',
        DeduplicationScope: 'messageGroup',
        FifoThroughputLimit: 'perMessageGroupId',
        ...attributes,
      },
    }),
  );
  return QueueUrl;
};

describe.each(engineNames)('on %s', (engine) => {
  test('takes the group of a standard queue for what it is: whose message it is, no order and no repeat', async () => {
    const client = new SQSClient(configurationFor(engine));
    const make = async (Attributes: Record<string, string>) =>
      (await client.send(new CreateQueueCommand({ QueueName: `queue-${crypto.randomUUID()}`, Attributes }))).QueueUrl ??
      '';
    const deadUrl = await make({});
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: deadUrl, AttributeNames: ['QueueArn'] }),
    );
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: 20 });
    const queueUrl = await make({ RedrivePolicy });
    await client.send(new SendMessageCommand({ QueueUrl: deadUrl, MessageBody: 'work', MessageGroupId: 'a-tenant' }));
    const queue = await sqsDeadLetters(client, queueUrl);
    const [letter] = await queue.receive(1);
    if (letter === undefined) throw new Error('It is there');
    expect(letter.groupId).toBeUndefined();
    await queue.send(letter, 'some-name');
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 1 }));
    expect(Messages).toMatchObject([{ Body: 'work' }]);
  });

  deadLettersContract(async () => {
    const client = new SQSClient(configurationFor(engine));
    const deadUrl = await makeQueue(client);
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: deadUrl, AttributeNames: ['QueueArn'] }),
    );
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: 20 });
    const queueUrl = await makeQueue(client, { RedrivePolicy });
    return {
      queue: await sqsDeadLetters(client, queueUrl),
      async put(MessageBody, MessageGroupId) {
        const MessageDeduplicationId = crypto.randomUUID();
        await client.send(
          new SendMessageCommand({ QueueUrl: deadUrl, MessageBody, MessageGroupId, MessageDeduplicationId }),
        );
      },
      async moved() {
        const { Messages = [] } = await client.send(
          new ReceiveMessageCommand({
            QueueUrl: queueUrl,
            MaxNumberOfMessages: 10,
            MessageSystemAttributeNames: ['MessageGroupId'],
          }),
        );
        return Messages.map(({ Body = '', Attributes: { MessageGroupId } = {} }) => [MessageGroupId, Body] as const);
      },
    };
  });

  test('a queue without dead letters is refused', async () => {
    const client = new SQSClient(configurationFor(engine));
    await expect(sqsDeadLetters(client, await makeQueue(client))).rejects.toThrow(Refusal);
  });
});

describe('what is known', () => {
  const engine: EngineName = 'ministack';
  const scene = async (...rows: readonly Readonly<Record<string, unknown>>[]) => {
    const [directory, events] = await Promise.all([makeTable(engine), makeTable(engine)]);
    for (const { table, ...Item } of rows)
      await dynamoDbOf(engine).send(
        new PutCommand({ TableName: table === 'events' ? events : directory, Item: { ...Item } }),
      );
    return whatIsKnown(new DynamoDBClient(configurationFor(engine)), { directory, events });
  };
  const claim = (pk: string, state: string) => ({ table: 'events', pk, sk: 'CLAIM', state });
  const conversation = (id: string, rest: object) => ({ table: 'directory', pk: `CONV#${id}`, sk: 'CONV', ...rest });

  test('tells the events that are done, also those of which a reply is in doubt, from those under way', async () => {
    const known = await scene(
      claim('done', 'done'),
      claim('doubt', 'unknown'),
      ...['leased', 'answered', 'sending', 'sent'].map((state) => claim(state, state)),
    );
    const asked = ['done', 'doubt', 'leased', 'answered', 'sending', 'sent', 'nobody’s', 'done'];
    expect(await known.finishedOf(asked)).toEqual(new Set(['done', 'doubt']));
  });

  test('asks for any number of them', async () => {
    const ids = Array.from({ length: 230 }, (_, index) => `event ${index}`);
    const known = await scene(...ids.filter((_, index) => index % 2 === 0).map((id) => claim(id, 'done')));
    expect(await known.finishedOf(ids)).toEqual(new Set(ids.filter((_, index) => index % 2 === 0)));
  });

  test('tells when a conversation was last handled, also under the customer’s other identity', async () => {
    const known = await scene(
      conversation('plain', { lastHandledAt: '2026-11-24T10:00:00.000Z' }),
      conversation('joined', { joinedTo: 'other' }),
      conversation('joined late', { joinedTo: 'other', lastHandledAt: '2026-11-24T13:00:00.000Z' }),
      conversation('other', { lastHandledAt: '2026-11-24T12:00:00.000Z' }),
      conversation('failed', { skippedAt: '2026-11-24T09:00:00.000Z', lastHandledAt: null }),
      conversation('silent', { heldCount: 0, skippedAt: null }),
      conversation('strange', { lastHandledAt: 17, joinedTo: 18 }),
    );
    expect(
      Object.fromEntries(
        await known.lastHandledOf([
          'plain',
          'joined',
          'joined late',
          'failed',
          'silent',
          'strange',
          'nobody’s',
          'plain',
        ]),
      ),
    ).toEqual({
      plain: '2026-11-24T10:00:00.000Z',
      joined: '2026-11-24T12:00:00.000Z',
      'joined late': '2026-11-24T13:00:00.000Z',
      failed: null,
    });
  });

  test('tells the tickets that are open', async () => {
    const known = await scene({ table: 'directory', pk: 'WORK', sk: 'open', attempts: 0 });
    expect(await known.openOf(['open', 'closed'])).toEqual(new Set(['open']));
  });

  test('asks for nothing where there is nothing to ask', async () => {
    const known = await scene();
    expect(await known.finishedOf([])).toEqual(new Set());
    expect(await known.lastHandledOf([])).toEqual(new Map());
  });
});
