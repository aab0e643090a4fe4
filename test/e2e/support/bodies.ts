import { GetObjectCommand, ListBucketsCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { awsClient } from './aws.ts';

const client = new S3Client({ ...awsClient, forcePathStyle: true });

async function relayBucket(): Promise<string> {
  const { Buckets = [] } = await client.send(new ListBucketsCommand({}));
  const matching = Buckets.flatMap(({ Name }) => (Name !== undefined && /relay/i.test(Name) ? [Name] : []));
  if (matching[0] === undefined || matching.length > 1) throw new Error('Not exactly one bucket is the relay bucket.');
  return matching[0];
}

/** The bodies of a tenant's held events, by their key. */
export async function heldBodiesOf(tenant: string): Promise<ReadonlyMap<string, string>> {
  const Bucket = await relayBucket();
  const bodies = new Map<string, string>();
  for await (const { Contents } of paginateListObjectsV2({ client }, { Bucket, Prefix: `held/${tenant}/` }))
    for (const { Key = '' } of Contents ?? []) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
      bodies.set(Key, (await Body?.transformToString()) ?? '');
    }
  return bodies;
}
