import { type AgentEvent, agentEventType, messageFailure } from '../contracts/agent-event.ts';
import type { AgentId, ConversationId, CredentialId, PhoneNumberId, TenantId } from '../contracts/ids.ts';
import type { QueuedEvent } from '../contracts/queued-events.ts';

/** What an agent event says beyond the queued event itself. */
export interface AgentEventParts {
  readonly event: QueuedEvent;
  readonly tenantId: TenantId;
  readonly credentialId: CredentialId;
  readonly phoneNumberId: PhoneNumberId;
  readonly agentId: AgentId;
  readonly conversation: { readonly id: ConversationId; readonly handledBy: 'agent' | 'human' };
  /** The customer has been told that nobody is there. */
  readonly away: boolean;
  /** Since when it was held; null: it never was. */
  readonly heldSince: string | null;
  readonly now: Date;
}

/** A queued event in the form in which its agent gets it: Meta's object stays as it came. @throws when a failure of ours is malformed */
export const agentEventOf = (parts: AgentEventParts): AgentEvent => {
  const { event } = parts;
  const envelope = { version: 1, timestamp: parts.now.toISOString() } as const;
  const common = {
    eventId: event.eventId,
    tenantId: parts.tenantId,
    agentId: parts.agentId,
    credentialId: parts.credentialId,
    phoneNumberId: parts.phoneNumberId,
    conversation: {
      id: parts.conversation.id,
      customer: event.customer,
      handledBy: parts.conversation.handledBy,
    },
    away: parts.away,
    replayed: parts.heldSince !== null,
    heldSince: parts.heldSince,
  };
  switch (event.kind) {
    case 'message':
      return { ...envelope, type: agentEventType.message, data: { ...common, message: event.value } };
    case 'status':
      return { ...envelope, type: agentEventType.status, data: { ...common, status: event.value } };
    case 'call':
      return { ...envelope, type: agentEventType.call, data: { ...common, call: event.value } };
    case 'echo':
      return { ...envelope, type: agentEventType.echo, data: { ...common, echo: event.value } };
    case 'failure':
      return {
        ...envelope,
        type: agentEventType.failure,
        data: { ...common, failure: messageFailure.parse(event.value) },
      };
    case 'account':
      return {
        ...envelope,
        type: agentEventType.account,
        data: { ...common, conversation: null, notice: { field: event.field, value: event.value } },
      };
    default:
      return event.kind satisfies never;
  }
};
