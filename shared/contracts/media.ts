import * as z from 'zod';
import { mediaId, transferId, uploadId } from './ids.ts';

/** The kinds of message that carry media. */
export const mediaKind = z.enum(['image', 'audio', 'video', 'document', 'sticker']);
export type MediaKind = z.infer<typeof mediaKind>;

const kilobyte = 1024;
const megabyte = 1024 * kilobyte;

/** What WhatsApp takes, in bytes. Source: "Media", Cloud API reference; of stickers the limit of the animated ones. */
export const mostBytes = {
  image: 5 * megabyte,
  audio: 16 * megabyte,
  video: 16 * megabyte,
  document: 100 * megabyte,
  sticker: 500 * kilobyte,
} as const satisfies Record<MediaKind, number>;

const office = 'application/vnd.openxmlformats-officedocument';

/** What Meta gives at the most of what a customer has sent, of whatever kind (error 131052). In bytes. */
export const mostBytesInbound = 100 * megabyte;

/** Types that can be uploaded, and what they can be sent as. Source: as above. */
export const uploadKinds: ReadonlyMap<string, MediaKind> = new Map<string, MediaKind>([
  ['image/jpeg', 'image'],
  ['image/png', 'image'],
  ['image/webp', 'sticker'],
  ['audio/aac', 'audio'],
  ['audio/amr', 'audio'],
  ['audio/mpeg', 'audio'],
  ['audio/mp4', 'audio'],
  ['audio/ogg', 'audio'],
  ['video/mp4', 'video'],
  ['video/3gpp', 'video'],
  ['text/plain', 'document'],
  ['application/pdf', 'document'],
  ['application/msword', 'document'],
  ['application/vnd.ms-excel', 'document'],
  ['application/vnd.ms-powerpoint', 'document'],
  [`${office}.wordprocessingml.document`, 'document'],
  [`${office}.spreadsheetml.sheet`, 'document'],
  [`${office}.presentationml.presentation`, 'document'],
]);

/** First parts of the keys in the relay bucket, by which it knows how long to keep an object and who may have it. */
export const inboundPrefix = 'media/';
export const outboundPrefix = 'uploads/';

/** A Lambda function is given 6 MB, of which binary bodies take four thirds of their size. In bytes. */
export const mostBytesDirect = 4 * megabyte;

/** How long a presigned URL is good for, and a presigned form. In seconds. */
export const downloadSeconds = 5 * 60;
export const uploadSeconds = 15 * 60;

export const uploadRequest = z
  .strictObject({
    contentType: z
      .string()
      .refine((type) => uploadKinds.has(type), 'WhatsApp takes no media of this type')
      .meta({ description: `One of ${[...uploadKinds.keys()].join(', ')}`, examples: ['application/pdf'] }),
  })
  .meta({ id: 'UploadRequest' });
export type UploadRequest = z.infer<typeof uploadRequest>;

export const upload = z
  .object({
    id: uploadId.meta({ description: 'For `POST …/media/{uploadId}/complete`' }),
    url: z
      .url()
      .meta({ description: 'Where the form goes: `POST`, multipart/form-data, without the access token or key' }),
    fields: z
      .record(z.string(), z.string())
      .meta({ description: 'Fields of the form, all of them, before the last one: `file`' }),
    maxBytes: z.number().int().meta({ description: 'A larger file is refused' }),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'Upload' });
export type Upload = z.infer<typeof upload>;

export const uploadedMedia = z
  .object({
    id: mediaId.meta({ description: 'Meta’s id, for `{"type": "document", "document": {"id": …}}`; kept for 30 days' }),
  })
  .meta({ id: 'UploadedMedia' });
export type UploadedMedia = z.infer<typeof uploadedMedia>;

export const transferPending = z
  .object({ status: z.literal('transferring') })
  .meta({ id: 'TransferPending', description: 'Ask again at Location, after Retry-After' });

/** One message on the queue of media: which transfer, and which attempt at it. A later attempt makes it void. */
export const transferMessage = z.object({ version: z.literal(1), transferId, attempt: z.string().min(1) });
export type TransferMessage = z.infer<typeof transferMessage>;
