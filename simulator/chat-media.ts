import { isObject } from './graph/graph-call.ts';
import { announcedSha256, type MediaItem, type MediaLibrary } from './media-library.ts';
import type { MediaKind } from './media-types.ts';
import type { ChatMedia } from './state.ts';

/** The medium of a message of this type that the phone can show; null for none, and for one that Meta does not hold. */
export function shownMedia(
  media: MediaLibrary,
  type: string,
  body: Readonly<Record<string, unknown>>,
): ChatMedia | null {
  const content = body[type];
  const id = isObject(content) && typeof content.id === 'string' ? content.id : '';
  const item = media.find(id);
  return item === undefined ? null : { id, mimeType: item.mimeType, filename: item.filename };
}

/** What a webhook says of a medium, under the name of its kind. The SHA-256 is base64 here, and hex in the node. */
export function mediaObject(item: MediaItem, url: string, kind: MediaKind) {
  return {
    ...(kind === 'document' && item.filename !== null ? { filename: item.filename } : {}),
    mime_type: item.mimeType,
    sha256: Buffer.from(announcedSha256(item), 'hex').toString('base64'),
    id: item.id,
    url,
    ...(kind === 'audio' ? { voice: false } : {}),
    ...(kind === 'sticker' ? { animated: false } : {}),
  };
}
