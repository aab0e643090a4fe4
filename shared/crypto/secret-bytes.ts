import { timingSafeEqual } from 'node:crypto';

const hidden = '[secret]';

/**
 * Plaintext with a lifetime you can see: `using secret = SecretBytes.takeOver(bytes)`.
 * It copies into memory of its own, zeroes the source, wipes itself on dispose, refuses to be read after that, and prints `[secret]`.
 * What callers copy out of it (a header string, say) is theirs and lives until collected: docs/security.md names those places.
 */
export class SecretBytes implements Disposable {
  readonly #bytes: Uint8Array;
  #disposed = false;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Copies `source` and zeroes it: the caller keeps nothing. */
  static takeOver(source: Uint8Array): SecretBytes {
    const own = new Uint8Array(source.byteLength);
    own.set(source);
    source.fill(0);
    return new SecretBytes(own);
  }

  /** For secrets that arrive as strings (JSON, user input). The string itself can't be wiped. */
  static fromText(text: string): SecretBytes {
    return SecretBytes.takeOver(Buffer.from(text, 'utf8'));
  }

  get byteLength(): number {
    return this.bytes().byteLength;
  }

  /** The bytes themselves, valid until dispose. @throws {Error} when the secret was disposed. */
  bytes(): Uint8Array {
    if (this.#disposed) throw new Error('A disposed secret was read');
    return this.#bytes;
  }

  /** A copy with a lifetime of its own. */
  copy(): SecretBytes {
    return SecretBytes.takeOver(Uint8Array.from(this.bytes()));
  }

  /** The one way to a string: for the line that sends it. */
  revealText(): string {
    return Buffer.from(this.bytes()).toString('utf8');
  }

  /** Compares in constant time; lengths are not secret. */
  equals(other: Uint8Array): boolean {
    return this.bytes().byteLength === other.byteLength && timingSafeEqual(this.bytes(), other);
  }

  [Symbol.dispose](): void {
    this.#bytes.fill(0);
    this.#disposed = true;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return hidden;
  }
}
