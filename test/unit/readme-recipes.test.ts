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

test.each([
  ['js', process.execPath, 'recipe.mjs'],
  ['python', 'python3', 'recipe.py'],
  ['sh', 'sh', 'recipe.sh'],
])('the recipe in %s sends a message with the key of an agent', async (language, command, file) => {
  await using api = await loopbackServer((_heard, response) => jsonAnswer(response, 201, {}));
  writeFileSync(join(folder, file), recipe(language));
  const env = { PATH: process.env.PATH, API: api.url, AGENT_KEY: 'sbk_key', EVENT_ID: 'evt_1', WA_ID: '4915112345678' };
  const child = spawn(command, [join(folder, file)], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const [code] = (await once(child, 'close')) as [number];
  expect([code, Buffer.concat(said).toString()]).toEqual([0, '']);
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
