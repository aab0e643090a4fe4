import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { Refusal } from './refusal.ts';

/** Folder of the repository; every program here runs from it. */
export const REPOSITORY = resolve(import.meta.dirname, '..', '..');

/** Everything one copy keeps between starts, except the Python environment, which the copies of a clone share. */
const REMEMBERED = [
  'emulator',
  'cdk.out',
  'logs',
  'issuer-key.json',
  'simulator.json',
  'demo-agent.secret',
  'stack.json',
  'port',
] as const;

const DEFAULT_PORT = 8787;

/** The folder that holds one copy's data, keys and logs. Only its owner can read it. */
export class StateDirectory {
  readonly path: string;
  readonly #lock: string;

  constructor(path: string) {
    this.path = resolve(REPOSITORY, path);
    this.#lock = join(this.path, 'running.pid');
  }

  /** Makes the folder, for who writes into it: a command that only reads leaves nothing behind. */
  make(): this {
    mkdirSync(this.file('logs'), { recursive: true, mode: 0o700 });
    return this;
  }

  file(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** As a person would write it: relative to the repository when it lies in it. */
  shown(...names: string[]): string {
    const path = relative(REPOSITORY, this.file(...names));
    return path.startsWith('..') ? this.file(...names) : path;
  }

  /** Opens an empty log; the one of the start before stays beside it as `NAME.previous.log`. */
  openLog(name: string): number {
    const path = this.file('logs', `${name}.log`);
    try {
      renameSync(path, this.file('logs', `${name}.previous.log`));
    } catch {}
    return openSync(path, 'a', 0o600);
  }

  /** Forgets data, keys and logs; touches nothing else that lies in the folder. */
  reset(): void {
    for (const name of REMEMBERED) rmSync(this.file(name), { recursive: true, force: true });
    this.make();
  }

  /**
   * The first port of this copy: the one asked for, else the one of the start before, else 8787.
   * @throws Refusal when the state was made with another one: the emulator's queue addresses, which functions have been
   * given, carry its port.
   */
  firstPort({ port: asked, reset }: { readonly port?: number | undefined; readonly reset: boolean }): number {
    const before = this.#portBefore();
    if (!reset && asked !== undefined && before !== undefined && asked !== before) {
      throw new Refusal(
        `The state in ${this.shown()} was made with --port ${before}, and its queues are addressed by it: start without ` +
          '--port, or give another `--state-dir`, or forget the state with `--reset`.',
      );
    }
    return asked ?? before ?? DEFAULT_PORT;
  }

  rememberPort(port: number): void {
    writeFileSync(this.file('port'), String(port));
  }

  #portBefore(): number | undefined {
    try {
      return Number(readFileSync(this.file('port'), 'utf8'));
    } catch {
      return undefined;
    }
  }

  /** @throws Refusal when another live process runs from this folder: two emulators would overwrite each other's state. */
  lock(): Disposable {
    const holder = this.#holder();
    if (holder !== undefined) {
      throw new Refusal(
        `Switchboard already runs from ${this.shown()} (process ${holder}): end that one with Ctrl-C, ` +
          'or give this one its own `--state-dir` and `--port`.',
      );
    }
    rmSync(this.#lock, { force: true });
    const descriptor = openSync(this.#lock, 'wx', 0o600);
    writeFileSync(descriptor, String(process.pid));
    closeSync(descriptor);
    return { [Symbol.dispose]: () => rmSync(this.#lock, { force: true }) };
  }

  #holder(): number | undefined {
    try {
      const holder = Number(readFileSync(this.#lock, 'utf8'));
      process.kill(holder, 0);
      return holder;
    } catch {
      return undefined;
    }
  }
}
