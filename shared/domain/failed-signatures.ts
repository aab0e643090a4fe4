import { LRUCache } from 'lru-cache';
import type { WebhookId } from '../contracts/ids.ts';

/** So many failures at once are no flood: an App Secret that was changed at Meta and not here, with Meta repeating. */
const burst = 20;
/** From then on one in so many milliseconds. */
const refillInterval = 3_000;
/** So many within seconds are no chance: Meta signs with another secret than ours, or somebody else tries. */
const suspicious = 5;
/** A check has told what it is, and the next hour's will tell whether it still is. In milliseconds. */
const suspectAgainAfter = 60 * 60 * 1000;
/** Webhooks that are remembered, the ones that failed last. A flood over more of them than this needs as many unguessable URLs. */
const rememberedWebhooks = 10_000;

/** Counts failed signatures by webhook: a token bucket each, in the memory of one worker. */
export interface FailedSignatures {
  /** True when there have been so many of late that no secret may be fetched for one more. */
  areTooMany(webhookId: WebhookId): boolean;
  count(webhookId: WebhookId): void;
  /** True once an hour for a webhook at which so many fail that its App Secret may have been changed at Meta. */
  areSuspicious(webhookId: WebhookId): boolean;
}

export const failedSignatures = (now: () => Date): FailedSignatures => {
  const buckets = new LRUCache<WebhookId, { readonly tokens: number; readonly at: number }>({
    max: rememberedWebhooks,
  });
  const suspected = new LRUCache<WebhookId, number>({ max: rememberedWebhooks });
  const tokensOf = (id: WebhookId): number => {
    const bucket = buckets.get(id);
    return bucket === undefined
      ? burst
      : Math.min(burst, bucket.tokens + (now().getTime() - bucket.at) / refillInterval);
  };
  return {
    areTooMany: (id) => tokensOf(id) < 1,
    areSuspicious: (id) => {
      const at = now().getTime();
      const isTold = at - (suspected.get(id) ?? Number.NEGATIVE_INFINITY) < suspectAgainAfter;
      // Some of it has been refilled by the time the last of them is counted.
      if (isTold || burst - tokensOf(id) <= suspicious - 1) return false;
      suspected.set(id, at);
      return true;
    },
    count: (id) => void buckets.set(id, { tokens: Math.max(0, tokensOf(id) - 1), at: now().getTime() }),
  };
};
