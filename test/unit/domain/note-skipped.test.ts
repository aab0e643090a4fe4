import { expect, test } from 'vitest';
import { conversationId, eventId } from '../../../shared/contracts/ids.ts';
import type { EventsMessage } from '../../../shared/contracts/queued-events.ts';
import { newConversation } from '../../../shared/domain/conversation.ts';
import { noteSkipped } from '../../../shared/domain/note-skipped.ts';
import type { ConversationRecord } from '../../../shared/domain/records.ts';
import { ids, numberRecordOf } from '../../support/records.ts';
import { memoryDirectory } from '../../support/routing-fakes.ts';

const conversation = conversationId.parse(`conv_${'c'.repeat(43)}`);
const now = new Date('2026-11-22T10:00:00.000Z');
const envelope = {
  version: 1,
  tenantId: ids.tenant,
  credentialId: ids.credential,
  phoneNumberId: ids.number,
  conversationId: conversation,
  receivedAt: '2026-11-22T09:00:00.000Z',
} as const;
const relayed: EventsMessage = { ...envelope, type: 'relayed', relayKey: 'events/acme/1' };

const directoryWith = (...records: readonly ConversationRecord[]) => {
  const directory = memoryDirectory([{ ...numberRecordOf(), revision: 1 }]);
  for (const record of records) directory.conversations.set(record.conversationId, record);
  return directory;
};

test('a conversation of which an event is given up says so, and stays as it is otherwise', async () => {
  const before = { ...newConversation(envelope, now), heldCount: 2, agentId: ids.agent, revision: 4 };
  const { routing, conversations } = directoryWith(before);
  await noteSkipped(relayed, routing, now);
  expect(conversations.get(conversation)).toEqual({ ...before, skippedAt: now.toISOString(), revision: 5 });
});

test('one that nobody knows yet is written for that', async () => {
  const { routing, conversations } = directoryWith();
  await noteSkipped({ ...relayed }, routing, now);
  expect(conversations.get(conversation)).toMatchObject({
    conversationId: conversation,
    tenantId: ids.tenant,
    phoneNumberId: ids.number,
    skippedAt: now.toISOString(),
    heldCount: 0,
  });
});

test('somebody else’s change meanwhile is not undone', async () => {
  const before = newConversation(envelope, now);
  const { routing, conversations, afterNextRead } = directoryWith(before);
  const changedBy = { ...before, heldCount: 3, revision: 1 };
  afterNextRead(() => conversations.set(conversation, changedBy));
  await noteSkipped(relayed, routing, now);
  expect(conversations.get(conversation)).toBe(changedBy);
});

test.each<EventsMessage>([
  { ...envelope, type: 'release-held', action: 'replay', maxAgeHours: null, heldBefore: null },
  {
    version: 1,
    type: 'account-news',
    tenantId: ids.tenant,
    credentialId: ids.credential,
    receivedAt: now.toISOString(),
    news: [{ eventId: eventId.parse(`evt_${'1'.repeat(43)}`), field: 'security', value: {}, at: null }],
  },
])('what is no event of a conversation skips nothing: $type', async (message) => {
  const { routing, writes } = directoryWith();
  await noteSkipped(message, routing, now);
  expect(writes).toEqual([]);
});
