import { createHash, timingSafeEqual } from 'node:crypto';

/** Meta writes SHA-256 in hex where it describes media, and in base64 in webhooks. Undefined for anything else. */
export const readSha256 = (text: string): Uint8Array | undefined => {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : undefined;
};

/** Counts and hashes bytes that pass. */
export const mediaDigest = () => {
  const hash = createHash('sha256');
  return {
    add: (chunk: Uint8Array): void => {
      hash.update(chunk);
    },
    /** To be asked once, at the end. */
    isOf: (expected: Uint8Array): boolean => timingSafeEqual(hash.digest(), expected),
  };
};
