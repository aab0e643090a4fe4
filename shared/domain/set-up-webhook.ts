import type { Reason, WebhookState } from '../contracts/credential.ts';
import {
  type CredentialId,
  type PhoneNumberId,
  phoneNumberId,
  type TenantId,
  type WebhookId,
} from '../contracts/ids.ts';
import { unguessable } from '../crypto/identifiers.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import { Fault } from './fault.ts';
import { type Graph, type GraphAccess, type GraphFailure, type GraphResult, isPassing } from './graph.ts';
import { withGraphAccess } from './graph-access.ts';
import type { Journal } from './journal.ts';
import type { CredentialRecord, MetaAppRecord } from './records.ts';
import { ownerOfApp, type SecretOpener, sharedTenant } from './vault.ts';
import { hashOfVerifyToken, webhookUrl } from './webhook-address.ts';

/** What a verify token is for: each target keeps the hashes of its latest few. */
export type CallbackTarget = 'app' | `number:${PhoneNumberId}`;

export interface SetUpWebhookPorts {
  readonly credentials: {
    find(tenantId: TenantId, credentialId: CredentialId): Promise<CredentialRecord | undefined>;
    findApp(appId: CredentialRecord['appId']): Promise<MetaAppRecord | undefined>;
    recordWebhook(
      credential: CredentialRecord,
      webhook: { readonly state: WebhookState; readonly reason: Reason | null; readonly configuredAt: string | null },
    ): Promise<void>;
  };
  readonly webhooks: {
    /** Before Meta is told the token: its handshake comes back within the same call. */
    addVerifyToken(webhookId: WebhookId, target: CallbackTarget, tokenHash: string): Promise<void>;
  };
  readonly vault: SecretOpener;
  readonly graph: Graph;
  readonly journal: Journal;
  readonly publicUrl: string;
  readonly now: () => Date;
}

/** What the app-level subscription is for: `messages` first; the rest may be refused for an app and is asked for apart. */
const messageFields = ['messages'] as const;
const accountFields = [
  'account_update',
  'account_alerts',
  'account_review_update',
  'business_capability_update',
  'phone_number_name_update',
  'phone_number_quality_update',
  'message_template_status_update',
  'security',
] as const;

/**
 * Brings the webhook of a credential into the wanted state at Meta, step by step, reading before each write, so that it may be
 * repeated at any point. A callback of somebody else is never replaced without consent. Never a bare re-subscription after an
 * override: that would delete the override. @throws {Fault} meta-unreachable when Meta gives no verdict (repeat later)
 */
export const setUpWebhook = async (
  request: { readonly tenantId: TenantId; readonly credentialId: CredentialId },
  ports: SetUpWebhookPorts,
): Promise<void> => {
  const credential = await ports.credentials.find(request.tenantId, request.credentialId);
  if (credential === undefined || credential.status === 'removing') return;
  const app = await ports.credentials.findApp(credential.appId);
  if (app === undefined) return;
  const openedFor = { tenantId: credential.tenantId, subjectId: credential.credentialId };
  using appToken = await ports.vault.open(
    { tenantId: sharedTenant, ownerId: ownerOfApp(app.appId), purpose: 'app-access', secretVersion: app.secretVersion },
    openedFor,
  );
  const stopped = await withGraphAccess(
    ports.vault,
    credential,
    async (access) =>
      (await subscribeApp(app, appToken, ports)) ??
      (await subscribeAccount(credential, access, ports)) ??
      (await overrideNumbers(credential, access, ports)),
  );
  const now = ports.now().toISOString();
  await ports.credentials.recordWebhook(
    credential,
    stopped
      ? { state: 'action_required', reason: { ...stopped, since: now }, configuredAt: null }
      : { state: 'configured', reason: null, configuredAt: now },
  );
  ports.journal.info('webhook-set-up', {
    tenantId: credential.tenantId,
    credentialId: credential.credentialId,
    state: stopped ? 'action_required' : 'configured',
    ...(stopped ? { code: stopped.code } : {}),
  });
};

/** Why the set-up can't go on without the user. */
type Stop = Omit<Reason, 'since'>;

/** The app-level subscription, only where the app has none: one that somebody else made stays as it is. */
const subscribeApp = async (
  app: MetaAppRecord,
  appToken: SecretBytes,
  ports: SetUpWebhookPorts,
): Promise<Stop | undefined> => {
  const found = await ports.graph.readAppSubscription(appToken, app.appId);
  if (!found.ok) return stopOrRepeat(found.failure);
  const ours = webhookUrl(ports.publicUrl, app.webhookId);
  const existing = found.value;
  if (existing !== null && !existing.callbackUrl.endsWith(`/webhooks/${app.webhookId}`))
    return existing.fields.includes('messages') ? undefined : appLacksMessages;
  if (existing?.callbackUrl === ours && existing.fields.includes('messages')) return undefined;

  const subscribe = async (fields: readonly string[]) => {
    const verifyToken = unguessable();
    await ports.webhooks.addVerifyToken(app.webhookId, 'app', hashOfVerifyToken(verifyToken));
    return ports.graph.subscribeApp(appToken, app.appId, { callbackUrl: ours, fields }, verifyToken);
  };
  const essential = await subscribe(messageFields);
  if (!essential.ok) return stopOrRepeat(essential.failure);
  // Meta replaces the list of fields, so `messages` is named again. Refused fields cost account notices, not messages.
  const complete = await subscribe([...messageFields, ...accountFields]);
  if (!complete.ok) ports.journal.warn('account-fields-refused', { appId: app.appId, ...metaFields(complete.failure) });
  return undefined;
};

