import type { Readable } from 'node:stream';

/** What is known of an object without reading it. */
export interface ObjectFacts {
  readonly contentType: string;
  readonly bytes: number;
}

/** The relay bucket as media go through it, always as streams. @throws {Fault} store-unavailable */
export interface MediaRelay {
  /** Nothing is there unless the stream ends well: what it throws is thrown. */
  put(key: string, content: Readable, contentType: string): Promise<void>;
  /** Undefined when there is none. */
  describe(key: string): Promise<ObjectFacts | undefined>;
  /** Undefined when there is none. */
  read(key: string): Promise<Readable | undefined>;
  delete(key: string): Promise<void>;
}

/** Lets somebody without a key of ours have one object, or put one, for a while. */
export interface MediaDoor {
  /** A URL for downloading, never for showing: whatever a customer has sent must not run in our name. */
  signDownload(key: string, contentType: string): Promise<string>;
  /** A form for uploading one object of this type and of at most so many bytes. */
  signUpload(
    key: string,
    limits: { readonly contentType: string; readonly mostBytes: number },
  ): Promise<{ readonly url: string; readonly fields: Readonly<Record<string, string>> }>;
  describe: MediaRelay['describe'];
}
