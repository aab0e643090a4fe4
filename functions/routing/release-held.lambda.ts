import { sqs } from '../../shared/adapters/aws-clients.ts';
import { eventsQueue } from '../../shared/adapters/sqs-queues.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { releaseNumbers } from '../../shared/domain/release-numbers.ts';
import { setting } from '../edge/environment.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { workLambda } from '../edge/work-lambda.ts';

const releasePorts = ports.once(() => ({
  routing: ports.routing(),
  held: ports.held(),
  queue: eventsQueue(sqs(), setting(environmentName.eventsQueueUrl)),
  journal,
  now: () => new Date(),
  random: Math.random,
}));

/** Has held events replayed once nothing holds them any more, and tries targets that fail with one of theirs. */
export const handler = workLambda((work, timeLeft) => {
  if (work.kind !== 'release-held') throw new RangeError('Not work of this function');
  return releaseNumbers(work, { ...releasePorts(), timeLeft });
});
