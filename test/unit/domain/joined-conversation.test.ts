import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ConversationId, conversationId } from '../../../shared/contracts/ids.ts';
import { changed, type Joined, joinedConversation, newConversation } from '../../../shared/domain/conversation.ts';
import type { ConversationRecord } from '../../../shared/domain/records.ts';
import { ids } from '../../support/records.ts';

const now = new Date('2026-11-22T10:00:00.000Z');
const named = (name: string) => conversationId.parse(`conv_${name.padEnd(43, '0')}`);
const fresh = (id: ConversationId): ConversationRecord =>
  newConversation({ tenantId: ids.tenant, phoneNumberId: ids.number, conversationId: id }, now);

const [own, other, third] = [named('own'), named('other'), named('third')];
type State = Partial<ConversationRecord> | undefined;

/** What becomes of it, in short: `own -> other` is joined to it, `own <- other` says that the other one is. */
const outcome = (
  states: { readonly own: State; readonly other: State },
  alsoKnownAs: ConversationId | null = other,
) => {
  const known = new Map<ConversationId, ConversationRecord>();
  for (const [id, state] of [
    [own, states.own],
    [other, states.other],
  ] as const)
    if (state !== undefined) known.set(id, { ...fresh(id), ...state });
  const { conversationId: found, links } = joinedConversation(own, alsoKnownAs, known);
  const short = (id: ConversationId) => id.slice(5).replace(/0+$/, '');
  return [
    short(found),
    ...links.map(({ id, change }) =>
      'joinedTo' in change ? `${short(id)} -> ${short(change.joinedTo)}` : `${short(id)} <- ${short(change.joinedBy)}`,
    ),
  ];
};

describe('a customer under two forms', () => {
  test.each<[string, State, State, readonly string[]]>([
    ['that nobody knows', undefined, undefined, ['own', 'own <- other', 'other -> own']],
    ['of which the first is known', {}, undefined, ['own', 'own <- other', 'other -> own']],
    ['of which the first is joined elsewhere', { joinedTo: third }, {}, ['third']],
    ['of which the first is joined to the other', { joinedTo: other }, { joinedBy: own }, ['other']],
    ['of which the other is joined to the first', { joinedBy: other }, { joinedTo: own }, ['own']],
    ['of which the first has been forgotten', undefined, { joinedTo: own }, ['own', 'own <- other']],
    ['of which the other is known', undefined, {}, ['other', 'other <- own', 'own -> other']],
    [
      'of which the other is known and holds something',
      undefined,
      { heldCount: 1 },
      ['other', 'other <- own', 'own -> other'],
    ],
    ['of which the other says so already', undefined, { joinedBy: own }, ['other', 'own -> other']],
    ['of which the other is known as a third', undefined, { joinedBy: third }, ['own']],
    [
      'of which the other is joined to a third',
      undefined,
      { joinedTo: third },
      ['own', 'own <- other', 'other -> own'],
    ],
    [
      'of which the other is joined to a third, the first known',
      {},
      { joinedTo: third },
      ['own', 'own <- other', 'other -> own'],
    ],
    [
      'of which the other is joined to a third and holds something',
      undefined,
      { joinedTo: third, setAsideCount: 1 },
      ['own'],
    ],
    ['that are both known', {}, {}, ['own', 'own <- other', 'other -> own']],
    ['that are both known, the first with one more', { joinedBy: third }, {}, ['own', 'own <- other', 'other -> own']],
    ['that are both known, the first marked already', { joinedBy: other }, {}, ['own', 'other -> own']],
    ['that are both known, the other as a third', {}, { joinedBy: third }, ['own']],
    ['that are both known, the other holding something', {}, { heldCount: 1 }, ['own']],
    ['that are both known, the other with something set aside', {}, { setAsideCount: 1 }, ['own']],
  ])('%s', (_what, first, second, expected) => {
    expect(outcome({ own: first, other: second })).toEqual(expected);
  });

  test.each<[string, ConversationId | null]>([
    ['names no other', null],
    ['names itself', own],
  ])('stays by itself when its event %s', (_what, alsoKnownAs) => {
    expect(outcome({ own: undefined, other: {} }, alsoKnownAs)).toEqual(['own']);
    expect(outcome({ own: {}, other: {} }, alsoKnownAs)).toEqual(['own']);
    expect(outcome({ own: { joinedTo: third }, other: {} }, alsoKnownAs)).toEqual(['third']);
  });
});

const users = ['U1', 'U2', 'U3'].map(named);
const numbers = ['X1', 'X2', 'X3'].map(named);

