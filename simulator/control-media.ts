import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { mediaObject } from './chat-media.ts';
import { ControlError } from './control-body.ts';
import { isObject } from './graph/graph-call.ts';
import type { HttpAnswer } from './http-answer.ts';
import { type MediaContent, measure, streamOf } from './media-content.ts';
import type { MediaItem } from './media-library.ts';
import { isMediaKind, kindOf, mediaKinds } from './media-types.ts';
import type { PhoneNumber } from './seed.ts';
import type { Simulation } from './simulation.ts';

// Ten times what Meta lets through, and still made within seconds.
const MAX_MADE_BYTES = 1024 ** 3;
// What a browser shows as a picture and nothing else. The rest may be anything, so it is only ever saved.
const SHOWN_TYPES: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/webp']);

const mediaShape = {
  mimeType: z
    .string()
    .regex(/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(; ?[\w-]+=[\w".-]+)*$/, 'expected a MIME type such as image/png'),
  /** One of these: pseudo-random bytes of this length, bytes, or text. */
  size: z.int().min(0).max(MAX_MADE_BYTES).optional(),
  base64: z.base64().optional(),
  text: z.string().optional(),
  filename: z.string().min(1).optional(),
  /** "wrong": the node and the webhook name another one. */
  sha256: z.literal('wrong').optional(),
  /** The node and the webhook name this address, or this host (and port), instead of the true one. */
  url: z.url().optional(),
  urlHost: z.string().min(1).optional(),
  /** The download answers 302 to here. */
  redirectTo: z.url().optional(),
  /** The node's `file_size`. */
  lyingFileSize: z.int().min(0).optional(),
  /** The download's Content-Length. */
  lyingContentLength: z.union([z.int().min(0), z.literal('absent')]).optional(),
  /** 0 gives addresses, or a medium, that have expired already. */
  urlLifetimeSeconds: z.int().min(0).optional(),
  expiresInSeconds: z.int().min(0).optional(),
};
const hasOneSource = ({ size, base64, text }: { size?: unknown; base64?: unknown; text?: unknown }) =>
  [size, base64, text].filter((given) => given !== undefined).length === 1;
const ONE_SOURCE = 'expected exactly one of size, base64 and text';

/** The body of POST /_control/media. */
export const newMediaSchema = z
  .strictObject({ phoneNumberId: z.string(), ...mediaShape })
  .refine(hasOneSource, ONE_SOURCE);
/** `media` of POST /_control/message. */
export const messageMediaSchema = z
  .strictObject({ caption: z.string().optional(), ...mediaShape })
  .refine(hasOneSource, ONE_SOURCE);

interface MediaMessage {
  readonly type?: string | undefined;
  readonly content?: Readonly<Record<string, unknown>> | undefined;
  readonly media?: z.infer<typeof messageMediaSchema> | undefined;
}

type MediaRequest = Omit<z.infer<typeof newMediaSchema>, 'phoneNumberId'>;

/** Makes something that a customer has sent to this number, or is about to. */
export async function makeMedia({ media }: Simulation, phone: PhoneNumber, request: MediaRequest): Promise<MediaItem> {
  const content = contentOf(request);
  return media.add({
    phoneNumberId: phone.id,
    direction: 'inbound',
    mimeType: request.mimeType,
    filename: request.filename ?? null,
    content,
    ...(await measure(content)),
    lifetimeSeconds: request.expiresInSeconds,
    urlLifetimeSeconds: request.urlLifetimeSeconds,
    lies: {
      fileSize: request.lyingFileSize,
      sha256: request.sha256,
      contentLength: request.lyingContentLength,
      url: request.url,
      urlHost: request.urlHost,
      redirectTo: request.redirectTo,
    },
  });
}

function contentOf({ size, base64, text = '' }: MediaRequest): MediaContent {
  if (size !== undefined) return { from: 'seed', seed: randomUUID(), size };
  return { from: 'bytes', bytes: base64 === undefined ? Buffer.from(text, 'utf8') : Buffer.from(base64, 'base64') };
}

/**
 * Type and content of a customer's message with a medium: one that is made, or one of this number's that `content` names by its
 * id. What `content` spells out itself wins. null when there is no such medium. @throws ControlError 400
 */
export async function saidWithMedia(
  simulation: Simulation,
  phone: PhoneNumber,
  { type, content = {}, media }: MediaMessage,
): Promise<{ readonly type: string; readonly content: Readonly<Record<string, unknown>> } | null> {
  const kind = type ?? (media === undefined ? 'text' : kindOf(media.mimeType));
  if (!isMediaKind(kind)) {
    if (media === undefined) return null;
    throw new ControlError(400, `type: expected one of ${mediaKinds.join(', ')} beside media`);
  }
  const own = content[kind];
  const spelledOut = isObject(own) ? own : {};
  const item =
    media === undefined
      ? simulation.media.list().find(({ id, phoneNumberId }) => id === spelledOut.id && phoneNumberId === phone.id)
      : await makeMedia(simulation, phone, media);
  if (item === undefined) return null;
  const url = simulation.media.urlOf(item, simulation.state.selfUrl);
  const caption = media?.caption === undefined ? {} : { caption: media.caption };
  return {
    type: kind,
    content: { ...content, [kind]: { ...caption, ...mediaObject(item, url, kind), ...spelledOut } },
  };
}

/** The truth about a medium, whatever it lies. */
export function describeMedium(item: MediaItem) {
  const { id, phoneNumberId, direction, mimeType, filename, size, sha256, at, expiresAt } = item;
  return {
    id,
    phoneNumberId,
    direction,
    mimeType,
    filename,
    size,
    sha256,
    at,
    expiresAt: new Date(expiresAt).toISOString(),
  };
}

/** The bytes for a browser of the developer's: pictures to look at, the rest to save. @throws ControlError 404 */
export function mediumFile({ media }: Simulation, id: string): HttpAnswer {
  const item = media.list().find((candidate) => candidate.id === id);
  if (item === undefined) throw new ControlError(404, `There is no medium ${id}.`);
  const name = encodeURIComponent((item.filename ?? id).toWellFormed());
  const disposition = SHOWN_TYPES.has(item.mimeType) ? 'inline' : 'attachment';
  return {
    status: 200,
    headers: {
      'Content-Type': item.mimeType,
      'Content-Length': String(item.size),
      'Content-Disposition': `${disposition}; filename*=UTF-8''${name}`,
      'Content-Security-Policy': "default-src 'none'; sandbox",
      'X-Content-Type-Options': 'nosniff',
    },
    bytes: () => streamOf(item.content),
  };
}
