// `npm run check`: everything about the code that can be told without running it. Each part says by itself what is wrong.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Children } from './children.ts';
import { say } from './progress.ts';
import { preparePython, TEMPLATE_LINT } from './python-environment.ts';
import { explain, Refusal } from './refusal.ts';
import { REPOSITORY, StateDirectory } from './state-directory.ts';

const LAYERS = ['shared', 'functions', 'infra', 'simulator', 'test'];
const STAGES_ON_AWS = ['prod', 'dev'];

try {
  run(
    'Format and lint',
    'biome',
    'ci',
    '--error-on-warnings',
    `--colors=${process.stderr.isTTY ? 'force' : 'off'}`,
    '.',
  );
  run('Types', 'tsc', '--noEmit');
  run('Promises that nobody awaits (eslint, a minute)', 'eslint', '.');
  run('Dependency boundaries', 'depcruise', '--config', '.dependency-cruiser.cjs', ...LAYERS);
  await lintTemplates();
  say('All checks passed.');
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
}

/** Synthesizes as on a new machine, with cdk-nag's findings as errors, and has cfn-lint read the templates. */
async function lintTemplates(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-templates-'));
  try {
    for (const stage of STAGES_ON_AWS)
      run(
        `Synth of ${stage}`,
        'cdk',
        'synth',
        '--quiet',
        '--no-notices',
        '-c',
        `stage=${stage}`,
        '--output',
        join(folder, stage),
      );
    const state = new StateDirectory('.local/check').make();
    await using children = new Children(state);
    const python = await preparePython(children, state, { requirements: TEMPLATE_LINT });
    const templates = STAGES_ON_AWS.flatMap((stage) =>
      readdirSync(join(folder, stage))
        .filter((name) => name.endsWith('.template.json'))
        .map((name) => join(folder, stage, name)),
    );
    // Run by its Python: the script itself names the folder in which the environment was made, not where it lies.
    const cfnLint = join(dirname(python), 'cfn-lint');
    run('CloudFormation templates', python, cfnLint, '--config-file', '.cfnlintrc.yaml', ...templates);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Shows what a part prints only when it finds something. @throws Refusal then */
function run(what: string, command: string, ...args: readonly string[]): void {
  const startedAt = performance.now();
  if (process.stderr.isTTY) process.stderr.write(`  … ${what}\r`);
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: REPOSITORY,
    maxBuffer: Number.MAX_SAFE_INTEGER,
  });
  if (status !== 0) {
    process.stderr.write(`${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}\n`);
    throw new Refusal(`${what}: not in order, see above.`);
  }
  say(`  ✓ ${what} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
}
