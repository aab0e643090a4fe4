import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { SecretBytes } from './secret-bytes.ts';

/**
 * Byte layout of a sealed secret (committed test vectors: test/unit/crypto/envelope.vectors.json):
 *
 *     version (1 byte, 0x01) · length of the wrapped key (uint16, big-endian) · wrapped key · IV (12) · ciphertext · tag (16)
 *
 * AES-256-GCM under a fresh data key; the wrapped key is what KMS made of it.
 */
const layoutVersion = 1;
const ivLength = 12;
const tagLength = 16;
const dataKeyLength = 32;
const headerLength = 3;

/** One error for everything that is wrong with a sealed secret: which part failed is nobody's business. */
export class SealBroken extends Error {
  constructor() {
    super('A sealed secret did not open');
    this.name = 'SealBroken';
  }
}

export interface DataKey {
  readonly plaintext: SecretBytes;
  readonly wrapped: Uint8Array;
}

/** `iv` is for test vectors alone; every other caller leaves it out and gets 12 random bytes. */
export const seal = (
  secret: SecretBytes,
  dataKey: DataKey,
  additionalData: Uint8Array,
  iv: Uint8Array = randomBytes(ivLength),
): Uint8Array => {
  if (dataKey.plaintext.byteLength !== dataKeyLength) throw new RangeError('A data key has 32 bytes');
  const cipher = createCipheriv('aes-256-gcm', dataKey.plaintext.bytes(), iv, { authTagLength: tagLength });
  cipher.setAAD(additionalData);
  const ciphertext = Buffer.concat([cipher.update(secret.bytes()), cipher.final()]);
  return laidOut({ wrappedKey: dataKey.wrapped, iv, ciphertext, tag: cipher.getAuthTag() });
};

/** The wrapped key inside a sealed secret. @throws {SealBroken} on a layout that is not ours. */
export const wrappedKeyOf = (sealed: Uint8Array): Uint8Array => partsOf(sealed).wrappedKey;

/** The same secret, sealed under the same data key, which is wrapped otherwise now. @throws {SealBroken} on a layout that is not ours. */
export const withWrappedKey = (sealed: Uint8Array, wrappedKey: Uint8Array): Uint8Array =>
  laidOut({ ...partsOf(sealed), wrappedKey });

/** @throws {SealBroken} when anything differs from what was sealed: key, context, ciphertext or tag. */
export const unseal = (sealed: Uint8Array, dataKey: SecretBytes, additionalData: Uint8Array): SecretBytes => {
  const { iv, ciphertext, tag } = partsOf(sealed);
  try {
    // Why authTagLength: without it Node accepts a tag cut down to 4 bytes.
    const decipher = createDecipheriv('aes-256-gcm', dataKey.bytes(), iv, { authTagLength: tagLength });
    decipher.setAAD(additionalData);
    decipher.setAuthTag(tag);
    const start = decipher.update(ciphertext);
    try {
      // In GCM final() only verifies the tag: it never yields bytes.
      decipher.final();
      return SecretBytes.takeOver(start);
    } finally {
      start.fill(0);
    }
  } catch {
    throw new SealBroken();
  }
};

interface Parts {
  readonly wrappedKey: Uint8Array;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

const laidOut = ({ wrappedKey, iv, ciphertext, tag }: Parts): Uint8Array => {
  if (wrappedKey.byteLength === 0) throw new RangeError('A wrapped key is not empty');
  const header = Buffer.alloc(headerLength);
  header.writeUInt8(layoutVersion, 0);
  header.writeUInt16BE(wrappedKey.byteLength, 1);
  return Buffer.concat([header, wrappedKey, iv, ciphertext, tag]);
};

const partsOf = (sealed: Uint8Array): Parts => {
  const buffer = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  if (buffer.byteLength < headerLength || buffer.readUInt8(0) !== layoutVersion) throw new SealBroken();
  const wrappedKeyEnd = headerLength + buffer.readUInt16BE(1);
  const ciphertextEnd = buffer.byteLength - tagLength;
  if (wrappedKeyEnd === headerLength || wrappedKeyEnd + ivLength > ciphertextEnd) throw new SealBroken();
  return {
    wrappedKey: buffer.subarray(headerLength, wrappedKeyEnd),
    iv: buffer.subarray(wrappedKeyEnd, wrappedKeyEnd + ivLength),
    ciphertext: buffer.subarray(wrappedKeyEnd + ivLength, ciphertextEnd),
    tag: buffer.subarray(ciphertextEnd),
  };
};
