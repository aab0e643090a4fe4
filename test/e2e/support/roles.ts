import { CloudFormationClient, paginateListStackResources } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { HandlerName } from '../../../infra/handlers.ts';
import { awsClient } from './aws.ts';

/** The clients of somebody: of a function's role, or of root. */
export interface Clients {
  readonly dynamoDb: DynamoDBClient;
  readonly kms: KMSClient;
  readonly sqs: SQSClient;
  readonly sns: SNSClient;
  readonly s3: S3Client;
}

type Configuration = Pick<DynamoDBClientConfig, 'endpoint' | 'region' | 'credentials'>;

const clientsWith = (configuration: Configuration): Clients => ({
  dynamoDb: new DynamoDBClient(configuration),
  kms: new KMSClient(configuration),
  sqs: new SQSClient(configuration),
  sns: new SNSClient(configuration),
  s3: new S3Client({ ...configuration, forcePathStyle: true }),
});

export const root = clientsWith(awsClient);

/** What the stack has deployed: physical ids by logical id. */
export async function deployedResources(): Promise<ReadonlyMap<string, string>> {
  const client = new CloudFormationClient(awsClient);
  const resources = new Map<string, string>();
  for await (const page of paginateListStackResources({ client }, { StackName: 'Switchboard' }))
    for (const { LogicalResourceId = '', PhysicalResourceId = '' } of page.StackResourceSummaries ?? [])
      resources.set(LogicalResourceId, PhysicalResourceId);
  return resources;
}

/** With what the function of this name may do, and nothing else. On AWS only Lambda can assume the role; the emulator lets root. */
export async function clientsOf(name: HandlerName, resources: ReadonlyMap<string, string>): Promise<Clients> {
  const [, role] = [...resources].find(([id]) => new RegExp(`${name}Role[0-9A-F]{8}$`).test(id)) ?? [];
  const { Credentials } = await new STSClient(awsClient).send(
    new AssumeRoleCommand({ RoleArn: `arn:aws:iam::000000000000:role/${role}`, RoleSessionName: 'least-privilege' }),
  );
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
  const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  return clientsWith({ ...awsClient, credentials });
}
