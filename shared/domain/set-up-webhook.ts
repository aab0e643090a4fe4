import pMap from 'p-map';
import type { Reason, WebhookState } from '../contracts/credential.ts';
import type { CredentialId, PhoneNumberId, TenantId, WebhookId } from '../contracts/ids.ts';
import { unguessable } from '../crypto/identifiers.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import { identitiesOfApp } from './credential-secrets.ts';
import { Fault } from './fault.ts';
import { type Graph, type GraphAccess, type GraphFailure, type GraphResult, isPassing } from './graph.ts';
import { withWatchedAccess } from './graph-access.ts';
import type { Journal } from './journal.ts';
import type { MetaUsageStore } from './meta-usage.ts';
import type { CredentialRecord, MetaAppRecord } from './records.ts';
import type { SecretOpener } from './vault.ts';
import { hashOfVerifyToken, isOurWebhookUrl, webhookUrl } from './webhook-address.ts';
import {
  type Difference,
  differencesOf,
  numbersAtOnce,
  observeWebhook,
  type WebhookAtMeta,
} from './webhook-at-meta.ts';

/** What a verify token is for: each target keeps the hashes of its latest few. */
export type CallbackTarget = 'app' | `manual:${TenantId}` | `number:${PhoneNumberId}`;

export interface SetUpWebhookPorts {
  readonly credentials: {
    find(tenantId: TenantId, credentialId: CredentialId): Promise<CredentialRecord | undefined>;
    findApp(appId: CredentialRecord['appId']): Promise<MetaAppRecord | undefined>;
    /** Credentials of the app, in whatever tenant, that are not on their way out. */
    inUse(appId: CredentialRecord['appId']): Promise<readonly CredentialRecord[]>;
    recordWebhook(
      credential: CredentialRecord,
      webhook: {
        readonly url: string;
        readonly state: WebhookState;
        readonly reason: Reason | null;
        readonly configuredAt: string | null;
      },
    ): Promise<void>;
    /**
     * Before it is done at Meta: a removal must find it whatever happens next.
     * @throws {Fault} credential-removed when one has begun: then it must not be done
     */
    recordMade(credential: CredentialRecord, made: Made): Promise<void>;
  };
  /** Says of numbers that agents answer since then that they wait for their first message. */
  readonly noteAwaiting: (credential: CredentialRecord) => Promise<void>;
  readonly usage: Pick<MetaUsageStore, 'note'>;
  readonly webhooks: {
    /** Before Meta is told the token: its handshake comes back within the same call. */
    addVerifyToken(webhookId: WebhookId, target: CallbackTarget, tokenHash: string): Promise<void>;
  };
  readonly vault: SecretOpener;
  readonly graph: Graph;
  readonly journal: Journal;
  readonly publicUrl: string;
  readonly now: () => Date;
  /** How much of the invocation is left, in milliseconds. */
  readonly timeLeft: () => number;
}

/** One thing that is about to be made, or was found made, at Meta. `released`: the number has no callback of ours any more. */
export type Made =
  | { readonly level: 'app'; readonly made: boolean }
  | { readonly level: 'account'; readonly account: 'made' | 'found' }
  | { readonly level: 'number'; readonly phoneNumberId: PhoneNumberId; readonly formerCallback: string | null }
  | { readonly level: 'number'; readonly phoneNumberId: PhoneNumberId; readonly released: true };

