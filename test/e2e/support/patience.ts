import { setTimeout as sleep } from 'node:timers/promises';
import { vi } from 'vitest';

/** Long enough for cold workers on a busy machine. In milliseconds. */
const DEFAULT_PATIENCE = 20_000;
const INTERVAL = 50;

/** Repeats `look` until it no longer throws, and answers what it found. */
export const eventually = <T>(look: () => T | Promise<T>, patience = DEFAULT_PATIENCE): Promise<T> =>
  vi.waitFor(look, { timeout: patience, interval: INTERVAL });

/** For what must not happen: `look` has to hold the whole time. */
export async function throughout(milliseconds: number, look: () => unknown): Promise<void> {
  for (const until = performance.now() + milliseconds; performance.now() < until; await sleep(INTERVAL)) await look();
}
