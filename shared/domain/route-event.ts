import type { ForwardedKind } from '../contracts/agent.ts';
import { type AgentEvent, agentEventType, messageFailure, type Reply } from '../contracts/agent-event.ts';
import type { PhoneNumberId } from '../contracts/ids.ts';
import type { QueuedEvent, QueuedEvents } from '../contracts/queued-events.ts';
import type { ClaimProgress, ClaimStep, ClaimStore, HeldClaim, ReplyFate } from './claim.ts';
import { type Dispatcher, type DispatchOutcome, dispatchTimeout } from './dispatch.ts';
import { type Graph, type GraphResult, tookNoEffectYet } from './graph.ts';
import { withGraphAccess } from './graph-access.ts';
import type { Journal } from './journal.ts';
import type { Binding, NumberRecord } from './records.ts';
import { withSigningSecrets } from './signing-access.ts';
import type { SecretOpener } from './vault.ts';

export interface RouteEventPorts {
  readonly numbers: { read(phoneNumberId: PhoneNumberId): Promise<NumberRecord | undefined> };
  readonly claims: ClaimStore;
  readonly vault: SecretOpener;
  readonly dispatcher: Dispatcher;
  readonly graph: Graph;
  readonly journal: Journal;
  readonly now: () => Date;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** How much work this invocation may still do, in milliseconds. */
  readonly timeLeft: () => number;
}

/** `repeat`: leave the event in the queue. `finished`: acknowledge it. */
export type RouteOutcome = 'finished' | 'repeat';

/** Limit of one send, in milliseconds. What can't end in time is not begun. */
export const sendTimeout = 5_000;

/** Pauses before the second and the third try within one invocation, in milliseconds. */
const retryPauses = [500, 2000] as const;

/** Marks our own sends in Meta's statuses: prefix, event id, index of the reply. */
export const callbackDataPrefix = 'sb1:';

/**
 * Takes one event to its agent and the agent's answers to the customer. The agent gets every event at least once with a stable
 * id; the customer gets every reply at most once. Refuses events of a number that the delivering credential does not own.
 */
export const routeEvent = async (
  batch: QueuedEvents,
  event: QueuedEvent,
  ports: RouteEventPorts,
): Promise<RouteOutcome> => {
  const trace = {
    tenantId: batch.tenantId,
    credentialId: batch.credentialId,
    eventId: event.eventId,
    kind: event.kind,
  };
  const number = await ports.numbers.read(batch.phoneNumberId);
  if (
    number === undefined ||
    number.tenantId !== batch.tenantId ||
    !number.acceptedSources.includes(batch.credentialId)
  ) {
    ports.journal.warn('event-foreign', trace);
    ports.journal.count('EventsForeign');
    return 'finished';
  }
  const binding = bindingFor(number, event);
  if (binding === undefined) {
    ports.journal.count('EventsUnwanted');
    return 'finished';
  }

  const claim = await ports.claims.claim(event.eventId, batch.tenantId);
  if (claim.outcome === 'finished') return 'finished';
  if (claim.outcome === 'busy') return 'repeat';
  try {
    return await carryOn({ batch, event, number, binding, ports, held: claim.held, trace }, claim.progress);
  } catch (error) {
    await claim.held.release().catch(() => undefined);
    throw error;
  }
};

interface Work {
  readonly batch: QueuedEvents;
  readonly event: QueuedEvent;
  readonly number: NumberRecord;
  readonly binding: Binding;
  readonly ports: RouteEventPorts;
  readonly held: HeldClaim;
  readonly trace: { readonly tenantId: string; readonly credentialId: string; readonly eventId: string };
}

/** From whatever state an earlier invocation left behind. */
const carryOn = async (work: Work, found: ClaimProgress): Promise<RouteOutcome> => {
  switch (found.state) {
    case 'leased':
      return dispatch(work);
    case 'answered':
    case 'sent':
      return sendReplies(work, found);
    case 'sending':
      // It may have reached the customer: never send it again.
      noteUnknown(work, found.fates.length);
      return sendReplies(work, { ...found, fates: [...found.fates, { fate: 'unknown' }] });
    case 'done':
    case 'unknown':
      return 'finished';
    default:
      return found.state satisfies never;
  }
};

