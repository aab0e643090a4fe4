/** Where the AWS API answers, and as whom we call it. */
export interface AwsEndpoint {
  readonly url: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** The account of every call with an access key that is not itself an account number. */
export const ACCOUNT = '000000000000';
const REGION = 'us-east-1';
const ROOT_KEY = 'test';

/**
 * The endpoint of the emulator that we start ourselves. An address, not `localhost`: the SDK then writes bucket names
 * into the path, and nobody has to resolve `bucket.localhost`.
 */
export function emulatorEndpoint(port: number): AwsEndpoint {
  return {
    url: `http://127.0.0.1:${port}`,
    region: REGION,
    credentials: { accessKeyId: ROOT_KEY, secretAccessKey: ROOT_KEY },
  };
}

/** The endpoint of a running copy, as its stack.json names it. */
export function endpointOf({
  awsEndpoint,
  region,
}: {
  readonly awsEndpoint: string;
  readonly region: string;
}): AwsEndpoint {
  return { url: awsEndpoint, region, credentials: { accessKeyId: ROOT_KEY, secretAccessKey: ROOT_KEY } };
}

/** The endpoint that the user has set by AWS_ENDPOINT_URL (LocalStack, an emulator that runs already), if any. */
export function givenEndpoint(environment: NodeJS.ProcessEnv): AwsEndpoint | undefined {
  const url = environment.AWS_ENDPOINT_URL;
  if (!url) return undefined;
  return {
    url: url.replace(/\/+$/, ''),
    region: environment.AWS_REGION ?? REGION,
    credentials: {
      accessKeyId: environment.AWS_ACCESS_KEY_ID ?? ROOT_KEY,
      secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? ROOT_KEY,
    },
  };
}

/** For the AWS SDK. */
export function clientConfiguration({ url, region, credentials }: AwsEndpoint) {
  return { endpoint: url, region, credentials, forcePathStyle: true };
}

/** For programs that read the AWS variables. Nothing of the user's own AWS configuration is looked at. */
export function environmentFor({ url, region, credentials }: AwsEndpoint): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_ENDPOINT_URL_S3: url,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}
