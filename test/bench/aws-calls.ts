import { randomUUID } from 'node:crypto';
import { CloudFormationClient, paginateListStackResources } from '@aws-sdk/client-cloudformation';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import pMap from 'p-map';
import * as z from 'zod';
import {
  type AwsEndpoint,
  clientConfiguration,
  emulatorEndpoint,
  environmentFor,
} from '../../infra/local/aws-endpoint.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { CountedFunction, type FunctionSetUp } from './counted-function.ts';
import type { Times } from './counted-worker.ts';
import { type AwsCall, dollarsPerMillion } from './list-prices.ts';
import { Listener } from './listener.ts';
import type { RunningCopy } from './running-copy.ts';
import { newWamid } from './side.ts';
import { type ConnectedTenant, connectTenant } from './tenant.ts';
import { signatureOf, webhookBody } from './webhook-body.ts';

/** Tenants whose messages come so often that all of theirs is in the caches. */
const busyTenants = 10;
/** Messages of each busy tenant, in each pass. */
const busyRounds = 5;
/**
 * Tenants with one message each. They stand for 10,000: opened secrets are kept for five minutes and 200 at a time, so of so many tenants
 * hardly one is found there, and what a message costs then does not depend on how many there are.
 */
const quietTenants = 50;
/** Of the quiet ones, so many are measured with batches of one, the others with batches of ten. */
const quietOneByOne = 20;
const largestBatch = 10;

/** Warm workers, everything in the caches, one message in each batch. */
export const busyOneByOne = '10 busy, batch 1';

export interface Scenario {
  readonly title: string;
  readonly messages: number;
  readonly batches: number;
  readonly receiver: readonly AwsCall[];
  readonly router: readonly AwsCall[];
  readonly dollarsPerMillion: number;
  /** Of each invocation. */
  readonly times: { readonly receiver: readonly Times[]; readonly router: readonly Times[] };
}

/**
 * Counts what the handlers of the receiver and of the router ask AWS for: run here, with the environment that they are deployed with, on
 * the running copy; only the queue between them is another one, which nobody else empties.
 */
export async function measureCalls(
  copy: RunningCopy,
  running: AsyncDisposableStack,
  say: (text: string) => void,
): Promise<readonly Scenario[]> {
  const aws: AwsEndpoint = { ...emulatorEndpoint(0), url: copy.awsEndpoint, region: copy.region };
  const listener = running.use(await Listener.open());
  const bench = await CallBench.open(aws, running);
  say(`Seeding ${busyTenants + quietTenants} tenants`);
  const tenants = await pMap(
    Array.from({ length: busyTenants + quietTenants }),
    () => connectTenant(copy, listener, 1),
    { concurrency: 2 },
  );
  const [busy, quiet] = [tenants.slice(0, busyTenants), tenants.slice(busyTenants)];

  say('Counting calls');
  const first = busy.slice(0, 1);
  const steady = Array.from({ length: busyRounds }, () => busy).flat();
  const warm = bench.workers();
  await bench.pass('warm up', steady, 1, warm);
  return [
    await bench.pass('cold, batch 1', first, 1, bench.workers()),
    await bench.pass('cold, batch 10', busy, largestBatch, bench.workers()),
    await bench.pass(busyOneByOne, steady, 1, warm),
    await bench.pass('10 busy, batch 10', steady, largestBatch, warm),
    await bench.pass('10,000 quiet, batch 1', quiet.slice(0, quietOneByOne), 1, warm),
    await bench.pass('10,000 quiet, batch 10', quiet.slice(quietOneByOne), largestBatch, warm),
  ];
}

interface Workers {
  readonly receiver: CountedFunction;
  readonly router: CountedFunction;
}

const routed = z.object({ batchItemFailures: z.array(z.unknown()).length(0) });
const received = z.object({ statusCode: z.literal(200) });

class CallBench {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;
  readonly #setUps: Readonly<Record<keyof Workers, FunctionSetUp>>;
  readonly #running: AsyncDisposableStack;

