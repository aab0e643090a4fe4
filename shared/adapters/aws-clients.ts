import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** Made at the first use and kept for the life of the worker: connections are reused between invocations. */
/* @__NO_SIDE_EFFECTS__ */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

export const dynamoDb = once(() =>
  DynamoDBDocumentClient.from(new DynamoDBClient({}), { marshallOptions: { removeUndefinedValues: true } }),
);
export const kms = once(() => new KMSClient({}));
/** Buckets are named in the path: the other form needs a name server that knows every bucket, which no emulator has. */
export const s3 = once(() => new S3Client({ forcePathStyle: true }));
export const sns = once(() => new SNSClient({}));
export const sqs = once(() => new SQSClient({}));

// For the platform's own runtime: whoever dispatches decides on repeats. Why not the URL of the queue as the endpoint: it follows from
// an ARN that the operator has given, and is not where an emulator listens.
const runtimeAttempts = 1;
export const runtimeLambda = once(() => new LambdaClient({ maxAttempts: runtimeAttempts }));
export const runtimeSqs = once(() => new SQSClient({ maxAttempts: runtimeAttempts, useQueueUrlAsEndpoint: false }));
