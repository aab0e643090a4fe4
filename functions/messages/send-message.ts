import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { WebhookStore } from '../../shared/adapters/webhook-store.ts';
import type { Customer } from '../../shared/contracts/agent-event.ts';
import { type AgentId, agentId, type MessageId, messageId } from '../../shared/contracts/ids.ts';
import { type NewMessage, type ReadReceipt, sendMessageRequest } from '../../shared/contracts/message.ts';
import { digestOf, unguessable } from '../../shared/crypto/identifiers.ts';
import { callbackDataOfMessage } from '../../shared/domain/callback-data.ts';
import { type NamedConversation, readConversation } from '../../shared/domain/conversation.ts';
import { isKnownClosed, type KnownRecipient } from '../../shared/domain/customer-service-window.ts';
import { conversationOf } from '../../shared/domain/event-identity.ts';
import type { Graph, GraphResult } from '../../shared/domain/graph.ts';
import { withGraphAccess } from '../../shared/domain/graph-access.ts';
import {
  failureOf,
  isWorthRepeating,
  refusalOf,
  refusalOfRepeatable,
  windowClosed,
} from '../../shared/domain/message-refusal.ts';
import { type NumberOfAgentPorts, numberOfAgent } from '../../shared/domain/number-of-agent.ts';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { NumberRecord } from '../../shared/domain/records.ts';
import { dialledDigits, looksDialled } from '../../shared/domain/senders.ts';
import { isPaused, pauseHint, pauseOnDoubt, type SendingPorts } from '../../shared/domain/sending-doubt.ts';
import { type MessageRecord, type MessageStore, messageView } from '../../shared/domain/sent-message.ts';
import type { SecretOpener } from '../../shared/domain/vault.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';

