import type { RewrapProgress, RewrapRequest } from '../contracts/rewrap.ts';
import { SealBroken, withWrappedKey, wrappedKeyOf } from '../crypto/envelope.ts';
import { contextFor } from '../crypto/secret-context.ts';
import { Fault } from './fault.ts';
import type { Journal } from './journal.ts';
import type { SealedSecret } from './vault.ts';

/** A row of the Vault. */
export interface VaultRow {
  /** Tenant and owner, purpose and version: ids alone. */
  readonly key: { readonly pk: string; readonly sk: string };
  /** Undefined when the row is none that a seal writes under this key. */
  readonly secret: SealedSecret | undefined;
}

export const nameOfRow = ({ key: { pk, sk } }: VaultRow): string => `${pk} ${sk}`;

export type RowFate = { readonly fate: 'moved'; readonly sealed: Uint8Array } | { readonly fate: 'failed' };

/** The Vault as the re-wrap walks through it, with its progress kept there as well. */
export interface VaultWalk {
  /** The run that is under way, else a new one. One that has finished with the current key is answered as it ended. */
  begin(request: RewrapRequest): Promise<RewrapProgress>;
  /** The rows that the run has not dealt with, in a fixed order. */
  rowsLeft(run: RewrapProgress): AsyncIterable<VaultRow>;
  /**
   * Stores what became of a row and how far the run has come, both or neither. A row that has changed since it was read stays as it
   * is and counts as skipped. @throws {Fault} rewrap-overtaken when another invocation has carried the run on
   */
  settle(run: RewrapProgress, row: VaultRow, fate: RowFate): Promise<RewrapProgress>;
  finish(run: RewrapProgress): Promise<RewrapProgress>;
}

export interface RewrapPorts {
  readonly walk: VaultWalk;
  /** @throws {Fault} secret-refused, kms-unavailable */
  readonly rewrap: (wrapped: Uint8Array, context: Readonly<Record<string, string>>) => Promise<Uint8Array>;
  readonly vaultName: string;
  readonly journal: Journal;
  /** False when the invocation has to end: the next one goes on. */
  readonly hasTime: () => boolean;
}

/**
 * Moves the wrapped key of every sealed secret to the current KMS key. No secret is opened: KMS re-wraps the data key within itself,
 * bound to the same context. A row that can't be moved is counted and named and stops nothing; an outage stops the invocation, and
 * the next one goes on. @throws {Fault} kms-unavailable, store-unavailable, rewrap-overtaken
 */
export const rewrapVault = async (request: RewrapRequest, ports: RewrapPorts): Promise<RewrapProgress> => {
  const { walk, journal, hasTime } = ports;
  let run = await walk.begin(request);
  if (run.finishedAt !== null) return run;
  for await (const row of walk.rowsLeft(run)) {
    if (!hasTime()) return run;
    run = await walk.settle(run, row, await fateOf(row, ports));
  }
  run = await walk.finish(run);
  journal.info('vault-rewrapped', { count: run.scanned, accepted: run.moved, dropped: run.failed });
  return run;
};

const fateOf = async (row: VaultRow, { rewrap, vaultName, journal }: RewrapPorts): Promise<RowFate> => {
  try {
    const { secret } = row;
    if (secret === undefined) throw new Fault('row-malformed', { retryable: false });
    const { encryptionContext } = contextFor(vaultName, secret);
    const wrapped = await rewrap(wrappedKeyOf(secret.sealed), encryptionContext);
    return { fate: 'moved', sealed: withWrappedKey(secret.sealed, wrapped) };
  } catch (error) {
    const code = error instanceof SealBroken ? 'secret-refused' : error instanceof Fault ? error.code : undefined;
    if (code === undefined || (error instanceof Fault && error.retryable)) throw error;
    journal.error('secret-not-rewrapped', { vaultRow: nameOfRow(row), code });
    return { fate: 'failed' };
  }
};
