import type { OutageStore } from '../../shared/domain/meta-outage.ts';

/** What checks tell of Meta as the Directory would hold it: outage-contract.ts holds both to the same promises. */
export const memoryOutages = (): OutageStore => {
  const counts = new Map<number, { answered: number; unanswered: number }>();
  let since: Date | null = null;
  const spanOf = (at: number) => at - (at % 300_000);
  return {
    count(isOutage, now) {
      const span = spanOf(now.getTime());
      const before = counts.get(span) ?? { answered: 0, unanswered: 0 };
      const [answered, unanswered] = isOutage ? [0, 1] : [1, 0];
      counts.set(span, { answered: before.answered + answered, unanswered: before.unanswered + unanswered });
      return Promise.resolve();
    },
    recent: (now) =>
      Promise.resolve(
        [...counts]
          .filter(([span]) => span >= spanOf(now.getTime() - 600_000))
          .reduce(
            (sum, [, it]) => ({ answered: sum.answered + it.answered, unanswered: sum.unanswered + it.unanswered }),
            { answered: 0, unanswered: 0 },
          ),
      ),
    find: () => Promise.resolve(since),
    change(before, after) {
      if (since?.getTime() !== before?.getTime()) return Promise.resolve(false);
      since = after;
      return Promise.resolve(true);
    },
  };
};
