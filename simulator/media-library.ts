import { createHash, createHmac, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { MediaContent } from './media-content.ts';
import { sameText } from './signatures.ts';

const DAY_SECONDS = 24 * 60 * 60;
/** Meta forgets what a customer sent after 7 days, and what a business uploaded after 30. */
export const LIFETIME_SECONDS = { inbound: 7 * DAY_SECONDS, upload: 30 * DAY_SECONDS } as const;
/** Meta: the address of a medium is good for 5 minutes. */
export const URL_LIFETIME_SECONDS = 5 * 60;
/** Stands in for the path of Meta's host for media, lookaside.fbsbx.com. */
export const DOWNLOAD_PATH = '/_lookaside/whatsapp_business/attachments/';

// A simulator that runs for days must not fill memory or disk: the oldest media go first.
const MAX_ITEMS = 1_000;
const MAX_STORED_BYTES = 1024 ** 3;
// Meta's media ids have 15 or 16 digits.
const FIRST_ID = 10 ** 14;
const LAST_ID = FIRST_ID * 2;

/** How the simulated Meta misbehaves about one medium. What is left out is true. */
export interface MediaLies {
  /** Of the node, in bytes. */
  readonly fileSize?: number | undefined;
  /** Of the node and the webhook. */
  readonly sha256?: 'wrong' | undefined;
  /** Of the download: the body stays what it is. */
  readonly contentLength?: number | 'absent' | undefined;
  /** The whole address that the node names, or its host alone. */
  readonly url?: string | undefined;
  readonly urlHost?: string | undefined;
  /** Where the download redirects to. */
  readonly redirectTo?: string | undefined;
}

export interface NewMedia {
  readonly phoneNumberId: string;
  readonly direction: 'inbound' | 'upload';
  readonly mimeType: string;
  readonly filename: string | null;
  readonly content: MediaContent;
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly lifetimeSeconds?: number | undefined;
  readonly urlLifetimeSeconds?: number | undefined;
  readonly lies?: MediaLies | undefined;
}

export interface MediaItem extends NewMedia {
  readonly id: string;
  readonly at: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
  readonly lies: MediaLies;
}

/** A file that the library holds for somebody, measured while it was written. */
export interface StoredFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** The media that the simulated Meta holds, for as long as it runs: uploads in temporary files, the rest in memory. */
export class MediaLibrary {
  readonly #items = new Map<string, MediaItem>();
  readonly #urlKey = randomBytes(32);
  #folder: string | null = null;

  /** Writes the stream to a file, whatever its length, with flat memory. @throws what the stream fails with */
  async store(source: Readable): Promise<StoredFile> {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'whatsapp-media-'));
    const path = join(this.#folder, randomUUID());
    const hash = createHash('sha256');
    let size = 0;
    const measuring = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        size += chunk.length;
        done(null, chunk);
      },
    });
    try {
      await pipeline(source, measuring, createWriteStream(path, { mode: 0o600 }));
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
    return { path, size, sha256: hash.digest('hex') };
  }

  /** Deletes a stored file that became no medium. */
  discard({ path }: StoredFile): void {
    const kept = [...this.#items.values()].some(({ content }) => content.from === 'file' && content.path === path);
    if (!kept) rmSync(path, { force: true });
  }

  add(media: NewMedia): MediaItem {
    const now = Date.now();
    const lifetimeSeconds = media.lifetimeSeconds ?? LIFETIME_SECONDS[media.direction];
    const item: MediaItem = {
      ...media,
      id: this.#freshId(),
      at: new Date(now).toISOString(),
      expiresAt: now + lifetimeSeconds * 1000,
      lies: media.lies ?? {},
    };
    this.#items.set(item.id, item);
    this.#forgetOldest();
    return item;
  }

  /** What Meta still knows under this id; undefined once it has expired. */
  find(id: string): MediaItem | undefined {
    const item = this.#items.get(id);
    return item !== undefined && item.expiresAt > Date.now() ? item : undefined;
  }

  /** Everything that is there, expired media included. */
  list(): readonly MediaItem[] {
    return [...this.#items.values()];
  }

  remove(id: string): void {
    const item = this.#items.get(id);
    this.#items.delete(id);
    if (item?.content.from === 'file') rmSync(item.content.path, { force: true });
  }

  clear(): void {
    for (const id of this.#items.keys()) this.remove(id);
  }

  /** Forgets everything, and leaves nothing on disk. */
  close(): void {
    this.#items.clear();
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A fresh address for the bytes, under this origin unless the medium lies about it. */
  urlOf(item: MediaItem, origin: string): string {
    if (item.lies.url !== undefined) return item.lies.url;
    const expiresAt = String(Math.floor(Date.now() / 1000) + (item.urlLifetimeSeconds ?? URL_LIFETIME_SECONDS));
    const url = new URL(DOWNLOAD_PATH, origin);
    url.search = String(new URLSearchParams({ mid: item.id, ext: expiresAt, hash: this.#hashOf(item.id, expiresAt) }));
    if (item.lies.urlHost !== undefined) url.host = item.lies.urlHost;
    return url.href;
  }

  /** The medium behind an address of `urlOf`; undefined for one that was not made here, has expired, or names nothing. */
  findByUrl(query: URLSearchParams): MediaItem | undefined {
    const [id = '', expiresAt = '', hash = ''] = ['mid', 'ext', 'hash'].map((name) => query.get(name) ?? '');
    if (!sameText(hash, this.#hashOf(id, expiresAt))) return undefined;
    return Number(expiresAt) > Date.now() / 1000 ? this.find(id) : undefined;
  }

  #hashOf(id: string, expiresAt: string): string {
    return createHmac('sha256', this.#urlKey).update(`${id}.${expiresAt}`).digest('base64url');
  }

  #freshId(): string {
    const id = String(randomInt(FIRST_ID, LAST_ID));
    return this.#items.has(id) ? this.#freshId() : id;
  }

  #forgetOldest(): void {
    let stored = this.list().reduce((sum, item) => sum + storedBytes(item), 0);
    for (const item of this.list()) {
      if (this.#items.size <= MAX_ITEMS && stored <= MAX_STORED_BYTES) return;
      stored -= storedBytes(item);
      this.remove(item.id);
    }
  }
}

/** What the node and the webhook call the SHA-256, in lower-case hex. */
export function announcedSha256({ sha256, lies }: MediaItem): string {
  return lies.sha256 === 'wrong' ? createHash('sha256').update(sha256).digest('hex') : sha256;
}

function storedBytes({ content, size }: MediaItem): number {
  return content.from === 'seed' ? 0 : size;
}
