import { type EventsMessage, eventsMessage } from '../../shared/contracts/queued-events.ts';
import { type Work, workMessage } from '../../shared/contracts/work.ts';
import { jsonOf } from '../operator-command.ts';

/** One message among the dead letters of a queue. */
export interface DeadLetter {
  /** Given by SQS; it stays the same however often the message is received. */
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  /** Undefined in a queue without order. */
  readonly groupId: string | undefined;
  /** When it was put into a queue. */
  readonly sentAt: Date;
  readonly receives: number;
}

/** The dead letters of one queue, and the way back into it. */
export interface DeadLetterQueue {
  /**
   * The next ones, hidden from everybody for a while; none when all that there are have been handed out. In order within a group, and
   * of a group whose first ones are hidden nothing more.
   */
  receive(most: number): Promise<readonly DeadLetter[]>;
  /** Puts it, body and group as they are, into the queue that it failed in. There SQS swallows for five minutes whatever has the same id. */
  send(letter: DeadLetter, deduplicationId: string): Promise<void>;
  remove(letter: DeadLetter): Promise<void>;
  /** Lets others see them again at once, as far as that is possible. */
  giveBack(receiptHandles: readonly string[]): Promise<void>;
  /** About how many there are, hidden ones included. */
  count(): Promise<number>;
}

/** What a message is about, without anything that a customer has said or is called. */
export type Content =
  | {
      readonly type: 'events';
      readonly tenantId: string;
      /** Null for news of the account: they have neither number nor conversation. */
      readonly conversation: { readonly id: string; readonly phoneNumberId: string } | null;
      /** ISO-8601, UTC. */
      readonly receivedAt: string;
      /** Undefined where the message does not name them: they lie in the relay bucket, or are held. */
      readonly eventIds: readonly string[] | undefined;
    }
  | { readonly type: 'work'; readonly ticket: string; readonly work: Work }
  | { readonly type: 'unreadable' };

/** Reads a message of events.fifo. What is not of the contract, as this version knows it, is unreadable. */
export function eventsIn(body: string): Content {
  const message = eventsMessage.safeParse(jsonOf(body));
  if (!message.success) return { type: 'unreadable' };
  const { tenantId, receivedAt } = message.data;
  return { type: 'events', tenantId, receivedAt, ...aboutEvents(message.data) };
}

/** Reads a message of a work queue. */
export function workIn(body: string): Content {
  const message = workMessage.safeParse(jsonOf(body));
  return message.success
    ? { type: 'work', ticket: message.data.ticket, work: message.data.work }
    : { type: 'unreadable' };
}

function aboutEvents(message: EventsMessage) {
  if (message.type === 'account-news')
    return { conversation: null, eventIds: message.news.map(({ eventId }) => eventId) };
  const conversation = { id: message.conversationId, phoneNumberId: message.phoneNumberId };
  return {
    conversation,
    eventIds: message.type === 'events' ? message.events.map(({ eventId }) => eventId) : undefined,
  };
}
