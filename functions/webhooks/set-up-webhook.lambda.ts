import { environmentName } from '../../shared/contracts/environment.ts';
import { setUpWebhookRequest } from '../../shared/contracts/queued-events.ts';
import { setUpWebhook } from '../../shared/domain/set-up-webhook.ts';
import { setting } from '../edge/environment.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { queueLambda } from '../edge/queue-lambda.ts';

/** Brings a credential's webhook into the wanted state at Meta; what Meta leaves open is repeated by the queue. */
export const handler = queueLambda(
  async (record) => {
    const request = setUpWebhookRequest.parse(JSON.parse(record.body));
    const { find, findApp } = ports.credentials();
    const { recordWebhook } = ports.webhookState();
    await setUpWebhook(request, {
      credentials: { find, findApp, recordWebhook },
      webhooks: ports.webhooks(),
      vault: ports.opener(),
      graph: ports.graph(),
      journal,
      publicUrl: setting(environmentName.publicUrl),
      now: () => new Date(),
    });
    return true;
  },
  () => Promise.resolve(),
);
