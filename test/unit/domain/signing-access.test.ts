import { expect, test } from 'vitest';
import { withSigningSecrets } from '../../../shared/domain/signing-access.ts';
import { memoryVault, secretOf } from '../../support/fakes.ts';
import { bindingOf, ids } from '../../support/records.ts';

const now = new Date('2026-11-22T10:00:00.000Z');
const rotating = bindingOf({
  secretVersion: 2,
  previousSecretVersion: 1,
  previousSignsUntil: '2026-11-22T11:00:00.000Z',
});
const textsOf = (secrets: readonly Uint8Array[]) =>
  Promise.resolve(secrets.map((bytes) => Buffer.from(bytes).toString()));
const vaultWith = (...versions: readonly number[]) =>
  memoryVault(
    Object.fromEntries(
      versions.map((version) => [`acme/support/agent-signature/${version}`, secretOf(`secret ${version}`)]),
    ),
  );

test('the secrets that sign are opened for the agent, the current one first, and wiped when they have signed', async () => {
  const vault = vaultWith(1, 2);
  let seen: readonly Uint8Array[] = [];
  const texts = await withSigningSecrets(vault, ids.tenant, rotating, now, (secrets) => {
    seen = secrets;
    return textsOf(secrets);
  });
  expect(texts).toEqual(['secret 2', 'secret 1']);
  expect(vault.opened.map(({ openedFor }) => openedFor.subjectId)).toEqual([ids.agent, ids.agent]);
  for (const bytes of seen) expect([...bytes].every((byte) => byte === 0)).toBe(true);
});

test('one that signs no more is not opened', async () => {
  const vault = vaultWith(1, 2);
  const later = new Date('2026-11-22T11:00:00.000Z');
  expect(await withSigningSecrets(vault, ids.tenant, rotating, later, textsOf)).toEqual(['secret 2']);
  expect(vault.opened).toHaveLength(1);
});

test('where one does not open, the others are wiped and nothing is signed', async () => {
  const vault = vaultWith(2);
  const use = () => Promise.reject(new Error('It was signed'));
  await expect(withSigningSecrets(vault, ids.tenant, rotating, now, use)).rejects.toMatchObject({
    code: 'secret-missing',
  });
  for (const secret of vault.handedOut) expect(() => secret.bytes()).toThrow();
});
