import * as z from 'zod';
import {
  type AgentId,
  type ConversationId,
  type CredentialId,
  credentialId,
  type EventId,
  type PhoneNumberId,
  type TenantId,
} from '../contracts/ids.ts';
import { type EventKind, type QueuedEvent, type QueuedEvents, queuedEvent } from '../contracts/queued-events.ts';
import type { HeldClaim } from './claim.ts';
import type { ConversationKey } from './conversation.ts';
import type { Binding, ConversationRecord, NumberRecord } from './records.ts';
import type { RelayStore } from './relay.ts';

/**
 * Why an event is kept back. `stopped`: the integration is disabled. `paused`: its user paused the agent. `suspended`: the agent's target
 * fails. `gone`: it answered 410. `behind`: earlier events of the conversation are still held.
 */
export type HoldReason = 'stopped' | 'paused' | 'suspended' | 'gone' | 'behind';

/** What keeps the agent from getting events of that kind now. That its account is disabled it is told at once. */
export const obstacle = (
  number: Pick<NumberRecord, 'stopped' | 'circuits'>,
  binding: Pick<Binding, 'agentId' | 'pausedAt'>,
  kind: EventKind = 'message',
): Exclude<HoldReason, 'behind'> | undefined => {
  if (number.stopped !== null && kind !== 'account') return 'stopped';
  if (binding.pausedAt !== null) return 'paused';
  const circuit = number.circuits[binding.agentId];
  if (circuit?.state === 'open') return 'suspended';
  return circuit?.state === 'gone' ? 'gone' : undefined;
};

/** The same by the agent's name. Nothing keeps an agent that the number has no more: what was held for it goes to whoever it is for now. */
export const obstacleOf = (
  number: Pick<NumberRecord, 'stopped' | 'circuits' | 'bindings'>,
  agent: AgentId,
  kind?: EventKind,
): ReturnType<typeof obstacle> => {
  const binding = number.bindings.find(({ agentId }) => agentId === agent);
  return binding && obstacle(number, binding, kind);
};

export const holdReason = (
  number: Pick<NumberRecord, 'stopped' | 'circuits'>,
  binding: Pick<Binding, 'agentId' | 'pausedAt'>,
  conversation: ConversationRecord | undefined,
  kind?: EventKind,
): HoldReason | undefined =>
  obstacle(number, binding, kind) ?? ((conversation?.heldCount ?? 0) > 0 ? 'behind' : undefined);

/** A held event's place in the line of its conversation; its body lies in the relay bucket. */
export interface HeldEvent {
  readonly conversationId: ConversationId;
  /** Sorts by the order in which events were held. */
  readonly place: string;
  readonly isSetAside: boolean;
  readonly eventId: EventId;
  readonly agentId: AgentId;
  readonly relayKey: string;
  readonly heldSince: string;
}

/** A conversation of which something is held. */
export interface HeldConversation {
  readonly tenantId: TenantId;
  readonly credentialId: CredentialId;
  readonly phoneNumberId: PhoneNumberId;
  readonly conversationId: ConversationId;
  /** The agent that the latest held event was for. */
  readonly agentId: AgentId;
  /** Every agent that something was held for since there is a line. */
  readonly agentIds: readonly AgentId[];
  readonly heldSince: string;
}

export interface HeldStore {
  /**
   * Puts the event at the end of its conversation's line, marks its claim `held` and lists the conversation, all or nothing. False when the
   * conversation has changed since it was read, or the claim is somebody else's.
   */
  hold(holding: Holding): Promise<boolean>;
  /** The first in the line; with `setAside`, what was set aside comes before all others, as far as it was held between the two. */
  first(
    conversationId: ConversationId,
    options: { readonly setAside: boolean; readonly notBefore?: Date | null; readonly notAfter?: Date | null },
  ): Promise<HeldEvent | undefined>;
  /** Takes it out of the line. The conversation as it is then, or undefined when it has changed since it was read. */
  remove(conversation: ConversationRecord, event: HeldEvent): Promise<ConversationRecord | undefined>;
  /** Lets it wait for the user's choice; those behind it move up. As `remove`. */
  setAside(conversation: ConversationRecord, event: HeldEvent): Promise<ConversationRecord | undefined>;
  /** Nothing is in the line although the conversation says so: what was held has expired. As `remove`. */
  reset(conversation: ConversationRecord): Promise<ConversationRecord | undefined>;
}

export interface Holding {
  readonly conversation: ConversationRecord | undefined;
  readonly envelope: ConversationKey;
  readonly eventId: EventId;
  readonly agentId: AgentId;
  readonly relayKey: string;
  /** It waits for the user's choice, and nothing waits for it. */
  readonly isSetAside: boolean;
  readonly leaseId: string;
  /** What the event tells about its conversation beside that it is held. */
  readonly change?: Partial<Pick<ConversationRecord, 'lastInboundAt'>>;
  readonly now: Date;
}

/** What is kept of an event while it is held. */
const heldBody = z.object({
  version: z.literal(1),
  credentialId,
  receivedAt: z.iso.datetime(),
  event: queuedEvent,
});
export type HeldBody = z.infer<typeof heldBody>;

/** All bodies of an event, whoever put them there. */
export const heldBodiesOf = (
  { tenantId }: Pick<QueuedEvents, 'tenantId'>,
  { eventId }: Pick<QueuedEvent, 'eventId'>,
): string => `held/${tenantId}/${eventId}/`;

/** Each lease has a body of its own: whoever comes to himself after his lease is over may delete what he put, and nothing else. */
export const heldBodyOf = (
  batch: Pick<QueuedEvents, 'tenantId'>,
  event: Pick<QueuedEvent, 'eventId'>,
  { leaseId }: Pick<HeldClaim, 'leaseId'>,
): string => `${heldBodiesOf(batch, event)}${leaseId}`;

/** @returns the key of the body. @throws {Fault} store-unavailable */
export const putHeldBody = async (
  batch: QueuedEvents,
  event: QueuedEvent,
  claim: HeldClaim,
  relay: RelayStore,
): Promise<string> => {
  const key = heldBodyOf(batch, event, claim);
  const body: HeldBody = { version: 1, credentialId: batch.credentialId, receivedAt: batch.receivedAt, event };
  await relay.put(key, JSON.stringify(body));
  return key;
};

/** Undefined when it has expired. @throws {Fault} store-unavailable */
export const readHeldBody = async (held: HeldEvent, relay: RelayStore): Promise<HeldBody | undefined> => {
  const body = await relay.get(held.relayKey);
  return body === undefined ? undefined : heldBody.parse(JSON.parse(body));
};

/** What is held longer waits for the user's choice. In milliseconds. */
const longestUnasked = 24 * 60 * 60 * 1000;

export const needsChoice = (held: HeldEvent, now: Date): boolean =>
  now.getTime() - new Date(held.heldSince).getTime() > longestUnasked;
