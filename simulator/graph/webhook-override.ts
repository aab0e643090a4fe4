import { invalidParameter } from '../errors.ts';
import type { State } from '../state.ts';

// Meta: an override URL has at most 200 characters; the verify token has no limit.
const MAX_OVERRIDE_URL_CHARACTERS = 200;

export function requireOverrideUrl(url: string, parameter: string): void {
  if (url.length > MAX_OVERRIDE_URL_CHARACTERS) {
    throw invalidParameter(`Param ${parameter} must be at most ${MAX_OVERRIDE_URL_CHARACTERS} characters long.`);
  }
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw invalidParameter(`${parameter} should represent a valid URL`);
}

/**
 * Sources differ on which subscription an override needs; the strict reading is both: the app subscribed to the WABA, and
 * its app-level subscription has `messages`. @throws GraphError 100
 */
export function requireSubscriptions(state: State, wabaId: string, appId: string): void {
  const subscribed = state.wabaSubscription(wabaId, appId) !== undefined;
  const hasMessages = state.appSubscriptions.get(appId)?.fields.includes('messages') ?? false;
  if (!subscribed || !hasMessages) {
    throw invalidParameter(
      'Before override the current callback uri, your app must be subscribed to receive messages for WhatsApp Business Account',
    );
  }
}
