import { BatchWriteCommand, type DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import { verifyWebhook } from '../../../functions/webhooks/verify-webhook.lambda.ts';
import { agentReader, agentSaver } from '../../../shared/adapters/agent-store.ts';
import { auditLog } from '../../../shared/adapters/audit-log.ts';
import {
  credentialCreator,
  credentialReader,
  webhookStateRecorder,
} from '../../../shared/adapters/credential-store.ts';
import { deploymentStore } from '../../../shared/adapters/deployment-store.ts';
import { doubtStore } from '../../../shared/adapters/doubt-store.ts';
import { editionStore } from '../../../shared/adapters/edition-store.ts';
import { graphApi } from '../../../shared/adapters/graph-api.ts';
import { idempotencyStore } from '../../../shared/adapters/idempotency-store.ts';
import { kmsDataKeys } from '../../../shared/adapters/kms-data-keys.ts';
import { metaUsageStore } from '../../../shared/adapters/meta-usage-store.ts';
import { notificationReader } from '../../../shared/adapters/notification-store.ts';
import { removalStarter, removalStore } from '../../../shared/adapters/removal-store.ts';
import { repairStore } from '../../../shared/adapters/repair-store.ts';
import { ticketStore } from '../../../shared/adapters/ticket-store.ts';
import { secretOpener, secretSealer } from '../../../shared/adapters/vault.ts';
import { verdictStore } from '../../../shared/adapters/verdict-store.ts';
import { webhookStore } from '../../../shared/adapters/webhook-store.ts';
import type { WorkMessage } from '../../../shared/contracts/work.ts';
import { retireAgentSecret } from '../../../shared/domain/agent-edition.ts';
import { checkCredential } from '../../../shared/domain/check-credential.ts';
import { cleanUpCredential } from '../../../shared/domain/clean-up-credential.ts';
import { resealCredentials, retireSecret } from '../../../shared/domain/edition.ts';
import { noteAwaiting } from '../../../shared/domain/first-message.ts';
import type { Graph } from '../../../shared/domain/graph.ts';
import { setUpWebhook } from '../../../shared/domain/set-up-webhook.ts';
import { sweepWork } from '../../../shared/domain/sweep-work.ts';
import { newTicket, type WorkOutcome, type WorkQueues, workOff } from '../../../shared/domain/work.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { type Heard, loopbackServer } from '../../support/loopback-server.ts';
import { dynamoDbOf, kmsOf, makeKey, makeTable } from './engines.ts';
import { type Interruption, MortalProcess } from './mortal-process.ts';
import { type MetaState, SimulatedMeta } from './simulated-meta.ts';

export type Row = Readonly<Record<string, unknown>> & { readonly pk: string; readonly sk: string };

/** All that a deployment keeps, and all that Meta has of it. */
export interface Snapshot {
  readonly directory: readonly Row[];
  readonly vault: readonly Row[];
  readonly meta: MetaState;
}

interface Tables {
  readonly directory: string;
  readonly vault: string;
  readonly audit: string;
}

const vaultName = 'integration';
const rowsAtOnce = 25;
const plentyOfTime = 60_000;
/** Whatever is repeated more often than this goes round in circles. */
const mostMessages = 100;

/** One deployment with its tables and key in MiniStack, a Meta of its own, and an address at which that Meta reaches its webhooks. */
export class Deployment implements AsyncDisposable {
  readonly meta: SimulatedMeta;
  readonly #webhooks: Awaited<ReturnType<typeof loopbackServer>>;
  readonly #keyArn: string;
  readonly #dynamoDb = dynamoDbOf('ministack');
  readonly #kms = kmsOf('ministack');
  #tables: Tables = { directory: '', vault: '', audit: '' };
  /** How far its clock is ahead, in milliseconds. */
  #ahead = 0;

  private constructor(meta: SimulatedMeta, webhooks: Awaited<ReturnType<typeof loopbackServer>>, keyArn: string) {
    this.meta = meta;
    this.#webhooks = webhooks;
    this.#keyArn = keyArn;
  }

  static async make(): Promise<Deployment> {
    const handshakes: { answer?: (heard: Heard) => Promise<{ status: number; body: string }> } = {};
    const webhooks = await loopbackServer((heard, response) => {
      const answered = handshakes.answer?.(heard) ?? Promise.reject(new Error('Nobody answers yet'));
      answered.then(
        ({ status, body }) => response.writeHead(status).end(body),
        () => response.writeHead(500).end(),
      );
    });
    const deployment = new Deployment(await SimulatedMeta.start(), webhooks, await makeKey('ministack'));
    handshakes.answer = (heard) => deployment.#answerHandshake(heard);
    await deployment.#makeTables();
    return deployment;
  }

  now = (): Date => new Date(Date.now() + this.#ahead);

  wait(milliseconds: number): void {
    this.#ahead += milliseconds;
  }

  /** A process of this deployment, with its ports; it may be told when to die. */
  process(interruption?: Interruption): RunningProcess {
    return new RunningProcess(this.#parts(new MortalProcess(interruption)));
  }

  async snapshot(): Promise<Snapshot> {
    return {
      directory: await this.#rowsOf(this.#tables.directory),
      vault: await this.#rowsOf(this.#tables.vault),
      meta: await this.meta.state(),
    };
  }

  /** Begins anew from there, with today's date. */
  async restore(snapshot: Snapshot): Promise<void> {
    this.#ahead = 0;
    await Promise.all([this.meta.restore(snapshot.meta), this.#makeTables()]);
    await this.#write(this.#tables.directory, snapshot.directory);
    await this.#write(this.#tables.vault, snapshot.vault);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.meta[Symbol.asyncDispose]();
    await this.#webhooks[Symbol.asyncDispose]();
  }

  #parts(process: MortalProcess): PartsOfProcess {
    const through = <T extends { send: (...args: never[]) => unknown }>(client: T): T =>
      Object.create(client, {
        send: { value: (...args: never[]) => process.call(() => Promise.resolve(client.send(...args))) },
      }) as T;
    const graph = graphApi({ baseUrl: this.meta.url, version: 'v25.0' });
    return {
      process,
      dynamoDb: through(this.#dynamoDb),
      kms: through(this.#kms),
      graph: Object.fromEntries(
        Object.entries(graph).map(([name, method]: [string, (...args: unknown[]) => Promise<unknown>]) => [
          name,
          (...args: unknown[]) => process.call(() => method(...args)),
        ]),
      ) as unknown as Graph,
      keyArn: this.#keyArn,
      tables: this.#tables,
      publicUrl: this.#webhooks.url,
      now: this.now,
    };
  }

  /** Another process: what Meta asks reaches it whoever has died. */
  async #answerHandshake({ url }: Heard): Promise<{ readonly status: number; readonly body: string }> {
    const answer = await verifyWebhook(
      {
        webhookId: url.pathname.split('/').at(-1),
        query: Object.fromEntries(url.searchParams),
        rawBody: new Uint8Array(),
        signature: undefined,
      },
      webhookStore(this.#dynamoDb, this.#tables.directory),
    );
    return 'challenge' in answer ? { status: 200, body: answer.challenge } : { status: answer.status, body: '' };
  }

  async #makeTables(): Promise<void> {
    const [directory, vault, audit] = await Promise.all([
      makeTable('ministack'),
      makeTable('ministack'),
      makeTable('ministack'),
    ]);
    this.#tables = { directory, vault, audit };
  }

  async #rowsOf(table: string): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for await (const { Items } of paginateScan({ client: this.#dynamoDb }, { TableName: table, ConsistentRead: true }))
      rows.push(...((Items ?? []) as Row[]));
    return rows;
  }

  async #write(table: string, rows: readonly Row[]): Promise<void> {
    for (let at = 0; at < rows.length; at += rowsAtOnce)
      await this.#dynamoDb.send(
        new BatchWriteCommand({
          RequestItems: { [table]: rows.slice(at, at + rowsAtOnce).map((Item) => ({ PutRequest: { Item } })) },
        }),
      );
  }
}

/** The ports of one process, and the work that it has queued: when it dies, that is lost with it. */
export class RunningProcess {
  readonly mortal: MortalProcess;
  readonly ports: ReturnType<typeof portsOf>;
  readonly journal = recordingJournal();
  readonly #queue: WorkMessage[] = [];

  constructor(parts: PartsOfProcess) {
    this.mortal = parts.process;
    const queues: WorkQueues = {
      send: ({ id, work }) =>
        parts.process.call(() => Promise.resolve(void this.#queue.push({ version: 1, ticket: id, work }))),
    };
    this.ports = portsOf(parts, queues, this.journal);
  }

  /** Works off what is queued, until nothing is. */
  async workOff(): Promise<void> {
    for (let count = 0; this.#queue.length > 0; count++) {
      if (count === mostMessages)
        throw new Error(`The work does not come to an end: ${JSON.stringify(this.#queue[0])}`);
      const [message] = this.#queue.splice(0, 1);
      if (message !== undefined) await workOff(message, (work) => this.#perform(work), this.ports);
    }
  }

  sweep = (): Promise<void> => sweepWork({ ...this.ports, timeLeft: () => plentyOfTime });

  #perform(work: WorkMessage['work']): Promise<WorkOutcome> {
    const timeLeft = () => plentyOfTime;
    switch (work.kind) {
      case 'set-up':
        return setUpWebhook(work, {
          ...this.ports,
          credentials: { ...this.ports.credentials, ...this.ports.webhookState },
          vault: this.ports.opener,
          noteAwaiting: (credential) =>
            noteAwaiting(credential, {
              ...this.ports,
              findings: { change: this.ports.webhookState.recordFinding },
            }),
          timeLeft,
        });
      case 'clean-up':
        return cleanUpCredential(work, {
          ...this.ports,
          vault: this.ports.opener,
          requestSetUp: async ({ tenantId, credentialId }) => {
            const ticket = newTicket({ kind: 'set-up', tenantId, credentialId, reclaim: false }, this.ports.now());
            await this.ports.tickets.open(ticket);
            await this.ports.queues.send(ticket);
          },
        });
      case 'reseal':
        return resealCredentials(work.appId, { ...this.ports, timeLeft });
      case 'retire-secret':
        return retireSecret(work, this.ports);
      case 'retire-agent-secret':
        return retireAgentSecret(work, this.ports);
      case 'check-credential':
        return checkCredential(work, { ...this.ports, traffic: noTraffic, timeLeft });
      case 'release-held':
        // The router's: nothing is held here.
        return Promise.resolve('done');
      case 'publish-alert':
      case 'tell-operators':
      case 'subscribe':
        // SNS's: test/unit/domain/alert-crashes.test.ts.
        return Promise.resolve('done');
      default:
        return work satisfies never;
    }
  }
}

/** Nobody writes here. */
const noTraffic = { ofNumbers: () => Promise.resolve(new Map()) };

interface PartsOfProcess {
  readonly process: MortalProcess;
  readonly dynamoDb: DynamoDBDocumentClient;
  readonly kms: ReturnType<typeof kmsOf>;
  readonly graph: Graph;
  readonly keyArn: string;
  readonly tables: Tables;
  readonly publicUrl: string;
  readonly now: () => Date;
}

const portsOf = (
  { dynamoDb, kms, graph, keyArn, tables, publicUrl, now }: PartsOfProcess,
  queues: WorkQueues,
  journal: ReturnType<typeof recordingJournal>,
) => {
  const keys = kmsDataKeys(kms, keyArn);
  const audit = auditLog(dynamoDb, tables.audit, () => ({ kind: 'function', id: 'a test', requestId: 'none' }));
  return {
    audit,
    credentials: credentialReader(dynamoDb, tables.directory),
    creator: credentialCreator(dynamoDb, tables, audit.put),
    notifications: notificationReader(dynamoDb, tables.directory),
    editions: editionStore(dynamoDb, tables, audit.put),
    starter: removalStarter(dynamoDb, tables, audit.put),
    removals: removalStore(dynamoDb, tables, audit.put),
    repairs: repairStore(dynamoDb, tables, audit.put),
    agents: agentReader(dynamoDb, tables.directory),
    saver: agentSaver(dynamoDb, tables, audit.put),
    tickets: ticketStore(dynamoDb, tables.directory),
    deployments: deploymentStore(dynamoDb, tables.directory),
    webhooks: webhookStore(dynamoDb, tables.directory),
    webhookState: webhookStateRecorder(dynamoDb, tables.directory),
    idempotency: idempotencyStore(dynamoDb, tables.directory, () => now().getTime()),
    sealer: secretSealer(keys, vaultName),
    opener: secretOpener({ client: dynamoDb, table: tables.vault, keys, audit, vaultName }),
    graph,
    usage: metaUsageStore(dynamoDb, tables.directory),
    doubts: doubtStore(dynamoDb, tables.directory),
    verdicts: verdictStore(dynamoDb, tables.directory, audit.put),
    queues,
    /** The same, under the name by which it is known where a stop ends. */
    releases: queues,
    journal,
    publicUrl,
    apiUrl: publicUrl,
    targetRules: { allowLoopback: true },
    hasRuntime: false,
    quota: 10,
    now,
    /** Nobody waits for a worker here: it has its turn after the request. */
    sleep: () => Promise.resolve(),
    random: () => 0.5,
  };
};
