import { LRUCache } from 'lru-cache';
import type { PhoneNumberId } from '../contracts/ids.ts';
import type { GraphResult } from './graph.ts';

/** Meta takes 80 messages a second from a number, 20 from one that the Business app uses too ("Throughput", Cloud API). In milliseconds. */
const shortestGap = 1000 / 80;

/** However often Meta says that it is too much, a message every two seconds. In milliseconds. */
const longestGap = 2_000;

/** What was too fast once is tried again slowly: some 130 messages from one to the other end of a number with the Business app. */
const slower = 2;
const faster = 0.99;

/** Meta's word for too many messages of a number at once ("Error codes", Cloud API). */
const throughputCode = 130_429;

const mostNumbers = 1_000;

export interface SendingPace {
  /** Waits for the number's turn; false, at once, when that is more than `patience` milliseconds away. */
  turn(number: PhoneNumberId, patience: number): Promise<boolean>;
  /** What became of it: whoever was too fast halves his pace, whoever was not grows a little faster. */
  heard(number: PhoneNumberId, sent: GraphResult<unknown>): void;
}

/**
 * Spaces what this worker sends from a number. Workers do not know of each other: together they may be too fast, and then each of them
 * slows down by what Meta says, as many senders share a line.
 */
export const sendingPace = (now: () => number, sleep: (milliseconds: number) => Promise<unknown>): SendingPace => {
  const numbers = new LRUCache<PhoneNumberId, { gap: number; freeAt: number }>({ max: mostNumbers });
  const of = (number: PhoneNumberId) => {
    const known = numbers.get(number) ?? { gap: shortestGap, freeAt: 0 };
    numbers.set(number, known);
    return known;
  };
  return {
    async turn(number, patience) {
      const pace = of(number);
      const wait = Math.max(0, pace.freeAt - now());
      if (wait > patience) return false;
      pace.freeAt = now() + wait + pace.gap;
      if (wait > 0) await sleep(wait);
      return true;
    },

    heard(number, sent) {
      const pace = of(number);
      const isTooFast = !sent.ok && sent.failure.kind === 'refused' && sent.failure.code === throughputCode;
      if (isTooFast) pace.gap = Math.min(longestGap, pace.gap * slower);
      else if (sent.ok) pace.gap = Math.max(shortestGap, pace.gap * faster);
    },
  };
};
