import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { WebhookStore } from '../../shared/adapters/webhook-store.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { unguessable } from '../../shared/crypto/identifiers.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { accountFields, furtherFields, messageFields } from '../../shared/domain/set-up-webhook.ts';
import { hashOfVerifyToken, webhookUrl } from '../../shared/domain/webhook-address.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { setting } from '../edge/environment.ts';
import * as ports from '../edge/ports.ts';
import { beingRemoved } from './update-credential.ts';

export interface GuideManualSetUpPorts {
  readonly credentials: CredentialReader;
  readonly webhooks: Pick<WebhookStore, 'addVerifyToken'>;
  readonly publicUrl: string;
}

/** What somebody needs who sets the webhook up by hand: addresses, a verify token that is shown once, fields and steps. */
export const guideManualSetUp = async (
  caller: Caller,
  id: CredentialId,
  ports: GuideManualSetUpPorts,
): Promise<Answer | Refused> => {
  const credential = await ports.credentials.find(caller.tenantId, id);
  const app = credential && (await ports.credentials.findApp(credential.appId));
  if (credential === undefined || app === undefined) return refuse('not-found');
  if (credential.status === 'removing') return beingRemoved;
  const verifyToken = unguessable();
  const hash = hashOfVerifyToken(verifyToken);
  for (const webhook of [app.webhookId, credential.webhookId])
    await ports.webhooks.addVerifyToken(webhook, `manual:${caller.tenantId}`, hash);
  const url = webhookUrl(ports.publicUrl, app.webhookId);
  const numberUrl = webhookUrl(ports.publicUrl, credential.webhookId);
  const fields = [...messageFields, ...accountFields, ...furtherFields];
  return {
    kind: 'ok',
    holdsSecret: true,
    body: {
      url,
      verifyToken,
      fields,
      numberUrl,
      steps: [
        `Open the Meta App Dashboard of the app ${app.appId}: WhatsApp, Configuration.`,
        'If there is a callback of another system that must stay, skip the next two steps.',
        'Under Webhook choose Edit, enter the callback URL (url) and the verify token, then Verify and save.',
        `Under Webhook fields subscribe: ${fields.join(', ')}. Only "messages" is needed for messages; leave out what is not offered.`,
        `Subscribe the app to the account with a token of the app: POST /${credential.wabaId}/subscribed_apps, without a body. Do this only if GET /${credential.wabaId}/subscribed_apps does not list the app: it would delete a callback that was set for the account.`,
        'For each number whose events must come here beside the callback of another system: POST /{phone-number-id} with {"webhook_configuration": {"override_callback_uri": numberUrl, "verify_token": verifyToken}}.',
        'Repair the webhook (POST …/webhook/repair): it finds what you have set up and takes it as configured.',
      ],
    },
  };
};

export const guideManualSetUpRoute = apiRoute({
  routeKey: 'POST /v1/credentials/{credentialId}/webhook/manual-setup',
  path: z.object({ credentialId }),
  idempotent: true,
  run: ({ caller, path }) =>
    guideManualSetUp(caller, path.credentialId, {
      credentials: ports.credentials(),
      webhooks: ports.webhooks(),
      publicUrl: setting(environmentName.publicUrl),
    }),
});
