import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { type AwsEndpoint, clientConfiguration } from '../../infra/local/aws-endpoint.ts';
import type { Listener } from './listener.ts';
import { type RunningCopy, tokenFor } from './running-copy.ts';
import { newWamid, type Side } from './side.ts';
import { signatureOf, webhookBody } from './webhook-body.ts';

const numbers = 4;
const appSecret = 'facade00facade00facade00facadebe';

const created = z.object({ id: z.string(), webhook: z.object({ url: z.url(), state: z.literal('configured') }) });

/** Switchboard, with one tenant, one credential and four numbers, each answered by an agent of its own: the listener. */
export async function seedSwitchboard(copy: RunningCopy, aws: AwsEndpoint, listener: Listener): Promise<Side> {
  // Fresh ids, so that a copy that keeps its data can be measured again.
  const run = String(Date.now()).slice(-9);
  const appId = `9001${run}`;
  const wabaId = `9002${run}`;
  const accessToken = `EAAFAKEbench${run}${'0'.repeat(32)}ZDZD`;
  const phoneNumberIds = Array.from({ length: numbers }, (_, index) => `9004${run}${index}`);
  await call(`${copy.simulator}/_control/seed`, {
    method: 'POST',
    body: {
      apps: [{ id: appId, name: 'Benchmark', secret: appSecret }],
      wabas: [{ id: wabaId, name: 'Benchmark', businessId: `9003${run}`, businessName: 'Benchmark' }],
      phoneNumbers: phoneNumberIds.map((id, index) => ({
        id,
        wabaId,
        displayPhoneNumber: `+1 555-010-02${run.slice(-2)}${index}`,
        verifiedName: `Benchmark ${index}`,
      })),
      tokens: [
        {
          name: `bench-${run}`,
          value: accessToken,
          appId,
          type: 'SYSTEM_USER',
          scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'],
          assets: 'all',
        },
      ],
    },
  });

  const authorization = `Bearer ${await tokenFor(`bench-${run}`, copy)}`;
  const credential = created.parse(
    await call(`${copy.api}/v1/credentials`, {
      method: 'POST',
      headers: { authorization },
      body: { label: 'Benchmark', appId, appSecret, wabaId, accessToken, phoneNumberIds },
    }),
  );
  for (const [index, phoneNumberId] of phoneNumberIds.entries())
    await call(`${copy.api}/v1/agents/bench-${index}`, {
      method: 'PUT',
      headers: { authorization, 'if-none-match': '*' },
      body: {
        name: `Benchmark ${index}`,
        target: { type: 'https', url: `${listener.url}/agents/${index}` },
        whatsapp: { enabled: true, credentialId: credential.id, phoneNumberId, routing: { default: true } },
      },
    });

  const url = await behindTheFrontDoor(new URL(credential.webhook.url).pathname, aws);
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

interface Call {
  readonly method: 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
}

async function call(url: string, { method, headers, body }: Call): Promise<unknown> {
  const response = await fetch(url, {
    method,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${method} ${url} was answered with ${response.status}: ${answer}`);
  return answer === '' ? undefined : JSON.parse(answer);
}
