import type { AgentEvent } from '../../shared/contracts/agent-event.ts';
import { agentId, conversationId, credentialId, phoneNumberId, tenantId } from '../../shared/contracts/ids.ts';
import type { EventKind, QueuedEvent } from '../../shared/contracts/queued-events.ts';
import { agentEventOf } from '../../shared/domain/agent-event-of.ts';
import { conversationIdOf, customerKeyOf, eventIdOf } from '../../shared/domain/event-identity.ts';
import { parseDelivery } from '../../shared/domain/webhook-delivery.ts';
import type { CorpusDelivery } from './event-corpus.ts';

const salt = Buffer.alloc(32, 1);

/** To whom the corpus is delivered. */
export const corpusParts = {
  tenantId: tenantId.parse('acme'),
  credentialId: credentialId.parse('cred_01JD8Q4T9M3KX7R2V5W6Y0Z1AB'),
  phoneNumberId: phoneNumberId.parse('106540352242922'),
  agentId: agentId.parse('support'),
  away: false,
  heldSince: null,
  now: new Date('2026-11-22T10:00:00.000Z'),
} as const;

/** A delivery as it goes through the queue: everything but `history`, which is never dispatched. */
export const queuedEventsIn = ({ body }: CorpusDelivery): readonly QueuedEvent[] =>
  (parseDelivery(Buffer.from(JSON.stringify(body))) ?? []).flatMap(({ kind, ...reported }) =>
    kind === 'history'
      ? []
      : {
          eventId: eventIdOf(corpusParts.tenantId, { ...reported, kind }),
          kind: kind satisfies EventKind,
          customer: reported.customer,
          field: reported.field,
          alsoKnownAs: null,
          value: reported.value,
        },
  );

export const corpusConversationId = (event: QueuedEvent) =>
  conversationId.parse(
    conversationIdOf(corpusParts.tenantId, corpusParts.phoneNumberId, customerKeyOf(salt, event.customer)),
  );

/** What the agent gets of a queued event. */
export const agentEventIn = (event: QueuedEvent): AgentEvent =>
  agentEventOf({
    ...corpusParts,
    event,
    conversation: { id: corpusConversationId(event), handledBy: event.kind === 'echo' ? 'human' : 'agent' },
  });
