import crypto, { createHmac } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { hmacSha256 } from '../../../shared/crypto/hmac.ts';

afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => Buffer.from(text, 'utf8');

/** RFC 4231, sections 4.2 to 4.8 (4.6 tests a truncation, which is none of ours). */
const vectors = [
  [
    'a key of 20 bytes',
    Buffer.alloc(20, 0x0b),
    bytes('Hi There'),
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  ],
  [
    'a key shorter than the digest',
    bytes('Jefe'),
    bytes('what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    'a message of the length of nearly a block',
    Buffer.alloc(20, 0xaa),
    Buffer.alloc(50, 0xdd),
    '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
  ],
  [
    'a key of 25 bytes',
    Buffer.from('0102030405060708090a0b0c0d0e0f10111213141516171819', 'hex'),
    Buffer.alloc(50, 0xcd),
    '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
  ],
  [
    'a key longer than a block',
    Buffer.alloc(131, 0xaa),
    bytes('Test Using Larger Than Block-Size Key - Hash Key First'),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
  [
    'a key and a message longer than a block',
    Buffer.alloc(131, 0xaa),
    bytes(
      'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
    ),
    '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
  ],
] as const;

describe('HMAC-SHA-256', () => {
  test.each(vectors)('is that of RFC 4231 for %s', (_what, key, message, expected) => {
    expect(hex(hmacSha256(key, message))).toBe(expected);
  });

  test('is that of Node.js, whatever the key, and wherever the message is cut', () => {
    const array = (maxLength: number) => fc.uint8Array({ maxLength });
    fc.assert(
      fc.property(array(200), fc.array(array(300), { maxLength: 5 }), (key, parts) => {
        const expected = createHmac('sha256', key).update(Buffer.concat(parts)).digest('hex');
        expect(hex(hmacSha256(key, ...parts))).toBe(expected);
      }),
      {
        examples: [
          [new Uint8Array(63), []],
          [new Uint8Array(64), []],
          [new Uint8Array(65), []],
        ],
      },
    );
  });

  test.each([32, 64, 131])('leaves a key of %i bytes as it was', (length) => {
    const key = Buffer.alloc(length, 7);
    hmacSha256(key, bytes('x'));
    expect(key.every((byte) => byte === 7)).toBe(true);
  });

  test('leaves nothing of the key in the memory that it has used', () => {
    const [allocated, hashed] = [vi.spyOn(Buffer, 'allocUnsafe'), vi.spyOn(crypto, 'hash')];
    syncBuiltinESMExports();
    for (const length of [32, 64, 131]) hmacSha256(Buffer.alloc(length, 7), bytes('message'));
    const used = allocated.mock.results.map(({ value }) => value as Buffer);
    expect(used).toHaveLength(6);
    for (const memory of used) expect([...memory.subarray(0, 64)]).toEqual(Array(64).fill(0));
    // The first hash of a long key is the key from then on.
    const ofLongKey = hashed.mock.results[4]?.value as unknown as Buffer;
    expect([...ofLongKey]).toEqual(Array(32).fill(0));
  });
});
