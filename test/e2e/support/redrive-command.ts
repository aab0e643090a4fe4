import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { stack } from './stack.ts';

const repository = resolve(import.meta.dirname, '..', '..', '..');

/** Runs `npm run redrive` as an operator does, against this copy. */
export function redriveCommand(
  ...options: readonly string[]
): Promise<{ readonly exitCode: number; readonly printed: string }> {
  const launcher = join(repository, 'infra/local/bootstrap.mjs');
  const args = [launcher, 'infra/redrive.ts', '--state-dir', stack.stateDirectory, ...options];
  return new Promise((ended) => {
    execFile(process.execPath, args, { cwd: repository }, (error, stdout, stderr) =>
      ended({ exitCode: Number(error?.code ?? 0), printed: `${stdout}${stderr}`.trim() }),
    );
  });
}
