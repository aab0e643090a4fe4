import type { GraphCallRecord } from './call-log.ts';
import { isObject, Params } from './graph/graph-call.ts';
import type { HttpContext } from './http-answer.ts';
import type { MediaLibrary } from './media-library.ts';
import { readMultipart, type UploadedFile } from './multipart.ts';

export const SECRET_PARAMETERS = ['access_token', 'appsecret_proof', 'client_secret', 'input_token'] as const;

export interface ReadRequest {
  readonly method: string;
  readonly path: string;
  readonly version: string | null;
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly params: Params;
  readonly accessToken: string | undefined;
  readonly tokenIn: GraphCallRecord['tokenIn'];
  /** What a fault's `body` is tested against. */
  readonly matchable: string;
  readonly baseUrl: string;
  /** Discard it when the call did not make a medium of it. */
  readonly file: UploadedFile | null;
  readonly userAgent: string;
}

interface ReadBody {
  readonly values: ReadonlyMap<string, unknown>;
  readonly matchable: string;
  readonly file: UploadedFile | null;
}

/** Reads a call whole: its file to disk, the rest into memory. */
export async function readRequest(c: HttpContext, media: MediaLibrary): Promise<ReadRequest> {
  const url = new URL(c.req.url);
  const [, prefix, rest = ''] = /^\/(v\d+\.\d+)?\/?(.*)$/s.exec(url.pathname) ?? [];
  const method = c.req.method;
  const body = await readBody(c, media, url);
  const params = new Params(new Map<string, unknown>([...url.searchParams, ...body.values]));
  const bearer = /^(?:Bearer|OAuth) +(.+)$/i.exec(c.req.header('authorization') ?? '')?.[1]?.trim();
  return {
    method,
    path: url.pathname,
    version: prefix ?? null,
    segments: rest.split('/').filter((segment) => segment !== ''),
    query: url.searchParams,
    params,
    accessToken: bearer ?? params.text('access_token'),
    tokenIn: tokenPlace(bearer, url.searchParams, body.values),
    matchable: body.matchable,
    baseUrl: `${url.origin}${prefix === undefined ? '' : `/${prefix}`}`,
    file: body.file,
    userAgent: c.req.header('user-agent') ?? '',
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
async function readBody(c: HttpContext, media: MediaLibrary, url: URL): Promise<ReadBody> {
  if (c.req.method === 'GET') return { values: new Map(), matchable: publicText(url.searchParams), file: null };
  const contentType = c.req.header('content-type') ?? '';
  if (contentType.includes('multipart/form-data')) {
    try {
      const { fields, file } = await readMultipart(c.env.incoming, media);
      const named = file === null ? [] : [['file', file.filename] as const];
      return { values: fields, matchable: [...fields, ...named].map((pair) => pair.join('=')).join('\n'), file };
    } catch {
      return { values: new Map(), matchable: '', file: null };
    }
  }
  const rawBody = await c.req.text();
  return { values: parseText(rawBody, contentType), matchable: rawBody, file: null };
}

function publicText(query: URLSearchParams): string {
  const shown = new URLSearchParams(query);
  for (const name of SECRET_PARAMETERS) shown.delete(name);
  return shown.toString();
}

function parseText(rawBody: string, contentType: string): ReadonlyMap<string, unknown> {
  if (contentType.includes('application/x-www-form-urlencoded')) return new Map(new URLSearchParams(rawBody));
  try {
    const parsed: unknown = rawBody === '' ? {} : JSON.parse(rawBody);
    return new Map(isObject(parsed) ? Object.entries(parsed) : []);
  } catch {
    return new Map();
  }
}
