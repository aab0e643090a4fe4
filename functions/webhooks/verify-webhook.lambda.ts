import { timingSafeEqual } from 'node:crypto';
import { type WebhookId, webhookId } from '../../shared/contracts/ids.ts';
import { hashOfVerifyToken } from '../../shared/domain/webhook-address.ts';
import * as ports from '../edge/ports.ts';
import { type WebhookAnswer, type WebhookRequest, webhookLambda } from '../edge/webhook-lambda.ts';

/**
 * Answers Meta's handshake (webhooks documentation, "Verification requests"): the challenge, untouched, to whoever presents a
 * verify token that was given to Meta for exactly this webhook. A Lambda of its own: no branch of the POST can skip the signature.
 */
export const verifyWebhook = async (
  { webhookId: claimedId, query }: WebhookRequest,
  webhooks: {
    verifyTokenHashes(id: WebhookId): Promise<readonly string[]>;
    isOpen(id: WebhookId): Promise<boolean>;
  },
): Promise<WebhookAnswer> => {
  const id = webhookId.safeParse(claimedId);
  if (!id.success) return { status: 404 };
  const challenge = query['hub.challenge'];
  const verifyToken = query['hub.verify_token'];
  if (query['hub.mode'] !== 'subscribe' || verifyToken === undefined || !isChallenge(challenge)) return { status: 400 };
  const offered = Buffer.from(hashOfVerifyToken(verifyToken));
  const known = await webhooks.verifyTokenHashes(id.data);
  if (!known.some((hash) => isSame(Buffer.from(hash), offered))) return { status: 403 };
  // A removal has begun: what a set-up was still about to do must not take effect.
  return (await webhooks.isOpen(id.data)) ? { challenge } : { status: 403 };
};

const isChallenge = (value: string | undefined): value is string => /^[\w-]{1,128}$/.test(value ?? '');

const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.byteLength === b.byteLength && timingSafeEqual(a, b);

export const handler = webhookLambda((request) => verifyWebhook(request, ports.webhooks()));
