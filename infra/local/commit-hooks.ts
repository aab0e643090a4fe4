import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './state-directory.ts';

/** Installs the commit hooks in a developer's checkout, once. A checkout that will not have them is no reason to stop. */
export function installCommitHooks(): void {
  const checkout = join(REPOSITORY, '.git');
  if (process.env.CI || !existsSync(checkout) || existsSync(join(checkout, 'hooks', 'pre-commit'))) return;
  spawnSync(join(REPOSITORY, 'node_modules', '.bin', 'lefthook'), ['install'], { cwd: REPOSITORY, stdio: 'ignore' });
}
