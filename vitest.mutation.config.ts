import { defineConfig } from 'vitest/config';

/** The tests that must notice a mutant: those beside the mutated code, so that none hides behind a test of something else. */
export default defineConfig({
  test: {
    include: ['test/unit/{crypto,functions}/**/*.test.ts'],
    setupFiles: ['test/support/loopback-only.ts'],
  },
});
