import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const repository = resolve(import.meta.dirname, '../..');
let tree: string;

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'boundaries-'));
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
    cpSync(join(repository, file), join(tree, file));
  symlinkSync(join(repository, 'node_modules'), join(tree, 'node_modules'));
  for (const layer of ['shared', 'functions', 'infra', 'simulator', 'test']) mkdirSync(join(tree, layer));
});
afterEach(() => rmSync(tree, { recursive: true, force: true }));

const plant = (path: string, ...imports: readonly string[]) => {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  const lines = imports.map((from, index) => `import * as i${index} from '${from}';\nconsole.log(i${index});`);
  writeFileSync(join(tree, path), `${lines.join('\n')}\nexport const planted = true;\n`);
};

/** Names of the rules that `npm run check` would report. */
const violations = (): readonly string[] => {
  const args = [
    '--config',
    '.dependency-cruiser.cjs',
    '--output-type',
    'json',
    'shared',
    'functions',
    'infra',
    'simulator',
    'test',
  ];
  const { stdout } = spawnSync(join(repository, 'node_modules/.bin/depcruise'), args, { cwd: tree, encoding: 'utf8' });
  const { summary } = JSON.parse(stdout) as { summary: { violations: { rule: { name: string } }[] } };
  return summary.violations.map(({ rule }) => rule.name);
};

test('a tree that keeps to the layers is in order', () => {
  plant('shared/contracts/a.ts', 'zod');
  plant('shared/crypto/a.ts', 'node:crypto', '../contracts/a.ts');
  plant('shared/domain/a.ts', '../contracts/a.ts', '../crypto/a.ts');
  plant('shared/adapters/a.ts', '@aws-sdk/client-kms', '../domain/a.ts');
  plant('functions/edge/a.ts', '../../shared/adapters/a.ts');
  plant('functions/agents/a.ts', '../edge/a.ts');
  plant('infra/a.ts', 'aws-cdk-lib', '../shared/contracts/a.ts');
  expect(violations()).toEqual([]);
});

test.each<[rule: string, path: string, from: string]>([
  ['contracts-import-only-zod', 'shared/contracts/planted.ts', '../domain/target.ts'],
  ['contracts-use-only-zod', 'shared/contracts/planted.ts', 'node:fs'],
  ['domain-imports-contracts-and-crypto', 'shared/domain/planted.ts', '../adapters/target.ts'],
  ['crypto-imports-contracts', 'shared/crypto/planted.ts', '../domain/target.ts'],
  ['crypto-uses-only-node-crypto', 'shared/crypto/planted.ts', 'node:fs'],
  ['adapters-import-shared', 'shared/adapters/planted.ts', '../../functions/edge/target.ts'],
  ['functions-import-shared', 'functions/agents/planted.ts', '../../infra/target.ts'],
  ['infra-imports-contracts', 'infra/planted.ts', '../shared/domain/target.ts'],
  ['simulator-stands-alone', 'simulator/planted.ts', '../shared/contracts/target.ts'],
  ['sdk-only-in-adapters', 'functions/edge/planted.ts', '@aws-sdk/client-kms'],
  ['sdk-only-in-adapters', 'shared/domain/planted.ts', '@aws-sdk/client-kms'],
  ['cdk-only-in-infra', 'functions/edge/planted.ts', 'aws-cdk-lib'],
  ['no-shared-use-cases', 'functions/agents/planted.ts', '../credentials/target.ts'],
  ['not-in-development', 'functions/edge/planted.ts', 'oauth2-mock-server'],
  ['resolvable', 'shared/domain/planted.ts', './nowhere.ts'],
])('%s: a violation planted in %s fails the check', (rule, path, from) => {
  for (const target of [
    'shared/contracts',
    'shared/domain',
    'shared/adapters',
    'functions/edge',
    'functions/credentials',
    'infra',
  ])
    plant(`${target}/target.ts`);
  plant(path, from);
  expect(violations()).toContain(rule);
});

test('no-cycles: a cycle fails the check', () => {
  plant('shared/domain/a.ts', './b.ts');
  plant('shared/domain/b.ts', './a.ts');
  expect(violations()).toContain('no-cycles');
});
