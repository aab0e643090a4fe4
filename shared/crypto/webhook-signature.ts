import { timingSafeEqual } from 'node:crypto';
import { hmacSha256 } from './hmac.ts';
import type { SecretBytes } from './secret-bytes.ts';

const form = /^sha256=([0-9a-f]{64})$/;

/** The claimed HMAC of `X-Hub-Signature-256`, or undefined when the header is absent or not of its form. */
export const claimedSignature = (header: string | undefined): Uint8Array | undefined => {
  const hex = form.exec(header ?? '')?.[1];
  return hex === undefined ? undefined : Buffer.from(hex, 'hex');
};

/**
 * True when Meta signed exactly these bytes with this App Secret: HMAC-SHA-256 over the raw body, compared in constant time.
 * Never over re-serialised JSON: Meta escapes non-ASCII and slashes (webhooks documentation, "Validating payloads").
 */
export const signedWith = (appSecret: SecretBytes, rawBody: Uint8Array, claimed: Uint8Array): boolean => {
  const expected = hmacSha256(appSecret.bytes(), rawBody);
  try {
    return claimed.byteLength === expected.byteLength && timingSafeEqual(expected, claimed);
  } finally {
    expected.fill(0);
  }
};
