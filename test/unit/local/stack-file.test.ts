import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { publishStack, readStack, withdrawStack } from '../../../infra/local/stack-file.ts';
import { temporaryState } from './temporary-state.ts';

const STACK = {
  api: 'http://localhost:8787',
  console: 'http://localhost:8787/console',
  simulator: 'http://localhost:8789',
  agent: 'http://localhost:8790',
  issuer: 'http://localhost:8791',
  awsEndpoint: 'http://127.0.0.1:8788',
  region: 'us-east-1',
};

describe('the stack file', () => {
  it('is read as it was published', () => {
    const state = temporaryState();
    publishStack(state, STACK);
    expect(readStack(state)).toEqual(STACK);
  });

  it('leaves no draft behind', () => {
    const state = temporaryState();
    publishStack(state, STACK);
    expect(readdirSync(state.path).sort()).toEqual(['logs', 'stack.json']);
  });

  it('is gone when its publication is disposed of', () => {
    const state = temporaryState();
    {
      using _published = publishStack(state, STACK);
      expect(existsSync(state.file('stack.json'))).toBe(true);
    }
    expect(existsSync(state.file('stack.json'))).toBe(false);
  });

  it('can be withdrawn twice', () => {
    const state = temporaryState();
    withdrawStack(state);
    withdrawStack(state);
  });

  it('says how to start when there is none', () => {
    expect(() => readStack(temporaryState())).toThrow(/Switchboard is not running.*npm start/);
  });

  it('refuses a file that lacks an address', () => {
    const state = temporaryState();
    writeFileSync(state.file('stack.json'), JSON.stringify({ ...STACK, api: undefined }));
    expect(() => readStack(state)).toThrow(/api/);
  });
});
