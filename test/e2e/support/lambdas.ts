import { CloudFormationClient, paginateDescribeStacks } from '@aws-sdk/client-cloudformation';
import { awsClient } from './aws.ts';
import { stack } from './stack.ts';

/** An output of the deployed stack. @throws when there is none of this name */
export async function outputOf(name: string): Promise<string> {
  const client = new CloudFormationClient(awsClient);
  for await (const { Stacks } of paginateDescribeStacks({ client }, {}))
    for (const { Outputs } of Stacks ?? [])
      for (const { OutputKey, OutputValue } of Outputs ?? [])
        if (OutputKey === name && OutputValue !== undefined) return OutputValue;
  throw new Error(`The stack has no output ${name}.`);
}

/** Runs the sweeper now, as its schedule would within minutes. */
export async function sweep(): Promise<void> {
  const name = await outputOf('SweepWorkFunction');
  const response = await fetch(`${stack.awsEndpoint}/2015-03-31/functions/${name}/invocations`, {
    method: 'POST',
    // The emulator knows this key as root and checks no signature of it.
    headers: { authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${stack.region}/lambda/aws4_request` },
    body: '{}',
  });
  if (!response.ok || response.headers.has('x-amz-function-error'))
    throw new Error(`The sweeper failed: ${response.status} ${await response.text()}`);
}
