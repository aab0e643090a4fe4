import { describe, expect, test } from 'vitest';
import { wrappedKeyOf } from '../../shared/crypto/envelope.ts';
import type { SecretIdentity } from '../../shared/crypto/secret-context.ts';
import { engineNames } from './support/engines.ts';
import { identity, vaultOn } from './support/vault-on.ts';

/** The one error for whatever is wrong, in full: nobody learns from it what it was. */
const refusal = { name: 'Fault', message: 'secret-refused', code: 'secret-refused', retryable: false };
const outwardlyOf = (error: unknown) => {
  const { name, message, code, retryable } = error as Record<keyof typeof refusal, unknown>;
  return { name, message, code, retryable };
};

const headerLength = 3;
const ivLength = 12;
const tagLength = 16;

describe.each(engineNames)('on %s, a sealed secret', (engine) => {
  test('opens for whom it was sealed, with an attempt and its outcome on record', async () => {
    const vault = await vaultOn(engine);
    await vault.place(await vault.sealed('the token'));
    expect(await vault.open()).toBe('the token');
    expect(await vault.audited()).toMatchObject([
      { action: 'open', phase: 'attempt', purpose: 'graph-api' },
      { action: 'open', phase: 'outcome', outcome: 'ok' },
    ]);
  });

  /** Expects that the row no longer opens, that the error says nothing of why, and that the audit says that it was refused. */
  const expectRefused = async (vault: Awaited<ReturnType<typeof vaultOn>>) => {
    expect(outwardlyOf(await vault.open().catch((error: unknown) => error))).toEqual(refusal);
    expect((await vault.audited()).at(-1)).toMatchObject({ action: 'open', phase: 'outcome', outcome: 'refused' });
  };

  test.each<[string, Partial<SecretIdentity>]>([
    ['tenant', { tenantId: 'globex' }],
    ['owner', { ownerId: 'cred_2' }],
    ['purpose', { purpose: 'clean-up' }],
  ])('is refused in the row of another %s, and so is what lay there', async (_what, other) => {
    const vault = await vaultOn(engine);
    const [ours, theirs] = [await vault.sealed('ours'), await vault.sealed('theirs', { ...identity, ...other })];
    await vault.place(theirs, ours);
    await vault.place(ours, theirs);
    await expectRefused(vault);
    expect(outwardlyOf(await vault.open({ ...identity, ...other }).catch((error: unknown) => error))).toEqual(refusal);
  });

  test('is refused where an older version is put back as the current one', async () => {
    const vault = await vaultOn(engine);
    const [older, current] = [await vault.sealed('old', identity), { ...identity, secretVersion: 2 }];
    await vault.place(await vault.sealed('new', current));
    expect(await vault.open(current)).toBe('new');
    await vault.place(older, current);
    expect(outwardlyOf(await vault.open(current).catch((error: unknown) => error))).toEqual(refusal);
    expect((await vault.audited()).at(-1)).toMatchObject({ outcome: 'refused', secretVersion: 2 });
  });

  test.each<[string, Partial<SecretIdentity>]>([
    ['tenant', { tenantId: 'globex' }],
    ['owner', { ownerId: 'cred_2' }],
    ['purpose', { purpose: 'clean-up' }],
    ['version', { secretVersion: 7 }],
  ])('of another %s is refused, although its columns were edited to fit', async (_what, other) => {
    const vault = await vaultOn(engine);
    await vault.place({ ...(await vault.sealed('theirs', { ...identity, ...other })), ...identity });
    await expectRefused(vault);
  });

  test.each<[string, Partial<SecretIdentity>]>([
    ['tenant', { tenantId: 'globex' }],
    ['owner', { ownerId: 'cred_2' }],
    ['purpose', { purpose: 'clean-up' }],
    ['version', { secretVersion: 7 }],
  ])('is refused with its column for the %s edited, although the rest would open', async (_what, claim) => {
    const vault = await vaultOn(engine);
    await vault.place({ ...(await vault.sealed('ours')), ...claim }, identity);
    await expectRefused(vault);
  });

  /** Where each part of a sealed secret begins and ends. */
  const boundsOf = (sealed: Uint8Array) => {
    const ivStart = headerLength + wrappedKeyOf(sealed).byteLength;
    const tagStart = sealed.byteLength - tagLength;
    return {
      'layout version': [0, 1],
      'length of the wrapped key': [1, headerLength],
      'wrapped key': [headerLength, ivStart],
      iv: [ivStart, ivStart + ivLength],
      ciphertext: [ivStart + ivLength, tagStart],
      tag: [tagStart, sealed.byteLength],
    } as const;
  };
  type Part = keyof ReturnType<typeof boundsOf>;
  const parts: Part[] = ['layout version', 'length of the wrapped key', 'wrapped key', 'iv', 'ciphertext', 'tag'];

  test.each(parts)('is refused with a bit of its %s flipped', async (part) => {
    const vault = await vaultOn(engine);
    const secret = await vault.sealed('the token');
    const sealed = Uint8Array.from(secret.sealed);
    // The last byte: MiniStack does not read the first ones of a wrapped key (kms-data-keys.test.ts).
    const last = boundsOf(sealed)[part][1] - 1;
    sealed[last] = (sealed[last] ?? 0) ^ 1;
    await vault.place({ ...secret, sealed });
    await expectRefused(vault);
  });

  test.each(parts)('is refused with its %s one byte short', async (part) => {
    const vault = await vaultOn(engine);
    const secret = await vault.sealed('the token');
    const end = boundsOf(secret.sealed)[part][1];
    const sealed = Buffer.concat([secret.sealed.slice(0, end - 1), secret.sealed.slice(end)]);
    await vault.place({ ...secret, sealed });
    await expectRefused(vault);
  });

  test('is refused with a wrapped key that is one byte short and says so itself', async () => {
    const vault = await vaultOn(engine);
    const secret = await vault.sealed('the token');
    const [start, end] = boundsOf(secret.sealed)['wrapped key'];
    const sealed = Buffer.concat([secret.sealed.slice(0, end - 1), secret.sealed.slice(end)]);
    sealed.writeUInt16BE(end - 1 - start, 1);
    await vault.place({ ...secret, sealed });
    await expectRefused(vault);
  });

  test('is refused under the wrapped key of another one', async () => {
    const vault = await vaultOn(engine);
    const [ours, other] = [await vault.sealed('ours'), await vault.sealed('other')];
    const [start, end] = boundsOf(ours.sealed)['wrapped key'];
    const sealed = Buffer.concat([ours.sealed.slice(0, start), wrappedKeyOf(other.sealed), ours.sealed.slice(end)]);
    await vault.place({ ...ours, sealed });
    await expectRefused(vault);
  });
});
