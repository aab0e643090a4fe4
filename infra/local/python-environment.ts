import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Children } from './children.ts';
import { Refusal } from './refusal.ts';
import { REPOSITORY, type StateDirectory } from './state-directory.ts';

const OLDEST_MINOR = 10;
const NEWEST_MINOR = 14;
/** What an environment is for, by the file that says what is in it. */
export const EMULATOR = join(import.meta.dirname, 'requirements.txt');
export const TEMPLATE_LINT = join(import.meta.dirname, 'requirements-check.txt');

const SHARED_FOLDER = join(REPOSITORY, '.local');

/** Exit codes of the probe below. */
const TOO_OLD = 3;
const WITHOUT_VENV = 4;
const PROBE = `
import sys
if sys.version_info < (3, ${OLDEST_MINOR}): sys.exit(${TOO_OLD})
try:
  import venv, ensurepip
except ImportError: sys.exit(${WITHOUT_VENV})
`;

export interface PythonSearch {
  readonly environment?: NodeJS.ProcessEnv;
  /** Where environments are kept: by default in the clone, for all its copies. */
  readonly folder?: string;
  readonly requirements?: string;
}

/**
 * Answers the Python that has what the requirements list, and makes it when there is none. Its folder is named
 * after them and gets that name when it is complete: an interrupted installation is never mistaken for one.
 * @throws Refusal when no Python ≥ 3.10 that can make virtual environments is on PATH, or pip fails.
 */
export async function preparePython(
  children: Children,
  state: StateDirectory,
  { environment = process.env, folder = SHARED_FOLDER, requirements = EMULATOR }: PythonSearch = {},
): Promise<string> {
  const fingerprint = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const home = join(folder, `python-${fingerprint}`);
  const python = join(home, 'bin', 'python');
  const env = { ...definedOnly(environment), PYTHONNOUSERSITE: '1' };
  if (existsSync(python) && (await runs(children, python, env))) return python;

  const draft = `${home}.${process.pid}`;
  mkdirSync(folder, { recursive: true });
  try {
    await must(children, state, await findPython(children, env), ['-m', 'venv', draft], env);
    const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '-r', requirements];
    await must(children, state, join(draft, 'bin', 'python'), pip, env);
    rmSync(home, { recursive: true, force: true });
    renameSync(draft, home);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return python;
}

async function findPython(children: Children, env: Readonly<Record<string, string>>): Promise<string> {
  const minors = Array.from({ length: NEWEST_MINOR - OLDEST_MINOR + 1 }, (_, index) => NEWEST_MINOR - index);
  const verdicts = new Set<number>();
  for (const candidate of ['python3', ...minors.map((minor) => `python3.${minor}`), 'python']) {
    const verdict = await children.run({ name: 'python', command: candidate, args: ['-c', PROBE], env });
    if (verdict === 0) return candidate;
    verdicts.add(verdict);
  }
  throw new Refusal(
    verdicts.has(WITHOUT_VENV)
      ? 'This Python cannot make virtual environments, which the AWS emulator needs: install the missing part, ' +
          'on Debian and Ubuntu with `apt-get install python3-venv`.'
      : `The AWS emulator needs Python 3.${OLDEST_MINOR} or newer, and none is on PATH: install it, ` +
          'on Debian and Ubuntu with `apt-get install python3 python3-venv`, elsewhere from https://www.python.org.',
  );
}

/** False when the Python that the environment was made of has gone since. */
async function runs(children: Children, python: string, env: Readonly<Record<string, string>>): Promise<boolean> {
  return (await children.run({ name: 'python', command: python, args: ['-c', ''], env })) === 0;
}

async function must(
  children: Children,
  state: StateDirectory,
  python: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  if ((await children.run({ name: 'python', command: python, args, env })) === 0) return;
  throw new Refusal(`Python could not install the packages that this needs; see ${state.shown('logs', 'python.log')}.`);
}

function definedOnly(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
