import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { SecrecyLast } from './test/support/secrecy-last.ts';

/** What logs and metrics are named by: the stack that is deployed where nothing else is said. */
const asDeployed = { POWERTOOLS_SERVICE_NAME: 'Switchboard' };

const endToEnd = {
  globalSetup: 'test/e2e/support/running-stack.ts',
  testTimeout: 120_000,
  hookTimeout: 120_000,
  // What is said to be concurrent waits most of the time.
  maxConcurrency: 20,
};

/** Files that need the stack to themselves. The others keep to tenants of their own, and wait more than they work. */
const alone = {
  'kill workers or the emulator, or hold up the queue that everybody shares': [
    'crashes',
    'holding',
    'load',
    'outage',
    'parallel-routing',
    'receiving',
    'redrive',
    'removal',
  ],
  'read whole tables, queues or logs': [
    'audit-command',
    'audit-watch',
    'least-privilege',
    'refusals',
    'routing',
    'secrecy',
  ],
  'start a copy of the system of their own': ['local-run'],
};
const filesAlone = Object.values(alone).flatMap((names) => names.map((name) => `test/e2e/${name}.test.ts`));

/**
 * Four suites: `unit` (network off but loopback), `infra` (the real template), `integration` (adapters against two engines that play AWS),
 * `e2e` (the deployed stack, by public HTTP), of which `e2e-alone` is a part.
 */
export default defineConfig({
  test: {
    reporters: ['default', './test/support/totals-reporter.ts'],
    sequence: { sequencer: SecrecyLast },
    // Before the suite that has the stack to itself, the others share the machine; Vitest would leave one of two cores idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          setupFiles: ['test/support/loopback-only.ts'],
          env: asDeployed,
        },
      },
      {
        test: {
          name: 'infra',
          include: ['test/infra/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          env: asDeployed,
        },
      },
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
          ...endToEnd,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: filesAlone,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...endToEnd,
          name: 'e2e-alone',
          include: filesAlone,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
