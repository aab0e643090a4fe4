import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesMentioning } from './processes.ts';
import { readStack, type Stack } from './stack-file.ts';

const REPOSITORY = resolve(import.meta.dirname, '..', '..', '..');

/** In a row, from the one it is given. */
export const portsOfOneCopy = 5;

/** A clean clone makes its Python environment first. In milliseconds. */
const START_PATIENCE = 300_000;
const STOP_PATIENCE = 60_000;

/** One copy of the whole system on this machine, started as `npm start` does. */
export class LocalCopy {
  readonly #process: ChildProcess;
  readonly #stateDirectory: string;
  readonly #output: string;

  private constructor(stateDirectory: string, options: readonly string[]) {
    this.#stateDirectory = stateDirectory;
    this.#output = join(stateDirectory, 'start.out');
    const descriptor = openSync(this.#output, 'w', 0o600);
    this.#process = spawn(
      process.execPath,
      ['infra/local/bootstrap.mjs', 'infra/local/start.ts', '--state-dir', stateDirectory, ...options],
      { cwd: REPOSITORY, stdio: ['ignore', descriptor, descriptor], detached: true },
    );
    closeSync(descriptor);
  }

  /** Waits until it is ready. @throws with what it printed when it does not come up */
  static async start(stateDirectory: string, ...options: readonly string[]): Promise<LocalCopy> {
    const copy = new LocalCopy(stateDirectory, options);
    const deadline = performance.now() + START_PATIENCE;
    while (!existsSync(join(stateDirectory, 'stack.json'))) {
      if (copy.#ended || performance.now() > deadline) {
        await copy.stop('SIGINT');
        throw new Error(`The copy did not come up:\n${copy.printed}`);
      }
      await sleep(100);
    }
    return copy;
  }

  /** For a start that is to be refused: waits for its end. */
  static async refused(stateDirectory: string, ...options: readonly string[]): Promise<LocalCopy> {
    const copy = new LocalCopy(stateDirectory, options);
    if (!copy.#ended) await once(copy.#process, 'exit');
    return copy;
  }

  get stack(): Stack {
    return readStack(join(this.#stateDirectory, 'stack.json'));
  }

  get printed(): string {
    return readFileSync(this.#output, 'utf8');
  }

  get exitCode(): number | null {
    return this.#process.exitCode;
  }

  /** Ends it, and answers which processes it left behind; those are killed. */
  async stop(signal: 'SIGINT' | 'SIGTERM'): Promise<readonly string[]> {
    if (!this.#ended) {
      const ended = once(this.#process, 'exit');
      this.#process.kill(signal);
      await Promise.race([ended, sleep(STOP_PATIENCE, undefined, { ref: false })]);
    }
    const left = processesMentioning(this.#stateDirectory);
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    return left.map(({ name }) => name);
  }

  get #ended(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}
