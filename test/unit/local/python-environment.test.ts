import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Children } from '../../../infra/local/children.ts';
import { preparePython } from '../../../infra/local/python-environment.ts';
import { temporaryFolder, temporaryState } from './temporary-state.ts';

/** Looks for Python on a PATH with nothing but these programs, each a shell script. */
async function prepareWith(programs: Readonly<Record<string, string>>) {
  const path = temporaryFolder();
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  }
  const state = temporaryState();
  const children = new Children(state);
  onTestFinished(() => children[Symbol.asyncDispose]());
  const folder = temporaryFolder();
  return { folder, prepared: preparePython(children, state, { environment: { PATH: path }, folder }) };
}

it('says that Python is missing, and how to get it', async () => {
  const { prepared } = await prepareWith({});
  await expect(prepared).rejects.toThrow(/needs Python 3\.10 or newer, and none is on PATH.*apt-get install python3/);
});

it('takes a Python that is too old for none', async () => {
  const { prepared } = await prepareWith({ python3: 'exit 3' });
  await expect(prepared).rejects.toThrow(/none is on PATH/);
});

it('says which part is missing when Python cannot make environments', async () => {
  const { prepared } = await prepareWith({ python3: 'exit 4' });
  await expect(prepared).rejects.toThrow(/apt-get install python3-venv/);
});

it('names the log when pip fails, and leaves no half environment behind', async () => {
  const { prepared, folder } = await prepareWith({ python3: '[ "$1" = -c ] || exit 1' });
  await expect(prepared).rejects.toThrow(/could not install the packages that this needs; see .*python\.log/);
  expect(readdirSync(folder)).toEqual([]);
});
