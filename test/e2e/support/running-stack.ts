import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';
import { freePorts } from './free-ports.ts';
import { processesMentioning } from './processes.ts';
import { readStack } from './stack-file.ts';

const REPOSITORY = resolve(import.meta.dirname, '..', '..', '..');

/** A clean clone makes its Python environment first. In milliseconds. */
const START_PATIENCE = 300_000;
const STOP_PATIENCE = 60_000;

/**
 * Starts a fresh copy of the whole system for the run and ends it by SIGINT. Fails when it does not come up, does not end with
 * code 0, or leaves a process behind. SWITCHBOARD_STACK=<stack.json of a running copy> uses that one instead.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const recordDirectory = mkdtempSync(join(tmpdir(), 'switchboard-e2e-record-'));
  project.provide('recordDirectory', recordDirectory);
  const forget = () => rmSync(recordDirectory, { recursive: true, force: true });

  const attached = process.env.SWITCHBOARD_STACK;
  if (attached !== undefined) {
    project.provide('stack', readStack(resolve(attached)));
    return async () => forget();
  }
  const stateDirectory = mkdtempSync(join(tmpdir(), 'switchboard-e2e-'));
  const copy = await startCopy(stateDirectory);
  project.provide('stack', readStack(join(stateDirectory, 'stack.json')));
  return async () => {
    await stopCopy(copy, stateDirectory);
    forget();
    rmSync(stateDirectory, { recursive: true, force: true });
  };
}

async function startCopy(stateDirectory: string): Promise<ChildProcess> {
  const output = join(stateDirectory, 'start.out');
  const descriptor = openSync(output, 'a', 0o600);
  const port = await freePorts(5);
  const copy = spawn(
    process.execPath,
    [
      'infra/local/bootstrap.mjs',
      'infra/local/start.ts',
      '--reset',
      '--port',
      String(port),
      '--state-dir',
      stateDirectory,
    ],
    { cwd: REPOSITORY, stdio: ['ignore', descriptor, descriptor], detached: true },
  );
  closeSync(descriptor);
  const deadline = performance.now() + START_PATIENCE;
  while (!existsSync(join(stateDirectory, 'stack.json'))) {
    if (copy.exitCode !== null) throw new Error(`The copy could not start:\n${readFileSync(output, 'utf8')}`);
    if (performance.now() > deadline) {
      copy.kill('SIGINT');
      throw new Error(`The copy was not up in time:\n${readFileSync(output, 'utf8')}`);
    }
    await sleep(100);
  }
  return copy;
}

async function stopCopy(copy: ChildProcess, stateDirectory: string): Promise<void> {
  if (copy.exitCode === null) {
    const ended = once(copy, 'exit');
    copy.kill('SIGINT');
    await Promise.race([ended, sleep(STOP_PATIENCE, undefined, { ref: false })]);
  }
  const left = processesMentioning(stateDirectory);
  for (const { pid } of left) process.kill(pid, 'SIGKILL');
  if (left.length > 0) throw new Error(`The copy left processes behind: ${left.map(({ name }) => name).join(', ')}`);
  if (copy.exitCode !== 0) throw new Error(`The copy ended with ${copy.exitCode ?? copy.signalCode}.`);
}
