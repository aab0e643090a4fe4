import { join } from 'node:path';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DeleteParameterCommand, GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type AwsEndpoint, clientConfiguration, environmentFor } from './aws-endpoint.ts';
import { bootstrapAccount } from './bootstrap-account.ts';
import type { Children } from './children.ts';
import { Refusal } from './refusal.ts';
import { sourceFingerprint } from './source-fingerprint.ts';
import { REPOSITORY, type StateDirectory } from './state-directory.ts';
import { restoreTimeToLive } from './time-to-live.ts';

const STACK = 'Switchboard';
const LOG = 'deployment';

/** Kept in the deployed account itself, so that it is lost together with the deployment it describes. */
const FINGERPRINT_PARAMETER = '/switchboard/local/deployed-from';

/** Stage settings that only a running copy knows. */
export interface LocalSettings {
  readonly publicUrl: string;
  readonly apiUrl: string;
  readonly graphApiUrl: string;
  readonly issuer: string;
  readonly audience: string;
  readonly agentRuntime: { readonly type: 'sqs'; readonly queueArn: string };
}

/**
 * Brings the real stack onto the endpoint by the CDK command line and answers the id of its HTTP API. Does nothing when
 * these sources and settings are deployed there already.
 * @throws Refusal with the path of the log when the deployment fails.
 */
export async function deploy(
  children: Children,
  state: StateDirectory,
  endpoint: AwsEndpoint,
  settings: LocalSettings,
  detail: (text: string) => void,
): Promise<string> {
  const cloudFormation = new CloudFormationClient(clientConfiguration(endpoint));
  const ssm = new SSMClient(clientConfiguration(endpoint));
  const fingerprint = sourceFingerprint(settings);
  const deployedFrom = await ssm
    .send(new GetParameterCommand({ Name: FINGERPRINT_PARAMETER }))
    .then(({ Parameter }) => Parameter?.Value, ignoreMissing);
  if (deployedFrom === fingerprint) {
    detail('unchanged');
    return apiId(cloudFormation);
  }
  await ssm.send(new DeleteParameterCommand({ Name: FINGERPRINT_PARAMETER })).catch(ignoreMissing);
  await bootstrapAccount(endpoint);
  await cdkDeploy(children, state, endpoint, settings, detail);
  await restoreTimeToLive(endpoint, cloudFormation, STACK, state.file('cdk.out', `${STACK}.template.json`));
  await ssm.send(new PutParameterCommand({ Name: FINGERPRINT_PARAMETER, Value: fingerprint, Type: 'String' }));
  return apiId(cloudFormation);
}

async function cdkDeploy(
  children: Children,
  state: StateDirectory,
  endpoint: AwsEndpoint,
  settings: LocalSettings,
  detail: (text: string) => void,
): Promise<void> {
  const binaries = join(REPOSITORY, 'node_modules', '.bin');
  let reason = '';
  const ended = await children.run(
    {
      name: LOG,
      command: process.execPath,
      args: [
        join(binaries, 'cdk'),
        'deploy',
        STACK,
        ...['--app', 'node infra/app.ts'],
        ...['--output', state.file('cdk.out')],
        ...['--context', 'stage=local', '--context', `settings=${JSON.stringify(settings)}`],
        ...['--require-approval', 'never', '--progress', 'events', '--no-color'],
        ...['--no-notices', '--no-version-reporting', '--no-path-metadata'],
      ],
      env: {
        ...environmentFor(endpoint),
        HOME: process.env.HOME ?? state.path,
        PATH: `${binaries}:${process.env.PATH ?? ''}`,
        LANG: 'C.UTF-8',
        CI: 'true',
        CDK_DISABLE_CLI_TELEMETRY: 'true',
        CDK_DISABLE_VERSION_CHECK: 'true',
      },
    },
    (line) => {
      const count = /^\s*Switchboard \|\s*(\d+)\/(\d+) \|/.exec(line);
      if (Number(count?.[1]) <= Number(count?.[2])) detail(`${count?.[1]} of ${count?.[2]} resources`);
      if (reason === '' && /^(❌|\w*Error: )|_FAILED/.test(line)) reason = line.trim();
    },
  );
  if (ended === 0) return;
  throw new Refusal(
    `The deployment failed${reason && ` (${reason})`}; see ${state.shown('logs', `${LOG}.log`)}. Once it is mended, ` +
      'run `npm start` again; your data is kept.',
  );
}

async function apiId(cloudFormation: CloudFormationClient): Promise<string> {
  const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: STACK }));
  const id = Stacks?.[0]?.Outputs?.find(({ OutputKey }) => OutputKey === 'ApiId')?.OutputValue;
  if (id === undefined) throw new Refusal(`The stack ${STACK} has no output ApiId: the front door would lead nowhere.`);
  return id;
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && error.name === 'ParameterNotFound') return undefined;
  throw error;
}
