import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { CfnTrail } from 'aws-cdk-lib/aws-cloudtrail';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { CredentialVault } from './credential-vault.ts';
import type { HouseProps } from './house.ts';
import { TrailQueries } from './trail-queries.ts';

export interface AuditTrailProps extends HouseProps {
  /** Whose items are recorded one by one. */
  readonly vault: CredentialVault;
}

/**
 * The tamper-evident copy of every access: all management events (each KMS Decrypt with its encryption context)
 * and each read and write of the Vault, in an encrypted bucket, with digests that show a change.
 * Where the account already has a trail for management events, this one records the Vault alone.
 */
export class AuditTrail extends Construct {
  /** Where the management events are: our bucket, or that of the trail that the account already has. */
  readonly bucketName: string;
  /** How operators ask it. */
  readonly queries: TrailQueries;

  constructor(scope: Construct, id: string, props: AuditTrailProps) {
    super(scope, id);
    const { settings, dataKey, vault } = props;
    const { stackName } = Stack.of(this);
    // The trail has a fixed name, so that bucket and key can name it, and admit no other trail.
    const trailArn = Stack.of(this).formatArn({ service: 'cloudtrail', resource: 'trail', resourceName: stackName });
    const bucket = this.#makeBucket(props, trailArn);
    dataKey.admitTrail(trailArn);
    const trail = new CfnTrail(this, 'Trail', {
      trailName: stackName,
      s3BucketName: bucket.bucketName,
      kmsKeyId: dataKey.key.keyArn,
      isLogging: true,
      isMultiRegionTrail: true,
      includeGlobalServiceEvents: true,
      enableLogFileValidation: true,
      advancedEventSelectors: [
        // Nothing is excluded here: the KMS events are the audit of every decrypt.
        ...(settings.trail.mode === 'existing' ? [] : [managementEvents]),
        {
          name: 'Every access to the Vault',
          fieldSelectors: [
            { field: 'eventCategory', equalTo: ['Data'] },
            { field: 'resources.type', equalTo: ['AWS::DynamoDB::Table'] },
            { field: 'resources.ARN', equalTo: [vault.table.tableArn] },
          ],
        },
      ],
    });
    if (bucket.policy !== undefined) trail.node.addDependency(bucket.policy);
    if (settings.removalProtection) trail.applyRemovalPolicy(RemovalPolicy.RETAIN);
    const own = `s3://${bucket.bucketName}/AWSLogs`;
    const { trail: setting } = settings;
    this.bucketName = setting.mode === 'existing' ? setting.bucket : bucket.bucketName;
    this.queries = new TrailQueries(this, 'Queries', {
      settings,
      dataKey,
      tables:
        setting.mode === 'existing'
          ? { events: `s3://${setting.bucket}/${setting.folder}`, vault_events: own }
          : { events: own },
    });
  }

  #makeBucket({ settings, dataKey }: AuditTrailProps, trailArn: string): Bucket {
    const bucket = new Bucket(this, 'Bucket', {
      encryption: BucketEncryption.KMS,
      encryptionKey: dataKey.key,
      bucketKeyEnabled: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      versioned: true,
      lifecycleRules: [
        { expiration: Duration.days(settings.trailRetentionDays), noncurrentVersionExpiration: Duration.days(90) },
      ],
      removalPolicy: settings.removalProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    // Source: CloudTrail user guide, "Amazon S3 bucket policy for CloudTrail".
    const cloudTrail = new ServicePrincipal('cloudtrail.amazonaws.com');
    bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: 'CloudTrailChecksTheBucket',
        principals: [cloudTrail],
        actions: ['s3:GetBucketAcl'],
        resources: [bucket.bucketArn],
        conditions: { StringEquals: { 'aws:SourceArn': trailArn } },
      }),
    );
    bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: 'CloudTrailWritesItsFiles',
        principals: [cloudTrail],
        actions: ['s3:PutObject'],
        resources: [bucket.arnForObjects(`AWSLogs/${Stack.of(this).account}/*`)],
        conditions: { StringEquals: { 'aws:SourceArn': trailArn, 's3:x-amz-acl': 'bucket-owner-full-control' } },
      }),
    );
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'It is the log: a second bucket of access logs would raise the same question again.',
    });
    return bucket;
  }
}

const managementEvents: CfnTrail.AdvancedEventSelectorProperty = {
  name: 'All management events',
  fieldSelectors: [{ field: 'eventCategory', equalTo: ['Management'] }],
};
