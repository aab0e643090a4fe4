import { join } from 'node:path';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import {
  type IGrantable,
  type IPrincipal,
  PolicyDocument,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  type CfnFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { type EnvironmentName, environmentName } from '../../shared/contracts/environment.ts';
import { type HandlerName, handlerEntries, projectRoot } from '../handlers.ts';
import { serviceNameOf } from './counted-metric.ts';
import type { HouseProps } from './house.ts';

const writeLogs = ['logs:CreateLogStream', 'logs:PutLogEvents'];
const writeTraces = ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'];

export interface HandlerFunctionProps extends HouseProps {
  /** What the function does, in one line, for who reads the console. */
  readonly description: string;
  /** Default 10 s. API Gateway gives up after 30 s. */
  readonly timeout?: Duration;
  /** In MB. Default 256. */
  readonly memorySize?: number;
}

/**
 * One Lambda: its own role with nothing but its own log group, its own encrypted logs, no secret in its environment.
 * Every further permission comes from a `grantXxx` of the construct that is used.
 */
export class HandlerFunction extends Construct implements IGrantable {
  readonly function: NodejsFunction;
  readonly grantPrincipal: IPrincipal;

  constructor(scope: Construct, id: HandlerName, props: HandlerFunctionProps) {
    super(scope, id);
    const { settings, dataKey, ...functionProps } = props;
    const logGroup = new LogGroup(this, 'Logs', {
      retention: settings.logRetentionDays,
      encryptionKey: dataKey.key,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: { Logs: allow([logGroup.logGroupArn], writeLogs), Traces: allow(['*'], writeTraces) },
    });
    const xRay = 'X-Ray knows no resources: its two write actions take "*" alone.';
    Validations.of(role.node.defaultChild ?? role).acknowledge(
      { id: 'AwsSolutions-IAM5[Resource::*]', reason: xRay },
      { id: 'Serverless-LambdaStarPermissions', reason: xRay },
    );
    const reserved = settings.reservedConcurrency?.[id];
    this.grantPrincipal = role;
    this.function = new NodejsFunction(this, 'Function', {
      timeout: Duration.seconds(10),
      memorySize: 256,
      ...functionProps,
      ...(reserved === undefined ? {} : { reservedConcurrentExecutions: reserved }),
      entry: join(projectRoot, handlerEntries[id]),
      projectRoot,
      depsLockFilePath: join(projectRoot, 'package-lock.json'),
      role,
      logGroup,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      loggingFormat: LoggingFormat.JSON,
      systemLogLevelV2: SystemLogLevel.WARN,
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      awsSdkConnectionReuse: false,
      bundling: {
        // CommonJS starts 14 to 45 ms sooner than ES modules; the `module` entries let esbuild leave out what is not used.
        format: OutputFormat.CJS,
        mainFields: ['module', 'main'],
        minify: true,
        bundleAwsSDK: true,
        esbuildArgs: {
          '--alias:@aws-sdk/credential-provider-node': join(import.meta.dirname, 'environment-credentials.ts'),
        },
      },
    });
    // Why not the property `tracing`: it adds its wildcard to the policy of the grants, where the acknowledgement would hide others.
    (this.function.node.defaultChild as CfnFunction).tracingConfig = { mode: Tracing.ACTIVE };
    this.setVariable(environmentName.stage, settings.stage);
    this.setVariable(environmentName.serviceName, serviceNameOf(this));
    Validations.of(this.function).acknowledge({
      id: 'Serverless-LambdaDLQ',
      reason:
        'API Gateway, Cognito, event source mappings and operators invoke it, none asynchronously; the queues have DLQs.',
    });
  }

  /** Sets a variable of the function: a name out of the contract, never a secret. */
  setVariable(name: EnvironmentName, value: string): void {
    this.function.addEnvironment(name, value);
  }
}

function allow(resources: string[], actions: string[]): PolicyDocument {
  return new PolicyDocument({ statements: [new PolicyStatement({ actions, resources })] });
}
