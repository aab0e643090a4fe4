import type { Context, SQSRecord } from 'aws-lambda';
import { agentDispatcher } from '../../shared/adapters/agent-dispatcher.ts';
import { dynamoDb, sqs } from '../../shared/adapters/aws-clients.ts';
import { claimStore } from '../../shared/adapters/claim-store.ts';
import { numberStore } from '../../shared/adapters/number-store.ts';
import { eventsQueueConsumer } from '../../shared/adapters/sqs-queues.ts';
import { cachedOpener } from '../../shared/adapters/vault.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import {
  eventsMessage,
  type QueuedEvents,
  queuedEvents,
  type RelayedEvents,
} from '../../shared/contracts/queued-events.ts';
import { dispatchTimeout } from '../../shared/domain/dispatch.ts';
import { Fault } from '../../shared/domain/fault.ts';
import { type RouteEventPorts, routeEvent } from '../../shared/domain/route-event.ts';
import { setting } from '../edge/environment.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { queueLambda } from '../edge/queue-lambda.ts';

/** No new work is begun in the last part of an invocation. In milliseconds. */
const workReserve = 5_000;

/** Seconds until a message that was given back is seen again: it starts short and grows with its receive count. */
const shortestReturn = 5;
const longestReturn = 30;

const routePorts = ports.once(() => ({
  numbers: numberStore(dynamoDb(), setting(environmentName.directoryTable)),
  claims: claimStore(dynamoDb(), setting(environmentName.eventsTable), Number(setting(environmentName.leaseSeconds))),
  vault: cachedOpener(ports.opener()),
  dispatcher: agentDispatcher(ports.targetRules()),
  graph: ports.graph(),
  journal,
  now: () => new Date(),
  sleep: (milliseconds: number) => new Promise<void>((wake) => setTimeout(wake, milliseconds)),
}));

/** The message as it would be, had it not been too large. @throws {Fault} store-unavailable */
const unrelayed = async ({ relayKey, ...envelope }: RelayedEvents): Promise<QueuedEvents> => {
  const list = await ports.relay().get(relayKey);
  if (list === undefined) throw new Fault('row-malformed', { retryable: false });
  return queuedEvents.parse({ ...envelope, type: 'events', events: JSON.parse(list) });
};

const serveRecord = async (record: SQSRecord, context: Context): Promise<boolean> => {
  const message = eventsMessage.parse(JSON.parse(record.body));
  if (message.type === 'account-news') {
    const { tenantId, credentialId, news } = message;
    journal.info('account-news', { tenantId, credentialId, count: news.length });
    return true;
  }
  if (message.type === 'release-held') throw new RangeError('Not an event');
  const batch = message.type === 'relayed' ? await unrelayed(message) : message;
  const timeLeft = () => context.getRemainingTimeInMillis() - workReserve;
  const eventPorts: RouteEventPorts = { ...routePorts(), timeLeft };
  for (const event of batch.events) {
    if (timeLeft() < dispatchTimeout) return false;
    if ((await routeEvent(batch, event, eventPorts)) === 'repeat') return false;
  }
  return true;
};

const returnSoon = async (records: readonly SQSRecord[]): Promise<void> => {
  const receives = Math.max(0, ...records.map((record) => Number(record.attributes.ApproximateReceiveCount)));
  const seconds = Math.min(longestReturn, shortestReturn * receives);
  await eventsQueueConsumer(sqs(), setting(environmentName.eventsQueueUrl)).returnIn(
    seconds,
    records.map(({ receiptHandle }) => receiptHandle),
  );
};

/** Takes queued events to their agents, in order within a conversation, and the agents' replies to Meta. */
export const handler = queueLambda(serveRecord, returnSoon);
