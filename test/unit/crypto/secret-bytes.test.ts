import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { appSecretProof } from '../../../shared/crypto/appsecret-proof.ts';
import { digestOf, keyedDigestOf, unguessable } from '../../../shared/crypto/identifiers.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { packParts, unpackParts } from '../../../shared/crypto/secret-parts.ts';
import { claimedSignature, signedWith } from '../../../shared/crypto/webhook-signature.ts';

afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

describe('secret bytes', () => {
  test('zero the source that they take over', () => {
    const source = Uint8Array.of(1, 2, 3);
    using secret = SecretBytes.takeOver(source);
    expect([...source]).toEqual([0, 0, 0]);
    expect([...secret.bytes()]).toEqual([1, 2, 3]);
  });

  test('wipe themselves at the end of their scope, and refuse to be read after it', () => {
    let bytes: Uint8Array;
    let escaped: SecretBytes;
    {
      using secret = SecretBytes.fromText('hidden');
      escaped = secret;
      bytes = secret.bytes();
    }
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(() => escaped.bytes()).toThrow('disposed');
    expect(() => escaped.revealText()).toThrow('disposed');
    expect(() => escaped.copy()).toThrow('disposed');
  });

  test('live in memory of their own, not in Node’s shared pool', () => {
    using secret = SecretBytes.fromText('hidden');
    expect(secret.bytes().buffer.byteLength).toBe(6);
  });

  test('copies have a lifetime of their own', () => {
    const first = SecretBytes.fromText('hidden');
    using copy = first.copy();
    first[Symbol.dispose]();
    expect(copy.revealText()).toBe('hidden');
  });

  const prints: readonly ((secret: SecretBytes) => string)[] = [
    (secret) => String(secret),
    (secret) => `${secret}`,
    (secret) => JSON.stringify({ deep: [secret] }),
    (secret) => inspect(secret),
    (secret) => inspect({ deep: [secret] }, { showHidden: true }),
  ];
  test.each(prints)('print nothing, whichever way they are printed: %s', (print) => {
    using secret = SecretBytes.fromText('hidden');
    expect(print(secret)).toContain('[secret]');
    expect(print(secret)).not.toContain('hidden');
  });

  test('compare by content', () => {
    using secret = SecretBytes.fromText('hidden');
    expect(secret.equals(Buffer.from('hidden'))).toBe(true);
    expect(secret.equals(Buffer.from('hiddem'))).toBe(false);
    expect(secret.equals(Buffer.from('hidde'))).toBe(false);
  });
});

describe('packed parts', () => {
  test('come back the same, empty ones too', () => {
    using packed = packParts(...['token', '', 'proof'].map((text) => SecretBytes.fromText(text)));
    expect(unpackParts(packed, 3).map((part) => part.revealText())).toEqual(['token', '', 'proof']);
  });

  test.each([1, 2, 4])('are refused when %i are asked for instead of 3', (count) => {
    using packed = packParts(...['a', 'b', 'c'].map((text) => SecretBytes.fromText(text)));
    expect(() => unpackParts(packed, count)).toThrow(RangeError);
  });

  test.each([
    ['cut short in a part', [0, 5, 1], 1],
    ['cut short in a length', [0, 1, 7, 0], 2],
    ['followed by another byte', [0, 1, 7, 0], 1],
    ['none', [], 1],
  ])('are refused when they are %s', (_what, bytes, count) => {
    expect(() => unpackParts(SecretBytes.takeOver(Uint8Array.from(bytes)), count)).toThrow(RangeError);
  });

  test('are refused by a name of their own when bytes are left over', () => {
    expect(() => unpackParts(SecretBytes.takeOver(Uint8Array.of(0, 0, 7)), 1)).toThrow('no pack of so many secrets');
  });

  test('come back the same, whatever they hold', () => {
    const anyParts = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });
    fc.assert(
      fc.property(anyParts, (parts) => {
        using packed = packParts(...parts.map((part) => SecretBytes.takeOver(Uint8Array.from(part))));
        const back = unpackParts(packed, parts.length);
        expect(back.map((part) => [...part.bytes()])).toEqual(parts.map((part) => [...part]));
      }),
    );
  });

  test('hold 65,535 bytes each, and refuse one more', () => {
    const longest = SecretBytes.takeOver(new Uint8Array(65_535).fill(7));
    using packed = packParts(longest);
    expect(unpackParts(packed, 1)[0]?.equals(longest.bytes())).toBe(true);
    expect(() => packParts(SecretBytes.takeOver(new Uint8Array(65_536)))).toThrow(RangeError);
  });
});

