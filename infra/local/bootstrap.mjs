// Runs one of the project's programs from a bare clone: `node infra/local/bootstrap.mjs <program> [arguments]`.
// Plain JavaScript on purpose: it is what runs before anything is installed, on any Node.js from 20 on.
// Promises: dependencies as package-lock.json says, Node.js 24 for the program, its stdio, signals and exit code passed
// through, and nothing of our own on stdout.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 20;
const PROGRAM_NODE = 24;
const PARENT_POLL_MS = 250;
const INSTALL = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
// Tried first: for packages of other platforms, which the lock file may lack, npm asks the registry each time, and with its own
// patience that takes minutes where the registry does not have them or does not answer.
const IMPATIENT = [
  ...['--prefer-offline', '--fetch-retries=1', '--fetch-retry-mintimeout=300'],
  ...['--fetch-retry-maxtimeout=1000', '--fetch-timeout=60000'],
];
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const modules = join(root, 'node_modules');
const binaries = join(modules, '.bin');
const stamp = join(modules, '.installed-from');

const major = Number(process.versions.node.split('.')[0]);
if (major < OLDEST_NODE) {
  refuse(
    `Switchboard needs Node.js ${OLDEST_NODE} or newer, and this is ${process.version}: install a current one from https://nodejs.org.`,
  );
}
const [program, ...programArguments] = process.argv.slice(2);
if (program === undefined) refuse('Say which program to run: node infra/local/bootstrap.mjs <program> [arguments]');

await installDependencies();
const ended = await run(nodeForPrograms(), [resolve(root, program), ...programArguments], { stdio: 'inherit' });
process.exit(ended);

/**
 * Installs when node_modules is missing or was made from another package-lock.json, and leaves that file alone. Why not
 * `npm ci`: it refuses a lock file that lacks the optional packages of a platform which its author's registry had not.
 */
async function installDependencies() {
  const lockFile = join(root, 'package-lock.json');
  const wanted = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  if (existsSync(stamp) || !installedByHandFrom(lockFile)) {
    const startedAt = Date.now();
    const seconds = () => Math.round((Date.now() - startedAt) / 1000);
    process.stderr.write('Installing the packages of package-lock.json (once) …\n');
    const reminder = setInterval(() => process.stderr.write(`  … still installing (${seconds()} s)\n`), 10_000);
    const [command, npmScript] = npm();
    // Whatever npm prints belongs to stderr: stdout is the program's.
    const install = (...patience) => run(command, [...npmScript, ...INSTALL, ...patience], { stdio: ['ignore', 2, 2] });
    const ended = (await install(...IMPATIENT)) && (await install());
    clearInterval(reminder);
    if (ended !== 0) refuse(`The packages could not be installed: npm ended with ${ended}; its reason stands above.`);
    process.stderr.write(`  ✓ packages installed (${seconds()} s)\n`);
  }
  writeFileSync(stamp, wanted);
}

/** npm's own record of what lies in node_modules is younger than the lock file: somebody ran npm there already. */
function installedByHandFrom(lockFile) {
  const record = join(modules, '.package-lock.json');
  return existsSync(record) && statSync(record).mtimeMs >= statSync(lockFile).mtimeMs;
}

/** The npm that runs us, else the one on PATH. */
function npm() {
  const script = process.env.npm_execpath;
  return script?.endsWith('.js') ? [process.execPath, [script]] : ['npm', []];
}

function nodeForPrograms() {
  const pinned = join(binaries, 'node');
  if (existsSync(pinned)) return pinned;
  if (major >= PROGRAM_NODE) return process.execPath;
  return refuse(`node_modules/.bin/node is missing: npm was told to skip install scripts; run \`npm rebuild node\`.`);
}

/** Runs a command to its end and answers its exit code (128 + number for a signal), handing our signals on. */
function run(command, args, options) {
  const child = spawn(command, args, {
    ...options,
    cwd: root,
    env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH ?? ''}` },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // npm hands SIGTERM to its shell, and a shell dies of it without a word to us.
  const parent = process.ppid;
  const orphaned = setInterval(() => {
    if (process.ppid === parent) return;
    // Once: a second signal would mean "at once", and the state would not be saved.
    clearInterval(orphaned);
    child.kill('SIGTERM');
  }, PARENT_POLL_MS).unref();
  return new Promise((ended) => {
    child.on('error', (error) => refuse(`${command} could not be started: ${error.message}`));
    child.on('exit', (code, signal) => ended(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

function refuse(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
