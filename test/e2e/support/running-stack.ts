import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { freePorts } from '../../support/free-ports.ts';
import { LocalCopy, portsOfOneCopy } from './local-copy.ts';
import { readStack, type Stack } from './stack-file.ts';

/** Both projects of the end-to-end tests have one stack: whichever is set up first starts it, the last one ends it. */
interface Shared {
  users: number;
  readonly running: Promise<Running>;
}
interface Running {
  readonly stack: Stack;
  readonly recordDirectory: string;
  readonly end: () => Promise<void>;
}
// Each project loads this module anew.
const shared = globalThis as { switchboardUnderTest?: Shared };

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.switchboardUnderTest ??= { users: 0, running: start() };
  const own = shared.switchboardUnderTest;
  own.users += 1;
  const { stack, recordDirectory, end } = await own.running;
  project.provide('stack', stack);
  project.provide('recordDirectory', recordDirectory);
  return async () => {
    own.users -= 1;
    if (own.users > 0) return;
    delete shared.switchboardUnderTest;
    await end();
  };
}

/**
 * Starts a fresh copy of the whole system for the run and ends it by SIGINT. Fails when it does not come up, does not end with
 * code 0, or leaves a process behind. SWITCHBOARD_STACK=<stack.json of a running copy> uses that one instead.
 */
async function start(): Promise<Running> {
  const recordDirectory = mkdtempSync(join(tmpdir(), 'switchboard-e2e-record-'));
  const forget = (folder: string) => rmSync(folder, { recursive: true, force: true });

  const attached = process.env.SWITCHBOARD_STACK;
  if (attached !== undefined)
    return {
      stack: readStack(resolve(attached)),
      recordDirectory,
      end: () => Promise.resolve(forget(recordDirectory)),
    };
  const stateDirectory = mkdtempSync(join(tmpdir(), 'switchboard-e2e-'));
  const copy = await LocalCopy.start(stateDirectory, '--reset', '--port', String(await freePorts(portsOfOneCopy)));
  const end = async () => {
    const left = await copy.stop('SIGINT');
    if (left.length > 0) throw new Error(`The copy left processes behind: ${left.join(', ')}`);
    if (copy.exitCode !== 0) throw new Error(`The copy ended with code ${copy.exitCode}:\n${copy.printed}`);
    forget(recordDirectory);
    forget(stateDirectory);
  };
  return { stack: copy.stack, recordDirectory, end };
}
