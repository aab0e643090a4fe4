import { dynamoDb, sqs } from '../../shared/adapters/aws-clients.ts';
import { heldReader } from '../../shared/adapters/held-store.ts';
import { routingStore } from '../../shared/adapters/routing-store.ts';
import { eventsQueue } from '../../shared/adapters/sqs-queues.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { releaseNumber } from '../../shared/domain/release-number.ts';
import { setting } from '../edge/environment.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { workLambda } from '../edge/work-lambda.ts';

const releasePorts = ports.once(() => ({
  routing: routingStore(dynamoDb(), setting(environmentName.directoryTable)),
  held: heldReader(dynamoDb(), setting(environmentName.eventsTable)),
  queue: eventsQueue(sqs(), setting(environmentName.eventsQueueUrl)),
  journal,
  now: () => new Date(),
  random: Math.random,
}));

/** Has held events replayed once nothing holds them any more, and tries targets that fail with one of theirs. */
export const handler = workLambda((work) => {
  if (work.kind !== 'release-held') throw new RangeError('Not work of this function');
  return releaseNumber(work, releasePorts());
});
