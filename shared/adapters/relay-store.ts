import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { RelayStore } from '../domain/relay.ts';
import { calling, hasName, unavailable } from './aws-errors.ts';

/** What one DeleteObjects takes. */
const deletedAtOnce = 1000;

/** The relay bucket. Encryption is the bucket's own. */
export const relayStore = (client: S3Client, bucket: string): RelayStore => {
  const deleteAll = async (keys: readonly string[]): Promise<void> => {
    for (let first = 0; first < keys.length; first += deletedAtOnce) {
      const Objects = keys.slice(first, first + deletedAtOnce).map((Key) => ({ Key }));
      const { Errors } = await calling('store-unavailable', () =>
        client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } })),
      );
      if (Errors !== undefined && Errors.length > 0) throw unavailable(undefined);
    }
  };
  return {
    async put(key, body) {
      await calling('store-unavailable', () =>
        client.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            Body: body,
            ContentType: 'application/json; charset=utf-8',
          }),
        ),
      );
    },

    async get(key) {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        return await Body?.transformToString('utf-8');
      } catch (error) {
        if (hasName(error, 'NoSuchKey')) return undefined;
        throw unavailable(error);
      }
    },

    delete: deleteAll,

    async deleteBelow(prefix, kept) {
      let token: string | undefined;
      do {
        const { Contents = [], NextContinuationToken } = await calling('store-unavailable', () =>
          client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token })),
        );
        await deleteAll(Contents.flatMap(({ Key }) => (Key === undefined || Key === kept ? [] : Key)));
        token = NextContinuationToken;
      } while (token !== undefined);
    },
  };
};
