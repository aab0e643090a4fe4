import type { PhoneNumber } from '../contracts/credential.ts';
import type { AppId, MediaId, PhoneNumberId, WabaId } from '../contracts/ids.ts';
import type { MessageTemplate } from '../contracts/template.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import type { MetaUsage } from './meta-usage.ts';
import type { AccountHealth, NumberHealth } from './records.ts';

/** Why Meta said no, as far as it decides what we do. Unknown codes are `other`. */
export type GraphRefusal =
  | 'token-invalid'
  | 'permission-missing'
  | 'object-invisible'
  | 'proof-invalid'
  | 'app-unknown'
  | 'app-secret-wrong'
  | 'not-subscribed'
  | 'callback-refused'
  | 'rate-limited'
  | 'temporary'
  | 'other';

export type GraphFailure =
  /** Meta answered with an error: nothing took effect. */
  | {
      readonly kind: 'refused';
      readonly refusal: GraphRefusal;
      readonly code: number;
      readonly subcode?: number;
      readonly fbtraceId?: string;
      /** What Meta says of it, fit to be shown. */
      readonly details?: string;
    }
  /** The request never left: nothing took effect. */
  | { readonly kind: 'not-sent' }
  /** No answer, or none that could be read: it may have taken effect. */
  | { readonly kind: 'unknown-outcome' };

/** A no that may be a yes later: the request itself was in order. */
export const isPassing = (refusal: GraphRefusal): refusal is 'temporary' | 'rate-limited' =>
  refusal === 'temporary' || refusal === 'rate-limited';

/** Meta failed, or the way to it: whatever had been asked, by whomever. Every other no is about what was asked. */
export const isMetasOwn = (failure: GraphFailure): boolean =>
  failure.kind !== 'refused' || failure.refusal === 'temporary';

/** Nothing happened at Meta, and a repeat may succeed. A proof that Meta refuses is being made anew after a new App Secret. */
export const tookNoEffectYet = (failure: GraphFailure): boolean =>
  failure.kind === 'not-sent' ||
  (failure.kind === 'refused' && (isPassing(failure.refusal) || failure.refusal === 'proof-invalid'));

export type GraphResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: GraphFailure };

/** What a call on behalf of a credential needs: the token and its appsecret_proof. */
export interface GraphAccess {
  readonly accessToken: SecretBytes;
  readonly proof: SecretBytes;
  /**
   * The App Secret may have changed since the proof was made: a call whose proof Meta refuses is repeated once without it.
   * Never set while a new secret is being proved.
   */
  readonly proofMayLag?: boolean;
  /** Hears what Meta says of its limits beside an answer. */
  readonly onUsage?: (usage: MetaUsage) => void;
}

export interface TokenFacts {
  readonly valid: boolean;
  readonly appId: string | null;
  readonly errorCode: number | null;
  /** Why it is not valid: 463 expired, 460 and 467 revoked. */
  readonly errorSubcode: number | null;
  readonly expiresAt: Date | null;
  /** Union of `scopes` and `granular_scopes`: newer tokens list some permissions in one of them only. */
  readonly permissions: ReadonlySet<string>;
}

export interface AppSubscription {
  readonly callbackUrl: string;
  readonly fields: readonly string[];
}

export interface SubscribedApp {
  readonly appId: string;
  /** Where the app has the account's events sent instead of its own callback. */
  readonly override: string | null;
}

