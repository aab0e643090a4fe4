import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, test } from 'vitest';
import { kmsDataKeys } from '../../shared/adapters/kms-data-keys.ts';
import { vaultKey } from '../../shared/adapters/vault.ts';
import { vaultWalk } from '../../shared/adapters/vault-walk.ts';
import type { SecretIdentity } from '../../shared/crypto/secret-context.ts';
import { type RewrapPorts, rewrapVault } from '../../shared/domain/rewrap-vault.ts';
import type { SealedSecret } from '../../shared/domain/vault.ts';
import { recordingJournal } from '../support/fakes.ts';
import { kmsOf, makeKey } from './support/engines.ts';
import { observe } from './support/observed-kms.ts';
import { identity, vaultName, vaultOn } from './support/vault-on.ts';

// On moto alone: MiniStack's KMS knows no ReEncrypt.

const owned = (index: number): SecretIdentity => ({ ...identity, ownerId: `cred_${String(index).padStart(3, '0')}` });

/** A Vault whose secrets are under a former key, and the job that moves them to the current one. */
async function vaultBeforeTheMove(count: number) {
  const vault = await vaultOn('moto');
  const secrets = await Promise.all(
    Array.from({ length: count }, (_, index) => vault.sealed(`secret ${index}`, owned(index))),
  );
  await Promise.all(secrets.map((secret) => vault.place(secret)));
  const currentKeyArn = await makeKey('moto');
  const kms = kmsOf('moto');
  const { calls } = observe(kms);
  const keys = kmsDataKeys(kms, currentKeyArn, [vault.keyArn]);
  const journal = recordingJournal();
  const ports: RewrapPorts = {
    walk: vaultWalk(vault.client, vault.table, currentKeyArn),
    rewrap: keys.rewrap,
    vaultName,
    journal,
    hasTime: () => true,
  };
  return {
    vault,
    secrets,
    keys,
    onlyCurrentKey: kmsDataKeys(kmsOf('moto'), currentKeyArn),
    ports,
    journal,
    calls,
    run: (changed: Partial<RewrapPorts> = {}, restart = false) => rewrapVault({ restart }, { ...ports, ...changed }),
  };
}

/** Calls through, and does something just before the k-th answer is given. */
const actingAtAnswer = (k: number, rewrap: RewrapPorts['rewrap'], act: () => Promise<void>): RewrapPorts['rewrap'] => {
  let count = 0;
  return async (...args) => {
    const answer = await rewrap(...args);
    if (++count === k) await act();
    return answer;
  };
};
const dying = () => Promise.reject(new Error('the worker died'));

