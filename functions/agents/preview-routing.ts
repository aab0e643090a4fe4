import type { WebhookStore } from '../../shared/adapters/webhook-store.ts';
import type { Agent } from '../../shared/contracts/agent.ts';
import type { Customer } from '../../shared/contracts/agent-event.ts';
import {
  type RoutingPreview,
  type RoutingPreviewRequest,
  routingPreview,
  routingPreviewRequest,
} from '../../shared/contracts/routing-preview.ts';
import { isAway } from '../../shared/domain/away.ts';
import { findConversation, type RoutingStore } from '../../shared/domain/conversation.ts';
import { conversationOf } from '../../shared/domain/event-identity.ts';
import { explainChoice } from '../../shared/domain/explain-choice.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { Binding, ConversationRecord, NumberRecord } from '../../shared/domain/records.ts';
import { dispatchOf } from '../../shared/domain/representations.ts';
import { dialledDigits, looksDialled } from '../../shared/domain/senders.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

export interface PreviewRoutingPorts {
  readonly routing: Pick<RoutingStore, 'read'>;
  readonly salts: Pick<WebhookStore, 'tenantSalt'>;
  readonly now: () => Date;
}

/**
 * Says which agent would get a message now, and why: nothing is sent and nothing is written. A number that is not the caller's does
 * not exist for them, whether somebody else has it or nobody.
 */
export const previewRouting = async (
  caller: Caller,
  request: RoutingPreviewRequest,
  ports: PreviewRoutingPorts,
): Promise<Answer | Refused> => {
  const { phoneNumberId } = request;
  const { number } = await ports.routing.read(phoneNumberId, []);
  if (number === undefined || number.tenantId !== caller.tenantId) return refuse('not-found');
  const customer = customerOf(request.sender);
  const salt = await ports.salts.tenantSalt(number.tenantId);
  const named = conversationOf(number.tenantId, phoneNumberId, salt, { customer, formerCustomer: null });
  const now = ports.now();
  const { conversation } = await findConversation(phoneNumberId, named, ports.routing, now);
  const { choice, explanation, bindings } = explainChoice(
    number,
    conversation,
    { customer, value: messageOf(request) },
    now,
  );
  const body: RoutingPreview = {
    agentId: choice?.binding.agentId ?? null,
    because: routingPreview.shape.because.parse(choice?.because ?? null),
    explanation: [
      explanation,
      ...(choice === undefined ? [] : whatDelays(number, choice.binding, conversation, now)),
    ].join(' '),
    agents: bindings.map(({ binding, verdict, reason }) => ({
      agentId: binding.agentId,
      verdict,
      reason,
      dispatch: dispatchOf(binding, number).state,
      away: isAway(binding.behaviour.away, now),
    })),
    conversation: conversation
      ? { id: conversation.conversationId, agentId: conversation.agentId, agentUntil: conversation.agentUntil }
      : null,
  };
  return { kind: 'ok', body };
};

const customerOf = ({ waId, userId, groupId }: RoutingPreviewRequest['sender']): Customer => ({
  waId: waId === undefined ? null : looksDialled(waId) ? dialledDigits(waId) : waId,
  userId: userId ?? null,
  groupId: groupId ?? null,
  name: null,
});

const messageOf = ({ message, referralSourceId }: RoutingPreviewRequest): Readonly<Record<string, unknown>> => ({
  ...(typeof message === 'string' ? { type: 'text', text: { body: message } } : message),
  ...(referralSourceId === undefined ? {} : { referral: { source_id: referralSourceId } }),
});

/** What keeps the message from its agent, or the agent from the customer. */
const whatDelays = (
  number: NumberRecord,
  binding: Binding,
  conversation: ConversationRecord | undefined,
  now: Date,
): readonly string[] => [
  ...(number.stopped === null
    ? []
    : [`The integration has been disabled since ${number.stopped.since}: the message is held until it is repaired.`]),
  ...heldBecause[dispatchOf(binding, number).state],
  ...(conversation !== undefined && conversation.heldCount > 0
    ? ['Earlier messages of this conversation are held: it comes after them.']
    : []),
  ...(isAway(binding.behaviour.away, now)
    ? ['It is outside its hours: the customer is told so, and the agent still gets the message.']
    : []),
];

const heldBecause = {
  active: [],
  paused: ['The agent is paused: the message is held until it is resumed.'],
  suspended: ['Its target has been failing: the message is held until the target answers again.'],
  gone: ['Its target answered 410 Gone: the message is held until the agent is resumed.'],
} as const satisfies Record<Agent['dispatch']['state'], readonly string[]>;

export const previewRoutingRoute = apiRoute({
  routeKey: 'POST /v1/routing/preview',
  body: routingPreviewRequest,
  run: ({ caller, body }) =>
    previewRouting(caller, body, {
      routing: ports.routing(),
      salts: ports.webhooks(),
      now: () => new Date(),
    }),
});
