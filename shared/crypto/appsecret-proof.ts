import { createHmac } from 'node:crypto';
import { SecretBytes } from './secret-bytes.ts';

/** Meta's appsecret_proof: lowercase hex HMAC-SHA-256 of the access token under the App Secret ("Secure Graph API calls"). */
export const appSecretProof = (appSecret: SecretBytes, accessToken: SecretBytes): SecretBytes =>
  SecretBytes.fromText(createHmac('sha256', appSecret.bytes()).update(accessToken.bytes()).digest('hex'));
