import { DeleteObjectsCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, test } from 'vitest';
import { relayStore } from '../../../shared/adapters/relay-store.ts';

const s3 = mockClient(S3Client);
beforeEach(() => s3.reset());

const store = relayStore(new S3Client({ region: 'eu-central-1' }), 'relay');

test('deletes at most as many objects at once as S3 takes', async () => {
  s3.on(DeleteObjectsCommand).resolves({});
  const keys = Array.from({ length: 2001 }, (_, index) => `events/acme/${index}`);
  await store.delete(keys);
  const deleted = s3
    .commandCalls(DeleteObjectsCommand)
    .map(({ args }) => (args[0].input.Delete?.Objects ?? []).map(({ Key }) => Key));
  expect(deleted.map(({ length }) => length)).toEqual([1000, 1000, 1]);
  expect(deleted.flat()).toEqual(keys);
});

test('does not take an object for deleted that S3 has kept', async () => {
  s3.on(DeleteObjectsCommand).resolves({ Errors: [{ Key: 'events/acme/1', Code: 'InternalError' }] });
  await expect(store.delete(['events/acme/1'])).rejects.toMatchObject({ code: 'store-unavailable' });
});

test('does not take an object for gone that it may not read', async () => {
  s3.on(GetObjectCommand).rejects(Object.assign(new Error('events/acme/1'), { name: 'AccessDenied' }));
  await expect(store.get('events/acme/1')).rejects.toMatchObject({
    code: 'store-unavailable',
    message: 'store-unavailable',
  });
});
