import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StateDirectory } from '../../../infra/local/state-directory.ts';
import { temporaryFolder, temporaryState } from './temporary-state.ts';

describe('the state folder', () => {
  it('is not made by who only reads from it', () => {
    const path = join(temporaryFolder(), 'nobody-started-here');
    new StateDirectory(path).file('stack.json');
    expect(existsSync(path)).toBe(false);
  });

  it('can be read by its owner only', () => {
    expect(statSync(temporaryState().path).mode & 0o077).toBe(0);
  });

  it('refuses a second copy while the first one lives', () => {
    const state = temporaryState();
    using _lock = state.lock();
    expect(() => new StateDirectory(state.path).lock()).toThrow(/already runs.*--state-dir/);
  });

  it('takes over from a copy that was killed', () => {
    const state = temporaryState();
    const neverAProcess = 2 ** 22 + 1;
    writeFileSync(state.file('running.pid'), String(neverAProcess));
    using _lock = state.lock();
    expect(readFileSync(state.file('running.pid'), 'utf8')).toBe(String(process.pid));
  });

  it('is free again when the lock is disposed of', () => {
    const state = temporaryState();
    state.lock()[Symbol.dispose]();
    state.lock()[Symbol.dispose]();
  });

  it('forgets data, keys and port at a reset, and nothing that is not its own', () => {
    const state = temporaryState();
    for (const name of ['issuer-key.json', 'simulator.json', 'my-notes.txt']) writeFileSync(state.file(name), '{}');
    state.rememberPort(9000);
    state.reset();
    expect(existsSync(state.file('issuer-key.json'))).toBe(false);
    expect(existsSync(state.file('simulator.json'))).toBe(false);
    expect(existsSync(state.file('my-notes.txt'))).toBe(true);
    expect(state.firstPort({ reset: false })).toBe(8787);
  });

  it('keeps the log of the start before', () => {
    const state = temporaryState();
    writeFileSync(state.openLog('emulator'), 'first');
    writeFileSync(state.openLog('emulator'), 'second');
    expect(readFileSync(state.file('logs', 'emulator.previous.log'), 'utf8')).toBe('first');
    expect(readFileSync(state.file('logs', 'emulator.log'), 'utf8')).toBe('second');
  });

  it('starts on the ports of the start before', () => {
    const state = temporaryState();
    state.rememberPort(9000);
    expect(state.firstPort({ reset: false })).toBe(9000);
    expect(state.firstPort({ port: 9000, reset: false })).toBe(9000);
  });

  it('refuses other ports than those that its queues are addressed by', () => {
    const state = temporaryState();
    state.rememberPort(9000);
    expect(() => state.firstPort({ port: 9001, reset: false })).toThrow(/made with --port 9000.*--reset/);
  });

  it('takes other ports when everything is forgotten', () => {
    const state = temporaryState();
    state.rememberPort(9000);
    expect(state.firstPort({ port: 9001, reset: true })).toBe(9001);
  });
});
