import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { freePorts } from '../../support/free-ports.ts';
import { LocalCopy, portsOfOneCopy } from './local-copy.ts';
import { readStack } from './stack-file.ts';

/**
 * Starts a fresh copy of the whole system for the run and ends it by SIGINT. Fails when it does not come up, does not end with
 * code 0, or leaves a process behind. SWITCHBOARD_STACK=<stack.json of a running copy> uses that one instead.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const recordDirectory = mkdtempSync(join(tmpdir(), 'switchboard-e2e-record-'));
  project.provide('recordDirectory', recordDirectory);
  const forget = (folder: string) => rmSync(folder, { recursive: true, force: true });

  const attached = process.env.SWITCHBOARD_STACK;
  if (attached !== undefined) {
    project.provide('stack', readStack(resolve(attached)));
    return () => Promise.resolve(forget(recordDirectory));
  }
  const stateDirectory = mkdtempSync(join(tmpdir(), 'switchboard-e2e-'));
  const copy = await LocalCopy.start(stateDirectory, '--reset', '--port', String(await freePorts(portsOfOneCopy)));
  project.provide('stack', copy.stack);
  return async () => {
    const left = await copy.stop('SIGINT');
    if (left.length > 0) throw new Error(`The copy left processes behind: ${left.join(', ')}`);
    if (copy.exitCode !== 0) throw new Error(`The copy ended with code ${copy.exitCode}:\n${copy.printed}`);
    forget(recordDirectory);
    forget(stateDirectory);
  };
}
