import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from './refusal.ts';
import { STACK_FILE } from './stack-file.ts';
import { REPOSITORY, type StateDirectory } from './state-directory.ts';

export interface Command {
  /** What people call it; also the name of its log. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Its whole environment: nothing of ours leaks into it. */
  readonly env: Readonly<Record<string, string>>;
}

/** The emulator needs about two seconds to save a full state. */
const GRACE_MS = 15_000;
const POLL_MS = 25;
/** What a shell answers for a command that does not exist. */
const NOT_FOUND = 127;

/**
 * The processes we started, each in its own process group, each with its log in the state folder. Disposing ends them in
 * reverse order by SIGTERM and waits; nothing can be started afterwards. Should we be killed ourselves, the guardian does it.
 */
export class Children implements AsyncDisposable {
  /** Rejects when a child that should keep running has ended. */
  readonly lost: Promise<never>;
  /** A folder outside the repository for what they unpack; the guardian removes it when all have ended. */
  readonly scratch: string = mkdtempSync(join(tmpdir(), 'switchboard-'));
  readonly #state: StateDirectory;
  readonly #running: ChildProcess[] = [];
  readonly #guardian: ChildProcess;
  #reportLoss: (reason: Refusal) => void = () => {};
  #closing = false;

  constructor(state: StateDirectory) {
    this.#state = state;
    this.lost = new Promise((_, reject) => {
      this.#reportLoss = reject;
    });
    this.lost.catch(() => {});
    const guardian = join(import.meta.dirname, 'guardian.ts');
    this.#guardian = spawn(process.execPath, [guardian, state.file(STACK_FILE), this.scratch], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {},
    });
    this.#guardian.stdin?.on('error', () => {});
  }

  /** Starts a program that keeps running and waits until `url` answers. @throws Refusal when it does not come up. */
  async start(program: Command, url: string, patienceMs = 20_000): Promise<void> {
    const log = this.#state.openLog(program.name);
    const child = this.#spawn(program, ['ignore', log, log]);
    closeSync(log);
    const seeLog = `see ${this.#state.shown('logs', `${program.name}.log`)}`;
    let ended = false;
    child.once('error', () => this.#reportLoss(new Refusal(`${program.command} could not be started.`)));
    child.once('exit', (code, signal) => {
      ended = true;
      if (!this.#closing) this.#reportLoss(new Refusal(`The ${program.name} ended (${signal ?? code}); ${seeLog}.`));
    });
    const deadline = performance.now() + patienceMs;
    while (!(await answers(url))) {
      if (ended) throw new Refusal(`The ${program.name} could not start; ${seeLog}.`);
      if (performance.now() > deadline) throw new Refusal(`The ${program.name} does not answer at ${url}; ${seeLog}.`);
      await sleep(POLL_MS);
    }
  }

  /**
   * Runs a program to its end, its output to its log and line by line to `onLine`. Answers its exit code, 127 when there
   * is no such program.
   */
  async run(program: Command, onLine: (line: string) => void = () => {}): Promise<number> {
    const log = this.#state.openLog(program.name);
    const child = this.#spawn(program, ['ignore', 'pipe', 'pipe']);
    for (const input of [child.stdout, child.stderr]) {
      if (input === null) continue;
      createInterface({ input }).on('line', (line) => {
        writeSync(log, `${line}\n`);
        onLine(line);
      });
    }
    try {
      const [code] = (await once(child, 'close')) as [number | null];
      return code ?? 1;
    } catch {
      return NOT_FOUND;
    } finally {
      closeSync(log);
    }
  }

  /** Ends everything at once, without saving. */
  kill(): void {
    for (const child of this.#running) signalGroup(child, 'SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    for (const child of this.#running.toReversed()) await end(child);
    this.#guardian.stdin?.end();
    if (this.#guardian.exitCode === null) await once(this.#guardian, 'exit');
  }

  #spawn(program: Command, stdio: ['ignore', 'pipe' | number, 'pipe' | number]): ChildProcess {
    if (this.#closing) throw new Refusal('Stopping: nothing is started any more.');
    const { command, args, env } = program;
    const child = spawn(command, args, { cwd: REPOSITORY, env, stdio, detached: true });
    if (child.pid === undefined) return child;
    this.#running.push(child);
    this.#guardian.stdin?.write(`+${child.pid}\n`);
    child.once('exit', () => {
      signalGroup(child, 'SIGKILL');
      this.#running.splice(this.#running.indexOf(child), 1);
      this.#guardian.stdin?.write(`-${child.pid}\n`);
    });
    return child;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.status < 500;
  } catch {
    return false;
  }
}

/** SIGTERM goes to the leader alone: the emulator ends its workers itself, after it has saved. */
async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await Promise.race([exited, sleep(GRACE_MS, undefined, { ref: false })]);
  signalGroup(child, 'SIGKILL');
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {}
}
