import { cloudApiError, invalidParameter } from '../errors.ts';
import { verifyCallback } from '../handshake.ts';
import type { App, PhoneNumber, Waba } from '../seed.ts';
import type { Simulation } from '../simulation.ts';
import type { State } from '../state.ts';
import { type NodeType, selectFields } from './fields.ts';
import type { GraphCall } from './graph-call.ts';
import { healthStatus } from './health-status.ts';
import { requirePhoneAccess } from './permissions.ts';
import { requireOverrideUrl, requireSubscriptions } from './webhook-override.ts';

const FIELDS = [
  'id',
  'account_mode',
  'certificate',
  'code_verification_status',
  'conversational_automation',
  'country_code',
  'country_dial_code',
  'display_phone_number',
  'eligibility_for_api_business_global_search',
  'health_status',
  'host_platform',
  'is_official_business_account',
  'is_on_biz_app',
  'is_pin_enabled',
  'is_preverified_number',
  'last_onboarded_time',
  'messaging_limit_tier',
  'name_status',
  'new_certificate',
  'new_display_name',
  'new_name_status',
  'official_business_account',
  'platform_type',
  'quality_rating',
  'quality_score',
  'search_visibility',
  'status',
  'throughput',
  'username',
  'verified_name',
  'webhook_configuration',
];
const DEFAULT_FIELDS = [
  'verified_name',
  'code_verification_status',
  'display_phone_number',
  'quality_rating',
  'platform_type',
  'throughput',
  'last_onboarded_time',
  'webhook_configuration',
  'id',
];
// The portfolio's messaging limit can be read from this version on.
const MESSAGING_LIMIT_SINCE = 24;

/** The node type in this version; a seed may give a number fields of its own. */
export function phoneNode(version: string, phone: PhoneNumber): NodeType {
  const major = Number(/^v(\d+)/.exec(version)?.[1]);
  const fields = new Set([...FIELDS, ...Object.keys(phone.fields)]);
  if (major >= MESSAGING_LIMIT_SINCE) fields.add('whatsapp_business_manager_messaging_limit');
  return { name: 'WhatsAppBusinessPhoneNumber', fields, defaults: DEFAULT_FIELDS };
}

/** Every field of a phone number as this app sees it. */
export function phoneValues(state: State, phone: PhoneNumber, waba: Waba, app: App): Record<string, unknown> {
  return {
    id: phone.id,
    display_phone_number: phone.displayPhoneNumber,
    verified_name: phone.verifiedName,
    quality_rating: phone.qualityRating,
    quality_score: { score: phone.qualityRating },
    code_verification_status: 'VERIFIED',
    name_status: 'APPROVED',
    new_name_status: 'NONE',
    status: phone.status,
    platform_type: phone.registered ? 'CLOUD_API' : 'NOT_APPLICABLE',
    throughput: { level: phone.registered ? 'STANDARD' : 'NOT_APPLICABLE' },
    whatsapp_business_manager_messaging_limit: 'TIER_250',
    messaging_limit_tier: 'TIER_250',
    account_mode: phone.accountMode,
    is_official_business_account: false,
    is_pin_enabled: phone.pin !== undefined,
    is_on_biz_app: false,
    is_preverified_number: false,
    host_platform: phone.registered ? 'CLOUD_API' : 'NOT_APPLICABLE',
    search_visibility: 'NON_VISIBLE',
    webhook_configuration: webhookConfiguration(state, phone, app),
    health_status: healthStatus(waba, app, phone),
    ...phone.fields,
  };
}

/** The read shape: one URL per level, of the calling app alone; undefined when there is none. */
function webhookConfiguration(state: State, phone: PhoneNumber, app: App) {
  const override = state.phoneOverride(phone.id, app.id)?.overrideCallbackUri;
  const wabaOverride = state.wabaSubscription(phone.wabaId, app.id)?.overrideCallbackUri;
  const callback = state.appSubscriptions.get(app.id)?.callbackUrl;
  const configuration = {
    ...(override === undefined ? {} : { phone_number: state.resolveUrl(override) }),
    ...(wabaOverride === undefined ? {} : { whatsapp_business_account: state.resolveUrl(wabaOverride) }),
    ...(callback === undefined ? {} : { application: state.resolveUrl(callback) }),
  };
  return Object.keys(configuration).length === 0 ? undefined : configuration;
}

