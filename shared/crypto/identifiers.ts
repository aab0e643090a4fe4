import { createHash, randomBytes } from 'node:crypto';
import { hmacSha256 } from './hmac.ts';

/** 32 random bytes in base64url: nobody guesses it. */
export const unguessable = (): string => randomBytes(32).toString('base64url');

/** SHA-256 of the parts in base64url (43 characters). Each part is preceded by its length, so that no two lists hash alike. */
export const digestOf = (...parts: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
  return hash.digest('base64url');
};

/** The same under a key: for what must not be recomputed by somebody who guesses the input (a phone number has few digits). */
export const keyedDigestOf = (key: Uint8Array, ...parts: readonly string[]): string =>
  Buffer.from(hmacSha256(key, ...parts.map((part) => Buffer.from(`${Buffer.byteLength(part)}:${part}`)))).toString(
    'base64url',
  );
