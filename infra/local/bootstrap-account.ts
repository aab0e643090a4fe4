import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { ACCOUNT, type AwsEndpoint, clientConfiguration } from './aws-endpoint.ts';

/** What `cdk deploy` asks for before it deploys: the version of the bootstrap stack that it was built against. */
const BOOTSTRAP_VERSION = '31';
const VERSION_PARAMETER = '/cdk-bootstrap/hnb659fds/version';

/**
 * Makes the emulator's account one that `cdk deploy` accepts. Why not `cdk bootstrap`: it takes ten times as long, and
 * its bucket refuses plain http, which is all that the emulator speaks.
 */
export async function bootstrapAccount(endpoint: AwsEndpoint): Promise<void> {
  const s3 = new S3Client(clientConfiguration(endpoint));
  const ssm = new SSMClient(clientConfiguration(endpoint));
  await s3
    .send(new CreateBucketCommand({ Bucket: `cdk-hnb659fds-assets-${ACCOUNT}-${endpoint.region}` }))
    .catch((error: unknown) => {
      if (!(error instanceof Error && error.name.startsWith('BucketAlready'))) throw error;
    });
  await ssm.send(
    new PutParameterCommand({ Name: VERSION_PARAMETER, Value: BOOTSTRAP_VERSION, Type: 'String', Overwrite: true }),
  );
}
