import { setTimeout as sleep } from 'node:timers/promises';
import type { SQSRecord } from 'aws-lambda';
import { dynamoDb, sqs } from '../../shared/adapters/aws-clients.ts';
import { circuitStore } from '../../shared/adapters/circuit-store.ts';
import { claimStore } from '../../shared/adapters/claim-store.ts';
import { heldStore } from '../../shared/adapters/held-store.ts';
import { eventsQueue, queueConsumer } from '../../shared/adapters/sqs-queues.ts';
import { cachedOpener } from '../../shared/adapters/vault.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { eventsMessage, mostReceives, type QueuedEvents, queuedEvents } from '../../shared/contracts/queued-events.ts';
import { takeAccountNews } from '../../shared/domain/account-standing.ts';
import { dispatchTimeout } from '../../shared/domain/dispatch.ts';
import type { RouteEventPorts } from '../../shared/domain/event-on-its-way.ts';
import { noteAwaiting } from '../../shared/domain/first-message.ts';
import { withFailureOfReply } from '../../shared/domain/message-failure.ts';
import { noteSkipped } from '../../shared/domain/note-skipped.ts';
import { noteStatus, withOwnMark } from '../../shared/domain/note-status.ts';
import type { NumberRecord } from '../../shared/domain/records.ts';
import { releaseConversation } from '../../shared/domain/release-conversation.ts';
import { routeEvent } from '../../shared/domain/route-event.ts';
import { sendingPace } from '../../shared/domain/sending-pace.ts';
import { setting } from '../edge/environment.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { queueLambda, type ServeMessage } from '../edge/queue-lambda.ts';

/** No new work is begun in the last part of an invocation. In milliseconds. */
const workReserve = 5_000;

/** Seconds until a message that was given back is seen again: it starts short and grows with its receive count. */
const shortestReturn = 5;
const longestReturn = 30;

const routePorts = ports.once(() => {
  const tables = { directory: setting(environmentName.directoryTable), events: setting(environmentName.eventsTable) };
  return {
    routing: ports.routing(),
    claims: claimStore(dynamoDb(), tables.events, Number(setting(environmentName.leaseSeconds))),
    held: heldStore(dynamoDb(), tables),
    circuits: circuitStore(dynamoDb(), tables.directory),
    relay: ports.relay(),
    messages: ports.messages(),
    media: ports.mediaTransfers(),
    queue: eventsQueue(sqs(), setting(environmentName.eventsQueueUrl)),
    releases: ports.workQueues(),
    doubts: ports.doubts(),
    checks: ports.workQueues(),
    vault: cachedOpener(ports.opener()),
    dispatcher: ports.dispatcher(),
    graph: ports.graph(),
    noteFirstMessage: (number: NumberRecord) => noteAwaiting(number, ports.firstMessage()),
    pace: sendingPace(Date.now, sleep),
    journal,
    now: () => new Date(),
    sleep: (milliseconds: number) => sleep(milliseconds),
  };
});

const newsPorts = ports.once(() => {
  const { claims, releases } = routePorts();
  const credentials = { ...ports.credentials(), ...ports.webhookState() };
  return { claims, releases, credentials, journal, now: () => new Date() };
});

/** Half-way to the dead letters: what is so late, behind a slow agent say, is held and leaves the queue to the others. */
const overdueReceives = mostReceives / 2;

/** Messages whose agent has said when it wants to be asked again, in seconds. */
const waits = new WeakMap<SQSRecord, number>();

const serveRecord: ServeMessage = async (record, context, alongside) => {
  const message = eventsMessage.parse(JSON.parse(record.body));
  const timeLeft = () => context.getRemainingTimeInMillis() - workReserve;
  const askedToWait = (seconds: number) => void waits.set(record, seconds);
  const receives = Number(record.attributes.ApproximateReceiveCount);
  const isOverdue = receives >= overdueReceives;
  const isLastReceive = receives >= mostReceives - 1;
  const eventPorts: RouteEventPorts = { ...routePorts(), timeLeft, askedToWait, isOverdue, isLastReceive, alongside };
  switch (message.type) {
    case 'events':
      return routeAll(message, eventPorts);
    case 'relayed': {
      const list = await eventPorts.relay.get(message.relayKey);
      if (list === undefined) {
        journal.error('relayed-events-gone', { tenantId: message.tenantId, credentialId: message.credentialId });
        journal.count('EventsExpired');
        return true;
      }
      const { relayKey, ...envelope } = message;
      const isDone = await routeAll(
        queuedEvents.parse({ ...envelope, type: 'events', events: JSON.parse(list) }),
        eventPorts,
      );
      if (isDone) await eventPorts.relay.delete([relayKey]);
      return isDone;
    }
    case 'release-held':
      return (await releaseConversation(message, eventPorts)) === 'finished';
    case 'account-news':
      return (await takeAccountNews(message, newsPorts())) === 'finished';
    default:
      return message satisfies never;
  }
};

/** In order: after one that has to be repeated, those behind it wait. */
const routeAll = async (batch: QueuedEvents, eventPorts: RouteEventPorts): Promise<boolean> => {
  for (const event of batch.events) {
    if (eventPorts.timeLeft() < dispatchTimeout) return false;
    await noteStatus(batch, event, eventPorts.messages);
    if ((await routeEvent(batch, withOwnMark(withFailureOfReply(event)), eventPorts)) === 'repeat') return false;
  }
  return true;
};

/** The queue gives these up: they are dead letters when they are next due. */
const noteGivenUp = async (records: readonly SQSRecord[]): Promise<void> => {
  const { routing, now } = routePorts();
  for (const record of records.filter((it) => Number(it.attributes.ApproximateReceiveCount) >= mostReceives)) {
    const message = eventsMessage.safeParse(JSON.parse(record.body));
    if (message.success) await noteSkipped(message.data, routing, now());
  }
};

const secondsUntilSeen = (record: SQSRecord): number => {
  const byReceives = Math.min(longestReturn, shortestReturn * Number(record.attributes.ApproximateReceiveCount));
  return Math.max(byReceives, waits.get(record) ?? 0);
};

const returnSoon = async (records: readonly SQSRecord[]): Promise<void> => {
  await noteGivenUp(records).catch(() => undefined);
  const consumer = queueConsumer(sqs(), setting(environmentName.eventsQueueUrl));
  for (const [seconds, alike] of Map.groupBy(records, secondsUntilSeen))
    await consumer.returnIn(
      seconds,
      alike.map(({ receiptHandle }) => receiptHandle),
    );
};

/** Takes queued events to their agents, in order within a conversation, and the agents' replies to Meta. */
export const handler = queueLambda(serveRecord, returnSoon, 'EventFailed');