  private constructor(
    sqs: SQSClient,
    queueUrl: string,
    setUps: Readonly<Record<keyof Workers, FunctionSetUp>>,
    running: AsyncDisposableStack,
  ) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
    this.#setUps = setUps;
    this.#running = running;
  }

  static async open(aws: AwsEndpoint, running: AsyncDisposableStack): Promise<CallBench> {
    const sqs = new SQSClient(clientConfiguration(aws));
    const { QueueUrl: queueUrl = '' } = await sqs.send(
      new CreateQueueCommand({
        QueueName: `bench-${randomUUID()}.fifo`,
        Attributes: {
          FifoQueue: 'true',
          DeduplicationScope: 'messageGroup',
          FifoThroughputLimit: 'perMessageGroupId',
        },
      }),
    );
    running.defer(async () => void (await sqs.send(new DeleteQueueCommand({ QueueUrl: queueUrl }))));
    const setUp = async (name: string, module: string): Promise<FunctionSetUp> => {
      const variables = await deployedEnvironment(aws, name);
      return {
        module: new URL(module, import.meta.url).href,
        awsHost: new URL(aws.url).host,
        vaultTable: variables[environmentName.vaultTable],
        environment: { ...environmentFor(aws), ...variables, [environmentName.eventsQueueUrl]: queueUrl },
      };
    };
    const setUps = {
      receiver: await setUp('ReceiveWebhook', '../../functions/webhooks/receive-webhook.lambda.ts'),
      router: await setUp('RouteEvent', '../../functions/routing/route-event.lambda.ts'),
    };
    return new CallBench(sqs, queueUrl, setUps, running);
  }

  /** Two workers that have done nothing yet. */
  workers(): Workers {
    const { receiver, router } = this.#setUps;
    return {
      receiver: this.#running.use(new CountedFunction(receiver)),
      router: this.#running.use(new CountedFunction(router)),
    };
  }

  /** One message of each of these tenants, each in a POST of its own, taken from the queue in batches. @throws when one does not come through */
  async pass(title: string, tenants: readonly ConnectedTenant[], batch: number, workers: Workers): Promise<Scenario> {
    const receiver: AwsCall[] = [];
    const times = { receiver: [] as Times[], router: [] as Times[] };
    for (const tenant of tenants) {
      const { result, calls, times: spent } = await workers.receiver.invoke(postOf(tenant));
      received.parse(result);
      receiver.push(...calls);
      times.receiver.push(spent);
    }
    const queued = await this.#takeAll(tenants.length);
    const router: AwsCall[] = [];
    let batches = 0;
    for (let at = 0; at < queued.length; at += batch) {
      const Records = queued.slice(at, at + batch).map(recordOf);
      const { result, calls, times: spent } = await workers.router.invoke({ Records });
      routed.parse(result);
      router.push(...calls);
      times.router.push(spent);
      batches++;
    }
    // A count of nothing would look like the best of all results.
    if (!receiver.some(({ service }) => service === 'SQS') || !router.some(({ service }) => service === 'DynamoDB'))
      throw new Error('The calls of the handlers are not counted.');
    const messages = tenants.length;
    const dollars = dollarsPerMillion([...receiver, ...router], messages, batches);
    return { title, messages, batches, receiver, router, dollarsPerMillion: dollars, times };
  }

  /** As Lambda's poller does. */
  async #takeAll(count: number): Promise<readonly Message[]> {
    const taken: Message[] = [];
    while (taken.length < count) {
      const { Messages = [] } = await this.#sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: this.#queueUrl,
          MaxNumberOfMessages: largestBatch,
          WaitTimeSeconds: 1,
          MessageSystemAttributeNames: ['All'],
        }),
      );
      if (Messages.length === 0) throw new Error(`${taken.length} of ${count} messages are in the queue.`);
      taken.push(...Messages);
      await this.#sqs.send(
        new DeleteMessageBatchCommand({
          QueueUrl: this.#queueUrl,
          Entries: Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
        }),
      );
    }
    return taken;
  }
}

/** The variables that a function of the stack is deployed with. */
async function deployedEnvironment(aws: AwsEndpoint, name: string): Promise<Readonly<Record<string, string>>> {
  const configuration = clientConfiguration(aws);
  let physicalId: string | undefined;
  for await (const { StackResourceSummaries } of paginateListStackResources(
    { client: new CloudFormationClient(configuration) },
    { StackName: 'Switchboard' },
  ))
    physicalId ??= StackResourceSummaries?.find(({ LogicalResourceId = '' }) =>
      new RegExp(`${name}Function[0-9A-F]{8}$`).test(LogicalResourceId),
    )?.PhysicalResourceId;
  const { Environment } = await new LambdaClient(configuration).send(
    new GetFunctionConfigurationCommand({ FunctionName: physicalId }),
  );
  return Environment?.Variables ?? {};
}

/** What API Gateway makes of Meta's POST. Each tenant has one customer, whose conversation goes on from one pass to the next. */
function postOf({ appSecret, wabaId, phoneNumberIds: [phoneNumberId = ''], webhookPath }: ConnectedTenant): object {
  const from = `49155${phoneNumberId.slice(-8)}`;
  const body = webhookBody({ wamid: newWamid(), wabaId, phoneNumberId, from });
  return {
    version: '2.0',
    routeKey: 'POST /webhooks/{webhookId}',
    rawPath: webhookPath,
    pathParameters: { webhookId: webhookPath.split('/').at(-1) },
    headers: { 'content-type': 'application/json', 'x-hub-signature-256': signatureOf(appSecret, body) },
    requestContext: { requestId: randomUUID() },
    isBase64Encoded: true,
    body: body.toString('base64'),
  };
}

const recordOf = ({ MessageId, ReceiptHandle, Body, Attributes }: Message) => ({
  messageId: MessageId,
  receiptHandle: ReceiptHandle,
  body: Body,
  attributes: Attributes,
  messageAttributes: {},
  eventSource: 'aws:sqs',
});
