import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import { workQueues } from '../../shared/adapters/sqs-queues.ts';
import { tenantId } from '../../shared/contracts/ids.ts';
import type { Work } from '../../shared/contracts/work.ts';
import { ids, releaseWorkOf } from '../support/records.ts';
import { configurationFor, engineNames } from './support/engines.ts';

describe.each(engineNames)('work queues on %s', (engine) => {
  test('send each piece of work with its ticket, in a group of its owner, who is not named there', async () => {
    const client = new SQSClient(configurationFor(engine));
    const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: `queue-${crypto.randomUUID()}` }));
    const queues = workQueues(client, () => QueueUrl);
    const globex = tenantId.parse('globex');
    const works: readonly Work[] = [
      releaseWorkOf(),
      { kind: 'clean-up', tenantId: ids.tenant, credentialId: ids.credential },
      releaseWorkOf({ tenantId: globex }),
      { kind: 'reseal', appId: ids.app },
    ];
    for (const [index, work] of works.entries()) await queues.send({ id: `ticket-${index}`, work });
    const groups: (string | undefined)[] = [];
    while (groups.length < works.length) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 1,
          MessageSystemAttributeNames: ['MessageGroupId'],
        }),
      );
      for (const { Body = '', Attributes } of Messages) {
        const { ticket, work } = JSON.parse(Body) as { ticket: string; work: Work };
        const index = Number(ticket.split('-')[1]);
        expect(work).toEqual(works[index]);
        groups[index] = Attributes?.MessageGroupId;
      }
    }
    expect(groups[0]).toBe(groups[1]);
    expect(new Set(groups).size).toBe(3);
    expect(groups.join()).not.toMatch(/acme|globex/);
  });
});
