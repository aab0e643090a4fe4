/** The value below which this share of the sample lies (nearest rank). @throws RangeError for an empty sample */
export function quantile(sample: readonly number[], share: number): number {
  const sorted = sample.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('An empty sample has no quantiles.');
  return value;
}

export const median = (sample: readonly number[]): number => quantile(sample, 0.5);

export const sum = (sample: readonly number[]): number => sample.reduce((total, value) => total + value, 0);

/** For tables and the history: as many digits as noise leaves. */
export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));
