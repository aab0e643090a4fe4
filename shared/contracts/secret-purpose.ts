import * as z from 'zod';

/**
 * What a sealed secret is for. Each purpose is sealed apart because different functions need it:
 * `graph-api` (a credential's access token and appsecret_proof), `webhook-signature` (a Meta app's App Secret),
 * `app-access` (a Meta app's app token), `agent-signature` (an agent's signing secret),
 * `clean-up` (what a removal needs at Meta: token, proof and app token), `former-callback` (a credential's verify token of somebody
 * else's callback that was replaced with consent, so that a removal can give it back).
 */
export const secretPurpose = z.enum([
  'graph-api',
  'webhook-signature',
  'app-access',
  'agent-signature',
  'clean-up',
  'former-callback',
]);
export type SecretPurpose = z.infer<typeof secretPurpose>;
