import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSimulator } from '../../../simulator/server.ts';
import { ACME, ADA, simulatorForTests } from './harness.ts';

const node = fileURLToPath(new URL('../../../node_modules/.bin/node', import.meta.url));
const main = fileURLToPath(new URL('../../../simulator/main.ts', import.meta.url));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'simulator-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('the state file', () => {
  it('brings back what was set up, sent and said, and only its owner can read it', async () => {
    const stateFile = join(folder, 'state.json');
    const first = await simulatorForTests({ stateFile });
    await first.control('POST', '/message', { phoneNumberId: ACME.phone, from: ADA, body: 'remember me' });
    await first.graph('POST', `${ACME.shop}/subscribed_apps`, { as: 'acme-good' });
    await first.graph('POST', `${ACME.phone}/messages`, {
      as: 'acme-good',
      json: { messaging_product: 'whatsapp', to: ADA, text: { body: 'yes' } },
    });
    await first.close();
    expect((await stat(stateFile)).mode & 0o777).toBe(0o600);

    const second = await simulatorForTests({ stateFile });
    const { items } = (await second.control('GET', `/conversations?waId=${ADA}`)).body;
    expect(items[0].items.map(({ text }: { text: string }) => text)).toEqual(['remember me', 'yes']);
    expect((await second.control('GET', '/sent')).body.items).toHaveLength(1);
    expect((await second.graph('GET', `${ACME.shop}/subscribed_apps`, { as: 'acme-good' })).body.data).toHaveLength(1);
    const former = (await second.control('GET', '/state')).body.appSubscriptions[0].callbackUrl;
    expect(former.startsWith(second.url)).toBe(true);
    await second.control('POST', '/reset');
    expect((await second.graph('GET', `${ACME.shop}/subscribed_apps`, { as: 'acme-good' })).body.data).toEqual([]);
    await second.close();
  });

  it('keeps the bubble of a picture, but not the picture', async () => {
    const stateFile = join(folder, 'state.json');
    const first = await simulatorForTests({ stateFile });
    const media = { mimeType: 'image/png', text: 'a picture', caption: 'look' };
    await first.control('POST', '/message', { phoneNumberId: ACME.phone, from: ADA, media });
    await first.close();

    const second = await simulatorForTests({ stateFile });
    const { items } = (await second.control('GET', `/conversations?waId=${ADA}`)).body;
    expect(items[0].items).toMatchObject([{ text: '[image] look', media: null }]);
    expect((await second.control('GET', '/media')).body.items).toEqual([]);
    await second.close();
  });

  it('is refused in one sentence when it is something else', async () => {
    const stateFile = join(folder, 'state.json');
    await writeFile(stateFile, '{"version":2}');
    await expect(startSimulator({ stateFile })).rejects.toThrow(/is not one of this simulator's/);
  });
});

describe('the program', () => {
  const run = (...args: string[]) => spawn(node, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });

  it('prints its addresses, ends on SIGTERM with 0, and saves', async () => {
    const stateFile = join(folder, 'state.json');
    const program = run('--port', '0', '--state-file', stateFile);
    const [output] = await once(program.stdout, 'data');
    expect(String(output)).toMatch(/Graph API +http:\/\/127\.0\.0\.1:\d+\/v25\.0/);
    program.kill('SIGTERM');
    expect((await once(program, 'exit'))[0]).toBe(0);
    expect(JSON.parse(await readFile(stateFile, 'utf8'))).toMatchObject({ version: 1 });
  }, 15_000);

  it('says in one sentence that a port is taken, a seed is bad, or an option is wrong', async () => {
    const busy = await startSimulator();
    const seed = join(folder, 'seed.json');
    await writeFile(seed, '{"apps":[{"id":"x"}]}');
    const complaints = await Promise.all(
      [
        ['--port', new URL(busy.url).port],
        ['--seed', seed],
        ['--seed', join(folder, 'none.json')],
        ['--port', 'many'],
      ].map(async (args) => {
        const program = run(...args);
        const chunks: string[] = [];
        program.stderr.on('data', (chunk) => chunks.push(String(chunk)));
        const [code] = await once(program, 'close');
        return `${code} ${chunks.join('')}`;
      }),
    );
    await busy.close();
    expect(complaints[0]).toMatch(/^1 Port \d+ of 127\.0\.0\.1 is taken; choose another one\.\n$/);
    expect(complaints[1]).toMatch(/^1 The seed file .* is not valid:[\s\S]*apps\[0\]\.id/);
    expect(complaints[2]).toMatch(/^1 The seed file .* cannot be read/);
    expect(complaints[3]).toMatch(/^1 --port: many is not a port\.\n$/);
    for (const complaint of complaints) expect(complaint).not.toMatch(/\n +at /);
  }, 15_000);
});
