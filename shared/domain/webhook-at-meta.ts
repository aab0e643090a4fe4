import pMap from 'p-map';
import type { WebhookLevel } from '../contracts/credential.ts';
import { type PhoneNumberId, phoneNumberId } from '../contracts/ids.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import type { AppSubscription, Graph, GraphAccess, GraphFailure, GraphResult, SubscribedApp } from './graph.ts';
import type { CredentialRecord, MetaAppRecord } from './records.ts';
import { isOurWebhookUrl, webhookUrl, withoutQuery } from './webhook-address.ts';

/** How many numbers are read or configured at once: Meta counts calls per app and account. */
export const numbersAtOnce = 5;

/** What Meta has at the three levels at which it can be told where to deliver. */
export interface WebhookAtMeta {
  readonly app: AppSubscription | null;
  /** Null while the app is not subscribed to the account. */
  readonly account: SubscribedApp | null;
  /** The override of each number that we claim or have configured, as far as it can be read. */
  readonly numbers: ReadonlyMap<PhoneNumberId, GraphResult<string | null>>;
}

export const claimedNumbersOf = (credential: CredentialRecord): readonly PhoneNumberId[] =>
  Object.keys(credential.claimedNumbers).map((number) => phoneNumberId.parse(number));

/** Those of them that agents answer. */
export const boundNumbersOf = (credential: CredentialRecord): readonly PhoneNumberId[] =>
  claimedNumbersOf(credential).filter((number) => (credential.claimedNumbers[number]?.agentIds.length ?? 0) > 0);

/** Numbers whose callback we set and that nobody claims any more. */
export const leftNumbersOf = (credential: CredentialRecord): readonly PhoneNumberId[] =>
  Object.keys(credential.madeAtMeta.numbers)
    .filter((number) => !(number in credential.claimedNumbers))
    .map((number) => phoneNumberId.parse(number));

/** The subscription of an app as it should be. */
export const expectedAtApp = ({ webhookId }: MetaAppRecord, publicUrl: string): AppSubscription => ({
  callbackUrl: webhookUrl(publicUrl, webhookId),
  fields: ['messages'],
});

/** Reads all three levels, or two where the app's is taken as given; changes nothing. */
export const observeWebhook = async (
  credential: CredentialRecord,
  app: MetaAppRecord,
  appToken: SecretBytes,
  access: GraphAccess,
  graph: Graph,
  assumedAtApp?: AppSubscription,
): Promise<GraphResult<WebhookAtMeta>> => {
  const subscription: GraphResult<AppSubscription | null> =
    assumedAtApp === undefined
      ? await graph.readAppSubscription(appToken, app.appId)
      : { ok: true, value: assumedAtApp };
  if (!subscription.ok) return subscription;
  const apps = await graph.listSubscribedApps(access, credential.wabaId);
  if (!apps.ok) return apps;
  const numbers = await pMap(
    [...claimedNumbersOf(credential), ...leftNumbersOf(credential)],
    async (number) => [number, await graph.readNumberCallback(access, number)] as const,
    { concurrency: numbersAtOnce },
  );
  return {
    ok: true,
    value: {
      app: subscription.value,
      account: apps.value.find(({ appId }) => appId === credential.appId) ?? null,
      numbers: new Map(numbers),
    },
  };
};

/**
 * What is different from what it should be, as stable codes. `replaced`: it was ours and somebody changed it. `foreign`: it was
 * never ours. `moved`: ours, under an address that this deployment no longer has. `left`: ours, and no longer wanted.
 */
export type Difference =
  | {
      readonly level: 'app';
      readonly difference: 'missing' | 'messages-missing' | 'moved' | 'replaced' | 'foreign-lacks-messages';
    }
  | { readonly level: 'account'; readonly difference: 'missing' }
  | {
      readonly level: 'number';
      readonly phoneNumberId: PhoneNumberId;
      readonly difference: 'missing' | 'moved' | 'replaced' | 'foreign' | 'left';
      readonly found: string | null;
    }
  | {
      readonly level: 'number';
      readonly phoneNumberId: PhoneNumberId;
      readonly difference: 'unreadable';
      readonly failure: GraphFailure;
    };

/** In the order in which Meta wants them mended: the app's subscription, the account's, the numbers'. */
export const differencesOf = (
  credential: CredentialRecord,
  app: MetaAppRecord,
  found: WebhookAtMeta,
  publicUrl: string,
): readonly Difference[] => {
  const differences: Difference[] = [];
  const atApp = appDifference(app, found.app, publicUrl);
  if (atApp !== undefined) differences.push({ level: 'app', difference: atApp });
  if (found.account === null) differences.push({ level: 'account', difference: 'missing' });
  for (const [number, callback] of found.numbers) {
    const common = { level: 'number', phoneNumberId: number } as const;
    if (!callback.ok) {
      differences.push({ ...common, difference: 'unreadable', failure: callback.failure });
      continue;
    }
    const difference = numberDifference(credential, number, callback.value, publicUrl);
    if (difference !== undefined) differences.push({ ...common, difference, found: callback.value });
  }
  return differences;
};

