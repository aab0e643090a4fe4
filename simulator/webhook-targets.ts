import type { App } from './seed.ts';
import type { State } from './state.ts';

/** Where an event happened; without a phone number only WABA overrides and app callbacks apply. */
export interface Place {
  readonly wabaId: string;
  readonly phoneNumberId?: string | undefined;
}

export interface Target {
  readonly app: App;
  readonly url: string;
  /** Which configuration won: the phone's override, the WABA's, the app's callback, or an address given by hand. */
  readonly level: 'phone' | 'waba' | 'app' | 'given';
}

export interface Skipped {
  readonly appId: string;
  readonly reason: 'app-not-published' | 'app-not-subscribed-to-field';
}

/** Every other field goes to the app's callback alone, whatever overrides there are. */
const OVERRIDABLE_FIELDS: ReadonlySet<string> = new Set([
  'messages',
  'message_echoes',
  'calls',
  'consumer_profile',
  'messaging_handovers',
  'group_lifecycle_update',
  'group_participants_update',
  'group_settings_update',
  'group_status_update',
  'smb_message_echoes',
  'smb_app_state_sync',
  'history',
  'account_settings_update',
]);

/**
 * Who gets an event: every app subscribed to the WABA whose app-level subscription has the field, at its phone override,
 * else its WABA override, else its callback. An app in development mode gets test webhooks only.
 */
export function targetsOf(
  state: State,
  place: Place,
  field: string,
  testWebhook = false,
): { readonly targets: Target[]; readonly skipped: Skipped[] } {
  const targets: Target[] = [];
  const skipped: Skipped[] = [];
  for (const { appId, overrideCallbackUri } of state.wabaSubscriptionsOf(place.wabaId)) {
    const app = state.apps.get(appId);
    const subscription = state.appSubscriptions.get(appId);
    if (app === undefined) continue;
    if (!app.published && !testWebhook) {
      skipped.push({ appId, reason: 'app-not-published' });
      continue;
    }
    if (subscription === undefined || !subscription.fields.includes(field)) {
      skipped.push({ appId, reason: 'app-not-subscribed-to-field' });
      continue;
    }
    const covered = OVERRIDABLE_FIELDS.has(field);
    const phoneOverride =
      place.phoneNumberId === undefined ? undefined : state.phoneOverride(place.phoneNumberId, appId);
    if (covered && phoneOverride !== undefined) {
      targets.push({ app, url: state.resolveUrl(phoneOverride.overrideCallbackUri), level: 'phone' });
    } else if (covered && overrideCallbackUri !== undefined) {
      targets.push({ app, url: state.resolveUrl(overrideCallbackUri), level: 'waba' });
    } else {
      targets.push({ app, url: state.resolveUrl(subscription.callbackUrl), level: 'app' });
    }
  }
  return { targets, skipped };
}
