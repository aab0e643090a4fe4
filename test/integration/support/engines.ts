import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { inject } from 'vitest';
import { clientConfiguration, emulatorEndpoint } from '../../../infra/local/aws-endpoint.ts';

/** What plays AWS in these tests: the emulator of the local run, and moto, whose KMS is the stricter one. */
export const engineNames = ['ministack', 'moto'] as const;
export type EngineName = (typeof engineNames)[number];

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where each engine answers. */
    readonly engines: Readonly<Record<EngineName, string>>;
  }
}

export const endpointOf = (engine: EngineName) => emulatorEndpoint(Number(new URL(inject('engines')[engine]).port));

/** For any client of the AWS SDK: `new SQSClient(configurationFor('moto'))`. */
export const configurationFor = (engine: EngineName) => clientConfiguration(endpointOf(engine));

/** One client for each engine: making one costs more than most calls. */
const oncePerEngine = <T>(make: (engine: EngineName) => T) => {
  const made = new Map<EngineName, T>();
  return (engine: EngineName): T => {
    const client = made.get(engine) ?? make(engine);
    made.set(engine, client);
    return client;
  };
};

export const dynamoDbOf = oncePerEngine((engine) =>
  DynamoDBDocumentClient.from(new DynamoDBClient(configurationFor(engine)), {
    marshallOptions: { removeUndefinedValues: true },
  }),
);

/** A new one each time: tests watch what goes through theirs. */
export const kmsOf = (engine: EngineName) => new KMSClient(configurationFor(engine));

/** A new table with the keys that all of ours have, and its name. Engines are fresh for each run: nothing is removed. */
export async function makeTable(engine: EngineName, { stream = false } = {}): Promise<string> {
  const name = `table-${crypto.randomUUID()}`;
  await dynamoDbOf(engine).send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
      ],
      ...(stream ? { StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' } } : {}),
    }),
  );
  return name;
}

export const s3Of = oncePerEngine((engine) => new S3Client(configurationFor(engine)));

/** A new bucket and its name. */
export async function makeBucket(engine: EngineName): Promise<string> {
  const name = `bucket-${crypto.randomUUID()}`;
  await s3Of(engine).send(new CreateBucketCommand({ Bucket: name }));
  return name;
}

/** A new key and its ARN. */
export async function makeKey(engine: EngineName): Promise<string> {
  const { KeyMetadata } = await kmsOf(engine).send(new CreateKeyCommand({}));
  if (KeyMetadata?.Arn === undefined) throw new Error(`${engine} made a key without an ARN`);
  return KeyMetadata.Arn;
}
