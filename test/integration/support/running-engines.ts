import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { type AwsEndpoint, emulatorEndpoint } from '../../../infra/local/aws-endpoint.ts';
import { Children } from '../../../infra/local/children.ts';
import { startEmulator } from '../../../infra/local/emulator.ts';
import { preparePython } from '../../../infra/local/python-environment.ts';
import { StateDirectory } from '../../../infra/local/state-directory.ts';
import { freePorts } from '../../support/free-ports.ts';

const motoRequirements = join(import.meta.dirname, 'requirements-moto.txt');

/** Starts both engines, empty and with nothing deployed, for the run; installs what is missing, and leaves nothing behind. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-integration-'));
  const state = new StateDirectory(folder).make();
  const children = new Children(state);
  const end = async () => {
    await children[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const port = await freePorts(2);
    const ministack = await startEmulator(children, state, await preparePython(children, state), port);
    const moto = await startMoto(children, state, port + 1);
    project.provide('engines', { ministack: ministack.url, moto: moto.url });
    return end;
  } catch (error) {
    await end();
    throw error;
  }
}

async function startMoto(children: Children, state: StateDirectory, port: number): Promise<AwsEndpoint> {
  const python = await preparePython(children, state, { requirements: motoRequirements });
  await children.start(
    {
      name: 'moto',
      command: python,
      args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
      env: { HOME: children.scratch, PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', TZ: 'UTC', TMPDIR: children.scratch },
    },
    `http://127.0.0.1:${port}/moto-api/`,
  );
  return emulatorEndpoint(port);
}
