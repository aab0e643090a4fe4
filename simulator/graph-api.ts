import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';
import type { GraphCallRecord } from './call-log.ts';
import { errorEnvelope, GraphError, type GraphErrorFacts, newTraceId } from './errors.ts';
import { faultAnswer, replaces } from './faults.ts';
import { appBySecret } from './graph/authentication.ts';
import { isObject, Params } from './graph/graph-call.ts';
import { answerGraphRequest } from './graph/router.ts';
import { Usage } from './graph/usage.ts';
import { appSecretProof, sameText } from './signatures.ts';
import type { Simulation } from './simulation.ts';

/** What a call without a version gets, and the version that webhook fields are listed with. */
export const DEFAULT_VERSION = 'v25.0';
const SECRET_PARAMETERS = ['access_token', 'appsecret_proof', 'client_secret', 'input_token'] as const;

type HttpContext = Context<{ Bindings: HttpBindings }>;
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Serves the Graph API under /vNN.N/ and without a version: faults first, then the call, then its record in the log. */
export function graphApi(simulation: Simulation): (c: HttpContext) => Promise<Response> {
  const usage = new Usage();
  return async (c) => {
    const started = performance.now();
    const request = await readRequest(c);
    const fault = simulation.faults.take({ method: request.method, path: request.path, body: request.matchable });
    const rule = fault?.rule;
    let answer: Answer | null = null;
    if (rule === undefined || rule.afterEffect || !(rule.dropConnection || replaces(rule))) {
      if (rule !== undefined && !rule.afterEffect) await pause(rule.delayMs, simulation.closing);
      answer = await answerTruly(simulation, usage, request);
      if (rule?.afterEffect === true) await pause(rule.delayMs, simulation.closing);
    } else {
      await pause(rule.delayMs, simulation.closing);
    }
    if (rule !== undefined && replaces(rule)) answer = faultAnswer(rule);
    const dropped = rule?.dropConnection === true || answer === null;
    simulation.calls.add(recordOf(simulation, request, dropped ? null : answer, fault?.id ?? null, started));
    if (dropped || answer === null) {
      c.env.incoming.socket.destroy();
      return RESPONSE_ALREADY_SENT;
    }
    return respond(answer);
  };
}

interface ReadRequest {
  readonly method: string;
  readonly path: string;
  readonly version: string | null;
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly params: Params;
  readonly accessToken: string | undefined;
  readonly tokenIn: GraphCallRecord['tokenIn'];
  readonly matchable: string;
  readonly baseUrl: string;
}

async function readRequest(c: HttpContext): Promise<ReadRequest> {
  const url = new URL(c.req.url);
  const [, prefix, rest = ''] = /^\/(v\d+\.\d+)?\/?(.*)$/s.exec(url.pathname) ?? [];
  const method = c.req.method;
  const contentType = c.req.header('content-type') ?? '';
  const rawBody = method === 'GET' ? '' : await c.req.text();
  const body = await parseBody(rawBody, contentType);
  const params = new Params(new Map<string, unknown>([...url.searchParams, ...body]));
  const bearer = /^(?:Bearer|OAuth) +(.+)$/i.exec(c.req.header('authorization') ?? '')?.[1]?.trim();
  const publicQuery = new URLSearchParams(url.searchParams);
  for (const name of SECRET_PARAMETERS) publicQuery.delete(name);
  return {
    method,
    path: url.pathname,
    version: prefix ?? null,
    segments: rest.split('/').filter((segment) => segment !== ''),
    query: url.searchParams,
    params,
    accessToken: bearer ?? params.text('access_token'),
    tokenIn: tokenPlace(bearer, url.searchParams, body),
    matchable: method === 'GET' ? publicQuery.toString() : rawBody,
    baseUrl: `${url.origin}${prefix === undefined ? '' : `/${prefix}`}`,
  };
}

function tokenPlace(
  bearer: string | undefined,
  query: URLSearchParams,
  body: ReadonlyMap<string, unknown>,
): GraphCallRecord['tokenIn'] {
  if (query.has('access_token')) return 'url';
  if (bearer !== undefined) return 'header';
  return body.has('access_token') ? 'body' : 'none';
}

