import { Decipheriv } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SealBroken, seal, unseal, withWrappedKey, wrappedKeyOf } from '../../../shared/crypto/envelope.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { contextFor, type SecretIdentity } from '../../../shared/crypto/secret-context.ts';
import vectors from './envelope.vectors.json' with { type: 'json' };

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const dataKeyOf = (key: string) => SecretBytes.takeOver(hex(key));

const identity: SecretIdentity = {
  tenantId: 'acme',
  ownerId: 'cred_01JDXYZ0000000000000000000',
  purpose: 'graph-api',
  secretVersion: 1,
};

afterEach(() => {
  vi.restoreAllMocks();
});

describe('sealed secrets', () => {
  test.each(vectors)('are laid out byte for byte as ever: $name', (vector) => {
    const context = contextFor(vector.vault, vector.identity as SecretIdentity);
    expect(context.encryptionContext).toEqual(vector.encryptionContext);
    expect(Buffer.from(context.additionalData).toString('hex')).toBe(vector.additionalData);
    const dataKey = { plaintext: dataKeyOf(vector.dataKey), wrapped: hex(vector.wrappedKey) };
    const sealed = seal(SecretBytes.takeOver(hex(vector.plaintext)), dataKey, context.additionalData, hex(vector.iv));
    expect(Buffer.from(sealed).toString('hex')).toBe(vector.sealed);
    expect(Buffer.from(wrappedKeyOf(sealed)).toString('hex')).toBe(vector.wrappedKey);
    using opened = unseal(sealed, dataKeyOf(vector.dataKey), context.additionalData);
    expect(Buffer.from(opened.bytes()).toString('hex')).toBe(vector.plaintext);
  });

  const dataKey = () => ({ plaintext: dataKeyOf('07'.repeat(32)), wrapped: hex('aabbcc') });
  let additionalData: Uint8Array;
  let sealed: Uint8Array;
  beforeEach(() => {
    additionalData = contextFor('Switchboard', identity).additionalData;
    sealed = seal(SecretBytes.fromText('a token'), dataKey(), additionalData);
  });
  const opening =
    (bytes: Uint8Array, aad = additionalData) =>
    () =>
      unseal(bytes, dataKey().plaintext, aad);

  test('differ each time, although the secret and the key are the same', () => {
    expect(seal(SecretBytes.fromText('a token'), dataKey(), additionalData)).not.toEqual(sealed);
  });

  test('refuse any single flipped bit', () => {
    fc.assert(
      fc.property(fc.nat(sealed.byteLength * 8 - 1), (bit) => {
        const flipped = Uint8Array.from(sealed);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        // A flip within the wrapped key is for KMS to refuse: here the key is given.
        const inWrappedKey = bit >> 3 >= 3 && bit >> 3 < 6;
        if (inWrappedKey) expect(wrappedKeyOf(flipped)).not.toEqual(wrappedKeyOf(sealed));
        else expect(opening(flipped)).toThrow(SealBroken);
      }),
      { numRuns: 500 },
    );
  });

  test('refuse to open when they are cut at any length', () => {
    for (let length = 0; length < sealed.byteLength; length++)
      expect(opening(sealed.slice(0, length)), `cut to ${length}`).toThrow(SealBroken);
  });

  test('yield a wrapped key only while there is room for IV and tag behind it', () => {
    const shortest = seal(SecretBytes.fromText(''), dataKey(), additionalData);
    expect(shortest.byteLength).toBe(3 + 3 + 12 + 16);
    expect(Buffer.from(wrappedKeyOf(shortest)).toString('hex')).toBe('aabbcc');
    for (let length = 0; length < shortest.byteLength; length++)
      expect(() => wrappedKeyOf(shortest.subarray(0, length)), `cut to ${length}`).toThrow(SealBroken);
  });

  test('refuse a wrapped key of no bytes, although all else is right', () => {
    const keyless = Uint8Array.of(1, 0, 0, ...sealed.slice(3 + 3));
    expect(opening(keyless)).toThrow(SealBroken);
    expect(() => wrappedKeyOf(keyless)).toThrow(SealBroken);
  });

  test.each([0, 16, 31, 33])('are not made with a data key of %i bytes', (length) => {
    const wrong = { plaintext: SecretBytes.takeOver(new Uint8Array(length)), wrapped: hex('aabbcc') };
    expect(() => seal(SecretBytes.fromText('a token'), wrong, additionalData)).toThrow('A data key has 32 bytes');
  });

  test('are not made with a wrapped key of no bytes', () => {
    const keyless = { ...dataKey(), wrapped: hex('') };
    expect(() => seal(SecretBytes.fromText('a token'), keyless, additionalData)).toThrow('A wrapped key is not empty');
  });

  test('refuse a data key of another length like everything else', () => {
    expect(() => unseal(sealed, SecretBytes.takeOver(new Uint8Array(16)), additionalData)).toThrow(SealBroken);
  });

  test('leave no plaintext behind in memory of Node’s, whether they open or not', () => {
    const update = vi.spyOn(Decipheriv.prototype, 'update');
    using opened = opening(sealed)();
    expect(opened.revealText()).toBe('a token');
    // With a forged tag the plaintext is right, and nobody may have it.
    const forged = Uint8Array.from(sealed);
    forged.set(new Uint8Array(16), forged.byteLength - 16);
    expect(opening(forged)).toThrow(SealBroken);
    const yielded = update.mock.results.map(({ value }) => [...(value as Buffer)]);
    expect(yielded).toEqual([Array(7).fill(0), Array(7).fill(0)]);
  });

  test('refuse a tag cut down to 4 bytes', () => {
    expect(opening(sealed.slice(0, -12))).toThrow(SealBroken);
  });

  test.each([
    ['tenant', { ...identity, tenantId: 'globex' }],
    ['owner', { ...identity, ownerId: 'cred_01JDXYZ0000000000000000001' }],
    ['purpose', { ...identity, purpose: 'clean-up' as const }],
    ['version', { ...identity, secretVersion: 2 }],
  ])('refuse the context of another %s', (_what, other) => {
    expect(opening(sealed, contextFor('Switchboard', other).additionalData)).toThrow(SealBroken);
  });

  test('refuse the context of another vault', () => {
    expect(opening(sealed, contextFor('Other', identity).additionalData)).toThrow(SealBroken);
  });

  test('fail with the same words whatever is wrong', () => {
    const messages = [sealed.slice(0, 2), sealed.slice(0, -1), Uint8Array.of(2, ...sealed.slice(1))].map((bytes) => {
      try {
        return opening(bytes)().toString();
      } catch (error) {
        return String(error);
      }
    });
    expect(new Set(messages)).toEqual(new Set(['SealBroken: A sealed secret did not open']));
  });
});

