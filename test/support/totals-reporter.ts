import type { Reporter, TestModule } from 'vitest/node';

/** Closes a run with one line over all suites: `N passed, N failed`. A file that could not even be loaded counts as failed. */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
    const passed = states.filter((state) => state === 'passed').length;
    const broken = modules.flatMap((module) => module.errors()).length + unhandledErrors.length;
    const failed = states.filter((state) => state === 'failed').length + broken;
    // After the default reporter's own summary.
    setImmediate(() => process.stdout.write(`\n${passed} passed, ${failed} failed\n`));
  }
}
