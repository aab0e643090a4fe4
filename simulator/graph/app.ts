import { GraphError, invalidParameter, invisibleObject } from '../errors.ts';
import { verifyCallback } from '../handshake.ts';
import type { App } from '../seed.ts';
import type { Simulation } from '../simulation.ts';
import { type NodeType, selectFields } from './fields.ts';
import { type GraphCall, isObject } from './graph-call.ts';
import { webhookFields } from './webhook-fields.ts';

const OBJECT = 'whatsapp_business_account';
const node: NodeType = {
  name: 'Application',
  fields: new Set(['id', 'name', 'link', 'category']),
  defaults: ['id', 'name', 'link'],
};

export function appLink(app: App): string {
  return `https://www.facebook.com/games/?app_id=${app.id}`;
}

/** GET /{app-id}, with a token of that app. */
export function describeApp(_simulation: Simulation, app: App, call: GraphCall) {
  if (call.caller.app.id !== app.id) throw invisibleObject(call.method, app.id);
  return selectFields(
    node,
    { id: app.id, name: app.name, link: appLink(app), category: 'Business' },
    call.params.text('fields'),
  );
}

/** GET /{app-id}/subscriptions: the app's callback and fields. */
export function listAppSubscriptions({ state }: Simulation, app: App, call: GraphCall) {
  requireAppToken(app, call);
  const subscription = state.appSubscriptions.get(app.id);
  if (subscription === undefined) return { data: [] };
  const fields = subscription.fields.map((name) => ({ name, version: call.version }));
  return { data: [{ object: OBJECT, callback_url: state.resolveUrl(subscription.callbackUrl), active: true, fields }] };
}

/** POST /{app-id}/subscriptions: checks the callback, then replaces callback, verify token and field list. @throws GraphError 100, 2200 */
export async function replaceAppSubscription({ state, closing }: Simulation, app: App, call: GraphCall) {
  requireAppToken(app, call);
  requireObject(call);
  const fields = requestedFields(call);
  const callbackUrl = call.params.text('callback_url');
  const verifyToken = call.params.text('verify_token');
  if (callbackUrl === undefined || callbackUrl === '') throw invalidParameter('The parameter callback_url is required');
  if (!/^https?:\/\//.test(callbackUrl) || !URL.canParse(callbackUrl)) {
    throw invalidParameter('callback_url should represent a valid URL');
  }
  if (verifyToken === undefined || verifyToken === '') throw invalidParameter('The parameter verify_token is required');
  if (fields.length === 0) throw invalidParameter('The parameter fields is required');
  await verifyCallback(callbackUrl, verifyToken, state.settings.handshakeTimeoutMs, closing);
  state.appSubscriptions.set(app.id, { appId: app.id, callbackUrl, verifyToken, fields });
  state.emit('change');
  return { success: true };
}

/** DELETE /{app-id}/subscriptions: the named fields, or all of the subscription. */
export function deleteAppSubscription({ state }: Simulation, app: App, call: GraphCall) {
  requireAppToken(app, call);
  if (call.params.text('object') !== undefined) requireObject(call);
  const subscription = state.appSubscriptions.get(app.id);
  const removed = new Set(requestedFields(call));
  const left = removed.size === 0 ? [] : (subscription?.fields ?? []).filter((field) => !removed.has(field));
  if (subscription !== undefined && left.length > 0) {
    state.appSubscriptions.set(app.id, { ...subscription, fields: left });
  } else {
    state.appSubscriptions.delete(app.id);
  }
  state.emit('change');
  return { success: true };
}

function requireAppToken(app: App, call: GraphCall): void {
  if (call.caller.kind !== 'app') {
    throw new GraphError({
      status: 400,
      type: 'OAuthException',
      code: 15,
      message: '(#15) This method must be called with an app access_token.',
    });
  }
  if (call.caller.app.id !== app.id) throw invisibleObject(call.method, app.id);
}

function requireObject(call: GraphCall): void {
  const object = call.params.text('object');
  if (object === undefined) throw invalidParameter('The parameter object is required');
  if (object !== OBJECT) throw invalidParameter(`Param object must be one of {${OBJECT}}`);
}

/** `fields` as comma-separated text, an array of names, or an array of `{name}`. @throws GraphError 100 for an unknown name */
function requestedFields(call: GraphCall): string[] {
  const value = call.params.value('fields');
  const items: unknown[] = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : [];
  const names = items
    .map((item) => (isObject(item) ? item.name : item))
    .map((name) => (typeof name === 'string' ? name.trim() : ''))
    .filter((name) => name !== '');
  names.forEach((name, index) => {
    if (!webhookFields.has(name)) {
      throw invalidParameter(
        `Param fields[${index}] must be one of {${[...webhookFields].map((field) => field.toUpperCase()).join(', ')}} - got "${name}".`,
      );
    }
  });
  return [...new Set(names)];
}