describe('another wrapping of the data key', () => {
  const vector = vectors[0];
  if (vector === undefined) throw new Error('There are vectors');
  const sealed = hex(vector.sealed);

  test.each([1, 3, 184, 65_535])(
    'of %i bytes takes the place of the former one, and nothing else changes',
    (length) => {
      const wrappedKey = new Uint8Array(length).fill(7);
      const moved = withWrappedKey(sealed, wrappedKey);
      expect(Uint8Array.from(wrappedKeyOf(moved))).toEqual(wrappedKey);
      using opened = unseal(moved, dataKeyOf(vector.dataKey), hex(vector.additionalData));
      expect(Buffer.from(opened.bytes()).toString('hex')).toBe(vector.plaintext);
      expect(Buffer.from(withWrappedKey(moved, hex(vector.wrappedKey))).toString('hex')).toBe(vector.sealed);
    },
  );

  test.each([0, 65_536])('of %i bytes is refused', (length) => {
    expect(() => withWrappedKey(sealed, new Uint8Array(length))).toThrow(RangeError);
  });

  test('is not put into what no seal has made', () => {
    for (const broken of [new Uint8Array(), Uint8Array.of(2, ...sealed.slice(1)), sealed.slice(0, 30)])
      expect(() => withWrappedKey(broken, Uint8Array.of(1))).toThrow(SealBroken);
  });

  test('leaves the former bytes as they were', () => {
    const copy = Uint8Array.from(sealed);
    withWrappedKey(copy, Uint8Array.of(1));
    expect(copy).toEqual(sealed);
  });
});

describe('the context of a secret', () => {
  test('has no two identities that encode alike', () => {
    const part = fc.string({ minLength: 1, maxLength: 4 });
    const anyIdentity = fc.record({
      tenantId: part,
      ownerId: part,
      purpose: fc.constantFrom('graph-api' as const, 'clean-up' as const),
      secretVersion: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(anyIdentity, anyIdentity, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b);
        const [left, right] = [a, b].map((one) => Buffer.from(contextFor('v', one).additionalData).toString('hex'));
        expect(left === right).toBe(same);
      }),
    );
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 53])('refuses %s as a version', (secretVersion) => {
    expect(() => contextFor('v', { ...identity, secretVersion })).toThrow('A secret version is a positive integer');
  });

  test.each([1, 2 ** 53 - 1])('takes %s as a version', (secretVersion) => {
    const { encryptionContext } = contextFor('v', { ...identity, secretVersion });
    expect(encryptionContext.secretVersion).toBe(String(secretVersion));
  });

  test('refuses an empty value', () => {
    expect(() => contextFor('', identity)).toThrow('An encryption context has no empty values');
    for (const name of ['tenantId', 'ownerId', 'purpose'])
      expect(() => contextFor('v', { ...identity, [name]: '' })).toThrow('An encryption context has no empty values');
  });
});
