import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { kmsDataKeys } from '../../shared/adapters/kms-data-keys.ts';
import { type EngineName, engineNames, kmsOf, makeKey } from './support/engines.ts';
import { type KmsAnswer, observe } from './support/observed-kms.ts';

// The contract of `kmsDataKeys`, held against every engine. An engine that is known to fall short of AWS is named here with what it
// does instead: there test/integration/vault.test.ts shows that the tag of the sealed secret refuses what the engine lets through.

/** How the engine treats a wrapped key that is damaged, or that another key has wrapped. AWS refuses both. */
const authenticates: Readonly<Record<EngineName, boolean>> = {
  // Opens it, to bytes that are not the key.
  ministack: false,
  moto: true,
};

/** MiniStack begins a blob with the id of its key, which it does not read when the call names a key, as ours do. */
const unreadBytes: Readonly<Record<EngineName, number>> = { ministack: 36, moto: 0 };

const context = { ownerId: 'cred_1', purpose: 'graph-api', secretVersion: '1', tenantId: 'acme', vault: 'Switchboard' };
const refusal = { name: 'Fault', code: 'secret-refused', message: 'secret-refused', retryable: false };

/**
 * Whether the engine can tell which key wraps something, and move it to another one. MiniStack knows no ReEncrypt, and opens what a
 * former key has wrapped to other bytes.
 */
const rewraps: Readonly<Record<EngineName, boolean>> = { ministack: false, moto: true };

