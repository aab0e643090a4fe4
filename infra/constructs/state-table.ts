import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  type CfnTable,
  StreamViewType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb';
import { Grant } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { EnvironmentName } from '../../shared/contracts/environment.ts';
import type { DataKey } from './data-key.ts';
import type { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';

/** What a function may do with items. Why no Scan: nobody reads a whole table but who has `grantScan`. */
export type ReadAction = 'GetItem' | 'BatchGetItem' | 'Query';
/** `ConditionCheckItem` is what a transaction needs to depend on an item that it leaves as it is. */
export type WriteAction = 'PutItem' | 'UpdateItem' | 'DeleteItem' | 'BatchWriteItem' | 'ConditionCheckItem';

export interface StateTableProps extends HouseProps {
  /** Variable that tells a grantee the name of the table. */
  readonly variable: EnvironmentName;
  /** How far back the table can be restored, in days. DynamoDB allows 1 to 35. */
  readonly restorableDays: number;
  /** Items carry `expiresAt` (epoch seconds) and changes are streamed. */
  readonly expires: boolean;
}

/** A table that outlives the stack: keys `pk` and `sk`, encrypted with the data key, restorable, protected from deletion. */
export class StateTable extends Construct {
  readonly table: Table;
  readonly #dataKey: DataKey;
  readonly #variable: EnvironmentName;

  constructor(scope: Construct, id: string, props: StateTableProps) {
    super(scope, id);
    const { settings } = props;
    this.#dataKey = props.dataKey;
    this.#variable = props.variable;
    this.table = new Table(this, 'Table', {
      ...(props.expires ? { timeToLiveAttribute: 'expiresAt', stream: StreamViewType.NEW_AND_OLD_IMAGES } : {}),
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: props.dataKey.key,
      pointInTimeRecoverySpecification: {
        pointInTimeRecoveryEnabled: true,
        recoveryPeriodInDays: props.restorableDays,
      },
      deletionProtection: settings.removalProtection,
      removalPolicy: settings.removalProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }

  /** Lets the grantee read in these ways and tells it the name of the table. */
  grantRead(grantee: HandlerFunction, ...actions: ReadAction[]): Grant {
    this.#dataKey.grantRead(grantee, 'dynamodb');
    return this.#grant(grantee, actions);
  }

  /** Lets the grantee read the whole table, and tells it its name. For the re-wrap of the Vault and the sweeper alone: test/infra/access.test.ts. */
  grantScan(grantee: HandlerFunction): Grant {
    this.#dataKey.grantRead(grantee, 'dynamodb');
    return this.#grant(grantee, ['Scan']);
  }

  /** Lets the grantee write in these ways and tells it the name of the table. */
  grantWrite(grantee: HandlerFunction, ...actions: WriteAction[]): Grant {
    this.#dataKey.grantWrite(grantee, 'dynamodb');
    return this.#grant(grantee, actions);
  }

  /**
   * The same for items alone whose partition key begins so. Why not for every grantee: most write keys of every kind.
   * Source: DynamoDB developer guide, "Using IAM policy conditions for fine-grained access control".
   */
  grantWriteBelow(grantee: HandlerFunction, prefixes: readonly string[], ...actions: WriteAction[]): Grant {
    this.#dataKey.grantWrite(grantee, 'dynamodb');
    return this.#grant(grantee, actions, below(prefixes));
  }

  /** As `grantRead`, for items alone whose partition key begins so. */
  grantReadBelow(grantee: HandlerFunction, prefixes: readonly string[], ...actions: ReadAction[]): Grant {
    this.#dataKey.grantRead(grantee, 'dynamodb');
    return this.#grant(grantee, actions, below(prefixes));
  }

  /** Where changes can be heard of. @throws when the table has none */
  get streamArn(): string {
    if (this.table.tableStreamArn === undefined) throw new Error(`${this.node.path} has no stream.`);
    return this.table.tableStreamArn;
  }

  /** Lets the grantee hear of changes. Source: DynamoDB developer guide, "IAM policy to allow a Lambda function to access stream records". */
  grantStream(grantee: HandlerFunction): Grant {
    this.#dataKey.grantRead(grantee, 'dynamodb');
    const list = Grant.addToPrincipal({
      grantee,
      actions: ['dynamodb:ListStreams'],
      resourceArns: [`${this.table.tableArn}/stream/*`],
    });
    const hear = Grant.addToPrincipal({
      grantee,
      actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
      resourceArns: [this.streamArn],
    });
    const table = Stack.of(this).getLogicalId(this.table.node.defaultChild as CfnTable);
    Validations.of(grantee.node.findChild('Role')).acknowledge({
      id: `AwsSolutions-IAM5[Resource::<${table}.Arn>/stream/*]`,
      reason: 'Streams of this one table: Lambda lists them before it reads one, and wants them named like this.',
    });
    return hear.combine(list);
  }

  #grant(
    grantee: HandlerFunction,
    actions: readonly (ReadAction | WriteAction | 'Scan')[],
    conditions?: Record<string, Record<string, string[]>>,
  ): Grant {
    grantee.setVariable(this.#variable, this.table.tableName);
    return Grant.addToPrincipal({
      grantee,
      actions: actions.map((action) => `dynamodb:${action}`),
      resourceArns: [this.table.tableArn],
      ...(conditions === undefined ? {} : { conditions }),
    });
  }
}

const below = (prefixes: readonly string[]) => ({
  'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': prefixes.map((prefix) => `${prefix}*`) },
});
