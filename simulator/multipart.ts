import type { IncomingMessage } from 'node:http';
import { Busboy, type BusboyFileStream } from '@fastify/busboy';
import type { MediaLibrary, StoredFile } from './media-library.ts';
import { maxBytesOf } from './media-types.ts';

/** The part called `file` of a form; its bytes are on disk. */
export interface UploadedFile {
  readonly stored: StoredFile;
  readonly filename: string;
  /** Of the part, without parameters. */
  readonly mimeType: string;
}

export interface MultipartForm {
  readonly fields: ReadonlyMap<string, string>;
  readonly file: UploadedFile | null;
}

// One byte more than anything that is taken, so that what is too long shows; the rest is read and thrown away.
const MAX_FILE_BYTES = maxBytesOf.document + 1;

/**
 * Reads a multipart/form-data body as it comes, with flat memory. Whoever gets the file adopts it, or discards it.
 * @throws Error when the body is no such form or ends too early
 */
export async function readMultipart(incoming: IncomingMessage, media: MediaLibrary): Promise<MultipartForm> {
  const parser = new Busboy({
    headers: { ...incoming.headers, 'content-type': incoming.headers['content-type'] ?? '' },
    limits: { fileSize: MAX_FILE_BYTES },
  });
  const fields = new Map<string, string>();
  const streams: BusboyFileStream[] = [];
  let storing: Promise<UploadedFile | null> = Promise.resolve(null);
  parser.on('field', (name, value) => fields.set(name, value));
  parser.on('file', (name, stream, filename, _encoding, mimeType) => {
    if (name !== 'file' || streams.length > 0) {
      stream.resume();
      return;
    }
    streams.push(stream);
    storing = media.store(stream).then(
      (stored) => ({ stored, filename, mimeType }),
      () => null,
    );
  });
  try {
    await new Promise<void>((resolve, reject) => {
      parser.once('finish', resolve).once('error', reject);
      incoming.once('error', reject).once('close', () => {
        if (!incoming.complete) reject(new Error('The connection ended before the form did.'));
      });
      incoming.pipe(parser);
    });
  } catch (error) {
    incoming.unpipe(parser).resume();
    for (const stream of streams) stream.destroy();
    const file = await storing;
    if (file !== null) media.discard(file.stored);
    throw error;
  }
  return { fields, file: await storing };
}