const appDifference = (app: MetaAppRecord, found: AppSubscription | null, publicUrl: string) => {
  if (found === null) return 'missing';
  const hasMessages = found.fields.includes('messages');
  if (!isOurWebhookUrl(found.callbackUrl, app.webhookId)) {
    if (!hasMessages) return 'foreign-lacks-messages';
    return app.subscriptionMade ? 'replaced' : undefined;
  }
  if (found.callbackUrl !== webhookUrl(publicUrl, app.webhookId)) return 'moved';
  return hasMessages ? undefined : 'messages-missing';
};

const numberDifference = (
  credential: CredentialRecord,
  number: PhoneNumberId,
  found: string | null,
  publicUrl: string,
) => {
  const isOurs = found !== null && isOurWebhookUrl(found, credential.webhookId);
  if (!(number in credential.claimedNumbers)) return isOurs ? 'left' : undefined;
  if (found === webhookUrl(publicUrl, credential.webhookId)) return undefined;
  if (found === null) return 'missing';
  // A number that is claimed by this credential may still have the callback of one that had it before, in this deployment.
  if (isOurs || found.startsWith(`${publicUrl}/webhooks/`)) return 'moved';
  return number in credential.madeAtMeta.numbers ? 'replaced' : 'foreign';
};

/** All three levels in the words of the API. */
export const webhookLevelsOf = (
  credential: CredentialRecord,
  app: MetaAppRecord,
  found: WebhookAtMeta,
  publicUrl: string,
): readonly WebhookLevel[] => {
  const differences = differencesOf(credential, app, found, publicUrl);
  const at = (level: Difference['level'], number?: PhoneNumberId) =>
    differences.find((it) => it.level === level && (it.level !== 'number' || it.phoneNumberId === number));
  const row = (
    level: WebhookLevel['level'],
    id: string,
    expected: string,
    foundThere: string | null,
    difference: Difference | undefined,
  ): WebhookLevel => ({
    level,
    id,
    expected,
    found: foundThere === null || !URL.canParse(foundThere) ? foundThere : withoutQuery(foundThere),
    matches: difference === undefined,
    difference: difference?.difference ?? null,
    detail: difference === undefined ? asItShouldBe[level] : explanationOf(difference),
  });
  return [
    row(
      'app',
      app.appId,
      app.subscriptionMade || found.app === null
        ? webhookUrl(publicUrl, app.webhookId)
        : withoutQuery(found.app.callbackUrl),
      found.app?.callbackUrl ?? null,
      at('app'),
    ),
    row(
      'account',
      credential.wabaId,
      'The app is subscribed to the account',
      found.account === null ? null : (found.account.override ?? 'subscribed'),
      at('account'),
    ),
    ...[...found.numbers]
      .map(([number, callback]) => ({ number, foundThere: callback.ok ? callback.value : null }))
      .filter(({ number, foundThere }) => number in credential.claimedNumbers || foundThere !== null)
      .map(({ number, foundThere }) =>
        row('number', number, webhookUrl(publicUrl, credential.webhookId), foundThere, at('number', number)),
      ),
  ];
};

const asItShouldBe: Record<WebhookLevel['level'], string> = {
  app: 'The app is subscribed to messages.',
  account: 'The app is subscribed to the account.',
  number: 'Events of this number come to the webhook of the credential.',
};

const explanationOf = (difference: Difference): string => {
  switch (difference.level) {
    case 'app':
      return {
        missing: 'The app has no webhook subscription, so Meta delivers nothing.',
        'messages-missing': 'The subscription of the app no longer includes messages.',
        moved: 'The callback of the app names a former address of this deployment.',
        replaced:
          'Somebody replaced the callback of the app. Messages still arrive through the numbers; notices about the account go there now.',
        'foreign-lacks-messages': 'The callback of the app is somebody else’s and does not ask for messages.',
      }[difference.difference];
    case 'account':
      return 'The app is not subscribed to the account, so Meta delivers none of its events.';
    case 'number':
      return {
        missing: 'The number has no callback of its own; its events go to the account’s or the app’s callback.',
        moved: 'The callback of the number names a former address of this deployment.',
        replaced: 'Somebody changed the callback of the number: its events go elsewhere.',
        foreign: 'The number has a callback of somebody else, which was left as it is.',
        unreadable: 'Meta does not show the number to this access token.',
        left: 'No agent answers this number any more, but its callback is still ours.',
      }[difference.difference];
    default:
      return difference satisfies never;
  }
};
