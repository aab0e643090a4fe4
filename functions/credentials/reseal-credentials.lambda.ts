import { resealCredentials, retireSecret } from '../../shared/domain/edition.ts';
import * as ports from '../edge/ports.ts';
import { workLambda } from '../edge/work-lambda.ts';

/** After a new App Secret: gives every credential of the app a new proof, and shreds the former secret when its time is over. */
export const handler = workLambda((work, timeLeft) => {
  const resealPorts = {
    credentials: ports.credentials(),
    editions: ports.editions(),
    opener: ports.opener(),
    sealer: ports.sealer(),
    timeLeft,
    now: () => new Date(),
  };
  switch (work.kind) {
    case 'reseal':
      return resealCredentials(work.appId, resealPorts);
    case 'retire-secret':
      return retireSecret(work, resealPorts);
    default:
      throw new RangeError('Not work of this function');
  }
});