interface Step {
  readonly own: ConversationId;
  readonly other: ConversationId | null;
  /** It was read before the event before it had written anything. */
  readonly atOnce: boolean;
  /** The router dies after so many writes. */
  readonly diesAfter: number;
  readonly heldOf: ConversationId;
  readonly held: 0 | 1;
}
const steps = (form: fc.Arbitrary<Pick<Step, 'own' | 'other'>>): fc.Arbitrary<readonly Step[]> =>
  fc.array(
    fc
      .tuple(
        form,
        fc.record({
          atOnce: fc.boolean(),
          diesAfter: fc.constantFrom(0, 1, 9, 9, 9),
          heldOf: fc.constantFrom(...users, ...numbers),
          held: fc.constantFrom(0 as const, 0 as const, 1 as const),
        }),
      )
      .map(([one, rest]) => ({ ...one, ...rest })),
    { maxLength: 25 },
  );
const ofUsers = fc.record({ own: fc.constantFrom(...users), other: fc.constantFrom(null, ...numbers) });
const ofNumbers = fc.record({ own: fc.constantFrom(...numbers), other: fc.constant(null) });
/** A customer has another number or user id than before. */
const ofChanges = fc.record({
  own: fc.constantFrom(...users, ...numbers),
  other: fc.constantFrom(null, ...users, ...numbers),
});

/** Events as the router takes them, on records that are written one by one and only as they were read. */
const run = (
  taken: readonly Step[],
  after: (step: Step, joined: Joined | undefined) => void,
  check: (records: ReadonlyMap<ConversationId, ConversationRecord>) => void = () => undefined,
) => {
  const records = new Map<ConversationId, ConversationRecord>();
  let earlier = new Map(records);
  let ownBefore: ConversationId | undefined;
  for (const step of taken) {
    const held = records.get(step.heldOf);
    // Nothing is held under a form that is joined to another.
    if (held?.joinedTo === null) records.set(step.heldOf, changed(held, { heldCount: step.held }, now));
    const before = new Map(records);
    // Events under one form are taken one after the other.
    const seen = step.atOnce && step.own !== ownBefore ? earlier : before;
    const joined = joinedConversation(step.own, step.other, seen);
    const save = (was: ConversationRecord | undefined, will: ConversationRecord): boolean => {
      if (records.get(will.conversationId)?.revision !== was?.revision) return false;
      records.set(will.conversationId, will);
      check(records);
      return true;
    };
    const isDone = joined.links
      .slice(0, step.diesAfter)
      .every(({ before: was, id, change }) => save(was, changed(was ?? fresh(id), change, now)));
    const isDispatched = isDone && joined.links.length <= step.diesAfter;
    if (isDispatched) {
      const current = records.get(joined.conversationId);
      save(current, changed(current ?? fresh(joined.conversationId), {}, now));
    }
    after(step, isDispatched ? joined : undefined);
    earlier = before;
    ownBefore = step.own;
  }
};

const expectNoChains = (records: ReadonlyMap<ConversationId, ConversationRecord>) => {
  for (const record of records.values()) {
    if (record.joinedTo === null) continue;
    expect(record.joinedBy).toBeNull();
    const target = records.get(record.joinedTo);
    expect(target?.joinedTo).toBeNull();
    expect(target?.joinedBy).not.toBeNull();
  }
};

describe('whatever comes, in whatever order, at once or one by one, and wherever the router dies', () => {
  test('two user ids are never in one conversation, which is why a number that passes on takes nobody along', () => {
    fc.assert(
      fc.property(steps(fc.oneof(ofUsers, ofNumbers)), (taken) => {
        const userOf = new Map<ConversationId, ConversationId>();
        run(taken, ({ own: who }, joined) => {
          if (joined === undefined || !users.includes(who)) return;
          expect(userOf.get(joined.conversationId) ?? who).toBe(who);
          userOf.set(joined.conversationId, who);
        });
      }),
      { numRuns: 2_000 },
    );
  });

  test('a user id stays in its conversation once it is on record', () => {
    fc.assert(
      fc.property(steps(fc.oneof(ofUsers, ofNumbers)), (taken) => {
        const conversationOf = new Map<ConversationId, ConversationId>();
        run(taken, ({ own: who }, joined) => {
          if (joined === undefined || !users.includes(who)) return;
          expect(joined.conversationId).toBe(conversationOf.get(who) ?? joined.conversationId);
          conversationOf.set(who, joined.conversationId);
        });
      }),
      { numRuns: 2_000 },
    );
  });

  test('nothing is joined to what is itself joined, also when customers change their numbers and ids', () => {
    fc.assert(
      fc.property(steps(fc.oneof(ofUsers, ofNumbers, ofChanges)), (taken) => {
        run(taken, () => undefined, expectNoChains);
      }),
      { numRuns: 2_000 },
    );
  });
});
