import { setTimeout as sleep } from 'node:timers/promises';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { GraphCallRecord } from './call-log.ts';
import { errorEnvelope, GraphError, type GraphErrorFacts, newTraceId } from './errors.ts';
import { faultAnswer, replaces } from './faults.ts';
import { appBySecret } from './graph/authentication.ts';
import { isObject } from './graph/graph-call.ts';
import { answerGraphRequest } from './graph/router.ts';
import { Usage } from './graph/usage.ts';
import { type ReadRequest, readRequest, SECRET_PARAMETERS } from './graph-request.ts';
import { type HttpAnswer, type HttpContext, respond } from './http-answer.ts';
import { answerDownload, isDownload } from './media-download.ts';
import { appSecretProof, sameText } from './signatures.ts';
import type { Simulation } from './simulation.ts';

/** What a call without a version gets, and the version that webhook fields are listed with. */
export const DEFAULT_VERSION = 'v25.0';

/**
 * Serves the Graph API under /vNN.N/ and without a version, and the downloads that it names: faults first, then the call, then
 * its record in the log.
 */
export function graphApi(simulation: Simulation): (c: HttpContext) => Promise<Response> {
  const usage = new Usage();
  return async (c) => {
    const started = performance.now();
    const request = await readRequest(c, simulation.media);
    const fault = simulation.faults.take({
      app: appIdOf(simulation.state, request.accessToken),
      method: request.method,
      path: request.path,
      body: request.matchable,
    });
    const rule = fault?.rule;
    let answer: HttpAnswer | null = null;
    try {
      if (rule === undefined || rule.afterEffect || !(rule.dropConnection || replaces(rule))) {
        if (rule !== undefined && !rule.afterEffect) await pause(rule.delayMs, simulation.closing);
        answer = await answerTruly(simulation, usage, request);
        if (rule?.afterEffect === true) await pause(rule.delayMs, simulation.closing);
      } else {
        await pause(rule.delayMs, simulation.closing);
      }
    } finally {
      if (request.file !== null) simulation.media.discard(request.file.stored);
    }
    if (rule !== undefined && replaces(rule)) answer = faultAnswer(rule);
    const dropped = rule?.dropConnection === true || answer === null;
    simulation.calls.add(recordOf(simulation, request, dropped ? null : answer, fault?.id ?? null, started));
    if (dropped || answer === null) {
      c.env.incoming.socket.destroy();
      return RESPONSE_ALREADY_SENT;
    }
    return respond(c, answer);
  };
}

async function answerTruly(simulation: Simulation, usage: Usage, request: ReadRequest): Promise<HttpAnswer> {
  if (isDownload(request)) return answerDownload(simulation, request);
  const traceId = newTraceId();
  const version = request.version ?? DEFAULT_VERSION;
  const headers = {
    'facebook-api-version': version,
    'x-fb-trace-id': traceId,
    ...usageHeaders(simulation, usage, request),
  };
  try {
    const { method, segments, params, accessToken, baseUrl, file } = request;
    const body = await answerGraphRequest(simulation, {
      method,
      version,
      segments,
      params,
      accessToken,
      baseUrl,
      file,
    });
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
  answer: HttpAnswer | null,
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
