import middy, { type MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type * as z from 'zod';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { Answer } from './answer.ts';
import { type Authenticate, type Caller, callerOf } from './caller.ts';
import { onlyOnce, repeatableRequest } from './idempotency.ts';
import { actingFor } from './invocation.ts';
import { journal, publishCounts, safeError } from './operator-journal.ts';
import * as ports from './ports.ts';
import { problemResponse, refusalOfFault } from './problem-response.ts';
import { invalidRequest, parseBody, rawBodyOf } from './request-parsing.ts';

/** What a use case gets: parsed, typed, and from nobody but the verified caller. */
export interface ApiRequest<Path, Query, Body> {
  readonly caller: Caller;
  readonly path: Path;
  readonly query: Query;
  readonly body: Body;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  /** Names the request, body included, where the client sent an Idempotency-Key. */
  readonly requestDigest: string | null;
  /** How long the caller is still waiting, in milliseconds. */
  readonly timeLeft: () => number;
}

export interface ApiRoute<Path = unknown, Query = unknown, Body = unknown> {
  /** As API Gateway names it, for example `GET /v1/agents/{agentId}`. */
  readonly routeKey: string;
  readonly path?: z.ZodType<Path>;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  /** Reads a body that is more than JSON, in place of `body`. */
  readonly readBody?: (rawBody: Uint8Array, contentType: string | undefined) => { readonly body: Body } | Refused;
  /** An absent body counts as `{}`. */
  readonly bodyOptional?: boolean;
  /** Honours Idempotency-Key: every POST that creates or sends. */
  readonly idempotent?: boolean;
  readonly run: (request: ApiRequest<Path, Query, Body>) => Promise<Answer | Refused>;
}

/** Keeps the types of one route's schemas together with its use case. */
export const apiRoute = <Path, Query, Body>(route: ApiRoute<Path, Query, Body>): ApiRoute =>
  route as unknown as ApiRoute;

/**
 * A Lambda that serves some routes of /v1, behind the gateway's JWT authorizer unless it verifies itself who calls. Nothing that it is sent is
 * logged or echoed.
 */
export const apiLambda = (routes: readonly ApiRoute[], authenticate: Authenticate = callerOf) => {
  const byKey = new Map(routes.map((route) => [route.routeKey, route]));
  return (
    middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
      // Middy runs onError in reverse order: the error mapper stands first so that it is the last to see an error.
      .use(errorMapper())
      .use(requestJournal())
      .handler(async (event, context) => {
        const route = byKey.get(event.routeKey);
        const outcome = route === undefined ? refuse('not-found') : await runRoute(route, event, context, authenticate);
        return isRefused(outcome) ? problemResponse(outcome, event.requestContext.requestId) : success(outcome);
      })
  );
};

const runRoute = async (
  route: ApiRoute,
  event: APIGatewayProxyEventV2,
  context: Context,
  authenticate: Authenticate,
): Promise<Answer | Refused> => {
  const caller = await authenticate(event.headers.authorization);
  if (isRefused(caller)) return caller;
  if (caller.agentId !== undefined && event.pathParameters?.agentId !== caller.agentId) return refuse('not-found');
  const path = route.path?.safeParse(event.pathParameters ?? {});
  // A path that can't be an id names nothing.
  if (path?.success === false) return refuse('not-found');
  const query = route.query?.safeParse(event.queryStringParameters ?? {});
  if (query?.success === false) return invalidRequest(query.error);
  const body = bodyIn(route, event);
  if (isRefused(body)) return body;
  const idempotencyKey = route.idempotent === true ? event.headers['idempotency-key'] : undefined;
  const repeatable =
    idempotencyKey === undefined
      ? undefined
      : repeatableRequest(caller, route.routeKey, idempotencyKey, whatIsAsked(route, event));
  if (repeatable !== undefined && isRefused(repeatable)) return repeatable;
  const run = () =>
    route.run({
      caller,
      path: path?.data,
      query: query?.data,
      body: body.body,
      ifMatch: event.headers['if-match'],
      ifNoneMatch: event.headers['if-none-match'],
      requestDigest: repeatable?.requestDigest ?? null,
      timeLeft: () => context.getRemainingTimeInMillis(),
    });
  return actingFor(caller, event.requestContext.requestId, () =>
    repeatable === undefined ? run() : onlyOnce(repeatable, ports.idempotency(), run),
  );
};

/** What a request asks for: the same body for another resource, or as another type of file, is another request. */
const whatIsAsked = ({ readBody }: ApiRoute, event: APIGatewayProxyEventV2): Uint8Array => {
  const type = readBody === undefined ? '' : (event.headers['content-type'] ?? '');
  return Buffer.concat([Buffer.from(`${JSON.stringify(event.pathParameters ?? {})}${type}\n`), rawBodyOf(event)]);
};

const bodyIn = (route: ApiRoute, event: APIGatewayProxyEventV2): { readonly body: unknown } | Refused => {
  if (route.readBody !== undefined) return route.readBody(rawBodyOf(event), event.headers['content-type']);
  return route.body === undefined ? { body: undefined } : parseBody(bodyOf(event, route), route.body);
};

const emptyObject = Buffer.from('{}');

const bodyOf = (event: APIGatewayProxyEventV2, { bodyOptional }: ApiRoute): Uint8Array => {
  const rawBody = rawBodyOf(event);
  return bodyOptional === true && rawBody.byteLength === 0 ? emptyObject : rawBody;
};

const success = ({ kind, body, version, location, retryAfterSeconds }: Answer): APIGatewayProxyStructuredResultV2 => ({
  statusCode: { ok: 200, created: 201, accepted: 202, found: 302 }[kind],
  headers: {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    ...(version === undefined ? {} : { etag: etagOf(version) }),
    ...(location === undefined ? {} : { location }),
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  },
  body: JSON.stringify(body),
});

export const etagOf = (version: number): string => `"${version}"`;

/** A change says which version it is based on: 428 without, 412 when somebody else was quicker. */
export const versionProblem = (ifMatch: string | undefined, version: number): Refused | undefined => {
  if (ifMatch === undefined)
    return refuse('precondition-required', { guidance: 'Send If-Match with the ETag of what you have read.' });
  return ifMatch === '*' || ifMatch === etagOf(version)
    ? undefined
    : refuse('precondition-failed', { guidance: 'Read it again and repeat the change with its new ETag.' });
};

type HttpMiddleware = MiddlewareObj<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>;

/** Nothing may escape a handler: its message would be shown to the caller. */
const errorMapper = (): HttpMiddleware => ({
  onError: (request) => {
    request.response = problemResponse(refusalOfFault(request.error), request.event.requestContext.requestId);
  },
});

const requestJournal = (): HttpMiddleware => ({
  after: ({ event, response }) => {
    journal.info('request', {
      routeKey: event.routeKey,
      requestId: event.requestContext.requestId,
      httpStatus: response?.statusCode ?? 0,
    });
    publishCounts();
  },
  onError: ({ event, error }) => {
    journal.error('request-failed', {
      routeKey: event.routeKey,
      requestId: event.requestContext.requestId,
      ...safeError(error),
    });
    journal.count('UnhandledError');
    publishCounts();
  },
});
