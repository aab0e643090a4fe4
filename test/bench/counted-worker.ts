// A thread that stands for one worker of a Lambda: the function's own handler, with caches of its own, and every call that it makes to
// AWS counted as it leaves and timed until its answer is there, by the diagnostics channels of node:http. Nothing of the handler is replaced.
import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import type { Context } from 'aws-lambda';
import type { AwsCall } from './list-prices.ts';

export interface WorkerSetUp {
  /** The module of the handler. */
  readonly module: string;
  /** Where AWS answers: what goes elsewhere, to agents and to Meta, is none of it. */
  readonly awsHost: string;
  readonly vaultTable: string | undefined;
}

export interface Invoked {
  readonly result: unknown;
  readonly calls: readonly AwsCall[];
  readonly times: Times;
}

/** Where one invocation's time went, in milliseconds. Calls at the same time count each. */
export interface Times {
  readonly whole: number;
  readonly calls: Readonly<Partial<Record<Called, number>>>;
}

export type Called = AwsCall['service'] | 'agent';

const { module, awsHost, vaultTable } = workerData as WorkerSetUp;
let calls: AwsCall[] = [];
let spent = new Map<Called, number>();
const underWay = new WeakMap<object, { readonly called: Called; readonly since: number }>();

subscribe('http.client.request.created', (message) => {
  const { request } = message as { readonly request: ClientRequest };
  const since = performance.now();
  if (request.getHeader('host') !== awsHost) {
    underWay.set(request, { called: 'agent', since });
    return;
  }
  const chunks: Uint8Array[] = [];
  // The body says how much is read or written, and is handed over here alone.
  for (const method of ['write', 'end'] as const) {
    const original = request[method].bind(request) as (...args: unknown[]) => never;
    request[method] = (...args: unknown[]) => {
      if (typeof args[0] === 'string' || args[0] instanceof Uint8Array) chunks.push(Buffer.from(args[0] as string));
      if (method === 'end') {
        const call = callOf(request, Buffer.concat(chunks).toString());
        calls.push(call);
        underWay.set(request, { called: call.service, since });
      }
      return original(...args);
    };
  }
});

subscribe('http.client.response.finish', (message) => {
  const { request } = message as { readonly request: ClientRequest };
  const call = underWay.get(request);
  if (call !== undefined) spent.set(call.called, (spent.get(call.called) ?? 0) + performance.now() - call.since);
});

const services: Readonly<Record<string, AwsCall['service']>> = {
  DynamoDB_20120810: 'DynamoDB',
  TrentService: 'KMS',
  AmazonSQS: 'SQS',
};

function callOf(request: ClientRequest, body: string): AwsCall {
  const [target = '', operation = ''] = String(request.getHeader('x-amz-target') ?? '').split('.');
  const none = { readUnits: 0, writeUnits: 0, isDataEvent: false };
  const service = services[target];
  if (service === 'DynamoDB') return { service, operation, ...chargeOf(operation, JSON.parse(body) as DynamoDbInput) };
  if (service !== undefined) return { service, operation, ...none };
  if (request.path.includes('/functions/')) return { service: 'Lambda', operation: 'Invoke', ...none };
  return { service: target === '' ? 'S3' : 'other', operation: `${request.method}`, ...none };
}

interface DynamoDbInput {
  readonly TableName?: string;
  readonly ConsistentRead?: boolean;
  readonly RequestItems?: Readonly<
    Record<string, { readonly Keys?: readonly object[]; readonly ConsistentRead?: boolean }>
  >;
  readonly TransactItems?: readonly object[];
}

/** Units for rows as small as ours are: up to 4 KB read, up to 1 KB written. A transaction costs twice. */
function chargeOf(operation: string, input: DynamoDbInput): Pick<AwsCall, 'readUnits' | 'writeUnits' | 'isDataEvent'> {
  const isDataEvent = vaultTable !== undefined && (input.TableName ?? '').includes(vaultTable);
  const transacted = 2 * (input.TransactItems?.length ?? 0);
  const readUnits = (isConsistent: boolean | undefined) => (isConsistent === true ? 1 : 0.5);
  switch (operation) {
    case 'GetItem':
    case 'Query':
      return { readUnits: readUnits(input.ConsistentRead), writeUnits: 0, isDataEvent };
    case 'BatchGetItem': {
      const asked = Object.values(input.RequestItems ?? {});
      const units = asked.reduce((sum, it) => sum + (it.Keys?.length ?? 0) * readUnits(it.ConsistentRead), 0);
      return { readUnits: units, writeUnits: 0, isDataEvent };
    }
    case 'TransactGetItems':
      return { readUnits: transacted, writeUnits: 0, isDataEvent };
    case 'TransactWriteItems':
      return { readUnits: 0, writeUnits: transacted, isDataEvent };
    case 'PutItem':
    case 'UpdateItem':
    case 'DeleteItem':
      return { readUnits: 0, writeUnits: 1, isDataEvent };
    default:
      throw new RangeError(`What ${operation} is charged as is not known here.`);
  }
}

const { handler } = (await import(module)) as {
  readonly handler: (event: object, context: Context) => Promise<unknown>;
};

/** A whole invocation's time, and more than any of these takes. In milliseconds. */
const remaining = 30_000;
const context = { awsRequestId: 'bench', getRemainingTimeInMillis: () => remaining } as Context;

parentPort?.on('message', (event: object) => {
  calls = [];
  spent = new Map();
  const startedAt = performance.now();
  void handler(event, context).then(
    (result) => {
      const times = { whole: performance.now() - startedAt, calls: Object.fromEntries(spent) };
      parentPort?.postMessage({ result, calls, times } satisfies Invoked);
    },
    (error: unknown) => {
      throw error;
    },
  );
});