/** What Meta says of media before it gives them. */
export interface MediaFacts {
  /** Good for five minutes, and with the token of the same app alone. */
  readonly url: string;
  readonly contentType: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * `gone`: the URL is over. `foreign-host`: it, or where it redirects to, is not Meta's, so the token was not sent there. `unavailable`: no
 * answer, or another than was asked for.
 */
export type MediaSource =
  | { readonly outcome: 'opened'; readonly content: AsyncIterable<Uint8Array> }
  | { readonly outcome: 'gone' | 'foreign-host' | 'unavailable' };

/** Bytes for Meta: at hand, or on their way. */
export interface MediaUpload {
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
  readonly contentType: string;
}

/** Meta's Graph API, as far as this product uses it. Every method is one request unless it says otherwise. */
export interface Graph {
  inspectToken(appToken: SecretBytes, accessToken: SecretBytes): Promise<GraphResult<TokenFacts>>;
  readBusinessAccount(access: GraphAccess, wabaId: WabaId): Promise<GraphResult<{ readonly name: string | null }>>;
  /** Follows paging: one request per 100 numbers. */
  listPhoneNumbers(access: GraphAccess, wabaId: WabaId): Promise<GraphResult<readonly PhoneNumber[]>>;
  /** What hinders the account, its business or the app; the worst of the three. */
  readAccountHealth(access: GraphAccess, wabaId: WabaId): Promise<GraphResult<AccountHealth>>;
  /** What hinders the number itself, and how it is registered. */
  readNumberHealth(access: GraphAccess, phoneNumberId: PhoneNumberId): Promise<GraphResult<NumberHealth>>;
  /** Follows paging: one request per 100 templates. */
  listTemplates(access: GraphAccess, wabaId: WabaId): Promise<GraphResult<readonly MessageTemplate[]>>;
  readAppSubscription(appToken: SecretBytes, appId: AppId): Promise<GraphResult<AppSubscription | null>>;
  /** Replaces the app's callback and field list. Meta calls the callback's handshake inside. */
  subscribeApp(
    appToken: SecretBytes,
    appId: AppId,
    subscription: AppSubscription,
    verifyToken: string,
  ): Promise<GraphResult<void>>;
  /** Takes the app's subscription away, whoever made it. */
  unsubscribeApp(appToken: SecretBytes, appId: AppId): Promise<GraphResult<void>>;
  /** Every app that is subscribed to the account. */
  listSubscribedApps(access: GraphAccess, wabaId: WabaId): Promise<GraphResult<readonly SubscribedApp[]>>;
  /** Bare subscription of the token's app. Deletes an account-level override, so only where there is no subscription yet. */
  subscribeBusinessAccount(access: GraphAccess, wabaId: WabaId): Promise<GraphResult<void>>;
  /** Ends the subscription of the token's app, with an account-level override if it has one. */
  unsubscribeBusinessAccount(access: GraphAccess, wabaId: WabaId): Promise<GraphResult<void>>;
  /** The number's own callback override for the token's app, or null. */
  readNumberCallback(access: GraphAccess, phoneNumberId: PhoneNumberId): Promise<GraphResult<string | null>>;
  /** Meta calls the callback's handshake inside. */
  overrideNumberCallback(
    access: GraphAccess,
    phoneNumberId: PhoneNumberId,
    callbackUrl: string,
    verifyToken: string,
  ): Promise<GraphResult<void>>;
  clearNumberCallback(access: GraphAccess, phoneNumberId: PhoneNumberId): Promise<GraphResult<void>>;
  /** Registers a number for the Cloud API; the PIN becomes, or must be, its two-step verification PIN. */
  registerNumber(access: GraphAccess, phoneNumberId: PhoneNumberId, pin: SecretBytes): Promise<GraphResult<void>>;
  sendMessage(
    access: GraphAccess,
    phoneNumberId: PhoneNumberId,
    message: Readonly<Record<string, unknown>>,
  ): Promise<GraphResult<{ readonly wamid: string }>>;
  markRead(
    access: GraphAccess,
    phoneNumberId: PhoneNumberId,
    messageId: string,
    options: { readonly typing: boolean },
  ): Promise<GraphResult<void>>;
  /** Only what belongs to that number. */
  describeMedia(access: GraphAccess, phoneNumberId: PhoneNumberId, mediaId: MediaId): Promise<GraphResult<MediaFacts>>;
  /** Begins to read what a `MediaFacts.url` names; the whole of it may take `timeout` milliseconds. */
  openMedia(access: GraphAccess, url: string, timeout: number): Promise<MediaSource>;
  /** Meta makes a new id each time. */
  uploadMedia(
    access: GraphAccess,
    phoneNumberId: PhoneNumberId,
    media: MediaUpload,
    timeout: number,
  ): Promise<GraphResult<{ readonly mediaId: MediaId }>>;
}
