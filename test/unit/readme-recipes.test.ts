import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { sendMessageRequest } from '../../shared/contracts/message.ts';
import { jsonAnswer, loopbackServer } from '../support/loopback-server.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'switchboard-readme-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What follows on the words about sending, in one language. */
const recipe = (language: string): string => {
  const [, later = ''] = readme.split('An agent that needs longer answers');
  const [, code = ''] = later.split(`\n\`\`\`${language}\n`);
  return code.slice(0, code.indexOf('\n```'));
};

/** Runs a recipe. @returns how it ended and what it complained of */
const run = async (command: string, code: string, file: string, env: Readonly<Record<string, string>>) => {
  writeFileSync(join(folder, file), code);
  const child = spawn(command, [join(folder, file)], {
    cwd: folder,
    env: { PATH: process.env.PATH, AGENT_KEY: 'sbk_key', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: Buffer[] = [];
  const answered: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => answered.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const [ended] = (await once(child, 'close')) as [number];
  return { ended, said: Buffer.concat(said).toString(), answered: Buffer.concat(answered).toString() };
};

test('the recipe for media saves what a customer has sent, uploads a file, and shows the key to us alone', async () => {
  await using bucket = await loopbackServer((_heard, response) => response.end('the photo'));
  await using api = await loopbackServer(({ method }, response) =>
    method === 'GET'
      ? response.writeHead(302, { location: `${bucket.url}/object?signed` }).end('{}')
      : jsonAnswer(response, 201, { id: '77' }),
  );
  const [, code = ''] = readme.split('Media come the same way');
  const recipeOfMedia = code.slice(code.indexOf('```sh') + 5, code.indexOf('\n```\n', code.indexOf('```sh')));
  const env = { API: api.url, MEDIA_ID: '4711' };
  expect(await run('sh', recipeOfMedia, 'media.sh', env)).toEqual({ ended: 0, said: '', answered: '{"id":"77"}' });
  expect(bucket.heard[0]?.headers).not.toHaveProperty('authorization');
  expect(api.heard).toMatchObject([
    { method: 'GET', headers: { authorization: 'Bearer sbk_key' } },
    { method: 'POST', headers: { authorization: 'Bearer sbk_key', 'content-type': 'image/jpeg' }, body: 'the photo' },
  ]);
  expect(api.heard.map(({ url }) => url.pathname)).toEqual([
    '/v1/agents/support/media/4711',
    '/v1/agents/support/media',
  ]);
});

test('the recipe for a form in docs/events.md sends its fields before the file, without the key, and completes the upload', async () => {
  const document = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8');
  const [, code = ''] = document.split('FORM=$(');
  const form = `FORM=$(${code.slice(0, code.indexOf('\n```'))}`;
  await using bucket = await loopbackServer((_heard, response) => response.writeHead(204).end());
  const fields = { key: 'uploads/acme/upl_1', Policy: 'eyJ4IjoiYSJ9==', 'Content-Type': 'video/mp4' };
  await using api = await loopbackServer(({ url }, response) =>
    jsonAnswer(
      response,
      201,
      url.pathname.endsWith('/complete') ? { id: '77' } : { id: 'upl_1', url: bucket.url, fields },
    ),
  );
  writeFileSync(join(folder, 'film.mp4'), 'the film');
  expect(await run('sh', form, 'form.sh', { API: api.url })).toEqual({ ended: 0, said: '', answered: '{"id":"77"}' });
  const [sent] = bucket.heard;
  expect(sent?.headers).not.toHaveProperty('authorization');
  const names = [...(sent?.body ?? '').matchAll(/ name="([^"]+)"/g)].map(([, name]) => name);
  expect(names).toEqual([...Object.keys(fields), 'file']);
  for (const value of [...Object.values(fields), 'the film']) expect(sent?.body).toContain(`\r\n\r\n${value}\r\n`);
  expect(api.heard.map(({ url }) => url.pathname)).toEqual([
    '/v1/agents/support/media',
    '/v1/agents/support/media/upl_1/complete',
  ]);
});

test.each([
  ['js', process.execPath, 'recipe.mjs'],
  ['python', 'python3', 'recipe.py'],
  ['sh', 'sh', 'recipe.sh'],
])('the recipe in %s sends a message with the key of an agent', async (language, command, file) => {
  await using api = await loopbackServer((_heard, response) => jsonAnswer(response, 201, {}));
  const env = { API: api.url, EVENT_ID: 'evt_1', WA_ID: '4915112345678' };
  expect(await run(command, recipe(language), file, env)).toMatchObject({ ended: 0, said: '' });
  expect(api.heard).toMatchObject([
    {
      method: 'POST',
      headers: { authorization: 'Bearer sbk_key', 'content-type': 'application/json', 'idempotency-key': 'evt_1' },
    },
  ]);
  expect(api.heard[0]?.url.pathname).toBe('/v1/agents/support/messages');
  expect(sendMessageRequest.parse(JSON.parse(api.heard[0]?.body ?? ''))).toEqual({
    to: '4915112345678',
    type: 'text',
    text: { body: 'Here it is.' },
  });
});
