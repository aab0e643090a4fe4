import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { type AwsEndpoint, clientConfiguration } from '../../infra/local/aws-endpoint.ts';
import type { Listener } from './listener.ts';
import type { RunningCopy } from './running-copy.ts';
import { newWamid, type Side } from './side.ts';
import { connectTenant } from './tenant.ts';
import { signatureOf, webhookBody } from './webhook-body.ts';

const numbers = 4;

/** Switchboard, with one tenant, one credential and four numbers, each answered by an agent of its own: the listener. */
export async function seedSwitchboard(copy: RunningCopy, aws: AwsEndpoint, listener: Listener): Promise<Side> {
  const { appSecret, wabaId, phoneNumberIds, webhookPath } = await connectTenant(copy, listener, numbers);
  const url = await behindTheFrontDoor(webhookPath, aws);
  return {
    name: 'switchboard',
    message(conversation) {
      const wamid = newWamid();
      const phoneNumberId = phoneNumberIds[conversation % numbers] ?? '';
      const body = webhookBody({ wamid, wabaId, phoneNumberId, from: `4915550${100_000 + conversation}` });
      return { wamid, url, body, headers: { 'x-hub-signature-256': signatureOf(appSecret, body) } };
    },
  };
}

/** The HTTP API itself: the local front door is no part of what is deployed, and the bare stack has none. */
async function behindTheFrontDoor(path: string, aws: AwsEndpoint): Promise<string> {
  const { Stacks } = await new CloudFormationClient(clientConfiguration(aws)).send(
    new DescribeStacksCommand({ StackName: 'Switchboard' }),
  );
  const apiId = Stacks?.[0]?.Outputs?.find(({ OutputKey }) => OutputKey === 'ApiId')?.OutputValue;
  return `${aws.url}/_aws/execute-api/${apiId}${path}`;
}
