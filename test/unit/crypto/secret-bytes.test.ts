import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { appSecretProof } from '../../../shared/crypto/appsecret-proof.ts';
import { digestOf, keyedDigestOf, unguessable } from '../../../shared/crypto/identifiers.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { packParts, unpackParts } from '../../../shared/crypto/secret-parts.ts';
import { claimedSignature, signedWith } from '../../../shared/crypto/webhook-signature.ts';

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

  test('are refused when they are cut short', () => {
    expect(() => unpackParts(SecretBytes.takeOver(Uint8Array.of(0, 5, 1)), 1)).toThrow(RangeError);
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
