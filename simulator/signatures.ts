import { createHmac, timingSafeEqual } from 'node:crypto';

/** `X-Hub-Signature-256`: HMAC-SHA256 over the exact bytes of the body, keyed with the App Secret. */
export function hubSignature(appSecret: string, body: Uint8Array): string {
  return `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;
}

/** `appsecret_proof`: lowercase hex HMAC-SHA256 of the access token, keyed with the App Secret. */
export function appSecretProof(appSecret: string, accessToken: string): string {
  return createHmac('sha256', appSecret).update(accessToken).digest('hex');
}

export function sameText(left: string, right: string): boolean {
  const a = Buffer.from(left);
  const b = Buffer.from(right);
  return a.length === b.length && timingSafeEqual(a, b);
}
