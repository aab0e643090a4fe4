import { GraphError, invalidParameter, invisibleObject, unknownPath } from '../errors.ts';
import type { MediaItem } from '../media-library.ts';
import type { UploadedFile } from '../multipart.ts';
import type { App, PhoneNumber, Waba } from '../seed.ts';
import type { Simulation } from '../simulation.ts';
import { deleteAppSubscription, describeApp, listAppSubscriptions, replaceAppSubscription } from './app.ts';
import { authenticate } from './authentication.ts';
import { debugToken } from './debug-token.ts';
import type { GraphCall, Params } from './graph-call.ts';
import { deleteMedia, describeMedia, uploadMedia } from './media.ts';
import { postMessage } from './messages.ts';
import { issueAppToken } from './oauth.ts';
import { deregisterPhoneNumber, describePhoneNumber, registerPhoneNumber, updatePhoneNumber } from './phone-number.ts';
import {
  describeWaba,
  listPhoneNumbers,
  listSubscribedApps,
  listTemplates,
  subscribeApp,
  unsubscribeApp,
} from './waba.ts';

type Answer = object | Promise<object>;
type Edges<Node> = Readonly<Record<string, (simulation: Simulation, node: Node, call: GraphCall) => Answer>>;

const appEdges: Edges<App> = {
  'GET ': describeApp,
  'GET subscriptions': listAppSubscriptions,
  'POST subscriptions': replaceAppSubscription,
  'DELETE subscriptions': deleteAppSubscription,
};

const wabaEdges: Edges<Waba> = {
  'GET ': describeWaba,
  'GET phone_numbers': listPhoneNumbers,
  'GET message_templates': listTemplates,
  'GET subscribed_apps': listSubscribedApps,
  'POST subscribed_apps': subscribeApp,
  'DELETE subscribed_apps': unsubscribeApp,
};

const phoneEdges: Edges<PhoneNumber> = {
  'GET ': describePhoneNumber,
  'POST ': updatePhoneNumber,
  'POST register': registerPhoneNumber,
  'POST deregister': deregisterPhoneNumber,
  'POST messages': postMessage,
  'POST media': uploadMedia,
};

const mediaEdges: Edges<MediaItem> = {
  'GET ': describeMedia,
  'DELETE ': deleteMedia,
};

export interface GraphRequest {
  readonly method: string;
  readonly version: string;
  /** The path without version: ["1234", "messages"]. */
  readonly segments: readonly string[];
  readonly params: Params;
  readonly accessToken: string | undefined;
  readonly baseUrl: string;
  readonly file: UploadedFile | null;
}

/** Finds the node and edge, proves the caller, and answers. @throws GraphError */
export async function answerGraphRequest(simulation: Simulation, request: GraphRequest): Promise<object> {
  const { state } = simulation;
  const { method, version, segments, params, baseUrl, file } = request;
  const [id = '', edge = '', ...rest] = segments;
  if (id === 'oauth' && edge === 'access_token' && rest.length === 0) return issueAppToken(state, params);
  const caller = authenticate(state, request.accessToken, params.text('appsecret_proof'));
  const call: GraphCall = { method, version, params, caller, baseUrl, file };
  if (id === 'debug_token' && edge === '') {
    if (method !== 'GET') throw invisibleObject(method, id);
    return debugToken(state, call);
  }
  if (id === '') throw invalidParameter('Unsupported get request.');
  if (!/^\d+$/.test(id)) throw unknownAlias(id);
  if (rest.length > 0) throw unknownPath(`/${[edge, ...rest].join('/')}`);
  const app = state.apps.get(id);
  if (app !== undefined) return dispatch(appEdges, simulation, app, call, id, edge);
  const waba = state.wabas.get(id);
  if (waba !== undefined) return dispatch(wabaEdges, simulation, waba, call, id, edge);
  const phone = state.phoneNumbers.get(id);
  if (phone !== undefined) return dispatch(phoneEdges, simulation, phone, call, id, edge);
  const item = simulation.media.find(id);
  if (item !== undefined) return dispatch(mediaEdges, simulation, item, call, id, edge);
  throw invisibleObject(method, id);
}

function dispatch<Node>(
  edges: Edges<Node>,
  simulation: Simulation,
  node: Node,
  call: GraphCall,
  id: string,
  edge: string,
): Answer {
  const name = `${call.method} ${edge}`;
  const handler = Object.hasOwn(edges, name) ? edges[name] : undefined;
  if (handler !== undefined) return handler(simulation, node, call);
  const known = Object.keys(edges).some((candidate) => candidate.endsWith(` ${edge}`));
  throw known ? invisibleObject(call.method, id) : unknownPath(`/${edge}`);
}

function unknownAlias(alias: string): GraphError {
  return new GraphError({
    status: 404,
    type: 'OAuthException',
    code: 803,
    message: `(#803) Some of the aliases you requested do not exist: ${alias}`,
  });
}
