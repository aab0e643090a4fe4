/**
 * Mutation tests (`npm run mutation`): one change at a time in the code that guards secrets and the edge, and a test must fail.
 * What may survive stands in docs/mutation-survivors.md, with the reason. Not part of `npm test`: it takes minutes.
 *
 * @type {import('@stryker-mutator/api/core').PartialStrykerOptions}
 */
export default {
  mutate: [
    'shared/crypto/*.ts',
    'functions/edge/*.ts',
    // Only wiring: each line makes an adapter from settings. The types hold it together, the end-to-end tests run it.
    '!functions/edge/ports.ts',
  ],
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.config.ts' },
  coverageAnalysis: 'perTest',
  concurrency: 1,
  // Vite drops the types without reading them: a mutant with wrong types runs as it is.
  disableTypeChecks: false,
  // The sandbox is a copy: what those tests import, and nothing else.
  ignorePatterns: [
    '*',
    '!*.json',
    '!*.config.ts',
    '!shared/**',
    '!functions/**',
    '!test/support/**',
    '!test/unit/crypto/**',
    '!test/unit/functions/**',
  ],
  reporters: ['clear-text', 'progress-append-only'],
  clearTextReporter: { allowColor: false, allowEmojis: false, logTests: false, reportTests: false },
  // Below `break` the run fails: the explained survivors leave room for hardly one more.
  thresholds: { high: 100, low: 97, break: 97 },
};
