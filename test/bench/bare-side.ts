import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CloudFormationClient, DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { type AwsEndpoint, clientConfiguration, environmentFor } from '../../infra/local/aws-endpoint.ts';
import type { Listener } from './listener.ts';
import { newWamid, type Side } from './side.ts';
import { webhookBody } from './webhook-body.ts';

const repository = join(import.meta.dirname, '..', '..');
const stackName = 'BareFloor';
const execute = promisify(execFile);

const outputs = z.object({ [stackName]: z.object({ ApiId: z.string() }) });

/** The bare stack, deployed by the CDK command line beside Switchboard and taken away again by `running`. */
export async function deployBareFloor(
  aws: AwsEndpoint,
  listener: Listener,
  running: AsyncDisposableStack,
): Promise<Side> {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-bare-'));
  running.defer(() => rmSync(folder, { recursive: true, force: true }));
  const outputsFile = join(folder, 'outputs.json');
  await execute(
    process.execPath,
    [
      join(repository, 'node_modules', '.bin', 'cdk'),
      ...['deploy', stackName, '--app', 'node test/bench/bare-stack/app.ts', '--output', join(folder, 'cdk.out')],
      ...['--context', `listener=${listener.url}/bare`, '--outputs-file', outputsFile],
      ...['--require-approval', 'never', '--no-color', '--no-notices', '--no-version-reporting', '--no-path-metadata'],
    ],
    {
      cwd: repository,
      env: {
        ...environmentFor(aws),
        HOME: folder,
        PATH: process.env.PATH,
        CI: 'true',
        CDK_DISABLE_CLI_TELEMETRY: 'true',
        CDK_DISABLE_VERSION_CHECK: 'true',
      },
    },
  );
  const cloudFormation = new CloudFormationClient(clientConfiguration(aws));
  running.defer(async () => {
    await cloudFormation.send(new DeleteStackCommand({ StackName: stackName }));
  });

  const { ApiId } = outputs.parse(JSON.parse(readFileSync(outputsFile, 'utf8')))[stackName];
  return {
    name: 'bare',
    message(conversation) {
      const wamid = newWamid();
      const from = `4915550${100_000 + conversation}`;
      return {
        wamid,
        url: `${aws.url}/_aws/execute-api/${ApiId}/webhooks/${from}`,
        headers: {},
        body: webhookBody({ wamid, wabaId: '900200000000001', phoneNumberId: '900400000000001', from }),
      };
    },
  };
}
