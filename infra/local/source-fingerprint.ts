import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './state-directory.ts';

/** Whatever the template and the assets are made of. */
const SOURCES = ['infra', 'functions', 'shared', 'console', 'package.json', 'package-lock.json', 'tsconfig.json'];
const NOT_SOURCES = new Set(['node_modules', '.vite', 'coverage']);

/** One hash over the sources and the settings: the same hash, the same template and assets. */
export function sourceFingerprint(settings: object, root: string = REPOSITORY): string {
  const hash = createHash('sha256').update(JSON.stringify(settings));
  for (const source of SOURCES) addTo(hash, root, source);
  return hash.digest('hex');
}

function addTo(hash: ReturnType<typeof createHash>, root: string, path: string): void {
  if (NOT_SOURCES.has(path.split('/').at(-1) ?? '')) return;
  try {
    const names = readdirSync(join(root, path)).sort();
    for (const name of names) addTo(hash, root, `${path}/${name}`);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    if (error.code === 'ENOENT') return;
    if (error.code !== 'ENOTDIR') throw error;
    const content = readFileSync(join(root, path));
    hash.update(`${path}\0${content.byteLength}\0`).update(content);
  }
}
