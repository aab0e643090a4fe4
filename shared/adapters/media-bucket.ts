import { Readable } from 'node:stream';
import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { downloadSeconds, uploadSeconds } from '../contracts/media.ts';
import type { MediaDoor, MediaRelay } from '../domain/media-relay.ts';
import { calling, hasName, unavailable } from './aws-errors.ts';

/** S3 takes no smaller parts. This much is held in memory at a time. In bytes. */
const partSize = 5 * 1024 * 1024;
const partsAtOnce = 2;

const describe =
  (client: S3Client, bucket: string): MediaRelay['describe'] =>
  async (key) => {
    try {
      const { ContentType, ContentLength } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      return { contentType: ContentType ?? '', bytes: ContentLength ?? 0 };
    } catch (error) {
      if (hasName(error, 'NotFound')) return undefined;
      throw unavailable(error);
    }
  };

/** The relay bucket, for the worker that moves media. Encryption is the bucket's own. */
export const mediaBucket = (client: S3Client, bucket: string): MediaRelay => ({
  async put(key, content, contentType) {
    let broken: Error | undefined;
    content.once('error', (error) => {
      broken = error;
    });
    const upload = new Upload({
      client,
      params: { Bucket: bucket, Key: key, Body: content, ContentType: contentType },
      partSize,
      queueSize: partsAtOnce,
    });
    await upload.done().catch((error: unknown) => {
      throw broken ?? unavailable(error);
    });
  },

  describe: describe(client, bucket),

  async read(key) {
    try {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return Body instanceof Readable ? Body : undefined;
    } catch (error) {
      if (hasName(error, 'NoSuchKey')) return undefined;
      throw unavailable(error);
    }
  },

  async delete(key) {
    await calling('store-unavailable', () => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })));
  },
});

/** The relay bucket, for the function that lets agents have single objects. What it signs can do no more than its role. */
export const mediaDoor = (client: S3Client, bucket: string): MediaDoor => ({
  signDownload: (key, contentType) =>
    calling('store-unavailable', () =>
      getSignedUrl(
        client,
        new GetObjectCommand({
          Bucket: bucket,
          Key: key,
          ResponseContentDisposition: 'attachment',
          ResponseContentType: contentType,
        }),
        { expiresIn: downloadSeconds },
      ),
    ),

  signUpload: (key, { contentType, mostBytes }) =>
    calling('store-unavailable', () =>
      createPresignedPost(client, {
        Bucket: bucket,
        Key: key,
        Fields: { 'Content-Type': contentType },
        Conditions: [['content-length-range', 1, mostBytes]],
        Expires: uploadSeconds,
      }),
    ),

  describe: describe(client, bucket),
});
