import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, vi } from 'vitest';
import { Children } from '../../../infra/local/children.ts';
import { freePorts, temporaryFolder, temporaryState } from './temporary-state.ts';

/** Whoever adopts orphans may take a while to notice that one has ended. */
const REAPING_MS = 20_000;

/** A server on a port that has a child of its own and says both process ids. */
const SERVER = `
  import { spawn } from 'node:child_process';
  import { createServer } from 'node:http';
  const worker = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  console.log(process.pid, worker.pid);
  createServer((_, response) => response.end('up')).listen(Number(process.env.PORT), '127.0.0.1');
`;

function server(port: number) {
  const args = ['--input-type=module', '--eval', SERVER];
  return { name: 'server', command: process.execPath, args, env: { PORT: String(port) } };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the child processes', { timeout: 2 * REAPING_MS }, () => {
  it('are waited for until they answer, and end with their own children', async () => {
    const state = temporaryState();
    const port = await freePorts(1);
    let pids: number[] = [];
    {
      await using children = new Children(state);
      await children.start(server(port), `http://127.0.0.1:${port}`);
      pids = readFileSync(state.file('logs', 'server.log'), 'utf8').split(' ').map(Number);
      expect(pids.map(isAlive)).toEqual([true, true]);
    }
    await vi.waitFor(() => expect(pids.map(isAlive)).toEqual([false, false]), REAPING_MS);
  });

  it('are reported with the path of their log when they end unexpectedly', async () => {
    const state = temporaryState();
    const port = await freePorts(1);
    await using children = new Children(state);
    await children.start(server(port), `http://127.0.0.1:${port}`);
    const [pid] = readFileSync(state.file('logs', 'server.log'), 'utf8').split(' ').map(Number);
    process.kill(pid ?? 0, 'SIGKILL');
    await expect(children.lost).rejects.toThrow(/The server ended \(SIGKILL\); see .*logs\/server\.log/);
  });

  it('are reported when they cannot start', async () => {
    await using children = new Children(temporaryState());
    const broken = { name: 'broken', command: process.execPath, args: ['--eval', 'process.exit(3)'], env: {} };
    await expect(children.start(broken, 'http://127.0.0.1:9')).rejects.toThrow(/The broken could not start; see/);
  });

  it('are not started any more once they were told to stop', async () => {
    const children = new Children(temporaryState());
    await children[Symbol.asyncDispose]();
    await expect(children.run({ name: 'late', command: 'true', args: [], env: {} })).rejects.toThrow(/Stopping/);
  });

  it('see no environment but their own', async () => {
    const lines: string[] = [];
    await using children = new Children(temporaryState());
    const print = ['--eval', 'console.log(JSON.stringify(process.env))'];
    await children.run({ name: 'env', command: process.execPath, args: print, env: { A: '1' } }, (line) =>
      lines.push(line),
    );
    expect(JSON.parse(lines[0] ?? '')).toEqual({ A: '1' });
  });

  it('end, and the stack file with them, when their starter is killed', async () => {
    const state = temporaryState();
    const port = await freePorts(1);
    writeFileSync(state.file('stack.json'), '{}');
    const local = join(import.meta.dirname, '..', '..', '..', 'infra', 'local');
    const starter = join(temporaryFolder(), 'starter.mjs');
    writeFileSync(
      starter,
      `import { Children } from ${JSON.stringify(join(local, 'children.ts'))};
       import { StateDirectory } from ${JSON.stringify(join(local, 'state-directory.ts'))};
       const children = new Children(new StateDirectory(${JSON.stringify(state.path)}));
       await children.start(${JSON.stringify(server(port))}, 'http://127.0.0.1:${port}');
       console.log(children.scratch);`,
    );
    const process_ = spawn(process.execPath, [starter], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [scratch] = (await once(createInterface({ input: process_.stdout }), 'line')) as [string];
    const pids = readFileSync(state.file('logs', 'server.log'), 'utf8').split(' ').map(Number);
    process_.kill('SIGKILL');
    await vi.waitFor(() => expect(pids.map(isAlive)).toEqual([false, false]), REAPING_MS);
    await vi.waitFor(() => expect(existsSync(scratch)).toBe(false), REAPING_MS);
    expect(existsSync(state.file('stack.json'))).toBe(false);
  });
});
