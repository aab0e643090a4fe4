import type { WebhookId } from '../contracts/ids.ts';
import { digestOf } from '../crypto/identifiers.ts';

/** Where Meta reaches a webhook: only unreserved characters, because Meta decodes the URL that it stores. */
export const webhookUrl = (publicUrl: string, webhookId: WebhookId): string => `${publicUrl}/webhooks/${webhookId}`;

/** What is kept of a verify token: it is as long as it is random, so a plain hash can't be reversed. */
export const hashOfVerifyToken = (token: string): string => digestOf('verify-token', token);