/** GET /{phone-number-id} */
export function describePhoneNumber({ state }: Simulation, phone: PhoneNumber, call: GraphCall) {
  const { waba } = requirePhoneAccess(state, call, phone, 'whatsapp_business_management');
  return selectFields(
    phoneNode(call.version, phone),
    phoneValues(state, phone, waba, call.caller.app),
    call.params.text('fields'),
  );
}

/**
 * POST /{phone-number-id} with `webhook_configuration` {override_callback_uri, verify_token} (an empty URL removes it) or a
 * two-step `pin`. @throws GraphError 100, 2200
 */
export async function updatePhoneNumber({ state, closing }: Simulation, phone: PhoneNumber, call: GraphCall) {
  requirePhoneAccess(state, call, phone, 'whatsapp_business_management');
  const pin = call.params.text('pin');
  if (pin !== undefined) {
    requirePin(pin);
    state.phoneNumbers.set(phone.id, { ...phone, pin });
    state.emit('change');
    return { success: true };
  }
  const configuration = call.params.object('webhook_configuration');
  if (configuration === undefined) throw invalidParameter('The parameter webhook_configuration is required');
  const appId = call.caller.app.id;
  const { override_callback_uri: url, verify_token: verifyToken } = configuration;
  if (url === '') {
    state.removePhoneOverride(phone.id, appId);
    return { success: true };
  }
  if (typeof url !== 'string') {
    throw invalidParameter("The parameter webhook_configuration['override_callback_uri'] is required");
  }
  if (typeof verifyToken !== 'string' || verifyToken === '') {
    throw invalidParameter("The parameter webhook_configuration['verify_token'] is required");
  }
  requireOverrideUrl(url, "webhook_configuration['override_callback_uri']");
  requireSubscriptions(state, phone.wabaId, appId);
  await verifyCallback(url, verifyToken, state.settings.handshakeTimeoutMs, closing);
  state.putPhoneOverride({ appId, phoneNumberId: phone.id, overrideCallbackUri: url, verifyToken });
  return { success: true };
}

/** POST /{phone-number-id}/register with the two-step PIN. @throws GraphError 100, 133005 */
export function registerPhoneNumber({ state }: Simulation, phone: PhoneNumber, call: GraphCall) {
  requirePhoneAccess(state, call, phone, 'whatsapp_business_management');
  requireMessagingProduct(call);
  const pin = call.params.text('pin');
  requirePin(pin);
  if (phone.pin !== undefined && phone.pin !== pin) throw cloudApiError(133005);
  const status = phone.registered ? phone.status : 'CONNECTED';
  state.phoneNumbers.set(phone.id, { ...phone, registered: true, status, pin });
  state.emit('change');
  return { success: true };
}

/** POST /{phone-number-id}/deregister */
export function deregisterPhoneNumber({ state }: Simulation, phone: PhoneNumber, call: GraphCall) {
  requirePhoneAccess(state, call, phone, 'whatsapp_business_management');
  state.phoneNumbers.set(phone.id, { ...phone, registered: false, status: 'DISCONNECTED' });
  state.emit('change');
  return { success: true };
}

export function requireMessagingProduct(call: GraphCall): void {
  const product = call.params.text('messaging_product');
  if (product === undefined) throw invalidParameter('The parameter messaging_product is required.');
  if (product.toLowerCase() !== 'whatsapp') throw invalidParameter('Param messaging_product must be one of {WHATSAPP}');
}

function requirePin(pin: string | undefined): asserts pin is string {
  if (pin === undefined) throw invalidParameter('The parameter pin is required.');
  if (!/^\d{6}$/.test(pin)) throw invalidParameter('Param pin must be 6 characters long.');
}
