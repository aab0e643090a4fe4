import { sqs } from '../../shared/adapters/aws-clients.ts';
import { eventsQueue } from '../../shared/adapters/sqs-queues.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { releaseCredential, releaseNumber } from '../../shared/domain/release-number.ts';
import { setting } from '../edge/environment.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { workLambda } from '../edge/work-lambda.ts';

const releasePorts = ports.once(() => ({
  routing: ports.routing(),
  credentials: ports.credentials(),
  held: ports.held(),
  queue: eventsQueue(sqs(), setting(environmentName.eventsQueueUrl)),
  journal,
  now: () => new Date(),
  random: Math.random,
}));

/** Has held events replayed once nothing holds them any more, and tries targets that fail with one of theirs. */
export const handler = workLambda((work) => {
  switch (work.kind) {
    case 'release-held':
      return releaseNumber(work, releasePorts());
    case 'release-credential':
      return releaseCredential(work, releasePorts());
    default:
      throw new RangeError('Not work of this function');
  }
});
