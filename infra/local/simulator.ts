import type { Children } from './children.ts';
import type { StateDirectory } from './state-directory.ts';

/** Starts the WhatsApp simulator, Meta's stand-in, and answers its URL. What it knows survives a restart. */
export async function startSimulator(children: Children, state: StateDirectory, port: number): Promise<string> {
  const place = ['--host', '127.0.0.1', '--port', String(port), '--state-file', state.file('simulator.json')];
  const url = `http://localhost:${port}`;
  await children.start(
    { name: 'simulator', command: process.execPath, args: ['simulator/main.ts', ...place], env: {} },
    `${url}/_health`,
  );
  return url;
}
