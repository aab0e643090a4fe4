import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { CfnWorkGroup } from 'aws-cdk-lib/aws-athena';
import { CfnDatabase, CfnTable } from 'aws-cdk-lib/aws-glue';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { HouseProps } from './house.ts';

/** Answers can be had again from the trail, as long as that is kept. */
const answersKept = Duration.days(30);

/** The first day that can be asked for. CloudTrail's partitions begin no earlier than this product. */
const firstDay = '2026/01/01';

export interface TrailQueriesProps extends HouseProps {
  /** Tables of log files: name, and where the folders of the accounts lie (`s3://…/AWSLogs`). */
  readonly tables: Readonly<Record<string, string>>;
}

/**
 * Lets operators ask the trail with SQL: a table over CloudTrail's log files and a work group whose answers are encrypted.
 * Who may ask is a matter of the operators' own permissions.
 */
export class TrailQueries extends Construct {
  readonly workGroup: string;
  readonly database: string;

  constructor(scope: Construct, id: string, props: TrailQueriesProps) {
    super(scope, id);
    const { stackName, account } = Stack.of(this);
    this.database = `${stackName.toLowerCase().replaceAll('-', '_')}_audit`;
    this.workGroup = stackName;
    const answers = this.#makeBucket(props);
    new CfnWorkGroup(this, 'WorkGroup', {
      name: this.workGroup,
      description: 'Questions to the audit trail',
      recursiveDeleteOption: true,
      workGroupConfiguration: {
        enforceWorkGroupConfiguration: true,
        publishCloudWatchMetricsEnabled: false,
        resultConfiguration: {
          outputLocation: `s3://${answers.bucketName}/`,
          encryptionConfiguration: { encryptionOption: 'SSE_KMS', kmsKey: props.dataKey.key.keyArn },
          expectedBucketOwner: account,
        },
      },
    });
    const database = new CfnDatabase(this, 'Database', {
      catalogId: account,
      databaseInput: { name: this.database, description: 'The audit trail of Switchboard' },
    });
    for (const [name, folder] of Object.entries(props.tables)) {
      const table = new CfnTable(this, `Table-${name}`, {
        catalogId: account,
        databaseName: this.database,
        tableInput: { name, ...logFilesIn(folder) },
      });
      table.node.addDependency(database);
    }
  }

  #makeBucket({ settings, dataKey }: HouseProps): Bucket {
    const bucket = new Bucket(this, 'Answers', {
      encryption: BucketEncryption.KMS,
      encryptionKey: dataKey.key,
      bucketKeyEnabled: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      lifecycleRules: [{ expiration: answersKept, abortIncompleteMultipartUploadAfter: Duration.days(1) }],
      removalPolicy: settings.removalProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'It holds answers of 30 days, copied out of the trail, which itself records who asked for them.',
    });
    return bucket;
  }
}

/**
 * The table over log files below `folder`. Account and region are injected: a query has to name them; the day is projected, so no
 * partition is ever loaded. Source: Athena user guide, "Create a table for CloudTrail logs in Athena using partition projection".
 */
function logFilesIn(
  folder: string,
): Pick<CfnTable.TableInputProperty, 'tableType' | 'parameters' | 'partitionKeys' | 'storageDescriptor'> {
  return {
    tableType: 'EXTERNAL_TABLE',
    parameters: {
      classification: 'cloudtrail',
      'projection.enabled': 'true',
      'projection.account.type': 'injected',
      'projection.region.type': 'injected',
      'projection.day.type': 'date',
      'projection.day.format': 'yyyy/MM/dd',
      'projection.day.interval': '1',
      'projection.day.interval.unit': 'DAYS',
      'projection.day.range': `${firstDay},NOW`,
      'storage.location.template': `${folder}/\${account}/CloudTrail/\${region}/\${day}`,
    },
    partitionKeys: ['account', 'region', 'day'].map((name) => ({ name, type: 'string' })),
    storageDescriptor: {
      location: folder,
      inputFormat: 'com.amazon.emr.cloudtrail.CloudTrailInputFormat',
      outputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
      serdeInfo: { serializationLibrary: 'org.apache.hive.hcatalog.data.JsonSerDe' },
      columns: Object.entries(columns).map(([name, type]) => ({ name, type })),
    },
  };
}

/** The fields of an event that Athena can name; what differs from service to service is JSON in a string. */
const columns = {
  eventversion: 'string',
  useridentity:
    'struct<type:string,principalid:string,arn:string,accountid:string,invokedby:string,accesskeyid:string,username:string,' +
    'sessioncontext:struct<attributes:struct<mfaauthenticated:string,creationdate:string>,' +
    'sessionissuer:struct<type:string,principalid:string,arn:string,accountid:string,username:string>>>',
  eventtime: 'string',
  eventsource: 'string',
  eventname: 'string',
  awsregion: 'string',
  sourceipaddress: 'string',
  useragent: 'string',
  errorcode: 'string',
  errormessage: 'string',
  requestparameters: 'string',
  responseelements: 'string',
  additionaleventdata: 'string',
  requestid: 'string',
  eventid: 'string',
  readonly: 'string',
  resources: 'array<struct<arn:string,accountid:string,type:string>>',
  eventtype: 'string',
  recipientaccountid: 'string',
  sharedeventid: 'string',
  eventcategory: 'string',
} as const;