const dispatch = async (work: Work): Promise<RouteOutcome> => {
  const { ports, binding, batch, held, trace } = work;
  const outcome = await withSigningSecrets(
    ports.vault,
    batch.tenantId,
    binding,
    ports.now(),
    async (signingSecrets) => {
      const [taken] = await Promise.all([
        dispatchWithRetries(work, agentEventOf(work), signingSecrets),
        acknowledgeToCustomer(work),
      ]);
      return taken;
    },
  );
  switch (outcome.outcome) {
    case 'gone':
    case 'failed':
      ports.journal.warn('dispatch-failed', {
        ...trace,
        agentId: binding.agentId,
        code: outcome.outcome === 'gone' ? 'http-410' : outcome.reason,
      });
      ports.journal.count('DispatchFailed');
      await held.release();
      return 'repeat';
    case 'refused':
      ports.journal.warn('event-refused-by-agent', {
        ...trace,
        agentId: binding.agentId,
        httpStatus: outcome.httpStatus,
      });
      ports.journal.count('EventsRefusedByAgent');
      await held.record({ state: 'done', replies: null, fates: [] });
      return 'finished';
    case 'answered': {
      ports.journal.info('event-dispatched', { ...trace, agentId: binding.agentId, count: outcome.replies.length });
      ports.journal.count('EventsDispatched');
      if (outcome.unreadable) ports.journal.warn('answer-unreadable', { ...trace, agentId: binding.agentId });
      if (outcome.replies.length === 0) {
        await held.record({ state: 'done', replies: null, fates: [] });
        return 'finished';
      }
      const answered: ClaimStep = { state: 'answered', replies: outcome.replies, fates: [] };
      await held.record(answered);
      return sendReplies(work, answered);
    }
    default:
      return outcome satisfies never;
  }
};

const dispatchWithRetries = async (
  work: Work,
  event: AgentEvent,
  signingSecrets: readonly Uint8Array[],
): Promise<DispatchOutcome> => {
  const once = () => work.ports.dispatcher.dispatch(work.binding, event, signingSecrets);
  let outcome = await once();
  for (const pause of retryPauses) {
    if (outcome.outcome !== 'failed' || work.ports.timeLeft() < pause + dispatchTimeout) return outcome;
    await work.ports.sleep(pause);
    outcome = await once();
  }
  return outcome;
};

/** Read receipt and typing indicator: pleasant, never a reason to fail or to delay. */
const acknowledgeToCustomer = async (work: Work): Promise<void> => {
  const { readReceipts, typingIndicator } = work.binding.behaviour;
  const messageId = work.event.value.id;
  if (work.event.kind !== 'message' || typeof messageId !== 'string' || !readReceipts) return;
  await withGraphAccess(work.ports.vault, work.number, (access) =>
    work.ports.graph.markRead(access, work.batch.phoneNumberId, messageId, { typing: typingIndicator }),
  ).catch(() => work.ports.journal.warn('read-receipt-failed', work.trace));
};

const sendReplies = (work: Work, found: Pick<ClaimStep, 'replies' | 'fates'>): Promise<RouteOutcome> =>
  // Opened before the first `sending` is recorded: a secret that does not open leaves no doubt about a reply.
  withGraphAccess(work.ports.vault, work.number, async (access) => {
    const replies = found.replies ?? [];
    let fates = found.fates;
    for (const [index, reply] of replies.entries()) {
      if (index < fates.length) continue;
      if (work.ports.timeLeft() < sendTimeout) return sendLater(work, replies, fates);
      await work.held.record({ state: 'sending', replies, fates });
      const message = addressed(work, reply, index);
      const sent = await work.ports.graph.sendMessage(access, work.batch.phoneNumberId, message);
      if (!sent.ok && tookNoEffectYet(sent.failure)) return sendLater(work, replies, fates);
      fates = [...fates, fateOf(work, index, sent)];
      if (index < replies.length - 1) await work.held.record({ state: 'sent', replies, fates });
    }
    const doubtful = fates.some(({ fate }) => fate === 'unknown');
    await work.held.record({ state: doubtful ? 'unknown' : 'done', replies: null, fates });
    return 'finished';
  });

