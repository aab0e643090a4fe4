import { readFileSync, writeFileSync } from 'node:fs';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import * as z from 'zod';
import type { StateDirectory } from './state-directory.ts';

export const ALGORITHM = 'RS256';
const NAME = 'issuer-key.json';
const PrivateKey = z.looseObject({ kty: z.literal('RSA'), kid: z.string(), d: z.string() });

/** The issuer's private key: made once and kept, readable by its owner only, so that tokens outlive a restart. */
export async function obtainIssuerKey(state: StateDirectory): Promise<JWK> {
  const kept = keptIssuerKey(state);
  if (kept !== undefined) return kept;
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const key = { ...(await exportJWK(privateKey)), alg: ALGORITHM, use: 'sig', kid: crypto.randomUUID() };
  writeFileSync(state.file(NAME), JSON.stringify(key), { mode: 0o600 });
  return key;
}

/** Undefined when there is none yet, or the file is not a key. */
export function keptIssuerKey(state: StateDirectory): JWK | undefined {
  try {
    return PrivateKey.parse(JSON.parse(readFileSync(state.file(NAME), 'utf8')));
  } catch {
    return undefined;
  }
}
