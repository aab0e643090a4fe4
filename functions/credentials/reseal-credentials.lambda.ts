import { retireAgentSecret } from '../../shared/domain/agent-edition.ts';
import { resealCredentials, retireSecret } from '../../shared/domain/edition.ts';
import * as ports from '../edge/ports.ts';
import { workLambda } from '../edge/work-lambda.ts';

/** After a new App Secret: gives every credential of the app a new proof. Shreds former secrets, of apps and agents, when their time is over. */
export const handler = workLambda((work, timeLeft) => {
  const resealPorts = {
    credentials: ports.credentials(),
    editions: ports.editions(),
    opener: ports.opener(),
    sealer: ports.sealer(),
    releases: ports.workQueues(),
    timeLeft,
    now: () => new Date(),
  };
  switch (work.kind) {
    case 'reseal':
      return resealCredentials(work.appId, resealPorts);
    case 'retire-secret':
      return retireSecret(work, resealPorts);
    case 'retire-agent-secret':
      return retireAgentSecret(work, { agents: ports.agents(), saver: ports.agentSaver(), now: () => new Date() });
    default:
      throw new RangeError('Not work of this function');
  }
});
