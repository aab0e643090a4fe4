import type { Reporter, TestModule } from 'vitest/node';

/**
 * Closes a run with one line over all suites: `N passed, N failed`. What kept a file from being loaded or a group of tests from being begun counts
 * as failed.
 */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
    const passed = states.filter((state) => state === 'passed').length;
    const groups = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const broken = groups.flatMap((group) => group.errors()).length + unhandledErrors.length;
    const failed = states.filter((state) => state === 'failed').length + broken;
    // After the default reporter's own summary.
    setImmediate(() => process.stdout.write(`\n${passed} passed, ${failed} failed\n`));
  }
}
