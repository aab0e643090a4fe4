const KILOBYTE = 1024;
const MEGABYTE = 1024 * KILOBYTE;

/** What a medium is sent as: the type of its message. */
export const mediaKinds = ['audio', 'document', 'image', 'sticker', 'video'] as const;
export type MediaKind = (typeof mediaKinds)[number];

export function isMediaKind(type: string): type is MediaKind {
  return mediaKinds.some((kind) => kind === type);
}

/** The types that Meta takes as an upload, in the order of its own refusal; everything else must be sent by link. */
export const uploadTypes: ReadonlyMap<string, MediaKind> = new Map([
  ['audio/aac', 'audio'],
  ['audio/mp4', 'audio'],
  ['audio/mpeg', 'audio'],
  ['audio/amr', 'audio'],
  ['audio/ogg', 'audio'],
  ['audio/opus', 'audio'],
  ['application/vnd.ms-powerpoint', 'document'],
  ['application/msword', 'document'],
  ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'document'],
  ['application/vnd.openxmlformats-officedocument.presentationml.presentation', 'document'],
  ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'document'],
  ['application/pdf', 'document'],
  ['text/plain', 'document'],
  ['application/vnd.ms-excel', 'document'],
  ['image/jpeg', 'image'],
  ['image/png', 'image'],
  ['image/webp', 'sticker'],
  ['video/mp4', 'video'],
  ['video/3gpp', 'video'],
]);

/** Meta's largest upload of each kind, in bytes. A still sticker may have 100 KB only, which is not told apart here. */
export const maxBytesOf: Readonly<Record<MediaKind, number>> = {
  audio: 16 * MEGABYTE,
  document: 100 * MEGABYTE,
  image: 5 * MEGABYTE,
  sticker: 500 * KILOBYTE,
  video: 16 * MEGABYTE,
};

/** As what WhatsApp sends a file of this type, parameters such as `codecs` left aside: what it cannot show is a document. */
export function kindOf(mimeType: string): MediaKind {
  return uploadTypes.get(bareType(mimeType)) ?? 'document';
}

function bareType(mimeType: string): string {
  return (mimeType.split(';')[0] ?? '').trim().toLowerCase();
}
