import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { recordCanary } from './record.ts';
import { stack } from './stack.ts';

const REPOSITORY = resolve(import.meta.dirname, '..', '..', '..');
const tokens = new Map<string, Promise<string>>();

/** A tenant that nobody has used before. */
export const newTenant = (name: string): string => `${name}-${randomBytes(5).toString('hex')}`;

/** A token as a user gets it: from `npm run token`. One call per tenant and file. */
export function tokenFor(tenant: string): Promise<string> {
  const token = tokens.get(tenant) ?? mintToken(tenant, stack.stateDirectory);
  tokens.set(tenant, token);
  return token;
}

/** For the copy that runs from this folder. */
export async function mintToken(tenant: string, stateDirectory: string, ...options: string[]): Promise<string> {
  const bootstrap = join(REPOSITORY, 'infra', 'local', 'bootstrap.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [
    bootstrap,
    'infra/local/token.ts',
    '--tenant',
    tenant,
    '--state-dir',
    stateDirectory,
    ...options,
  ]);
  const token = stdout.trim();
  recordCanary(`signature of a token of ${tenant}`, token.split('.')[2] ?? '');
  return token;
}
