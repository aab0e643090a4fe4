import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { SecrecyLast } from './test/support/secrecy-last.ts';

/**
 * Four suites: `unit` (network off but loopback), `infra` (the real template), `integration` (adapters against two engines that play AWS),
 * `e2e` (the deployed stack, by public HTTP).
 */
export default defineConfig({
  test: {
    reporters: ['default', './test/support/totals-reporter.ts'],
    sequence: { sequencer: SecrecyLast },
    // Before the suite that has the stack to itself, the others share the machine; Vitest would leave one of two cores idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], setupFiles: ['test/support/loopback-only.ts'] } },
      { test: { name: 'infra', include: ['test/infra/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 120_000 } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: 'test/integration/support/running-engines.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: 'test/e2e/support/running-stack.ts',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // One stack on two cores: files one after the other keep times and logs readable.
          fileParallelism: false,
          // What is said to be concurrent waits most of the time.
          maxConcurrency: 20,
        },
      },
    ],
  },
});
