import { LRUCache } from 'lru-cache';
import type { WebhookId } from '../contracts/ids.ts';

/** So many failures at once are no flood: an App Secret that was changed at Meta and not here, with Meta repeating. */
const burst = 20;
/** From then on one in so many milliseconds. */
const refillInterval = 3_000;
/** Webhooks that are remembered, the ones that failed last. A flood over more of them than this needs as many unguessable URLs. */
const rememberedWebhooks = 10_000;

/** Counts failed signatures by webhook: a token bucket each, in the memory of one worker. */
export interface FailedSignatures {
  /** True when there have been so many of late that no secret may be fetched for one more. */
  areTooMany(webhookId: WebhookId): boolean;
  count(webhookId: WebhookId): void;
}

export const failedSignatures = (now: () => Date): FailedSignatures => {
  const buckets = new LRUCache<WebhookId, { readonly tokens: number; readonly at: number }>({
    max: rememberedWebhooks,
  });
  const tokensOf = (id: WebhookId): number => {
    const bucket = buckets.get(id);
    return bucket === undefined
      ? burst
      : Math.min(burst, bucket.tokens + (now().getTime() - bucket.at) / refillInterval);
  };
  return {
    areTooMany: (id) => tokensOf(id) < 1,
    count: (id) => void buckets.set(id, { tokens: Math.max(0, tokensOf(id) - 1), at: now().getTime() }),
  };
};
