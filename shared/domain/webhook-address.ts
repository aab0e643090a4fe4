import type { WebhookId } from '../contracts/ids.ts';
import { digestOf } from '../crypto/identifiers.ts';

/** Where Meta reaches a webhook: only unreserved characters, because Meta decodes the URL that it stores. */
export const webhookUrl = (publicUrl: string, webhookId: WebhookId): string => `${publicUrl}/webhooks/${webhookId}`;

/** What is kept of a verify token: it is as long as it is random, so a plain hash can't be reversed. */
export const hashOfVerifyToken = (token: string): string => digestOf('verify-token', token);

/** Whether a callback is this webhook, under whatever address the deployment had when it was registered. */
export const isOurWebhookUrl = (url: string, webhookId: WebhookId): boolean => url.endsWith(`/webhooks/${webhookId}`);

/** A callback of somebody else, as far as it may be shown: a query may hold a secret of theirs. */
export const withoutQuery = (url: string): string => {
  if (!URL.canParse(url)) return 'an unreadable URL';
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
};
