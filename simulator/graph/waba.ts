import { invalidParameter } from '../errors.ts';
import { verifyCallback } from '../handshake.ts';
import type { Waba } from '../seed.ts';
import type { Simulation } from '../simulation.ts';
import { appLink } from './app.ts';
import { type NodeType, parseFields, selectFields } from './fields.ts';
import type { GraphCall } from './graph-call.ts';
import { healthStatus } from './health-status.ts';
import { requireAccess } from './permissions.ts';
import { phoneNode, phoneValues } from './phone-number.ts';
import { requireOverrideUrl, requireSubscriptions } from './webhook-override.ts';

const DEFAULT_PAGE_SIZE = 25;
const MAX_PAGE_SIZE = 5_000;
const MANAGEMENT = 'whatsapp_business_management';

const node: NodeType = {
  name: 'WhatsAppBusinessAccount',
  fields: new Set([
    'id',
    'name',
    'timezone_id',
    'message_template_namespace',
    'account_review_status',
    'business_verification_status',
    'country',
    'currency',
    'ownership_type',
    'primary_business_location',
    'status',
    'owner_business_info',
    'on_behalf_of_business_info',
    'health_status',
    'phone_numbers',
    'subscribed_apps',
  ]),
  defaults: ['id', 'name', 'timezone_id', 'message_template_namespace'],
};

/** GET /{waba-id} */
export function describeWaba(simulation: Simulation, waba: Waba, call: GraphCall) {
  requireAccess(call, waba.id, waba.id, MANAGEMENT);
  const asked = call.params.text('fields');
  const nested = (name: string) => parseFields(asked ?? '').find((field) => field.name === name);
  const values = {
    id: waba.id,
    name: waba.name,
    timezone_id: '1',
    message_template_namespace: `${waba.id}_namespace`,
    account_review_status: 'APPROVED',
    business_verification_status: 'verified',
    country: 'US',
    currency: 'USD',
    ownership_type: 'SELF',
    primary_business_location: 'US',
    status: 'ACTIVE',
    owner_business_info: { name: waba.businessName, id: waba.businessId },
    health_status: healthStatus(waba, call.caller.app),
    phone_numbers: nested('phone_numbers') && phoneNumberPage(simulation, waba, call, nested('phone_numbers')?.nested),
    subscribed_apps: nested('subscribed_apps') && subscribedApps(simulation, waba),
    ...waba.fields,
  };
  const fields = new Set([...node.fields, ...Object.keys(waba.fields)]);
  return selectFields({ ...node, fields }, values, asked);
}

/** GET /{waba-id}/phone_numbers, in pages. */
export function listPhoneNumbers(simulation: Simulation, waba: Waba, call: GraphCall) {
  requireAccess(call, waba.id, waba.id, MANAGEMENT);
  return phoneNumberPage(simulation, waba, call, call.params.text('fields'));
}

function phoneNumberPage({ state }: Simulation, waba: Waba, call: GraphCall, fields: string | undefined) {
  return pageOf(waba, call, 'phone_numbers', fields, state.phoneNumbersOf(waba.id), (phone) =>
    selectFields(phoneNode(call.version, phone), phoneValues(state, phone, waba, call.caller.app), fields),
  );
}

const templateNode: NodeType = {
  name: 'MessageTemplate',
  fields: new Set(['id', 'name', 'language', 'status', 'category', 'components', 'parameter_format']),
  defaults: ['id', 'name', 'language', 'status', 'category', 'components', 'parameter_format'],
};

/** GET /{waba-id}/message_templates, in pages; `name` and `status` narrow it down. */
export function listTemplates(_simulation: Simulation, waba: Waba, call: GraphCall) {
  requireAccess(call, waba.id, waba.id, MANAGEMENT);
  const [name, status, fields] = ['name', 'status', 'fields'].map((it) => call.params.text(it));
  const templates = waba.templates
    .map((template, index) => ({
      id: `${waba.id}${String(index).padStart(4, '0')}`,
      parameter_format: 'POSITIONAL',
      ...template,
    }))
    .filter((template) => name === undefined || template.name.includes(name))
    .filter((template) => status === undefined || template.status === status);
  return pageOf(waba, call, 'message_templates', fields, templates, (template) =>
    selectFields(templateNode, template, fields),
  );
}

