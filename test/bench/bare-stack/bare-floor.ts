import { join } from 'node:path';
import { CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { HttpApi, HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { DeduplicationScope, FifoThroughputLimit, Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

export interface BareFloorProps {
  /** Where it is told that a row is written. */
  readonly listenerUrl: string;
}

/**
 * The least that takes a webhook in order to a row: HTTP API, Lambda, FIFO queue, Lambda, row, one HTTP call. It verifies nothing,
 * claims nothing, encrypts nothing. Queue and functions are set as Switchboard's own, so that only the work between them differs.
 */
export class BareFloor extends Stack {
  constructor(scope: Construct, id: string, props: BareFloorProps) {
    super(scope, id);
    const table = new Table(this, 'Rows', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const queue = new Queue(this, 'Queue', {
      fifo: true,
      deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      visibilityTimeout: Duration.seconds(30),
    });

    const receive = this.#function('Receive', 'receive.lambda.ts', { QUEUE_URL: queue.queueUrl });
    queue.grantSendMessages(receive);
    const writeRow = this.#function('WriteRow', 'write-row.lambda.ts', {
      TABLE: table.tableName,
      LISTENER_URL: props.listenerUrl,
    });
    table.grantWriteData(writeRow);
    writeRow.addEventSource(new SqsEventSource(queue, { batchSize: 10 }));

    const api = new HttpApi(this, 'Api');
    api.addRoutes({
      path: '/webhooks/{conversation}',
      methods: [HttpMethod.POST],
      integration: new HttpLambdaIntegration('Receive', receive),
    });
    new CfnOutput(this, 'ApiId', { value: api.apiId });
  }

  #function(id: string, entry: string, environment: Record<string, string>): NodejsFunction {
    return new NodejsFunction(this, id, {
      entry: join(import.meta.dirname, entry),
      environment,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: 256,
      timeout: Duration.seconds(10),
      awsSdkConnectionReuse: false,
      bundling: { format: OutputFormat.CJS, mainFields: ['module', 'main'], minify: true, bundleAwsSDK: true },
    });
  }
}
