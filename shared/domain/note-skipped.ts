import type { EventsMessage } from '../contracts/queued-events.ts';
import { changed, newConversation, type RoutingStore, readConversation } from './conversation.ts';

/**
 * Notes that an event of a conversation is going to the dead letters: whoever redrives it will want to know whether the conversation has
 * moved on. Best effort: what keeps the event from being routed may keep this from being written. A release of held events skips none:
 * they stay in line.
 */
export const noteSkipped = async (message: EventsMessage, routing: RoutingStore, now: Date): Promise<void> => {
  if (message.type === 'account-news' || message.type === 'release-held') return;
  const before = await readConversation(message, routing);
  const record = before ?? newConversation(message, now);
  await routing.save(before, changed(record, { skippedAt: now.toISOString() }, now));
};