describe.each(engineNames)('data keys of %s', async (engine) => {
  const keyArn = await makeKey(engine);
  const keys = kmsDataKeys(kmsOf(engine), keyArn);
  const bytesOf = async (wrapped: Uint8Array, from = keys) => {
    using key = (await from.unwrap(wrapped, context)).key;
    return Buffer.from(key.bytes()).toString('hex');
  };

  /** A wrapped key that must not open: it is refused, or, where the engine is known not to notice, opens to something else. */
  const expectNotOpened = async (wrapped: Uint8Array, original: string, from = keys) => {
    if (authenticates[engine]) await expect(from.unwrap(wrapped, context)).rejects.toMatchObject(refusal);
    else expect(await bytesOf(wrapped, from).catch(() => 'refused')).not.toBe(original);
  };

  test('are fresh each time, 32 bytes long', async () => {
    const made = await Promise.all([1, 2, 3].map(() => keys.generate(context)));
    const plain = made.map(({ plaintext }) => Buffer.from(plaintext.bytes()).toString('hex'));
    expect(new Set(plain).size).toBe(3);
    expect(new Set(made.map(({ wrapped }) => Buffer.from(wrapped).toString('hex'))).size).toBe(3);
    expect(plain.every((key) => key.length === 64)).toBe(true);
  });

  test('come back from what wraps them, in the context that they were made in', async () => {
    const { plaintext, wrapped } = await keys.generate(context);
    expect(await bytesOf(wrapped)).toBe(Buffer.from(plaintext.bytes()).toString('hex'));
  });

  test('are not left in what the SDK answered', async () => {
    const client = kmsOf(engine);
    const { answers } = observe(client);
    const { wrapped } = await kmsDataKeys(client, keyArn).generate(context);
    await kmsDataKeys(client, keyArn).unwrap(wrapped, context);
    expect(answers).toHaveLength(2);
    for (const { Plaintext } of answers) expect(Plaintext?.every((byte) => byte === 0)).toBe(true);
  });

  describe('are refused', () => {
    const { tenantId, ...withoutTenant } = context;
    test.each<[string, Record<string, string>]>([
      ...Object.keys(context).map((name): [string, Record<string, string>] => [
        `another ${name}`,
        { ...context, [name]: 'other' },
      ]),
      ['one entry less', withoutTenant],
      ['one entry more', { ...context, further: tenantId }],
      ['nothing at all', {}],
    ])('in a context with %s', async (_what, other) => {
      const { wrapped } = await keys.generate(context);
      await expect(keys.unwrap(wrapped, other)).rejects.toMatchObject(refusal);
    });

    test('when KMS answers for another key than ours', async () => {
      const client = kmsOf(engine);
      const { wrapped } = await keys.generate(context);
      const { answers } = observe(client, (answer) => {
        answer.KeyId = keyArn.replace(/[^/]+$/, randomUUID());
      });
      await expect(kmsDataKeys(client, keyArn).unwrap(wrapped, context)).rejects.toMatchObject(refusal);
      expect(answers[0]?.Plaintext?.every((byte) => byte === 0)).toBe(true);
    });

    test('when nothing is left of what wraps them', async () => {
      await expect(keys.unwrap(Uint8Array.of(1), context)).rejects.toMatchObject(refusal);
    });
  });

  describe(authenticates[engine] ? 'are refused' : 'are known to open to other bytes', () => {
    test('when a bit of what wraps them was flipped', async () => {
      const { plaintext, wrapped } = await keys.generate(context);
      const original = Buffer.from(plaintext.bytes()).toString('hex');
      for (let index = unreadBytes[engine]; index < wrapped.byteLength; index++) {
        const flipped = Uint8Array.from(wrapped);
        flipped[index] = (flipped[index] ?? 0) ^ 1;
        await expectNotOpened(flipped, original);
      }
    });

    test('when the end of what wraps them was cut off', async () => {
      const { plaintext, wrapped } = await keys.generate(context);
      for (const kept of [wrapped.byteLength - 1, wrapped.byteLength - 16])
        await expectNotOpened(wrapped.slice(0, kept), Buffer.from(plaintext.bytes()).toString('hex'));
    });

    test('when another key wraps them', async () => {
      const { plaintext, wrapped } = await kmsDataKeys(kmsOf(engine), await makeKey(engine)).generate(context);
      await expectNotOpened(wrapped, Buffer.from(plaintext.bytes()).toString('hex'));
    });
  });

  test('are unavailable, not refused, when there is no such key', async () => {
    const gone = kmsDataKeys(kmsOf(engine), keyArn.replace(/[^/]+$/, randomUUID()));
    await expect(gone.generate(context)).rejects.toMatchObject({ code: 'kms-unavailable', retryable: true });
  });

  describe('under a former key', async () => {
    const currentKeyArn = await makeKey(engine);
    const bothKeys = (client = kmsOf(engine)) => kmsDataKeys(client, currentKeyArn, [keyArn]);
    const reading = (change: (answer: KmsAnswer) => void) => {
      const client = kmsOf(engine);
      observe(client, change);
      return bothKeys(client);
    };

    if (!rewraps[engine]) {
      test('cannot be moved here: that is an outage, not a refusal', async () => {
        const { wrapped } = await keys.generate(context);
        await expect(bothKeys().rewrap(wrapped, context)).rejects.toMatchObject({ code: 'kms-unavailable' });
      });
      return;
    }

    test('still open, and in their own context alone', async () => {
      const { plaintext, wrapped } = await keys.generate(context);
      expect(await bytesOf(wrapped, bothKeys())).toBe(Buffer.from(plaintext.bytes()).toString('hex'));
      await expect(bothKeys().unwrap(wrapped, { ...context, tenantId: 'globex' })).rejects.toMatchObject(refusal);
    });

    test('are refused when it is none of ours', async () => {
      const { wrapped } = await kmsDataKeys(kmsOf(engine), await makeKey(engine)).generate(context);
      await expect(bothKeys().unwrap(wrapped, context)).rejects.toMatchObject(refusal);
    });

    test('are the same ones when the current key wraps them', async () => {
      const { plaintext, wrapped } = await keys.generate(context);
      const moved = await bothKeys().rewrap(wrapped, context);
      const currentKey = kmsDataKeys(kmsOf(engine), currentKeyArn);
      expect(await bytesOf(moved, currentKey)).toBe(Buffer.from(plaintext.bytes()).toString('hex'));
      const again = await currentKey.rewrap(moved, context);
      expect(await bytesOf(again, currentKey)).toBe(Buffer.from(plaintext.bytes()).toString('hex'));
    });

    test.each(Object.keys(context))('are not moved in a context with another %s', async (name) => {
      const { wrapped } = await keys.generate(context);
      await expect(bothKeys().rewrap(wrapped, { ...context, [name]: 'other' })).rejects.toMatchObject(refusal);
    });

    test.each(['KeyId', 'SourceKeyId'] as const)(
      'are not moved when KMS answers with another %s than ours',
      async (field) => {
        const { wrapped } = await keys.generate(context);
        const falsified = reading((answer) => {
          answer[field] = keyArn.replace(/[^/]+$/, randomUUID());
        });
        await expect(falsified.rewrap(wrapped, context)).rejects.toMatchObject(refusal);
      },
    );

    test('are not moved when what wraps them was flipped', async () => {
      const { wrapped } = await keys.generate(context);
      wrapped[40] = (wrapped[40] ?? 0) ^ 1;
      await expect(bothKeys().rewrap(wrapped, context)).rejects.toMatchObject(refusal);
    });
  });
});
