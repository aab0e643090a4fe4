import { randomInt } from 'node:crypto';
import { isFree } from '../../infra/local/ports.ts';

/** Below the range that systems hand out for outgoing connections. */
const LOWEST = 20_000;
const HIGHEST = 30_000;

/** The first of so many ports in a row that nobody listens on. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = randomInt(LOWEST, HIGHEST - count);
    const range = Array.from({ length: count }, (_, index) => first + index);
    if ((await Promise.all(range.map(isFree))).every(Boolean)) return first;
  }
}
