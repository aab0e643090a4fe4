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
  await invoke('SweepWorkFunction', {});
}

/** Queues the checks that are due now, as their schedule would within minutes. */
export async function planChecks(): Promise<void> {
  await invoke('PlanChecksFunction', {});
}

/** One message as Lambda hands it over. */
export interface HandedOver {
  readonly messageId: string;
  readonly group: string;
  readonly body: string;
}

/** Hands messages to the router as AWS would, past the queue, and answers which of them it gives back. Several calls run side by side. */
export async function route(messages: readonly HandedOver[]): Promise<readonly string[]> {
  const Records = messages.map(({ messageId, group, body }) => ({
    messageId,
    receiptHandle: messageId,
    body,
    attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()), MessageGroupId: group },
    messageAttributes: {},
    eventSource: 'aws:sqs',
    awsRegion: stack.region,
  }));
  const { batchItemFailures } = (await invoke('RouteEventFunction', { Records })) as {
    readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
  };
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
}

/** Invokes the function that an output of the stack names. @throws when it fails */
async function invoke(output: string, event: object): Promise<unknown> {
  const name = await outputOf(output);
  const response = await fetch(`${stack.awsEndpoint}/2015-03-31/functions/${name}/invocations`, {
    method: 'POST',
    // The emulator knows this key as root and checks no signature of it.
    headers: { authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${stack.region}/lambda/aws4_request` },
    body: JSON.stringify(event),
  });
  const answer = await response.text();
  if (!response.ok || response.headers.has('x-amz-function-error'))
    throw new Error(`The function of ${output} failed: ${response.status} ${answer}`);
  return answer === '' ? undefined : JSON.parse(answer);
}
