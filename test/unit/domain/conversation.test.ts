import { describe, expect, test } from 'vitest';
import { agentId, conversationId } from '../../../shared/contracts/ids.ts';
import { changed, isUnderWay, joinedConversation, newConversation } from '../../../shared/domain/conversation.ts';
import { type ConversationRecord, conversationRecord } from '../../../shared/domain/records.ts';
import { ids } from '../../support/records.ts';

const idOf = (letter: string) => conversationId.parse(`conv_${letter.repeat(43)}`);
const own = idOf('a');
const other = idOf('b');
const third = idOf('c');
const now = new Date('2026-11-22T10:00:00.000Z');
const expiry = now.getTime() / 1000 + 30 * 24 * 60 * 60;

const record = (id: typeof own, change: Partial<ConversationRecord> = {}): ConversationRecord => ({
  ...newConversation({ tenantId: ids.tenant, phoneNumberId: ids.number, conversationId: id }, now),
  ...change,
});

describe('one customer under two ids', () => {
  const known = (...records: readonly ConversationRecord[]) =>
    new Map(records.map((it) => [it.conversationId, it] as const));
  const ofOther = record(other);

  test.each<[string, typeof own | null, readonly ConversationRecord[], typeof own, object[]]>([
    ['with one form alone is the conversation of that', null, [], own, []],
    ['with one form alone, known', null, [record(own)], own, []],
    ['with the same id for both', own, [record(own)], own, []],
    ['that was joined to another stays there', null, [record(own, { joinedTo: third })], third, []],
    [
      'that was joined stays there, whatever the event says',
      other,
      [record(own, { joinedTo: third }), ofOther],
      third,
      [],
    ],
    ['unknown under both: the other is joined', other, [], own, [{ before: undefined, id: other }]],
    ['known under its own alone: the other is joined', other, [record(own)], own, [{ before: undefined, id: other }]],
    ['known under the other alone: joins that', other, [ofOther], other, [{ before: undefined, id: own }]],
    [
      'known under the other alone, which was joined to a third: joins the third',
      other,
      [record(other, { joinedTo: third })],
      third,
      [{ before: undefined, id: own }],
    ],
    ['that the other was joined to', other, [record(own), record(other, { joinedTo: own })], own, []],
    [
      'that the other was joined to before anything was written under it is not joined to itself',
      other,
      [record(other, { joinedTo: own })],
      own,
      [],
    ],
    ['known under both: the other is joined', other, [record(own), ofOther], own, [{ before: ofOther, id: other }]],
    ['whose other form was joined elsewhere', other, [record(own), record(other, { joinedTo: third })], own, []],
    ['of whose other form something is held', other, [record(own), record(other, { heldCount: 1 })], own, []],
    [
      'of whose other form something waits for a choice',
      other,
      [record(own), record(other, { setAsideCount: 1 })],
      own,
      [],
    ],
  ])('%s', (_what, named, records, conversation, links) => {
    expect(joinedConversation(own, named, known(...records))).toEqual({ conversationId: conversation, links });
  });
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