describe('a re-wrap', () => {
  test('moves every secret to the current key, page by page, and opens none of them', async () => {
    const { vault, run, calls, onlyCurrentKey } = await vaultBeforeTheMove(103);
    expect(await run()).toMatchObject({
      scanned: 103,
      moved: 103,
      skipped: 0,
      failed: 0,
      finishedAt: expect.any(String),
    });
    expect(new Set(calls)).toEqual(new Set(['ReEncrypt']));
    for (let index = 0; index < 103; index++)
      expect(await vault.open(owned(index), onlyCurrentKey)).toBe(`secret ${index}`);
  });

  test('leaves every secret open to those who know both keys, before and after', async () => {
    const { vault, run, keys, onlyCurrentKey } = await vaultBeforeTheMove(2);
    expect(await vault.open(owned(0), keys)).toBe('secret 0');
    await expect(vault.open(owned(0), onlyCurrentKey)).rejects.toMatchObject({ code: 'secret-refused' });
    await run();
    expect(await vault.open(owned(0), keys)).toBe('secret 0');
    await vault.place(await vault.sealed('sealed after it', owned(7), keys));
    expect(await vault.open(owned(7), onlyCurrentKey)).toBe('sealed after it');
  });

  test('that died half-way is finished by the next one, which does no row twice', async () => {
    const { vault, run, ports, calls, onlyCurrentKey } = await vaultBeforeTheMove(7);
    await expect(run({ rewrap: actingAtAnswer(4, ports.rewrap, dying) })).rejects.toThrow('the worker died');
    expect(calls).toHaveLength(4);
    expect(await run()).toMatchObject({ scanned: 7, moved: 7, finishedAt: expect.any(String) });
    // The fourth row was re-wrapped and not stored when the worker died.
    expect(calls).toHaveLength(8);
    for (let index = 0; index < 7; index++)
      expect(await vault.open(owned(index), onlyCurrentKey)).toBe(`secret ${index}`);
  });

  test('that runs out of time says how far it has come, and goes on from there', async () => {
    const { run, calls } = await vaultBeforeTheMove(5);
    const first = await run({ hasTime: () => calls.length < 2 });
    expect(first).toMatchObject({ scanned: 2, moved: 2, finishedAt: null });
    expect(await run()).toMatchObject({ runId: first.runId, scanned: 5, moved: 5, finishedAt: expect.any(String) });
    expect(calls).toHaveLength(5);
  });

  test.each<[string, (vault: Awaited<ReturnType<typeof vaultOn>>, fresh: SealedSecret) => Promise<unknown>]>([
    ['was sealed anew', (vault, fresh) => vault.place(fresh)],
    [
      'was shredded',
      (vault, fresh) => vault.client.send(new DeleteCommand({ TableName: vault.table, Key: vaultKey(fresh) })),
    ],
  ])('overwrites no row that %s meanwhile, and counts it as skipped', async (what, change) => {
    const { vault, run, ports, keys, onlyCurrentKey } = await vaultBeforeTheMove(1);
    const fresh = await vault.sealed('rotated', owned(0), keys);
    const rewrap = actingAtAnswer(1, ports.rewrap, async () => void (await change(vault, fresh)));
    expect(await run({ rewrap })).toMatchObject({ scanned: 1, moved: 0, skipped: 1, failed: 0 });
    const opened = vault.open(owned(0), onlyCurrentKey);
    if (what === 'was shredded') await expect(opened).rejects.toMatchObject({ code: 'secret-missing' });
    else expect(await opened).toBe('rotated');
  });

  test('names the rows that it cannot move, by their ids alone, and moves the rest', async () => {
    const { vault, secrets, run, journal, onlyCurrentKey } = await vaultBeforeTheMove(6);
    const [a, b, c, d, e] = secrets;
    if (!a || !b || !c || !d || !e) throw new Error('There are six secrets');
    await vault.place(b, a);
    await vault.place({ ...b, tenantId: 'globex' }, b);
    await vault.place({ ...c, sealed: c.sealed.slice(0, 20) });
    await vault.place({ ...d, sealed: Uint8Array.from(d.sealed).fill(1, 50, 60) });
    await vault.place({ ...e, sealed: new Uint8Array() });
    const names = [0, 1, 2, 3, 4].map((index) => `acme#cred_00${index} graph-api#1`);
    const progress = await run();
    expect(progress).toMatchObject({ scanned: 6, moved: 1, failed: 5, finishedAt: expect.any(String) });
    expect([...progress.failures].sort()).toEqual(names);
    const lines = journal.lines.filter(({ event }) => event === 'secret-not-rewrapped');
    expect(lines.map(({ fields }) => fields.vaultRow).sort()).toEqual(names);
    for (const { fields } of lines) expect(Object.keys(fields).sort()).toEqual(['code', 'vaultRow']);
    expect(await vault.open(owned(5), onlyCurrentKey)).toBe('secret 5');
  });

  test('stops at an outage and counts nobody as failed', async () => {
    const { run } = await vaultBeforeTheMove(2);
    const { rewrap } = kmsDataKeys(kmsOf('ministack'), 'arn:aws:kms:us-east-1:000000000000:key/none');
    await expect(run({ rewrap })).rejects.toMatchObject({ code: 'kms-unavailable' });
    expect(await run()).toMatchObject({ scanned: 2, moved: 2, failed: 0 });
  });

  test('ends when another invocation has carried the run on', async () => {
    const { run, ports, calls } = await vaultBeforeTheMove(3);
    const rewrap = actingAtAnswer(1, ports.rewrap, async () => void (await run()));
    await expect(run({ rewrap })).rejects.toMatchObject({ code: 'rewrap-overtaken' });
    expect(await run()).toMatchObject({ scanned: 3, moved: 3 });
    expect(calls).toHaveLength(4);
  });

  test('that has finished is answered as it ended, until a restart or another key asks for a new one', async () => {
    const { vault, run, keys, calls } = await vaultBeforeTheMove(1);
    const finished = await run();
    expect(await run()).toEqual(finished);
    expect(calls).toHaveLength(1);
    expect(await run({}, true)).toMatchObject({ scanned: 1, moved: 1 });
    const nextKeyArn = await makeKey('moto');
    const next = await run({ walk: vaultWalk(vault.client, vault.table, nextKeyArn), rewrap: keys.rewrap });
    expect(next.runId).not.toBe(finished.runId);
    expect(next).toMatchObject({ scanned: 1, moved: 1 });
  });
});
