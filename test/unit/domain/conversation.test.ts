import { expect, test } from 'vitest';
import { agentId, conversationId } from '../../../shared/contracts/ids.ts';
import { changed, isUnderWay, newConversation } from '../../../shared/domain/conversation.ts';
import { type ConversationRecord, conversationRecord } from '../../../shared/domain/records.ts';
import { ids } from '../../support/records.ts';

const idOf = (letter: string) => conversationId.parse(`conv_${letter.repeat(43)}`);
const own = idOf('a');
const now = new Date('2026-11-22T10:00:00.000Z');
const expiry = now.getTime() / 1000 + 30 * 24 * 60 * 60;

const record = (id: typeof own, change: Partial<ConversationRecord> = {}): ConversationRecord => ({
  ...newConversation({ tenantId: ids.tenant, phoneNumberId: ids.number, conversationId: id }, now),
  ...change,
});

test('a new conversation is nobody’s, holds nothing, is remembered for 30 days, and can be read back', () => {
  const fresh = record(own);
  expect(fresh).toMatchObject({ agentId: null, greetedAt: null, heldCount: 0, setAsideCount: 0, revision: 0 });
  expect(fresh.expiresAt).toBe(expiry);
  expect(conversationRecord.parse(fresh)).toEqual(fresh);
});

test('a change counts, is remembered for another 30 days, and leaves everything else as it is', () => {
  const before = record(own, { greetedAt: now.toISOString(), heldCount: 2, revision: 7, expiresAt: 1 });
  expect(changed(before, { heldCount: 3 }, now)).toEqual({ ...before, heldCount: 3, revision: 8, expiresAt: expiry });
});

test.each<[string, object | undefined, boolean]>([
  ['unknown', undefined, false],
  ['nobody’s', { agentId: null, agentUntil: null }, false],
  ['an agent’s until a moment later', { agentId: 'support', agentUntil: '2026-11-22T10:00:00.001Z' }, true],
  ['an agent’s until now', { agentId: 'support', agentUntil: '2026-11-22T10:00:00.000Z' }, false],
  ['an agent’s without a time', { agentId: 'support', agentUntil: null }, false],
])('a conversation that is %s: under way %j', (_what, conversation, expected) => {
  const parsed = conversation && { agentId: null, agentUntil: null, ...conversation };
  const typed = parsed && { ...parsed, agentId: parsed.agentId === null ? null : agentId.parse(parsed.agentId) };
  expect(isUnderWay(typed, now)).toBe(expected);
});