export interface SendMessagePorts extends NumberOfAgentPorts, SendingPorts {
  readonly salts: Pick<WebhookStore, 'tenantSalt'>;
  readonly messages: MessageStore;
  readonly opener: SecretOpener;
  readonly graph: Pick<Graph, 'sendMessage' | 'markRead'>;
  /** Milliseconds that the caller still waits. */
  readonly timeLeft: () => number;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** Pauses before Meta is asked again, at the most; each is a random part of it ("full jitter"). In milliseconds. */
const retryPauses = [500, 2_000] as const;

/** What one more try may take with what follows it. In milliseconds. */
const tryTime = 7_000;

/**
 * Sends a message of the Cloud API from the agent's own number, or marks one of a customer as read. What was sent is written down before: whoever
 * repeats the request under its Idempotency-Key, also after a crash, never sends it twice. Refuses, without asking Meta, what is no template where the
 * customer service window is known to be closed.
 */
export const sendMessage = async (
  caller: Caller,
  id: AgentId,
  request: z.infer<typeof sendMessageRequest>,
  requestDigest: string | null,
  ports: SendMessagePorts,
): Promise<Answer | Refused> => {
  const number = await numberOf(caller, id, ports);
  if (isRefused(number)) return number;
  return request.status === 'read'
    ? markRead(request, number, ports)
    : send({ caller, agentId: id, number, message: request, requestDigest }, ports);
};

/** The number that the agent answers, if it can be sent from. */
const numberOf = async (
  { tenantId }: Caller,
  id: AgentId,
  ports: SendMessagePorts,
): Promise<NumberRecord | Refused> => {
  const number = await numberOfAgent(tenantId, id, ports);
  return isRefused(number) || !isPaused(number, ports.now())
    ? number
    : refuse('sending-paused', {
        detail:
          'Meta has refused a message for a reason that may lie with the credential, which is being checked. Nothing was sent.',
        guidance: 'Repeat the request in a few seconds.',
        retryAfterSeconds: pauseHint,
      });
};

const markRead = async (
  { message_id: wamid, typing_indicator: typing }: ReadReceipt,
  number: NumberRecord,
  ports: SendMessagePorts,
): Promise<Answer | Refused> => {
  const marked = await withGraphAccess(ports.opener, number, (access) =>
    ports.graph.markRead(access, number.phoneNumberId, wamid, { typing: typing !== undefined }),
  );
  await pauseOnDoubt(number, marked, ports);
  return marked.ok ? { kind: 'ok', body: { status: 'read' } } : refusalOfRepeatable(marked.failure);
};

interface Sending {
  readonly caller: Caller;
  readonly agentId: AgentId;
  readonly number: NumberRecord;
  readonly message: NewMessage;
  readonly requestDigest: string | null;
}

// Opened before it is written down that something is sent: a secret that does not open leaves no doubt about a message.
const send = async (sending: Sending, ports: SendMessagePorts): Promise<Answer | Refused> => {
  const named = await namesOf(sending, ports);
  const record = recordOf(sending, named, ports);
  const closed = await outsideWindow(sending, named, record, ports);
  if (closed !== undefined) return closed;
  return withGraphAccess(ports.opener, sending.number, async (access) => {
    const known = await ports.messages.begin(record);
    if (known !== undefined) return answerOf(known);
    const message = addressed(sending.message, record.messageId);
    const once = () => ports.graph.sendMessage(access, record.phoneNumberId, message);
    const sent = await repeated(once, ports);
    const outcome = await outcomeOf(record, sent, ports);
    await pauseOnDoubt(sending.number, sent, ports);
    return outcome;
  });
};

/** Undefined: it may be sent, or Meta has to be asked. What was begun under the same Idempotency-Key is answered as ever, sent while the window was open. */
const outsideWindow = async (
  { number, message }: Sending,
  named: NamedConversation,
  record: MessageRecord,
  { routing, messages, journal, now }: SendMessagePorts,
): Promise<Answer | Refused | undefined> => {
  if (message.type === 'template' || !isKnownClosed(await recipientOf(number, message, named, routing), now()))
    return undefined;
  const begun = await messages.find(record.messageId);
  if (begun !== undefined && begun.status !== 'refused') return answerOf(begun);
  journal.info('message-outside-window', { tenantId: record.tenantId, agentId: record.agentId });
  journal.count('MessagesRefused');
  return windowClosed();
};

/** What is known of the recipient, under each name that the message gives. */
const recipientOf = async (
  { phoneNumberId, deliversSince, unnumberedAt }: NumberRecord,
  message: NewMessage,
  { conversationId: own, alsoKnownAs: other }: NamedConversation,
  routing: SendMessagePorts['routing'],
): Promise<KnownRecipient> => {
  const { conversations: known } = await routing.read(phoneNumberId, other === null ? [own] : [own, other]);
  const others = [...known.values()].flatMap(({ joinedTo }) =>
    joinedTo === null || known.has(joinedTo)
      ? []
      : [readConversation({ phoneNumberId, conversationId: joinedTo }, routing)],
  );
  return {
    number: { deliversSince, unnumberedAt },
    message,
    underNumber: message.to === undefined ? undefined : known.get(other ?? own),
    conversations: [...known.values(), ...(await Promise.all(others)).filter((it) => it !== undefined)],
  };
};

/** Writes down what came of it. */
const outcomeOf = async (
  record: MessageRecord,
  sent: GraphResult<{ readonly wamid: string }>,
  { messages, journal }: SendMessagePorts,
): Promise<Answer | Refused> => {
  const trace = { tenantId: record.tenantId, agentId: record.agentId, messageId: record.messageId };
  const finish = (end: Parameters<MessageStore['finish']>[1]) => messages.finish(record.messageId, end);
  if (sent.ok) {
    const accepted = { status: 'accepted', wamid: sent.value.wamid, failure: null } as const;
    // It was sent, so that is the answer; a repeat would be told that nobody knows.
    await finish(accepted).catch(() => journal.error('message-not-recorded', trace));
    journal.count('MessagesSent');
    return answerOf({ ...record, ...accepted });
  }
  const { failure } = sent;
  if (failure.kind === 'unknown-outcome') {
    await finish({ status: 'unknown', wamid: null, failure: null }).catch(() => undefined);
    journal.warn('message-unknown', trace);
    journal.count('MessagesUnknown');
    return unknownOutcome(record);
  }
  await finish({ status: 'refused', wamid: null, failure: failureOf(failure) });
  journal.warn('message-refused', { ...trace, ...(failure.kind === 'refused' ? { metaCode: failure.code } : {}) });
  journal.count('MessagesRefused');
  return refusalOf(failure);
};

/** As often as it may succeed at once and the caller still waits. */
const repeated = async <T>(
  once: () => Promise<GraphResult<T>>,
  { timeLeft, sleep: pause, random }: SendMessagePorts,
): Promise<GraphResult<T>> => {
  let result = await once();
  for (const longest of retryPauses) {
    if (result.ok || !isWorthRepeating(result.failure) || timeLeft() < longest + tryTime) return result;
    await pause(random() * longest);
    result = await once();
  }
  return result;
};

/** The conversation that the message belongs to; with `to` and `recipient` that of the user id, also known as that of the number. */
const namesOf = async (
  { number: { tenantId, phoneNumberId }, message }: Sending,
  { salts }: SendMessagePorts,
): Promise<NamedConversation> =>
  conversationOf(tenantId, phoneNumberId, await salts.tenantSalt(tenantId), {
    customer: customerOf(message),
    formerCustomer: null,
  });

const recordOf = (
  { caller, agentId: id, number, requestDigest }: Sending,
  { conversationId }: NamedConversation,
  { now }: SendMessagePorts,
): MessageRecord => {
  const { tenantId, phoneNumberId, credentialId } = number;
  const at = now().toISOString();
  return {
    // The same for a repeat under the same Idempotency-Key, whatever has become of the first request.
    messageId: messageId.parse(`msg_${requestDigest === null ? unguessable() : digestOf('message', requestDigest)}`),
    tenantId,
    agentId: id,
    phoneNumberId,
    credentialId,
    conversationId,
    sentBy: caller.subject,
    status: 'sending',
    wamid: null,
    failure: null,
    createdAt: at,
    updatedAt: at,
  };
};

const customerOf = ({ to, recipient, recipient_type: kind }: NewMessage): Customer => ({
  waId: to === undefined || kind === 'group' ? null : looksDialled(to) ? dialledDigits(to) : to,
  userId: recipient ?? null,
  groupId: kind === 'group' ? (to ?? null) : null,
  name: null,
});

const addressed = (message: NewMessage, id: MessageId): Readonly<Record<string, unknown>> => {
  const { status: _, ...content } = message;
  return {
    recipient_type: 'individual',
    ...content,
    messaging_product: 'whatsapp',
    biz_opaque_callback_data: callbackDataOfMessage(id, message.biz_opaque_callback_data),
  };
};

/** What is answered of a message, whoever asks first. One over which its sender died has left nobody who knows. */
const answerOf = (known: MessageRecord): Answer | Refused =>
  known.status === 'sending' || known.status === 'unknown'
    ? unknownOutcome(known)
    : {
        kind: 'created',
        // What became of it since is asked for by its name; a repeat gets what the first request got.
        body: messageView({ ...known, status: 'accepted', failure: null, updatedAt: known.createdAt }),
        location: pathOf(known),
        isRemade: true,
      };

const unknownOutcome = (message: MessageRecord): Refused =>
  refuse('outcome-unknown', {
    detail: 'Meta did not answer: whether the message was sent is unknown. It is not sent again by itself.',
    guidance:
      'Ask for its status at `instance`: statuses that Meta reports tell whether it was sent. A repeat of this request sends nothing.',
    instance: pathOf(message),
  });

const pathOf = (message: { readonly agentId: AgentId; readonly messageId: MessageId }): string =>
  `/v1/agents/${message.agentId}/messages/${message.messageId}`;

export const sendMessageRoute = apiRoute({
  routeKey: 'POST /v1/agents/{agentId}/messages',
  path: z.object({ agentId }),
  body: sendMessageRequest,
  idempotent: true,
  run: ({ caller, path, body, requestDigest, timeLeft }) =>
    sendMessage(caller, path.agentId, body, requestDigest, {
      agents: ports.agents(),
      routing: ports.routing(),
      salts: ports.webhooks(),
      messages: ports.messages(),
      opener: ports.opener(),
      graph: ports.graph(),
      doubts: ports.doubts(),
      checks: ports.workQueues(),
      journal,
      now: () => new Date(),
      timeLeft,
      sleep,
      random: Math.random,
    }),
});
