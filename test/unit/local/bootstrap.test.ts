import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { REPOSITORY } from '../../../infra/local/state-directory.ts';
import { temporaryFolder } from './temporary-state.ts';

const BOOTSTRAP = join(REPOSITORY, 'infra', 'local', 'bootstrap.mjs');

/** Runs a program of these lines through bootstrap.mjs. */
function boot(lines: string, ...args: string[]) {
  const program = join(temporaryFolder(), 'program.mjs');
  writeFileSync(program, lines);
  const child = spawn(process.execPath, [BOOTSTRAP, program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = createInterface({ input: child.stdout });
  return { child, output };
}

describe('bootstrap.mjs', () => {
  it('hands arguments on and puts the project’s programs first on PATH', async () => {
    const { child, output } = boot(
      'console.log(process.version, process.argv.slice(2), process.env.PATH)',
      '--a',
      'b c',
    );
    const printed: string[] = [];
    output.on('line', (line) => printed.push(line));
    await once(child, 'close');
    const binaries = join(REPOSITORY, 'node_modules', '.bin');
    expect(printed.join('\n')).toMatch(new RegExp(`^v24\\.\\S+ \\[ '--a', 'b c' \\] ${binaries}:`));
  });

  it('keeps the exit code', async () => {
    const { child } = boot('process.exit(7)');
    expect(await once(child, 'exit')).toEqual([7, null]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('hands %s on and waits for the program to end', async (signal) => {
    const { child, output } = boot(`
      process.on('${signal}', () => setTimeout(() => process.exit(5), 100));
      setInterval(() => {}, 1000);
      console.log('ready');`);
    await once(output, 'line');
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([5, null]);
  });

  it('ends the program when the shell that started it is gone', async () => {
    const program = join(temporaryFolder(), 'program.mjs');
    writeFileSync(program, `setInterval(() => {}, 1000); console.log(process.pid);`);
    const shell = spawn('sh', ['-c', `"${process.execPath}" "${BOOTSTRAP}" "${program}"; exit`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const output = createInterface({ input: shell.stdout });
    await once(output, 'line');
    shell.kill('SIGKILL');
    await once(output, 'close');
  });
});
