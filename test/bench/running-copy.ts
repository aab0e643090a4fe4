import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import * as z from 'zod';

const repository = join(import.meta.dirname, '..', '..');
const launcher = join(repository, 'infra', 'local', 'bootstrap.mjs');
const execute = promisify(execFile);

/** A first start also installs the emulator. In milliseconds. */
const startPatience = 300_000;

const stackFile = z.object({ api: z.url(), simulator: z.url(), awsEndpoint: z.url(), region: z.string() });

/** A copy of the system that runs: what its stack.json says, and the folder it lies in. */
export type RunningCopy = z.infer<typeof stackFile> & { readonly stateFolder: string; readonly ours: boolean };

/**
 * The copy whose stack.json SWITCHBOARD_STACK names, else a fresh one on these ports, which is ended and forgotten by `running`.
 * @throws Error with the end of its log when it does not come up
 */
export async function obtainCopy(port: number, running: AsyncDisposableStack): Promise<RunningCopy> {
  const given = process.env.SWITCHBOARD_STACK;
  if (given !== undefined) return readCopy(given, false);

  const stateFolder = mkdtempSync(join(tmpdir(), 'switchboard-bench-'));
  running.defer(() => rmSync(stateFolder, { recursive: true, force: true }));
  const logPath = join(stateFolder, 'start.log');
  const log = openSync(logPath, 'a');
  const start = ['infra/local/start.ts', '--reset', '--port', String(port), '--state-dir', stateFolder];
  // Through the launcher, which ends the copy when this process is killed.
  const child = spawn(process.execPath, [launcher, ...start], { stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = once(child, 'exit');
  running.defer(async () => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await ended;
  });

  const path = join(stateFolder, 'stack.json');
  const deadline = performance.now() + startPatience;
  while (!existsSync(path)) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`The copy did not come up:\n${readFileSync(logPath, 'utf8').slice(-2_000)}`);
    await pause(100);
  }
  return readCopy(path, true);
}

function readCopy(path: string, ours: boolean): RunningCopy {
  return { ...stackFile.parse(JSON.parse(readFileSync(path, 'utf8'))), stateFolder: dirname(path), ours };
}

/** An access token of the copy's own issuer. */
export async function tokenFor(tenant: string, copy: RunningCopy): Promise<string> {
  const args = ['infra/local/token.ts', '--tenant', tenant, '--state-dir', copy.stateFolder];
  const { stdout } = await execute(process.execPath, [launcher, ...args], { cwd: repository });
  return stdout.trim();
}
