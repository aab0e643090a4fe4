import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { Grant } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import { heldDays } from '../../shared/contracts/held.ts';
import { inboundPrefix, outboundPrefix } from '../../shared/contracts/media.ts';
import type { DataKey } from './data-key.ts';
import type { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';

/**
 * Counted from when the body came. A pointer can outlive it: what becomes a dead letter is kept for 14 days from then on. One that is redriven
 * after its body is gone is counted as expired.
 */
const retention = Duration.days(heldDays);

/** Media are gone with the second midnight (UTC) after they came: within 48 hours. Source: S3 user guide, "Lifecycle configuration elements". */
const mediaRetention = Duration.days(1);

type ObjectAction = 's3:PutObject' | 's3:GetObject' | 's3:DeleteObject' | 's3:AbortMultipartUpload';

/**
 * The relay bucket, encrypted with the data key: bodies that the queue can't carry or that are held, gone after 14 days, and media between Meta and
 * the agents, gone within 48 hours. No versions: what is erased or has expired is gone.
 */
export class MediaRelay extends Construct {
  readonly bucket: Bucket;
  readonly #dataKey: DataKey;

  constructor(scope: Construct, id: string, props: HouseProps) {
    super(scope, id);
    const { settings, dataKey } = props;
    this.#dataKey = dataKey;
    this.bucket = new Bucket(this, 'Bucket', {
      encryption: BucketEncryption.KMS,
      encryptionKey: dataKey.key,
      bucketKeyEnabled: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      versioned: false,
      lifecycleRules: [
        { expiration: retention, abortIncompleteMultipartUploadAfter: Duration.days(1) },
        ...[inboundPrefix, outboundPrefix].map((prefix) => ({ prefix, expiration: mediaRetention })),
      ],
      removalPolicy: settings.removalProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    Validations.of(this.bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Only roles of this stack reach it, and only for what the journal and CloudTrail tell of. Access logs would be one more object for each message and would be kept longer than what they are about.',
    });
  }

  /** Lets the grantee sign that somebody may download what has come in, or upload what shall go out. */
  grantSign(grantee: HandlerFunction): void {
    this.#grant(grantee, ['s3:PutObject'], outboundPrefix);
    this.#dataKey.grantWrite(grantee, 's3');
    this.grantRead(grantee, inboundPrefix);
    this.grantRead(grantee, outboundPrefix);
  }

  /** Lets the grantee move media in both directions. */
  grantMove(grantee: HandlerFunction): void {
    this.#grant(grantee, ['s3:PutObject', 's3:AbortMultipartUpload', 's3:DeleteObject'], inboundPrefix);
    this.#dataKey.grantWrite(grantee, 's3');
    this.#grant(grantee, ['s3:DeleteObject'], outboundPrefix);
    this.grantRead(grantee, outboundPrefix);
  }

  /** Lets the grantee put objects and tells it the name of the bucket. */
  grantWrite(grantee: HandlerFunction): Grant {
    this.#dataKey.grantWrite(grantee, 's3');
    return this.#grant(grantee, ['s3:PutObject']);
  }

  /**
   * Lets the grantee get objects and tells it the name of the bucket. Without the right to list, S3 answers 403 for an object that is not
   * there, as for one that is refused. Source: Amazon S3 API reference, "GetObject".
   */
  grantRead(grantee: HandlerFunction, prefix = ''): Grant {
    this.#dataKey.grantRead(grantee, 's3');
    return this.#grant(grantee, ['s3:GetObject'], prefix).combine(this.#grantList(grantee));
  }

  /** Lets the grantee delete objects and tells it the name of the bucket. */
  grantDelete(grantee: HandlerFunction): Grant {
    return this.#grant(grantee, ['s3:DeleteObject']);
  }

  /** Lets the grantee delete everything of a customer, which it finds by the first part of the key. */
  grantErase(grantee: HandlerFunction): Grant {
    return this.grantDelete(grantee).combine(this.#grantList(grantee));
  }

  #grantList(grantee: HandlerFunction): Grant {
    return Grant.addToPrincipal({ grantee, actions: ['s3:ListBucket'], resourceArns: [this.bucket.bucketArn] });
  }

  #grant(grantee: HandlerFunction, actions: readonly ObjectAction[], prefix = ''): Grant {
    grantee.setVariable(environmentName.relayBucket, this.bucket.bucketName);
    const bucket = Stack.of(this).getLogicalId(this.bucket.node.defaultChild as CfnBucket);
    Validations.of(grantee.node.findChild('Role')).acknowledge({
      id: `AwsSolutions-IAM5[Resource::<${bucket}.Arn>/${prefix}*]`,
      reason: 'Objects of this one bucket: their keys are random.',
    });
    return Grant.addToPrincipal({
      grantee,
      actions: [...actions],
      resourceArns: [this.bucket.arnForObjects(`${prefix}*`)],
    });
  }
}
