import { GraphError } from './errors.ts';
import { causeOfDeath } from './graph/authentication.ts';
import { requireAccess } from './graph/permissions.ts';
import type { ReadRequest } from './graph-request.ts';
import type { HttpAnswer } from './http-answer.ts';
import { streamOf } from './media-content.ts';
import { DOWNLOAD_PATH, type MediaItem } from './media-library.ts';
import type { Token } from './seed.ts';
import type { Simulation } from './simulation.ts';

/** Whether the call goes to Meta's host for media rather than to the Graph API. */
export function isDownload({ path }: Pick<ReadRequest, 'path'>): boolean {
  return path.startsWith(DOWNLOAD_PATH);
}

/**
 * The bytes of a medium: 400 without a User-Agent, 401 without a living token in the header that may use the number's messages,
 * 404 for an address that has expired or was never given. None of these has Meta's envelope: it is not the Graph API.
 */
export function answerDownload(simulation: Simulation, request: ReadRequest): HttpAnswer {
  if (request.method !== 'GET') return refusal(404);
  if (request.userAgent.trim() === '') return refusal(400);
  const token = livingToken(simulation, request);
  if (token === null) return refusal(401);
  const item = simulation.media.findByUrl(request.query);
  if (item === undefined) return refusal(404);
  if (!mayRead(simulation, token, item)) return refusal(401);
  const { redirectTo, contentLength = item.size } = item.lies;
  if (redirectTo !== undefined) return { status: 302, headers: { Location: redirectTo }, body: '' };
  return {
    status: 200,
    headers: {
      'Content-Type': item.mimeType,
      ...(contentLength === 'absent' ? {} : { 'Content-Length': String(contentLength) }),
      // A length that is not true spoils the connection: it ends with the body.
      ...(contentLength === item.size ? {} : { Connection: 'close' }),
    },
    bytes: () => streamOf(item.content),
  };
}

/** Only from the header: no document of Meta's says that the host for media takes a token from the URL. */
function livingToken({ state }: Simulation, { tokenIn, accessToken = '' }: ReadRequest): Token | null {
  const token = tokenIn === 'header' ? state.tokenByValue(accessToken) : undefined;
  return token === undefined || causeOfDeath(token) !== null ? null : token;
}

function mayRead({ state }: Simulation, token: Token, item: MediaItem): boolean {
  const phone = state.phoneNumbers.get(item.phoneNumberId);
  const app = state.apps.get(token.appId);
  if (phone === undefined || app === undefined) return false;
  const caller = { kind: 'user', app, accessToken: token.value, token } as const;
  try {
    requireAccess({ method: 'GET', caller }, item.id, phone.wabaId, 'whatsapp_business_messaging');
    return true;
  } catch (error) {
    if (error instanceof GraphError) return false;
    throw error;
  }
}

function refusal(status: 400 | 401 | 404): HttpAnswer {
  return { status, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: '' };
}
