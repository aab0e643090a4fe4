import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Effect, Grant, type IGrantable, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { StageSettings } from '../stage.ts';

export interface DataKeyProps {
  readonly settings: StageSettings;
}

/** A service that holds data of ours under this key. */
type DataService = 'dynamodb' | 'sqs' | 's3' | 'sns';

/**
 * The key of everything at rest that is not a sealed secret: tables, queues, relay, logs, trail, alerts.
 * Functions use it only through the service that holds the data (`kms:ViaService`); it never opens a sealed secret.
 */
export class DataKey extends Construct {
  readonly key: Key;

  constructor(scope: Construct, id: string, props: DataKeyProps) {
    super(scope, id);
    this.key = new Key(this, 'Key', {
      description: 'Switchboard: tables, queues, relay, logs and trail at rest',
      enableKeyRotation: true,
      removalPolicy: props.settings.removalProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.#admitLogs();
  }

  /** Lets the grantee read through a service what is encrypted with this key. */
  grantRead(grantee: IGrantable, service: DataService): Grant {
    return this.#grantThrough(service, grantee, ['kms:Decrypt']);
  }

  /** Lets the grantee write through a service; the services decrypt their own key for that, too. */
  grantWrite(grantee: IGrantable, service: DataService): Grant {
    return this.#grantThrough(service, grantee, ['kms:Decrypt', 'kms:GenerateDataKey']);
  }

  /** Lets CloudTrail, on behalf of this one trail, encrypt its log files. Source: CloudTrail user guide, "Configure AWS KMS key policies". */
  admitTrail(trailArn: string): void {
    const { account, partition } = Stack.of(this);
    const trails = `arn:${partition}:cloudtrail:*:${account}:trail/*`;
    this.key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'CloudTrailEncrypts',
        principals: [new ServicePrincipal('cloudtrail.amazonaws.com')],
        actions: ['kms:GenerateDataKey*'],
        resources: ['*'],
        conditions: {
          StringEquals: { 'aws:SourceArn': trailArn },
          StringLike: { 'kms:EncryptionContext:aws:cloudtrail:arn': trails },
        },
      }),
    );
    this.key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'CloudTrailDescribes',
        principals: [new ServicePrincipal('cloudtrail.amazonaws.com')],
        actions: ['kms:DescribeKey'],
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceArn': trailArn } },
      }),
    );
  }

  /** Lets the alarms of this stack publish to an encrypted topic. Source: SNS developer guide, "Compatibility between event sources and encrypted topics". */
  admitAlarms(): void {
    const { account, partition, region, stackName } = Stack.of(this);
    this.key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsOfThisStack',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        resources: ['*'],
        conditions: {
          StringEquals: { 'aws:SourceAccount': account },
          ArnLike: { 'aws:SourceArn': `arn:${partition}:cloudwatch:${region}:${account}:alarm:${stackName}-*` },
        },
      }),
    );
  }

  /** CloudWatch Logs may use the key for the log groups of this stack. Source: CloudWatch Logs user guide, "Encrypt log data". */
  #admitLogs(): void {
    const { account, partition, region, stackName } = Stack.of(this);
    this.key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'LogsOfThisStack',
        effect: Effect.ALLOW,
        principals: [new ServicePrincipal(`logs.${region}.amazonaws.com`)],
        actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
        resources: ['*'],
        conditions: {
          ArnLike: {
            'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:log-group:${stackName}-*`,
          },
        },
      }),
    );
  }

  #grantThrough(service: DataService, grantee: IGrantable, actions: string[]): Grant {
    return Grant.addToPrincipal({
      grantee,
      actions,
      resourceArns: [this.key.keyArn],
      conditions: { StringEquals: { 'kms:ViaService': `${service}.${Stack.of(this).region}.amazonaws.com` } },
    });
  }
}
