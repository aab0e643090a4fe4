import { environmentName } from '../../shared/contracts/environment.ts';
import { noteAwaiting } from '../../shared/domain/first-message.ts';
import { setUpWebhook } from '../../shared/domain/set-up-webhook.ts';
import { setting } from '../edge/environment.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { workLambda } from '../edge/work-lambda.ts';

/** Brings a credential's webhook into the wanted state at Meta. */
export const handler = workLambda(async (work, timeLeft) => {
  if (work.kind !== 'set-up') throw new RangeError('Not work of this function');
  const { find, findApp, inUse } = ports.credentials();
  const { recordWebhook, recordMade } = ports.webhookState();
  return setUpWebhook(work, {
    credentials: { find, findApp, inUse, recordWebhook, recordMade },
    noteAwaiting: (credential) => noteAwaiting(credential, ports.firstMessage()),
    webhooks: ports.webhooks(),
    vault: ports.opener(),
    graph: ports.graph(),
    usage: ports.metaUsage(),
    journal,
    publicUrl: setting(environmentName.publicUrl),
    now: () => new Date(),
    timeLeft,
  });
});
