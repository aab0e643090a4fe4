import { describe, expect, test } from 'vitest';
import { agentId, conversationId } from '../../../shared/contracts/ids.ts';
import {
  changed,
  erased,
  findConversation,
  isErasedSince,
  isKnown,
  isUnderWay,
  newConversation,
} from '../../../shared/domain/conversation.ts';
import { type ConversationRecord, conversationRecord } from '../../../shared/domain/records.ts';
import { ids } from '../../support/records.ts';

const idOf = (letter: string) => conversationId.parse(`conv_${letter.repeat(43)}`);
const own = idOf('a');
const third = idOf('c');
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

describe('the other name that an event gives', () => {
  const apartOf = async (known: readonly ConversationRecord[], alsoKnownAs: typeof own | null) => {
    const routing = {
      read: (_number: string, wanted: readonly (typeof own)[]) =>
        Promise.resolve({
          number: undefined,
          conversations: new Map(
            known.filter((it) => wanted.includes(it.conversationId)).map((it) => [it.conversationId, it]),
          ),
        }),
    };
    return (await findConversation(ids.number, { conversationId: own, alsoKnownAs }, routing, now)).apart;
  };
  const other = idOf('b');

  test.each<[string, readonly ConversationRecord[], typeof own | null]>([
    ['where there is none', [], null],
    ['where it is being joined', [], other],
    ['where it is joined', [record(own, { joinedBy: other }), record(other, { joinedTo: own })], other],
    ['where it is the conversation', [record(own, { joinedTo: other }), record(other, { joinedBy: own })], other],
    ['where it becomes the conversation', [record(other)], other],
  ])('leads to the conversation %s', async (_where, known, alsoKnownAs) => {
    expect(await apartOf(known, alsoKnownAs)).toBeNull();
  });

  test.each<[string, readonly ConversationRecord[]]>([
    ['where the conversation is a third', [record(own, { joinedTo: third }), record(third)]],
    ['where something of its own is held', [record(own), record(other, { heldCount: 1 })]],
    ['where it is known as another’s', [record(other, { joinedBy: third })]],
  ])('stays apart %s', async (_where, known) => {
    expect(await apartOf(known, other)).toBe(other);
  });
});

describe('a name under which a conversation is known', () => {
  const half = 15 * 24 * 60 * 60;
  const linksOf = async (change: Partial<ConversationRecord>, alsoKnownAs: typeof own | null = null) => {
    const name = record(alsoKnownAs ?? own, { joinedTo: alsoKnownAs === null ? third : own, revision: 3, ...change });
    const known = new Map(
      [name, record(alsoKnownAs === null ? third : own, { joinedBy: name.conversationId })].map((it) => [
        it.conversationId,
        it,
      ]),
    );
    const routing = {
      read: (_number: string, wanted: readonly (typeof own)[]) =>
        Promise.resolve({
          number: undefined,
          conversations: new Map([...known].filter(([id]) => wanted.includes(id))),
        }),
    };
    const { links } = await findConversation(ids.number, { conversationId: own, alsoKnownAs }, routing, now);
    return links;
  };

  test.each<[string, Partial<ConversationRecord>, number]>([
    ['is left as it is while it is young', { expiresAt: expiry - half }, 0],
    [
      'is written anew once half its life is over, so that one in use is never forgotten',
      { expiresAt: expiry - half - 1 },
      1,
    ],
    ['is not written where it is the name of another one', { expiresAt: 1, joinedTo: null }, 0],
  ])('%s', async (_what, change, count) => {
    const links = await linksOf(change);
    expect(links).toHaveLength(count);
    if (count > 0) expect(links).toMatchObject([{ id: own, before: { revision: 3 }, change: { joinedTo: third } }]);
  });

  test('is kept when an event names the customer by it as well', async () => {
    expect(await linksOf({ expiresAt: expiry - half - 1 }, third)).toMatchObject([
      { id: third, change: { joinedTo: own } },
    ]);
    expect(await linksOf({ expiresAt: expiry - half }, third)).toEqual([]);
  });
});

describe('a conversation whose customer was erased', () => {
  const at = now.toISOString();
  const lively = record(own, {
    agentId: ids.agent,
    agentUntil: at,
    greetedAt: at,
    awaySaidAt: at,
    humanAt: at,
    lastInboundAt: at,
    joinedTo: third,
    heldCount: 2,
    setAsideCount: 1,
    heldEver: 9,
    revision: 4,
  });

  test('keeps what finds its line and its other names, and nothing else', () => {
    expect(erased(lively, now)).toEqual({
      ...record(own),
      joinedTo: third,
      heldCount: 2,
      setAsideCount: 1,
      heldEver: 9,
      erasedAt: at,
      revision: 5,
    });
  });

  test.each<[string, Partial<ConversationRecord>, boolean]>([
    ['that was never erased', { erasedAt: null }, true],
    ['of which nothing has been heard since', {}, false],
    ['that an agent has taken since', { agentId: ids.agent }, true],
    ['that was greeted since', { greetedAt: at }, true],
    ['that was told that nobody is there', { awaySaidAt: at }, true],
    ['that a human has taken since', { humanAt: at }, true],
    ['whose customer has written since', { lastInboundAt: at }, true],
    ['of which something is held', { heldCount: 1 }, true],
    ['of which something waits for a choice', { setAsideCount: 1 }, true],
    ['that is another name of one', { joinedTo: third, erasedAt: null }, false],
  ])('one %s: known %j', (_what, change, expected) => {
    expect(isKnown(record(own, { erasedAt: at, ...change }))).toBe(expected);
  });

  test('forgets what was received before, to the millisecond', () => {
    const before = record(own, { erasedAt: at });
    expect(isErasedSince(before, at)).toBe(true);
    expect(isErasedSince(before, new Date(now.getTime() + 1).toISOString())).toBe(false);
    for (const other of [undefined, record(own)]) expect(isErasedSince(other, at)).toBe(false);
  });
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
