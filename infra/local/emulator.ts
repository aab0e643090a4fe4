import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type AwsEndpoint, emulatorEndpoint, givenEndpoint } from './aws-endpoint.ts';
import type { Children } from './children.ts';
import { step } from './progress.ts';
import { preparePython } from './python-environment.ts';
import { REPOSITORY, type StateDirectory } from './state-directory.ts';
import { rewindStreams } from './stream-positions.ts';

/** The endpoint that the user has set by AWS_ENDPOINT_URL, else that of an emulator of our own. */
export async function obtainAws(children: Children, state: StateDirectory, port: number): Promise<AwsEndpoint> {
  const given = givenEndpoint(process.env);
  if (given !== undefined) return given;
  const python = await step('Python environment', () => preparePython(children, state));
  return step('AWS emulator', async () => {
    const endpoint = await startEmulator(children, state, python, port);
    await rewindStreams(endpoint);
    return endpoint;
  });
}

/**
 * Starts MiniStack on loopback with IAM enforced and its state kept in the state folder. SIGTERM makes it save.
 * Its environment is complete as it stands: all of it reaches every Lambda, so code that reads a variable that its
 * function was not given fails here as on AWS.
 */
export async function startEmulator(
  children: Children,
  state: StateDirectory,
  python: string,
  port: number,
): Promise<AwsEndpoint> {
  const stateFolder = state.file('emulator', 'state');
  const objects = state.file('emulator', 's3');
  for (const folder of [stateFolder, objects]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  await children.start(
    {
      name: 'emulator',
      command: python,
      args: ['-m', 'ministack'],
      env: {
        HOME: children.scratch,
        PATH: `${join(REPOSITORY, 'node_modules', '.bin')}:/usr/bin:/bin`,
        LANG: 'C.UTF-8',
        TZ: 'UTC',
        NODE_OPTIONS: '--no-deprecation',
        GATEWAY_PORT: String(port),
        BIND_HOST: '127.0.0.1',
        AUTH: 'true',
        AWS_SECRET_ACCESS_KEY: 'test',
        CLOUDTRAIL_RECORDING: '1',
        IOT_MTLS_ENABLED: '0',
        SFTP_ENABLED: '0',
        PERSIST_STATE: '1',
        S3_PERSIST: '1',
        STATE_DIR: stateFolder,
        S3_DATA_DIR: objects,
        // Lambda code is unpacked here: outside the repository, whose package.json would make its modules ESM and
        // whose node_modules would hide a dependency missing from the bundle.
        TMPDIR: children.scratch,
      },
    },
    `http://127.0.0.1:${port}/_ministack/ready`,
  );
  return emulatorEndpoint(port);
}