function pageOf<Item>(
  waba: Waba,
  call: GraphCall,
  edge: string,
  fields: string | undefined,
  items: readonly Item[],
  shown: (item: Item) => unknown,
) {
  const limit = pageSize(call.params.text('limit'));
  const after = call.params.text('after');
  const before = call.params.text('before');
  let start = 0;
  if (after !== undefined) start = positionOf(after) + 1;
  else if (before !== undefined) start = Math.max(0, positionOf(before) - limit);
  const page = items.slice(start, start + limit);
  const data = page.map(shown);
  if (data.length === 0) return { data };
  const cursors = { before: cursorFor(start), after: cursorFor(start + page.length - 1) };
  return {
    data,
    paging: {
      cursors,
      ...(start + page.length < items.length
        ? { next: pageLink(waba, call, edge, fields, limit, 'after', cursors.after) }
        : {}),
      ...(start > 0 ? { previous: pageLink(waba, call, edge, fields, limit, 'before', cursors.before) } : {}),
    },
  };
}

/** Meta's links carry the access token, and never the appsecret_proof of the call. */
function pageLink(
  waba: Waba,
  call: GraphCall,
  edge: string,
  fields: string | undefined,
  limit: number,
  direction: 'after' | 'before',
  cursor: string,
): string {
  const query = new URLSearchParams({ access_token: call.caller.accessToken });
  if (fields !== undefined) query.set('fields', fields);
  query.set('limit', String(limit));
  query.set(direction, cursor);
  return `${call.baseUrl}/${waba.id}/${edge}?${query}`;
}

function cursorFor(position: number): string {
  return Buffer.from(`QVFIUn${position}`).toString('base64');
}

function positionOf(cursor: string): number {
  const position = /^QVFIUn(\d+)$/.exec(Buffer.from(cursor, 'base64').toString())?.[1];
  if (position === undefined) throw invalidParameter('Invalid cursor');
  return Number(position);
}

function pageSize(limit: string | undefined): number {
  const size = limit === undefined ? DEFAULT_PAGE_SIZE : Number(limit);
  if (!Number.isInteger(size) || size < 0) throw invalidParameter('Param limit must be a non-negative integer');
  return Math.min(Math.max(size, 1), MAX_PAGE_SIZE);
}

/** GET /{waba-id}/subscribed_apps: all apps, whoever asks. */
export function listSubscribedApps(simulation: Simulation, waba: Waba, call: GraphCall) {
  requireAccess(call, waba.id, waba.id, MANAGEMENT);
  return subscribedApps(simulation, waba);
}

function subscribedApps({ state }: Simulation, waba: Waba) {
  const data = state.wabaSubscriptionsOf(waba.id).flatMap(({ appId, overrideCallbackUri }) => {
    const app = state.apps.get(appId);
    if (app === undefined) return [];
    return [
      {
        whatsapp_business_api_data: { id: app.id, name: app.name, link: appLink(app) },
        ...(overrideCallbackUri === undefined ? {} : { override_callback_uri: state.resolveUrl(overrideCallbackUri) }),
      },
    ];
  });
  return { data };
}

/**
 * POST /{waba-id}/subscribed_apps: without an override it subscribes the token's app and *deletes* its override; with one
 * it checks the callback and stores it. @throws GraphError 100 before a subscription, 2200
 */
export async function subscribeApp({ state, closing }: Simulation, waba: Waba, call: GraphCall) {
  requireAccess(call, waba.id, waba.id, MANAGEMENT);
  const appId = call.caller.app.id;
  const overrideCallbackUri = call.params.text('override_callback_uri');
  const verifyToken = call.params.text('verify_token');
  if (overrideCallbackUri === undefined && verifyToken === undefined) {
    state.putWabaSubscription({ appId, wabaId: waba.id });
    return { success: true };
  }
  if (overrideCallbackUri === undefined) throw invalidParameter('The parameter override_callback_uri is required');
  if (verifyToken === undefined) throw invalidParameter('The parameter verify_token is required');
  requireOverrideUrl(overrideCallbackUri, 'override_callback_uri');
  requireSubscriptions(state, waba.id, appId);
  await verifyCallback(overrideCallbackUri, verifyToken, state.settings.handshakeTimeoutMs, closing);
  state.putWabaSubscription({ appId, wabaId: waba.id, overrideCallbackUri, verifyToken });
  return { success: true };
}

/** DELETE /{waba-id}/subscribed_apps: the token's app only. */
export function unsubscribeApp({ state }: Simulation, waba: Waba, call: GraphCall) {
  requireAccess(call, waba.id, waba.id, MANAGEMENT);
  state.removeWabaSubscription(waba.id, call.caller.app.id);
  return { success: true };
}