/** JSON, url-encoded or multipart; what cannot be read counts as empty, as at Meta, where the next check then names what is missing. */
async function parseBody(rawBody: string, contentType: string): Promise<Map<string, unknown>> {
  try {
    if (contentType.includes('multipart/form-data')) {
      const form = await new Response(rawBody, { headers: { 'content-type': contentType } }).formData();
      return new Map<string, unknown>([...form.entries()]);
    }
    if (contentType.includes('application/x-www-form-urlencoded')) return new Map(new URLSearchParams(rawBody));
    const parsed: unknown = rawBody === '' ? {} : JSON.parse(rawBody);
    return new Map(isObject(parsed) ? Object.entries(parsed) : []);
  } catch {
    return new Map();
  }
}

async function answerTruly(simulation: Simulation, usage: Usage, request: ReadRequest): Promise<Answer> {
  const traceId = newTraceId();
  const version = request.version ?? DEFAULT_VERSION;
  const headers = {
    'facebook-api-version': version,
    'x-fb-trace-id': traceId,
    ...usageHeaders(simulation, usage, request),
  };
  try {
    const { method, segments, params, accessToken, baseUrl } = request;
    const body = await answerGraphRequest(simulation, { method, version, segments, params, accessToken, baseUrl });
    return { status: 200, headers, body };
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    const { facts } = error;
    return {
      status: facts.status,
      headers: { ...headers, ...challengeFor(facts) },
      body: errorEnvelope(facts, traceId),
    };
  }
}

function challengeFor({ code, message }: GraphErrorFacts): Record<string, string> {
  if (code !== 190 && code !== 104) return {};
  const error = code === 190 ? 'invalid_token' : 'invalid_request';
  return { 'WWW-Authenticate': `OAuth "Facebook Platform" "${error}" "${message.replaceAll('"', "'")}"` };
}

function usageHeaders(
  { state }: Simulation,
  usage: Usage,
  { accessToken, segments }: ReadRequest,
): Record<string, string> {
  const appId = appIdOf(state, accessToken);
  if (appId === undefined) return {};
  const [id = ''] = segments;
  return usage.headers(appId, state.wabas.get(id)?.id ?? state.phoneNumbers.get(id)?.wabaId);
}

function appIdOf(state: Simulation['state'], accessToken: string | undefined): string | undefined {
  if (accessToken === undefined) return undefined;
  return state.tokenByValue(accessToken)?.appId ?? state.apps.get(accessToken.split('|')[0] ?? '')?.id;
}

function recordOf(
  { state }: Simulation,
  request: ReadRequest,
  answer: Answer | null,
  fault: string | null,
  started: number,
): GraphCallRecord {
  const error = isObject(answer?.body) && isObject(answer.body.error) ? answer.body.error : {};
  const { accessToken, method, path, version, query, tokenIn } = request;
  return {
    at: new Date().toISOString(),
    method,
    path,
    version,
    status: answer?.status ?? null,
    errorCode: numberOr(error.code),
    errorSubcode: numberOr(error.error_subcode),
    fbtraceId: typeof error.fbtrace_id === 'string' ? error.fbtrace_id : null,
    caller: callerName(state, accessToken),
    tokenIn,
    proof: proofVerdict(state, accessToken, request.params.text('appsecret_proof')),
    secretsInUrl: SECRET_PARAMETERS.filter((name) => query.has(name)),
    ms: Math.round(performance.now() - started),
    fault,
  };
}

function numberOr(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function callerName(state: Simulation['state'], accessToken: string | undefined): string {
  if (accessToken === undefined) return 'none';
  const token = state.tokenByValue(accessToken);
  if (token !== undefined) return token.name;
  const [appId = '', secret] = accessToken.split('|');
  if (secret === undefined) return 'unknown';
  try {
    return `app:${appBySecret(state, appId, secret).id}`;
  } catch {
    return 'unknown';
  }
}

function proofVerdict(
  state: Simulation['state'],
  accessToken: string | undefined,
  proof: string | undefined,
): GraphCallRecord['proof'] {
  if (proof === undefined) return 'absent';
  const app = state.apps.get(appIdOf(state, accessToken) ?? '');
  if (app === undefined || accessToken === undefined) return 'unverifiable';
  return sameText(proof, appSecretProof(app.secret, accessToken)) ? 'valid' : 'invalid';
}

async function pause(ms: number, closing: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal: closing }).catch(() => undefined);
}

function respond({ status, headers, body }: Answer): Response {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'string' ? 'text/plain; charset=UTF-8' : 'application/json; charset=UTF-8';
  return new Response(status === 204 || status === 304 ? null : text, {
    status,
    headers: { 'Content-Type': type, 'Cache-Control': 'private, no-cache, no-store, must-revalidate', ...headers },
  });
}