describe('a webhook signature', () => {
  const body = Buffer.from('Hello, World!');
  const secret = () => SecretBytes.fromText("It's a Secret to Everybody");
  const claimed = claimedSignature('sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17');

  test('holds for the published vector', () => {
    if (claimed === undefined) throw new Error('not of its form');
    expect(signedWith(secret(), body, claimed)).toBe(true);
  });

  test('does not hold for another body, another secret or a shorter claim', () => {
    if (claimed === undefined) throw new Error('not of its form');
    expect(signedWith(secret(), Buffer.from('Hello, World?'), claimed)).toBe(false);
    expect(signedWith(SecretBytes.fromText('other'), body, claimed)).toBe(false);
    expect(signedWith(secret(), body, claimed.subarray(0, 16))).toBe(false);
  });

  test('is computed in memory that is wiped, whether it holds or not', () => {
    if (claimed === undefined) throw new Error('not of its form');
    const compared = vi.spyOn(crypto, 'timingSafeEqual');
    syncBuiltinESMExports();
    signedWith(secret(), body, claimed);
    signedWith(SecretBytes.fromText('other'), body, claimed);
    const computed = compared.mock.calls.map(([expected]) => [...(expected as Uint8Array)]);
    expect(computed).toEqual([Array(32).fill(0), Array(32).fill(0)]);
  });

  test.each([
    undefined,
    '',
    'sha256=',
    'sha1=aa',
    `sha256=${'A'.repeat(64)}`,
    `sha256=${'a'.repeat(63)}`,
    `sha256=${'a'.repeat(65)}`,
    ` sha256=${'a'.repeat(64)}`,
    `sha256=${'a'.repeat(64)}\n`,
  ])('of the form %j is none', (header) => {
    expect(claimedSignature(header)).toBeUndefined();
  });
});

test('the proof of a token is the one that Meta computes', () => {
  using proof = appSecretProof(
    SecretBytes.fromText('key'),
    SecretBytes.fromText('The quick brown fox jumps over the lazy dog'),
  );
  expect(proof.revealText()).toBe('f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8');
});

describe('identifiers', () => {
  // Both were computed elsewhere: keys of stored rows, which must never change.
  test('are the same for the same parts as ever, lengths counted in bytes', () => {
    expect(digestOf('ab', 'c', '€')).toBe('Z-fgJuQv79EH_zCVoJ4AbnVXuIw0WhbAKYq_S4_RwOM');
    expect(keyedDigestOf(Buffer.from('key'), 'ab', 'c', '€')).toBe('vXK1uqsJPQn703IXs3VOdhSbO-QS50x3nRqDlz77pLc');
  });

  test('are 32 random bytes', () => {
    expect(unguessable()).toMatch(/^[\w-]{43}$/);
    expect(unguessable()).not.toBe(unguessable());
  });

  test('tell lists apart that look alike when they are joined', () => {
    expect(digestOf('ab', 'c')).not.toBe(digestOf('a', 'bc'));
    expect(digestOf('a', '')).not.toBe(digestOf('a'));
    expect(keyedDigestOf(Buffer.from('k'), 'ab', 'c')).not.toBe(keyedDigestOf(Buffer.from('k'), 'a', 'bc'));
  });
});