const subscribeAccount = async (
  credential: CredentialRecord,
  access: GraphAccess,
  ports: SetUpWebhookPorts,
): Promise<Stop | undefined> => {
  const apps = await ports.graph.listSubscribedApps(access, credential.wabaId);
  if (!apps.ok) return stopOrRepeat(apps.failure);
  if (apps.value.includes(credential.appId)) return undefined;
  const subscribed = await ports.graph.subscribeBusinessAccount(access, credential.wabaId);
  return subscribed.ok ? undefined : stopOrRepeat(subscribed.failure);
};

/** Each claimed number gets the credential's own URL, which lies on top of whatever the app or the account has. */
const overrideNumbers = async (
  credential: CredentialRecord,
  access: GraphAccess,
  ports: SetUpWebhookPorts,
): Promise<Stop | undefined> => {
  let stopped: Stop | undefined;
  let fault: Fault | undefined;
  for (const key of Object.keys(credential.claimedNumbers)) {
    try {
      stopped = (await overrideNumber(credential, phoneNumberId.parse(key), access, ports)) ?? stopped;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      // One number without a verdict must not keep the others deaf; the repeat skips those that are done.
      fault = error;
    }
  }
  if (fault !== undefined) throw fault;
  return stopped;
};

const overrideNumber = async (
  credential: CredentialRecord,
  number: PhoneNumberId,
  access: GraphAccess,
  ports: SetUpWebhookPorts,
): Promise<Stop | undefined> => {
  const ours = webhookUrl(ports.publicUrl, credential.webhookId);
  const found = await ports.graph.readNumberCallback(access, number);
  if (!found.ok) return stopOrRepeat(found.failure);
  if (found.value === ours) return undefined;
  const foreign = found.value !== null && !found.value.endsWith(`/webhooks/${credential.webhookId}`);
  if (foreign && credential.onExistingCallback === 'keep') return existingCallback;

  const verifyToken = unguessable();
  await ports.webhooks.addVerifyToken(credential.webhookId, `number:${number}`, hashOfVerifyToken(verifyToken));
  const overridden = await ports.graph.overrideNumberCallback(access, number, ours, verifyToken);
  if (!overridden.ok) return stopOrRepeat(overridden.failure);
  const readBack: GraphResult<string | null> = await ports.graph.readNumberCallback(access, number);
  if (!readBack.ok) return stopOrRepeat(readBack.failure);
  return readBack.value === ours ? undefined : overrideNotKept;
};

/** A definite no needs the user; anything else is worth a repeat. */
const stopOrRepeat = (failure: GraphFailure): Stop => {
  if (failure.kind !== 'refused' || isPassing(failure.refusal))
    throw new Fault('meta-unreachable', { retryable: true });
  switch (failure.refusal) {
    case 'callback-refused':
      return {
        code: 'callback-not-reachable',
        title: 'Meta could not reach the webhook URL',
        detail: 'Meta called the webhook URL to verify it and did not get the expected answer.',
        guidance:
          'Check that the public address of this deployment is reachable from the internet with a valid certificate, then save an agent of this credential again: that repeats the set-up.',
      };
    case 'token-invalid':
    case 'proof-invalid':
    case 'app-secret-wrong':
    case 'app-unknown':
      return {
        code: 'credentials-refused',
        title: 'Meta no longer accepts the credentials',
        detail: 'Meta refused the access token or the App Secret while the webhook was being set up.',
        guidance:
          'Check the access token and the App Secret in the Meta App Dashboard, then save an agent of this credential again: that repeats the set-up.',
      };
    case 'permission-missing':
    case 'object-invisible':
      return {
        code: 'permission-missing',
        title: 'The access token may not change the webhook',
        detail: 'Meta did not let the access token configure the webhook of this account or number.',
        guidance:
          'Give the system user full control of the WhatsApp Business Account and the token the permission whatsapp_business_management.',
      };
    case 'not-subscribed':
    case 'other':
      return {
        code: 'set-up-refused',
        title: 'Meta refused the webhook set-up',
        detail: `Meta answered with error ${failure.code}.`,
        guidance:
          'Save an agent of this credential again: that repeats the set-up. Or set the webhook up by hand in the Meta App Dashboard.',
      };
    default:
      return failure.refusal satisfies never;
  }
};

const metaFields = (failure: GraphFailure) => (failure.kind === 'refused' ? { metaCode: failure.code } : {});

const appLacksMessages: Stop = {
  code: 'app-subscription-lacks-messages',
  title: 'The app is not subscribed to messages',
  detail: 'The Meta app has a webhook of somebody else that does not ask for messages; Meta then delivers none.',
  guidance: 'In the Meta App Dashboard under WhatsApp, Configuration, subscribe the field "messages".',
};

const existingCallback: Stop = {
  code: 'existing-callback',
  title: 'The number has a callback already',
  detail: 'Another system receives the messages of this number. It was left as it is.',
  guidance: 'Remove that callback at Meta, then save the agent of this number again: that repeats the set-up.',
};

const overrideNotKept: Stop = {
  code: 'override-not-kept',
  title: 'Meta did not keep the callback',
  detail: 'Meta accepted the callback of the number but does not show it.',
  guidance: 'Save the agent of this number again: that repeats the set-up. If it happens again, ask Meta support.',
};
