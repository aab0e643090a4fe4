import type { Children } from './children.ts';
import type { StateDirectory } from './state-directory.ts';

/** Starts the example agent and answers its URL. It keeps the signing secret and the key it is handed, so that they survive a restart. */
export async function startDemoAgent(
  children: Children,
  state: StateDirectory,
  port: number,
  api: string,
): Promise<string> {
  const url = `http://localhost:${port}`;
  await children.start(
    {
      name: 'demo-agent',
      command: process.execPath,
      args: ['simulator/demo-agent/main.ts', '--port', String(port)],
      env: { AGENT_SECRET_FILE: state.file('demo-agent.secret'), AGENT_API_URL: api },
    },
    `${url}/health`,
  );
  return url;
}