/** Nothing of the next reply has reached the customer: back to a state that may be repeated. */
const sendLater = async (work: Work, replies: readonly Reply[], fates: readonly ReplyFate[]): Promise<RouteOutcome> => {
  await work.held.record({ state: fates.length === 0 ? 'answered' : 'sent', replies, fates });
  await work.held.release();
  return 'repeat';
};

const fateOf = (work: Work, index: number, sent: GraphResult<{ readonly wamid: string }>): ReplyFate => {
  const { journal } = work.ports;
  if (sent.ok) {
    journal.count('RepliesSent');
    return { fate: 'sent', wamid: sent.value.wamid };
  }
  if (sent.failure.kind === 'refused') {
    journal.warn('reply-refused', {
      ...work.trace,
      index,
      metaCode: sent.failure.code,
      ...(sent.failure.fbtraceId === undefined ? {} : { fbtraceId: sent.failure.fbtraceId }),
    });
    journal.count('RepliesRefused');
    return { fate: 'refused', metaCode: sent.failure.code };
  }
  noteUnknown(work, index);
  return { fate: 'unknown' };
};

const noteUnknown = (work: Work, index: number): void => {
  work.ports.journal.error('reply-unknown', { ...work.trace, index });
  work.ports.journal.count('RepliesUnknown');
};

/** The agent says what, we say to whom: of an answer only the message itself and what it quotes is taken over. */
const addressed = (work: Work, reply: Reply, index: number): Readonly<Record<string, unknown>> => {
  const { customer } = work.event;
  return {
    type: reply.type,
    [reply.type]: reply[reply.type],
    ...(reply.context === undefined ? {} : { context: reply.context }),
    messaging_product: 'whatsapp',
    recipient_type: customer.groupId === null ? 'individual' : 'group',
    ...(customer.groupId !== null
      ? { to: customer.groupId }
      : customer.waId !== null
        ? { to: customer.waId }
        : { recipient: customer.userId }),
    biz_opaque_callback_data: `${callbackDataPrefix}${work.event.eventId}:${index}`,
  };
};

const bindingFor = (number: NumberRecord, event: QueuedEvent): Binding | undefined =>
  number.bindings.find((binding) => 'default' in binding.routing && wants(binding, event));

const wants = (binding: Binding, event: QueuedEvent): boolean =>
  event.kind === 'failure' || (binding.behaviour.forward as readonly ForwardedKind[]).includes(event.kind);

const agentEventOf = ({ batch, event, binding, ports }: Work): AgentEvent => {
  const timestamp = ports.now().toISOString();
  const common = {
    eventId: event.eventId,
    tenantId: batch.tenantId,
    agentId: binding.agentId,
    credentialId: batch.credentialId,
    phoneNumberId: batch.phoneNumberId,
    conversation: { id: batch.conversationId, customer: event.customer, handledBy: 'agent' as const },
    away: false,
    replayed: false,
    heldSince: null,
  };
  switch (event.kind) {
    case 'message':
      return { version: 1, type: agentEventType.message, timestamp, data: { ...common, message: event.value } };
    case 'status':
      return { version: 1, type: agentEventType.status, timestamp, data: { ...common, status: event.value } };
    case 'call':
      return { version: 1, type: agentEventType.call, timestamp, data: { ...common, call: event.value } };
    case 'echo':
      return { version: 1, type: agentEventType.echo, timestamp, data: { ...common, echo: event.value } };
    case 'failure':
      return {
        version: 1,
        type: agentEventType.failure,
        timestamp,
        data: { ...common, failure: messageFailure.parse(event.value) },
      };
    case 'account':
      return {
        version: 1,
        type: agentEventType.account,
        timestamp,
        data: { ...common, conversation: null, notice: { field: event.field, value: event.value } },
      };
    default:
      return event.kind satisfies never;
  }
};
