import { randomBytes, randomUUID } from 'node:crypto';
import { eventsMessage } from '../../../shared/contracts/queued-events.ts';
import type { ConversationPartner } from './connection.ts';
import type { HandedOver } from './lambdas.ts';

/** A customer on a number, as the queue names them: by ids that nobody can turn back. */
export interface QueuedConversation {
  readonly id: string;
  readonly waId: string;
}

/** 32 bytes in base64url, as our digests are. */
const digest = (): string => randomBytes(32).toString('base64url');

export const newQueuedConversation = (waId: string): QueuedConversation => ({ id: `conv_${digest()}`, waId });

/** A message of events.fifo, with one text for each event. */
export function queuedMessage(
  { api, credential, number }: Pick<ConversationPartner, 'api' | 'credential' | 'number'>,
  conversation: QueuedConversation,
  ...texts: readonly string[]
): HandedOver {
  const { waId } = conversation;
  const body = eventsMessage.parse({
    version: 1,
    type: 'events',
    tenantId: api.tenant,
    credentialId: credential.id,
    phoneNumberId: number,
    conversationId: conversation.id,
    receivedAt: new Date().toISOString(),
    events: texts.map((text) => ({
      eventId: `evt_${digest()}`,
      kind: 'message',
      field: 'messages',
      alsoKnownAs: null,
      customer: { waId, userId: null, groupId: null, name: 'Ada' },
      value: {
        from: waId,
        id: `wamid.${randomUUID()}`,
        timestamp: String(Math.floor(Date.now() / 1000)),
        type: 'text',
        text: { body: text },
      },
    })),
  });
  return { messageId: randomUUID(), group: conversation.id, body: JSON.stringify(body) };
}
