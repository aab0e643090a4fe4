import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { LocalCopy, portsOfOneCopy } from './support/local-copy.ts';
import { eventually } from './support/patience.ts';
import { stack } from './support/stack.ts';
import { mintToken } from './support/tenant.ts';

/** Two deployments on a busy machine. In milliseconds. */
const patience = 240_000;

let stateDirectory: string;
let port: string;
let copy: LocalCopy | undefined;
let connected: string;
beforeAll(async () => {
  stateDirectory = mkdtempSync(join(tmpdir(), 'switchboard-e2e-local-'));
  port = String(await freePorts(portsOfOneCopy));
});
afterAll(async () => {
  await copy?.stop('SIGTERM');
  rmSync(stateDirectory, { recursive: true, force: true });
});

/** Puts an agent, or asks for it; the status. */
async function agentStatus(running: LocalCopy, method: 'GET' | 'PUT'): Promise<number> {
  const token = await mintToken('keeper', stateDirectory);
  const agent = { name: 'Kept', target: { type: 'https', url: 'https://agents.example.com/' } };
  const { status } = await fetch(`${running.stack.api}/v1/agents/kept`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'if-none-match': '*' },
    ...(method === 'PUT' ? { body: JSON.stringify(agent) } : {}),
  });
  return status;
}

/** What the walk-through connects: out of the simulator's own seed. */
const seededCredential = {
  label: 'Demo shop',
  appId: '900100000000001',
  appSecret: 'facade00facade00facade00facade01',
  wabaId: '900200000000001',
  accessToken: 'EAAFAKEacmeGood000000000000000000000000000000000000000000000ZDZD',
};

async function callsOf(running: LocalCopy) {
  const authorization = `Bearer ${await mintToken('keeper', stateDirectory)}`;
  return async (method: string, path: string, body?: object) => {
    const response = await fetch(`${running.stack.api}${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as unknown };
  };
}

describe('a copy beside another one', () => {
  test('keeps its data over SIGTERM and a second start, and ends without a process left', {
    timeout: patience,
  }, async () => {
    copy = await LocalCopy.start(stateDirectory, '--port', port);
    expect(copy.stack.api).toBe(`http://localhost:${port}`);
    expect(await agentStatus(copy, 'PUT')).toBe(201);
    const made = await (await callsOf(copy))('POST', '/v1/credentials', seededCredential);
    connected = (made.body as { readonly id: string }).id;
    expect(await copy.stop('SIGTERM')).toEqual([]);
    expect(copy.exitCode).toBe(0);
    expect(existsSync(join(stateDirectory, 'stack.json')), 'its presence means ready').toBe(false);

    copy = await LocalCopy.start(stateDirectory);
    expect(copy.stack.api, 'the port is remembered').toBe(`http://localhost:${port}`);
    expect(await agentStatus(copy, 'GET')).toBe(200);
  });

  test('goes on hearing of what changes in its tables after a second start', { timeout: patience }, async () => {
    if (copy === undefined) throw new Error('It runs');
    const api = await callsOf(copy);
    await fetch(`${copy.stack.simulator}/_control/tokens/acme-good/revoke`, { method: 'POST', body: '{}' });
    expect((await api('POST', `/v1/credentials/${connected}/check`)).body).toMatchObject({ status: 'invalid' });
    await eventually(async () =>
      expect((await api('GET', `/v1/credentials/${connected}/health`)).body).toMatchObject({
        history: [{ to: { status: 'invalid' } }],
      }),
    );
  });

  test('refuses a second start from its folder with one sentence, and goes on', async () => {
    const second = await LocalCopy.refused(stateDirectory);
    expect(second.exitCode).toBe(1);
    expect(second.printed).toMatch(/^Switchboard already runs from .+\n$/);
    expect(copy && (await agentStatus(copy, 'GET'))).toBe(200);
  });

  test('forgets everything with --reset', { timeout: patience }, async () => {
    expect(await copy?.stop('SIGINT')).toEqual([]);
    copy = await LocalCopy.start(stateDirectory, '--reset', '--port', port);
    expect(await agentStatus(copy, 'GET')).toBe(404);
    expect(await copy.stop('SIGINT')).toEqual([]);
    expect(copy.exitCode).toBe(0);
  });
});

test('a taken port is one clear sentence', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-e2e-taken-'));
  const taken = new URL(stack.api).port;
  const refused = await LocalCopy.refused(folder, '--port', taken);
  expect(refused.exitCode).toBe(1);
  expect(refused.printed).toMatch(new RegExp(`^Port ${taken}, wanted for the front door, is taken: .+\\n$`));
  rmSync(folder, { recursive: true, force: true });
});
