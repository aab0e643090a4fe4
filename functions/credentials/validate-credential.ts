import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type ValidateCredentialRequest, validateCredentialRequest } from '../../shared/contracts/credential.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { Check } from '../../shared/contracts/problem.ts';
import type { CredentialSecrets } from '../../shared/domain/credential-secrets.ts';
import type { Graph } from '../../shared/domain/graph.ts';
import type { Refused } from '../../shared/domain/outcome.ts';
import type { MetaAppRecord } from '../../shared/domain/records.ts';
import { skippedCheck } from '../../shared/domain/validate-credential.ts';
import type { SecretOpener } from '../../shared/domain/vault.ts';
import { isOurWebhookUrl } from '../../shared/domain/webhook-address.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { setting } from '../edge/environment.ts';
import * as ports from '../edge/ports.ts';
import { numberTaken, ownHolderOf, validationRefusal, wabaTaken, withValidation } from './proving.ts';

export interface ValidateCredentialPorts {
  readonly credentials: CredentialReader;
  readonly opener: SecretOpener;
  readonly graph: Graph;
  readonly publicUrl: string;
  readonly now: () => Date;
}

/** A dry run of connecting credentials: every check with its own verdict. Stores nothing and changes nothing at Meta. */
export const dryRun = async (
  caller: Caller,
  request: ValidateCredentialRequest,
  ports: ValidateCredentialPorts,
): Promise<Answer | Refused> => {
  const app = await ports.credentials.findApp(request.appId);
  return withValidation(caller, request, app, ports, async (validation, secrets): Promise<Answer | Refused> => {
    if (validation.outcome === 'unreachable') return validationRefusal(validation);
    const checks =
      validation.outcome === 'invalid'
        ? [...validation.checks, skippedCheck('availability'), skippedCheck('webhook')]
        : [
            ...validation.checks,
            await availability(caller, request, ports),
            await webhookCheck(request, app, secrets, ports),
          ];
    return { kind: 'ok', body: { valid: checks.every(({ verdict }) => verdict !== 'failed'), checks } };
  });
};

/** Whether account and numbers are free in this deployment. */
const availability = async (
  caller: Caller,
  request: ValidateCredentialRequest,
  ports: ValidateCredentialPorts,
): Promise<Check> => {
  const holder = await ports.credentials.findByWaba(caller.tenantId, request.wabaId);
  if (holder !== undefined) return unavailable(wabaTaken(holder));
  for (const [index, number] of (request.phoneNumberIds ?? []).entries()) {
    if ((await ports.credentials.findNumber(number)) === undefined) continue;
    return unavailable(numberTaken(index, await ownHolderOf(caller, number, ports.credentials)));
  }
  return { check: 'availability', verdict: 'passed', detail: 'The account and the numbers are free to be connected.' };
};

/** The refusal that connecting would end with, as a verdict. */
const unavailable = ({ refused, details }: Refused): Check => {
  const [error] = details.errors ?? [];
  return {
    check: 'availability',
    verdict: 'failed',
    code: refused,
    detail: details.detail ?? error?.message ?? '',
    ...(error === undefined ? {} : { pointer: error.pointer }),
    ...(details.guidance === undefined ? {} : { guidance: details.guidance }),
  };
};

/** What the set-up would find at Meta. Nothing of somebody else's is touched without consent. */
const webhookCheck = async (
  request: ValidateCredentialRequest,
  app: MetaAppRecord | undefined,
  secrets: CredentialSecrets,
  ports: ValidateCredentialPorts,
): Promise<Check> => {
  const warning = (code: string, detail: string, guidance: string, pointer?: string): Check => ({
    check: 'webhook',
    verdict: 'warning',
    code,
    detail,
    guidance,
    ...(pointer === undefined ? {} : { pointer }),
  });
  const notAsked = warning('webhook-unknown', 'Meta did not show the present callbacks.', 'Try again in a minute.');
  const subscription = await ports.graph.readAppSubscription(secrets.appToken, request.appId);
  if (!subscription.ok) return notAsked;
  const isForeign =
    subscription.value !== null &&
    (app === undefined || !isOurWebhookUrl(subscription.value.callbackUrl, app.webhookId));
  if (isForeign && subscription.value?.fields.includes('messages') === false)
    return warning(
      'app-subscription-lacks-messages',
      'The Meta app has a webhook of somebody else that does not ask for messages; Meta then delivers none.',
      'In the Meta App Dashboard under WhatsApp, Configuration, subscribe the field "messages".',
    );
  for (const [index, number] of (request.phoneNumberIds ?? []).entries()) {
    const callback = await ports.graph.readNumberCallback(secrets, number);
    if (!callback.ok) return notAsked;
    const isTaken = callback.value !== null && !callback.value.startsWith(`${ports.publicUrl}/webhooks/`);
    if (isTaken && request.onExistingCallback === 'keep')
      return warning(
        'existing-callback',
        'The number has a callback of somebody else, which would be left as it is: no message would arrive here.',
        'Send onExistingCallback "replace" to have it replaced, with previousVerifyToken if it is to be given back on removal.',
        `/phoneNumberIds/${index}`,
      );
  }
  return {
    check: 'webhook',
    verdict: 'passed',
    detail: isForeign
      ? 'The app has a callback of somebody else, which stays; the numbers get a callback of their own.'
      : 'The webhook can be set up without touching anything of somebody else.',
  };
};

export const validateCredentialRoute = apiRoute({
  routeKey: 'POST /v1/credentials/validate',
  body: validateCredentialRequest,
  run: ({ caller, body }) =>
    dryRun(caller, body, {
      credentials: ports.credentials(),
      opener: ports.opener(),
      graph: ports.graph(),
      publicUrl: setting(environmentName.publicUrl),
      now: () => new Date(),
    }),
});
