import type { Children } from './children.ts';
import type { StateDirectory } from './state-directory.ts';

/** Starts the example agent and answers its URL. It keeps the signing secret it is handed, so that it survives a restart. */
export async function startDemoAgent(children: Children, state: StateDirectory, port: number): Promise<string> {
  const url = `http://localhost:${port}`;
  await children.start(
    {
      name: 'demo-agent',
      command: process.execPath,
      args: ['simulator/demo-agent/main.ts', '--port', String(port)],
      env: { AGENT_SECRET_FILE: state.file('demo-agent.secret') },
    },
    `${url}/health`,
  );
  return url;
}