/** What the app-level subscription is for: without `messages` nothing arrives; the rest may be refused for an app, these less often than the others. */
export const messageFields = ['messages'] as const;
export const accountFields = [
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
 * What an agent may ask for beside messages. Some of it needs a feature that an app has or not (calls, groups, the Business app beside the API).
 * Not `history` and `smb_app_state_sync`: nobody is to have what was said before, or the address book.
 */
export const furtherFields = [
  'account_settings_update',
  'business_username_update',
  'calls',
  'group_lifecycle_update',
  'group_participants_update',
  'group_settings_update',
  'group_status_update',
  'message_echoes',
  'message_template_components_update',
  'message_template_quality_update',
  'smb_message_echoes',
  'template_category_update',
  'user_id_update',
  'user_preferences',
] as const;

/** The longest call, with Meta's handshake inside, and the record after it. Nothing is begun that would not end in time. In milliseconds. */
const timeForOneNumber = 12_000;

/**
 * Brings the webhook of a credential into the wanted state at Meta: looks at all three levels, then mends just what is different,
 * so that it may be repeated at any point. A callback of somebody else is never replaced without consent. Never a bare
 * re-subscription after an override: that would delete the override. `again` when there is more than one invocation can do.
 * @throws {Fault} meta-unreachable when Meta gives no verdict (repeat later)
 */
export const setUpWebhook = async (
  request: { readonly tenantId: TenantId; readonly credentialId: CredentialId; readonly reclaim?: boolean },
  ports: SetUpWebhookPorts,
): Promise<'done' | 'again'> => {
  const credential = await ports.credentials.find(request.tenantId, request.credentialId);
  if (credential === undefined || credential.status === 'removing') return 'done';
  const app = await ports.credentials.findApp(credential.appId);
  if (app === undefined) return 'done';
  const openedFor = { tenantId: credential.tenantId, subjectId: credential.credentialId };
  using appToken = await ports.vault.open(identitiesOfApp(app).access, openedFor);
  const outcome = await withWatchedAccess(ports.vault, credential, ports, async (access) => {
    const found = await observeWebhook(credential, app, appToken, access, ports.graph);
    if (!found.ok) return stopOrRepeat(found.failure);
    return mend({ credential, app, appToken, access, ports, reclaim: request.reclaim === true }, found.value);
  });
  if (outcome === 'again') return 'again';
  const now = ports.now().toISOString();
  await ports.credentials.recordWebhook(credential, {
    url: webhookUrl(ports.publicUrl, credential.webhookId),
    ...(outcome === undefined
      ? { state: 'configured' as const, reason: null, configuredAt: now }
      : { state: 'action_required' as const, reason: { ...outcome, since: now }, configuredAt: null }),
  });
  await ports.noteAwaiting(credential).catch(() => undefined);
  ports.journal.info('webhook-set-up', {
    tenantId: credential.tenantId,
    credentialId: credential.credentialId,
    state: outcome === undefined ? 'configured' : 'action_required',
    ...(outcome === undefined ? {} : { code: outcome.code }),
  });
  return 'done';
};

/** Why the set-up can't go on without the user. */
type Stop = Omit<Reason, 'since'>;

interface Mending {
  readonly credential: CredentialRecord;
  readonly app: MetaAppRecord;
  readonly appToken: SecretBytes;
  readonly access: GraphAccess;
  readonly reclaim: boolean;
  readonly ports: SetUpWebhookPorts;
}

/** In Meta's order: an override before the subscriptions is refused. */
const mend = async (mending: Mending, found: WebhookAtMeta): Promise<Stop | 'again' | undefined> => {
  const { credential, app, ports } = mending;
  await noteWhatIsThere(mending, found);
  const differences = differencesOf(credential, app, found, ports.publicUrl);
  for (const difference of differences)
    if (difference.level === 'app') {
      const stopped = await mendApp(mending, difference.difference);
      if (stopped !== undefined) return stopped;
    }
  if (found.account === null) {
    const stopped = await subscribeAccount(mending);
    if (stopped !== undefined) return stopped;
  }
  return mendNumbers(
    mending,
    differences.filter((difference) => difference.level === 'number'),
  );
};

/**
 * Whose the account's subscription is, told by the first look: should Meta refuse us and the user do it by hand, it is ours to take
 * away all the same, and so is each callback of a number that names us.
 */
const noteWhatIsThere = async ({ credential, app, ports }: Mending, found: WebhookAtMeta): Promise<void> => {
  const { madeAtMeta, claimedNumbers, webhookId } = credential;
  if (!app.subscriptionMade && found.app !== null && isOurWebhookUrl(found.app.callbackUrl, app.webhookId))
    await ports.credentials.recordMade(credential, { level: 'app', made: true });
  if (madeAtMeta.account === null)
    await ports.credentials.recordMade(credential, {
      level: 'account',
      account: found.account === null ? 'made' : 'found',
    });
  for (const [number, callback] of found.numbers)
    if (
      number in claimedNumbers &&
      !(number in madeAtMeta.numbers) &&
      callback.ok &&
      callback.value !== null &&
      isOurWebhookUrl(callback.value, webhookId)
    )
      await ports.credentials.recordMade(credential, { level: 'number', phoneNumberId: number, formerCallback: null });
};

/** The app-level subscription, only where the app has none or ours: one that somebody else made stays as it is. */
const mendApp = async (
  { credential, app, appToken, ports }: Mending,
  difference: (Difference & { readonly level: 'app' })['difference'],
): Promise<Stop | undefined> => {
  switch (difference) {
    case 'foreign-lacks-messages':
      return appLacksMessages;
    case 'replaced':
      // Theirs now: a removal must leave it alone.
      await ports.credentials.recordMade(credential, { level: 'app', made: false });
      return undefined;
    case 'missing':
    case 'moved':
    case 'messages-missing':
      break;
    default:
      return difference satisfies never;
  }
  const callbackUrl = webhookUrl(ports.publicUrl, app.webhookId);
  const subscribe = async (fields: readonly string[]) => {
    const verifyToken = unguessable();
    await ports.webhooks.addVerifyToken(app.webhookId, 'app', hashOfVerifyToken(verifyToken));
    return ports.graph.subscribeApp(appToken, app.appId, { callbackUrl, fields }, verifyToken);
  };
  await ports.credentials.recordMade(credential, { level: 'app', made: true });
  // All at once: whoever died between two steps would leave a subscription that looks complete and lacks the account's notices.
  // A refused field costs those of its kind, not messages.
  let stop: Stop | undefined;
  for (const [index, fields] of fieldsWanted.entries()) {
    const subscribed = await subscribe(fields);
    if (subscribed.ok) return undefined;
    stop = stopOrRepeat(subscribed.failure);
    if (stop.code === 'callback-not-reachable') return stop;
    const isLast = index === fieldsWanted.length - 1;
    if (!isLast) ports.journal.warn('fields-refused', { appId: app.appId, index, ...metaFields(subscribed.failure) });
  }
  return stop;
};

/** The best first. */
const fieldsWanted: readonly (readonly string[])[] = [
  [...messageFields, ...accountFields, ...furtherFields],
  [...messageFields, ...accountFields],
  messageFields,
];

const subscribeAccount = async ({ credential, access, ports }: Mending): Promise<Stop | undefined> => {
  // Found at first, and gone since.
  if (credential.madeAtMeta.account === 'found')
    await ports.credentials.recordMade(credential, { level: 'account', account: 'made' });
  const subscribed = await ports.graph.subscribeBusinessAccount(access, credential.wabaId);
  if (!subscribed.ok) return stopOrRepeat(subscribed.failure);
  // No handshake tells a removal that came in between, and its clean-up may have looked before this took effect.
  const current = await ports.credentials.find(credential.tenantId, credential.credentialId);
  if (current !== undefined && current.status !== 'removing') return undefined;
  const others = await ports.credentials.inUse(credential.appId);
  if (!others.some(({ wabaId }) => wabaId === credential.wabaId))
    await ports.graph.unsubscribeBusinessAccount(access, credential.wabaId);
  throw new Fault('credential-removed', { retryable: false });
};

type NumberDifference = Difference & { readonly level: 'number' };

/** Each claimed number gets the credential's own URL, which lies on top of whatever the app or the account has. */
const mendNumbers = async (
  mending: Mending,
  differences: readonly NumberDifference[],
): Promise<Stop | 'again' | undefined> => {
  const outcomes = await pMap(
    differences,
    async (difference): Promise<Stop | 'again' | Fault | undefined> => {
      if (mending.ports.timeLeft() < timeForOneNumber) return 'again';
      try {
        return await mendNumber(mending, difference);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        // One number without a verdict must not keep the others deaf; the repeat skips those that are done.
        return error;
      }
    },
    { concurrency: numbersAtOnce },
  );
  let stopped: Stop | 'again' | undefined;
  for (const outcome of outcomes) {
    if (outcome instanceof Fault) throw outcome;
    if (outcome !== undefined && stopped !== 'again') stopped = outcome;
  }
  return stopped;
};

const mendNumber = async (mending: Mending, found: NumberDifference): Promise<Stop | 'again' | undefined> => {
  const { credential, access, reclaim, ports } = mending;
  const number = found.phoneNumberId;
  if (found.difference === 'unreadable') return stopOrRepeat(found.failure);
  if (found.difference === 'left') return releaseNumber(mending, number);
  // The consent was about what was there then, also while we are still at it; what somebody put there since is taken back by a repair.
  const isFormer =
    found.difference === 'foreign' || found.found === credential.madeAtMeta.numbers[number]?.formerCallback;
  const consented =
    (isFormer && credential.onExistingCallback === 'replace') || (reclaim && found.difference === 'replaced');
  if ((found.difference === 'foreign' || found.difference === 'replaced') && !consented) return existingCallback;

  const ours = webhookUrl(ports.publicUrl, credential.webhookId);
  // What was there before we came is remembered once: a later change of somebody else is not what a removal gives back.
  if (!(number in credential.madeAtMeta.numbers))
    await ports.credentials.recordMade(credential, {
      level: 'number',
      phoneNumberId: number,
      formerCallback: found.difference === 'foreign' ? found.found : null,
    });
  const verifyToken = unguessable();
  await ports.webhooks.addVerifyToken(credential.webhookId, `number:${number}`, hashOfVerifyToken(verifyToken));
  const overridden = await ports.graph.overrideNumberCallback(access, number, ours, verifyToken);
  if (!overridden.ok) return stopOrRepeat(overridden.failure);
  const readBack: GraphResult<string | null> = await ports.graph.readNumberCallback(access, number);
  if (!readBack.ok) return stopOrRepeat(readBack.failure);
  return readBack.value === ours ? undefined : overrideNotKept;
};

/** No agent answers the number any more. One with a former callback waits for the removal, which alone may give that back. */
const releaseNumber = async (
  { credential, access, ports }: Mending,
  number: PhoneNumberId,
): Promise<Stop | 'again' | undefined> => {
  if (credential.madeAtMeta.numbers[number]?.formerCallback !== null) return undefined;
  if (await isClaimedNow(credential, number, ports)) return 'again';
  const cleared = await ports.graph.clearNumberCallback(access, number);
  if (!cleared.ok) return stopOrRepeat(cleared.failure);
  // Another agent may have taken the number in the meantime, and its set-up may have seen our callback still there.
  if (await isClaimedNow(credential, number, ports)) return 'again';
  await ports.credentials.recordMade(credential, { level: 'number', phoneNumberId: number, released: true });
  return undefined;
};

const isClaimedNow = async (
  { tenantId, credentialId }: CredentialRecord,
  number: PhoneNumberId,
  ports: SetUpWebhookPorts,
): Promise<boolean> => {
  const current = await ports.credentials.find(tenantId, credentialId);
  return current !== undefined && number in current.claimedNumbers;
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
          'Check that the public address of this deployment is reachable from the internet with a valid certificate, then repair the webhook (POST …/webhook/repair).',
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
          'Check the access token and the App Secret in the Meta App Dashboard, then repair the webhook (POST …/webhook/repair).',
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
          'Repair the webhook (POST …/webhook/repair), or set it up by hand (POST …/webhook/manual-setup lists the steps).',
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
  guidance:
    'In the Meta App Dashboard under WhatsApp, Configuration, subscribe the field "messages", then repair the webhook (POST …/webhook/repair).',
};

const existingCallback: Stop = {
  code: 'existing-callback',
  title: 'The number has a callback already',
  detail: 'Another system receives the messages of this number. It was left as it is.',
  guidance:
    'To have it replaced, repair the webhook with onExistingCallback "replace", and with its verify token if it is to be given back on removal. Or remove that callback at Meta and repair the webhook.',
};

const overrideNotKept: Stop = {
  code: 'override-not-kept',
  title: 'Meta did not keep the callback',
  detail: 'Meta accepted the callback of the number but does not show it.',
  guidance: 'Repair the webhook (POST …/webhook/repair). If it happens again, ask Meta support.',
};
