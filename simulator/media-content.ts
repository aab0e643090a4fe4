import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';

/** Where the bytes of a medium come from. None of them but `bytes` is ever held as a whole. */
export type MediaContent =
  | { readonly from: 'bytes'; readonly bytes: Uint8Array }
  | { readonly from: 'file'; readonly path: string }
  /** Made anew for each reading: the same seed gives the same bytes. */
  | { readonly from: 'seed'; readonly seed: string; readonly size: number };

const CHUNK_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(CHUNK_BYTES);

/** The bytes, in chunks. */
export function streamOf(content: MediaContent): Readable {
  switch (content.from) {
    case 'bytes':
      return Readable.from([content.bytes], { objectMode: false });
    case 'file':
      return createReadStream(content.path);
    case 'seed':
      return Readable.from(noise(content.seed, content.size), { objectMode: false, highWaterMark: CHUNK_BYTES });
    default:
      return content satisfies never;
  }
}

/** Length in bytes and SHA-256 in lower-case hex, by reading it all once. */
export async function measure(content: MediaContent): Promise<{ readonly size: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of streamOf(content)) {
    hash.update(chunk as Buffer);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex') };
}

/** Pseudo-random bytes that cannot be compressed: the key stream of a cipher whose key is the seed. */
function* noise(seed: string, size: number): Generator<Buffer> {
  const key = createHash('sha256').update(seed).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  for (let left = size; left > 0; left -= CHUNK_BYTES) yield cipher.update(NOTHING.subarray(0, left));
}
