import pMap from 'p-map';
import { describe, expect, test } from 'vitest';
import { relayStore } from '../../shared/adapters/relay-store.ts';
import { engineNames, makeBucket, s3Of } from './support/engines.ts';

describe.each(engineNames)('the relay store of %s', async (engine) => {
  const store = relayStore(s3Of(engine), await makeBucket(engine));

  test('gives back what was put, to the last character', async () => {
    const body = JSON.stringify({ text: 'Grüße 日本語 \u0000 \ufffe \u{1f389}', long: 'x'.repeat(3_000_000) });
    await store.put('events/acme/one', body);
    expect(await store.get('events/acme/one')).toBe(body);
  });

  test('has nothing where nothing was put, which is no error', async () => {
    expect(await store.get('events/acme/never')).toBeUndefined();
  });

  test('forgets what is deleted, and takes no offence at what is gone already', async () => {
    const keys = Array.from({ length: 3 }, (_, index) => `events/acme/gone-${index}`);
    for (const key of keys) await store.put(key, '[]');
    await store.put('events/acme/kept', '[]');
    await store.delete([...keys, 'events/acme/never']);
    await store.delete([]);
    expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual([undefined, undefined, undefined]);
    expect(await store.get('events/acme/kept')).toBe('[]');
  });

  test('forgets everything below a prefix, of which there may be more than it is told of at once, and nothing beside it', async () => {
    const keys = Array.from({ length: 1005 }, (_, index) => `held/acme/evt_1/${index}`);
    await pMap([...keys, 'held/acme/evt_10/kept'], (key) => store.put(key, '[]'), { concurrency: 20 });
    await store.deleteBelow('held/acme/evt_1/', 'held/acme/evt_1/500');
    expect(await store.get('held/acme/evt_1/500')).toBe('[]');
    await store.deleteBelow('held/acme/evt_1/');
    expect([await store.get('held/acme/evt_1/0'), await store.get('held/acme/evt_1/1004')]).toEqual([
      undefined,
      undefined,
    ]);
    expect(await store.get('held/acme/evt_10/kept')).toBe('[]');
  });

  test('says in our words, without those of the SDK, that the bucket cannot be reached', async () => {
    const nowhere = relayStore(s3Of(engine), 'there-is-no-such-bucket');
    const fault = { name: 'Fault', message: 'store-unavailable', code: 'store-unavailable', retryable: true };
    await expect(nowhere.put('a', 'b')).rejects.toMatchObject(fault);
    await expect(nowhere.get('a')).rejects.toMatchObject(fault);
    await expect(nowhere.delete(['a'])).rejects.toMatchObject(fault);
    await expect(nowhere.deleteBelow('a')).rejects.toMatchObject(fault);
  });
});
