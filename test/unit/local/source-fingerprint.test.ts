import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sourceFingerprint } from '../../../infra/local/source-fingerprint.ts';
import { temporaryFolder } from './temporary-state.ts';

function sources(): string {
  const root = temporaryFolder();
  mkdirSync(join(root, 'functions', 'edge'), { recursive: true });
  writeFileSync(join(root, 'functions', 'edge', 'a.ts'), 'one');
  writeFileSync(join(root, 'package-lock.json'), '{}');
  return root;
}

it('is the same for the same sources and settings', () => {
  expect(sourceFingerprint({ a: 1 }, sources())).toBe(sourceFingerprint({ a: 1 }, sources()));
});

it.each([
  ['a file changes', (root: string) => writeFileSync(join(root, 'functions', 'edge', 'a.ts'), 'two')],
  ['a file is added', (root: string) => writeFileSync(join(root, 'functions', 'b.ts'), '')],
  ['a dependency changes', (root: string) => writeFileSync(join(root, 'package-lock.json'), '{ }')],
])('is another one when %s', (_what, change) => {
  const root = sources();
  const before = sourceFingerprint({}, root);
  change(root);
  expect(sourceFingerprint({}, root)).not.toBe(before);
});

it('is another one for other settings', () => {
  const root = sources();
  expect(sourceFingerprint({ graphApiUrl: 'a' }, root)).not.toBe(sourceFingerprint({ graphApiUrl: 'b' }, root));
});

it('is the same when something beside the sources changes', () => {
  const root = sources();
  const before = sourceFingerprint({}, root);
  mkdirSync(join(root, 'functions', 'node_modules'));
  writeFileSync(join(root, 'functions', 'node_modules', 'x.js'), '');
  writeFileSync(join(root, 'README.md'), '');
  expect(sourceFingerprint({}, root)).toBe(before);
});
