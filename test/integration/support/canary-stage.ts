import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { paginateScan, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { inject, vi } from 'vitest';
import { type HandlerName, handlerEntries, projectRoot } from '../../../infra/handlers.ts';
import { environmentFor } from '../../../infra/local/aws-endpoint.ts';
import { dueCheckPut } from '../../../shared/adapters/check-schedule-store.ts';
import { directoryKey } from '../../../shared/adapters/directory-keys.ts';
import { ticketStore } from '../../../shared/adapters/ticket-store.ts';
import { environmentName } from '../../../shared/contracts/environment.ts';
import type { DueCheck, Work } from '../../../shared/contracts/work.ts';
import { entryOf, type NewCheck } from '../../../shared/domain/check-schedule.ts';
import { newTicket } from '../../../shared/domain/work.ts';
import { captureOutput } from '../../support/captured-output.ts';
import { httpEvent } from '../../support/lambda.ts';
import { type Heard, loopbackServer } from '../../support/loopback-server.ts';
import { type Canary, findCanaries, type Haystack } from '../../support/needles.ts';
import { configurationFor, dynamoDbOf, makeBucket, makeKey, makeTable, s3Of } from './engines.ts';
import { FaultyAws } from './faulty-aws.ts';
import { environmentNamesOf } from './lambda-environment.ts';
import { SimulatedMeta } from './simulated-meta.ts';

type Answer = APIGatewayProxyStructuredResultV2 & { readonly body: string };
type Handler = (event: unknown, context: Context) => Promise<unknown>;

/** Where it may be found besides, where it is no secret: what a customer or an agent is to see. */
interface KeptCanary extends Canary {
  readonly allowedIn: RegExp | undefined;
}

interface ApiCall {
  readonly tenant?: string;
  readonly path?: Record<string, string>;
  readonly query?: Record<string, string>;
  readonly headers?: Record<string, string>;
  readonly body?: object | string;
}

/** Enough for whatever a worker does, too little for an answer to wait for one. In milliseconds. */
const workerTime = 60_000;
const answerTime = 3_000;

/**
 * The Lambdas of the stack, run in this process one invocation at a time: each with the environment that infra gives it and modules
 * of its own, in front of an AWS and a Meta that fail as they are told. Whatever they print, answer and throw is kept.
 */
export class CanaryStage implements AsyncDisposable {
  readonly aws: FaultyAws;
  readonly meta: SimulatedMeta;
  readonly agent: Awaited<ReturnType<typeof loopbackServer>>;
  agentAnswer: { status: number; body: string } = { status: 200, body: '{}' };
  /** What is tried, for whoever reads where a secret was found. */
  scene = 'before';
  readonly haystacks: Haystack[] = [];
  readonly canaries: KeptCanary[] = [];
  readonly #settings: Readonly<Record<string, string>>;
  readonly #output = captureOutput();
  readonly #webhooks: Awaited<ReturnType<typeof loopbackServer>>;
  readonly #original = { ...process.env };
  /** Where a secret may be: it is shown once. */
  readonly #shown = new Set<string>();
  #printed = 0;
  #toPrint = '';
  #invocations = 0;
  #verifyWebhook: Handler | undefined;

  private constructor(
    parts: Pick<CanaryStage, 'aws' | 'meta'> & { readonly settings: Record<string, string> },
    webhooks: CanaryStage['agent'],
    agent: CanaryStage['agent'],
  ) {
    this.aws = parts.aws;
    this.meta = parts.meta;
    this.#settings = parts.settings;
    this.#webhooks = webhooks;
    this.agent = agent;
  }

  static async open(): Promise<CanaryStage> {
    const stageOf: { current?: CanaryStage } = {};
    const webhooks = await loopbackServer(({ url }, response) => {
      const answered = stageOf.current?.handshake(url) ?? Promise.reject(new Error('Not open yet'));
      answered.then(
        ({ statusCode, body }) => response.writeHead(statusCode ?? 500).end(body),
        () => response.writeHead(500).end(),
      );
    });
    const agent = await loopbackServer((heard, response) => {
      stageOf.current?.keepHeard(heard);
      const { status, body } = stageOf.current?.agentAnswer ?? { status: 500, body: '' };
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
    const aws = await FaultyAws.inFrontOf({ kms: inject('engines').moto, others: inject('engines').ministack });
    const meta = await SimulatedMeta.start();
    const table = () => makeTable('ministack');
    const settings = {
      [environmentName.directoryTable]: await table(),
      [environmentName.vaultTable]: await table(),
      [environmentName.eventsTable]: await table(),
      [environmentName.auditTable]: await table(),
      [environmentName.envelopeKeyArn]: await makeKey('moto'),
      [environmentName.vaultName]: 'canary',
      [environmentName.eventsQueueUrl]: await makeQueue(aws, 'events', true),
      [environmentName.setUpQueueUrl]: await makeQueue(aws, 'set-up'),
      [environmentName.cleanUpQueueUrl]: await makeQueue(aws, 'clean-up'),
      [environmentName.resealQueueUrl]: await makeQueue(aws, 'reseal'),
      [environmentName.releaseQueueUrl]: await makeQueue(aws, 'release'),
      [environmentName.mediaQueueUrl]: await makeQueue(aws, 'media'),
      [environmentName.checkQueueUrl]: await makeQueue(aws, 'check'),
      [environmentName.dueCheckQueueUrl]: await makeQueue(aws, 'due-check'),
      [environmentName.alertQueueUrl]: await makeQueue(aws, 'alerts'),
      [environmentName.operatorTopicArn]: await makeTopic(),
      [environmentName.tenantTopicPrefix]: `arn:aws:sns:us-east-1:000000000000:canary-${crypto.randomUUID()}-tenant-`,
      [environmentName.topicKeyArn]: await makeKey('ministack'),
      [environmentName.relayBucket]: await makeBucket('ministack'),
      [environmentName.graphApiUrl]: meta.url,
      [environmentName.graphApiVersion]: 'v25.0',
      [environmentName.publicUrl]: webhooks.url,
      [environmentName.apiUrl]: webhooks.url,
      [environmentName.consoleUrl]: `${webhooks.url}/console`,
      [environmentName.issuer]: `${webhooks.url}/no-issuer`,
      [environmentName.audiences]: 'switchboard',
      [environmentName.requiredScope]: 'use',
      [environmentName.tenantClaim]: 'tenant',
      [environmentName.operatorGroup]: 'operators',
      [environmentName.allowLoopbackTargets]: 'true',
      [environmentName.checkConcurrency]: '10',
      [environmentName.leaseSeconds]: '1',
      [environmentName.tenantQuota]: '500',
      [environmentName.stage]: 'local',
    };
    const stage = new CanaryStage({ aws, meta, settings }, webhooks, agent);
    stageOf.current = stage;
    return stage;
  }

  get tables() {
    const { directoryTable, vaultTable, eventsTable, auditTable } = environmentName;
    return [directoryTable, vaultTable, eventsTable, auditTable].map((name) => this.setting(name));
  }

  setting = (name: string): string => this.#settings[name] ?? '';

  /** A marked secret; with `allowedIn`, what is said: it may be found in these places. */
  mark(name: string, value: string, allowedIn?: RegExp): string {
    if (!this.canaries.some((canary) => canary.value === value)) this.canaries.push({ name, value, allowedIn });
    return value;
  }

  /** A token, an App Secret, and what follows from them. */
  markAccess(appId: string, appSecret: string, accessToken: string): void {
    this.mark('App Secret', appSecret);
    this.mark('app token', `${appId}|${appSecret}`);
    this.mark('access token', accessToken);
    this.mark('appsecret_proof', createHmac('sha256', appSecret).update(accessToken).digest('hex'));
  }

  /** A request of a signed-in user. The signature of the token is a secret of theirs. */
  async api(handler: HandlerName, routeKey: string, call: ApiCall = {}, remaining = answerTime): Promise<Answer> {
    const claims = { sub: 'ada', exp: 4_102_444_800, tenant: call.tenant ?? 'acme' };
    const signature = this.mark('signature of a token', randomBytes(32).toString('base64url'));
    const token = `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
    const event = httpEvent({
      routeKey,
      headers: { authorization: `Bearer ${token}`, ...call.headers },
      ...(call.path === undefined ? {} : { pathParameters: call.path }),
      ...(call.query === undefined ? {} : { queryStringParameters: call.query }),
      ...(call.body === undefined
        ? {}
        : { body: typeof call.body === 'string' ? call.body : JSON.stringify(call.body) }),
      requestId: `request-${this.#invocations}`,
    });
    return (await this.invoke(handler, event, remaining)) as Answer;
  }

  /** A message of a queue, as its event source mapping hands it over. */
  queue(handler: HandlerName, body: string, remaining = workerTime): Promise<unknown> {
    const attributes = { ApproximateReceiveCount: '1', MessageGroupId: 'one' };
    return this.invoke(
      handler,
      { Records: [{ messageId: 'message-1', receiptHandle: 'none', body, attributes }] },
      remaining,
    );
  }

  /** Work with its ticket, which is due at once. */
  async work(work: Work): Promise<string> {
    const tickets = ticketStore(dynamoDbOf('ministack'), this.setting(environmentName.directoryTable));
    const ticket = newTicket(work, new Date(), new Date(Date.now() - 1_000));
    await tickets.open(ticket);
    return JSON.stringify({ version: 1, ticket: ticket.id, work });
  }

  /** Has a credential checked by the clock, as of now; answers the message that the planner would queue. */
  async due(check: NewCheck): Promise<string> {
    const dueAt = new Date(Date.now() - 1_000);
    const directory = this.setting(environmentName.directoryTable);
    await dynamoDbOf('ministack').send(
      new TransactWriteCommand({ TransactItems: [dueCheckPut(directory, check, dueAt)] }),
    );
    return JSON.stringify({ ...check, entry: entryOf(dueAt, check.credentialId), dueAt: dueAt.toISOString() });
  }

  async forgetDue(message: string): Promise<void> {
    const { credentialId, entry } = JSON.parse(message) as DueCheck;
    const Key = directoryKey.dueCheck(credentialId, entry);
    await dynamoDbOf('ministack').send(
      new TransactWriteCommand({
        TransactItems: [{ Delete: { TableName: this.setting(environmentName.directoryTable), Key } }],
      }),
    );
  }

  async forgetTicket(message: string): Promise<void> {
    const { ticket } = JSON.parse(message) as { readonly ticket: string };
    await ticketStore(dynamoDbOf('ministack'), this.setting(environmentName.directoryTable)).close(ticket);
  }

  /** Runs a Lambda, freshly started. Nothing that it throws is lost. */
  async invoke(handler: HandlerName, event: unknown, remaining = workerTime): Promise<unknown> {
    const run = await this.#started(handler);
    const context = {
      awsRequestId: `invocation-${++this.#invocations}`,
      getRemainingTimeInMillis: () => remaining,
    } as Context;
    try {
      const answer = await run(event, context);
      this.#keep(`answer of ${handler}`, JSON.stringify(answer) ?? '');
      this.#learn(answer);
      return answer;
    } catch (error) {
      this.#keep(`error of ${handler}`, inspect(error, { depth: null, showHidden: true }));
      throw error;
    } finally {
      this.#keep(`output of ${handler}`, this.#newOutput());
    }
  }

  /** Meta asks for a handshake: it reaches a Lambda that runs all the time. */
  async handshake(url: URL): Promise<APIGatewayProxyStructuredResultV2> {
    this.#verifyWebhook ??= await this.#started('VerifyWebhook');
    const event: APIGatewayProxyEventV2 = httpEvent({
      routeKey: 'GET /webhooks/{webhookId}',
      pathParameters: { webhookId: url.pathname.split('/').at(-1) ?? '' },
      queryStringParameters: Object.fromEntries(url.searchParams),
    });
    const answer = await this.#verifyWebhook(event, { getRemainingTimeInMillis: () => workerTime } as Context);
    this.#keep('answer of VerifyWebhook to Meta', JSON.stringify(answer));
    return answer as APIGatewayProxyStructuredResultV2;
  }

  /** An agent gets what customers say, but no secret. */
  keepHeard({ url, headers, body }: Heard): void {
    this.#keep('request to the agent', `${url.href} ${JSON.stringify(headers)} ${body}`);
  }

  /** Everything in all tables, each binary column as bytes. */
  async keepTables(): Promise<number> {
    let count = 0;
    for (const TableName of this.tables)
      for await (const { Items } of paginateScan({ client: dynamoDbOf('ministack') }, { TableName }))
        for (const row of Items ?? []) {
          count++;
          const place = `row ${String(row.pk)} ${String(row.sk)}`;
          this.haystacks.push({ place, content: JSON.stringify(row) });
          for (const value of Object.values(row))
            if (value instanceof Uint8Array) this.haystacks.push({ place, content: value });
        }
    return count;
  }

  /** Every message in every queue, without receiving it. */
  async keepQueues(): Promise<number> {
    const response = await fetch(`${inject('engines').ministack}/_ministack/sqs/messages`);
    const text = await response.text();
    // A queue holds what customers write; that is what it is for.
    const mine = Object.entries(this.#settings).filter(([name]) => name.endsWith('QUEUE_URL'));
    const known = mine.filter(([, url]) => text.includes(url.split('/').at(-1) ?? '?'));
    this.haystacks.push({ place: 'queue', content: text });
    return known.length;
  }

  /** Verify tokens that Meta was given: nobody else has seen them in clear. */
  async learnVerifyTokens(): Promise<void> {
    const { appSubscriptions, phoneOverrides } = await this.meta.state();
    for (const { verifyToken } of [...appSubscriptions, ...phoneOverrides]) this.mark('verify token', verifyToken);
  }

  /** Every body in the relay bucket. */
  async keepBodies(): Promise<number> {
    const Bucket = this.setting(environmentName.relayBucket);
    const s3 = s3Of('ministack');
    let count = 0;
    for await (const { Contents } of paginateListObjectsV2({ client: s3 }, { Bucket }))
      for (const { Key = '' } of Contents ?? []) {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
        this.haystacks.push({ place: `body ${Key}`, content: (await Body?.transformToString()) ?? '' });
        count++;
      }
    return count;
  }

  /** What was found where it may not be, in what was kept from there on. */
  found(from = 0): readonly string[] {
    const kept = this.haystacks.slice(from);
    const alike = Map.groupBy(this.canaries, ({ allowedIn }) => allowedIn);
    return [...alike]
      .flatMap(([allowedIn, canaries]) =>
        findCanaries(
          canaries,
          kept.filter(({ place }) => allowedIn?.test(place) !== true),
        ),
      )
      .filter((finding) => !this.#shown.has(finding));
  }

  /** For whoever runs the tests. */
  print(text: string): void {
    this.#toPrint = text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    vi.restoreAllMocks();
    process.stdout.write(`${this.#toPrint}\n`);
    process.env = this.#original;
    await this.meta[Symbol.asyncDispose]();
    await Promise.all([this.aws, this.agent, this.#webhooks].map((server) => server[Symbol.asyncDispose]()));
  }

  async #started(handler: HandlerName): Promise<Handler> {
    const given = Object.fromEntries(environmentNamesOf(handler).map((name) => [name, this.setting(name)]));
    const { url } = this.aws;
    process.env = {
      PATH: this.#original.PATH,
      VITEST: this.#original.VITEST,
      NODE_ENV: this.#original.NODE_ENV,
      ...environmentFor({ url, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }),
      AWS_MAX_ATTEMPTS: '1',
      AWS_LAMBDA_FUNCTION_NAME: handler,
      ...given,
    };
    vi.resetModules();
    const module = (await import(join(projectRoot, handlerEntries[handler]))) as { readonly handler: Handler };
    return module.handler;
  }

  #keep(what: string, content: string): void {
    this.haystacks.push({ place: `${what}, ${this.scene} (${this.haystacks.length})`, content });
  }

  #newOutput(): string {
    const all = this.#output.text();
    const fresh = all.slice(this.#printed);
    this.#printed = all.length;
    return fresh;
  }

  /** An answer that shows a secret once may do so; from then on it is one like the others. */
  #learn(answer: unknown): void {
    const place = this.haystacks.at(-1)?.place ?? '';
    const body = (answer as Partial<Answer> | undefined)?.body;
    if (typeof body !== 'string' || !body.startsWith('{')) return;
    const { signingSecret, verifyToken, key } = JSON.parse(body) as Record<string, unknown>;
    if (typeof key === 'string') {
      this.#shown.add(`key of an agent in ${place}`);
      this.mark('key of an agent', key.replace(/^sbk_/, ''));
    }
    if (typeof signingSecret === 'string') {
      this.#shown.add(`signing secret in ${place}`);
      this.mark('signing secret', signingSecret.replace(/^whsec_/, ''));
    }
    if (typeof verifyToken === 'string') {
      this.#shown.add(`verify token in ${place}`);
      this.mark('verify token', verifyToken);
    }
  }
}

/** A topic that nobody listens to. */
async function makeTopic(): Promise<string> {
  const { TopicArn } = await new SNSClient(configurationFor('ministack')).send(
    new CreateTopicCommand({ Name: `operators-${crypto.randomUUID()}` }),
  );
  if (TopicArn === undefined) throw new Error('A topic without an ARN');
  return TopicArn;
}

/** A queue under the address that fails: the SDK sends to where the URL of the queue points. */
async function makeQueue(aws: FaultyAws, name: string, isFifo = false): Promise<string> {
  const { QueueUrl } = await new SQSClient(configurationFor('ministack')).send(
    new CreateQueueCommand({
      QueueName: `${name}-${crypto.randomUUID()}${isFifo ? '.fifo' : ''}`,
      ...(isFifo ? { Attributes: { FifoQueue: 'true' } } : {}),
    }),
  );
  if (QueueUrl === undefined) throw new Error('A queue without a URL');
  return aws.url + new URL(QueueUrl).pathname;
}
