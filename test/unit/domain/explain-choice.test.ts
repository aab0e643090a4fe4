import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AgentRouting, ForwardedKind } from '../../../shared/contracts/agent.ts';
import { agentId } from '../../../shared/contracts/ids.ts';
import { chooseAgent, type RoutedConversation } from '../../../shared/domain/choose-agent.ts';
import { explainChoice } from '../../../shared/domain/explain-choice.ts';
import { bindingOf } from '../../support/records.ts';

const now = new Date('2026-11-22T10:00:00.000Z');
const later = '2026-11-22T11:00:00.000Z';
const bound = (id: string, routing: AgentRouting, forward: ForwardedKind[] = ['message']) =>
  bindingOf({ agentId: agentId.parse(id), routing, behaviour: { ...bindingOf().behaviour, forward } });
const desk = bound('desk', { default: true, conversationMinutes: 60 });
const on = (id: string, priority: number, ...keywords: string[]) =>
  bound(id, { priority, conditions: { keywords }, conversationMinutes: 60 });
const text = (body: string) => ({
  customer: { waId: '4915112345678', userId: null, groupId: null, name: null },
  value: { text: { body } },
});
const keptBy = (id: string): RoutedConversation => ({ agentId: agentId.parse(id), agentUntil: later });

const verdicts = (...input: Parameters<typeof explainChoice>) =>
  Object.fromEntries(
    explainChoice(...input).bindings.map(({ binding, verdict, reason }) => [binding.agentId, [verdict, reason]]),
  );

const bindings = [desk, on('orders', 2, 'order', 'parcel'), on('sales', 1, 'offer')];

test('the agents are named as they are asked, the default agent last', () => {
  expect(
    explainChoice({ bindings }, undefined, text('hi'), now).bindings.map(({ binding }) => binding.agentId),
  ).toEqual(['sales', 'orders', 'desk']);
});

test('of conditions it names the entry that is met, and the kind that is not', () => {
  expect(verdicts({ bindings }, undefined, text('where is my parcel'), now)).toEqual({
    sales: ['conditions-unmet', 'None of its keywords is in the message.'],
    orders: ['chosen', 'The message meets all its conditions: keyword “parcel”.'],
    desk: ['not-needed', 'It is the default agent, and agent orders takes it.'],
  });
});

test('every kind of condition has words of its own, for met and for unmet', () => {
  const conditions = { keywords: ['order'], senders: ['+4915112345678'], referralSourceIds: ['77'] };
  const picky = bound('picky', { priority: 1, conditions, conversationMinutes: 60 });
  const complete = { ...text('my order'), value: { text: { body: 'order' }, referral: { source_id: '77' } } };
  expect(verdicts({ bindings: [picky] }, undefined, complete, now).picky?.[1]).toBe(
    'The message meets all its conditions: sender “+4915112345678”, ad or post “77”, keyword “order”.',
  );
  const stranger = { ...complete, customer: { ...complete.customer, waId: '4915112345679' } };
  const reasons = [stranger, text('order'), { ...complete, value: { referral: { source_id: '77' } } }].map(
    (message) => verdicts({ bindings: [picky] }, undefined, message, now).picky?.[1],
  );
  expect(reasons).toEqual([
    'The sender is not among its senders.',
    'The customer did not come through one of its ads or posts.',
    'None of its keywords is in the message.',
  ]);
});

test('who meets the conditions too, but is asked later, is told by whom it is outranked', () => {
  expect(verdicts({ bindings }, undefined, text('an offer for my order'), now).orders).toEqual([
    'outranked',
    'The message meets its conditions, but agent sales is asked first.',
  ]);
});

test('the default agent takes what meets no conditions', () => {
  const { explanation, bindings: explained } = explainChoice({ bindings }, undefined, text('hi'), now);
  expect(explanation).toBe(
    'Agent desk gets it. It is the default agent, and the conditions of no other agent are met.',
  );
  expect(explained.map(({ verdict }) => verdict)).toEqual(['conditions-unmet', 'conditions-unmet', 'chosen']);
});

test('a conversation that stays with an agent leaves the others out', () => {
  const { explanation } = explainChoice({ bindings }, keptBy('sales'), text('my order'), now);
  expect(explanation).toBe(`Agent sales gets it. The conversation stays with it until ${later}.`);
  expect(verdicts({ bindings }, keptBy('sales'), text('my order'), now)).toMatchObject({
    orders: ['conversation-elsewhere', 'The conversation stays with agent sales.'],
    desk: ['conversation-elsewhere', 'The conversation stays with agent sales.'],
  });
});

describe('when nobody gets it, it is said why', () => {
  const deaf = bound('deaf', { default: true, conversationMinutes: 60 }, ['status']);
  test.each<[string, Parameters<typeof explainChoice>[0]['bindings'], RoutedConversation | undefined]>([
    ['the number has no agent', [], undefined],
    ['no conditions are met, and the number has no default agent', [on('sales', 1, 'offer')], undefined],
    [
      'no conditions are met, and the default agent does not forward messages',
      [on('sales', 1, 'offer'), deaf],
      undefined,
    ],
    [
      'the conversation stays with agent deaf, which does not forward messages',
      [on('orders', 1, 'order'), deaf],
      keptBy('deaf'),
    ],
  ])('%s', (why, among, conversation) => {
    const { choice, explanation } = explainChoice({ bindings: among }, conversation, text('order'), now);
    expect(choice).toBeUndefined();
    expect(explanation).toBe(`Nobody gets it: ${why}.`);
  });
});

test('whoever is said to be chosen is the one that is chosen, and nobody else is', () => {
  const forward = fc.constantFrom<ForwardedKind[]>(['message'], ['status']);
  const some = fc.uniqueArray(
    fc.oneof(
      fc
        .tuple(fc.constantFrom('a', 'b'), forward)
        .map(([id, kinds]) => bound(id, { default: true, conversationMinutes: 60 }, kinds)),
      fc
        .tuple(fc.constantFrom('c', 'd', 'e'), fc.integer({ min: 1, max: 3 }), fc.constantFrom('x', 'y'), forward)
        .map(([id, priority, keyword, kinds]) =>
          bound(id, { priority, conditions: { keywords: [keyword] }, conversationMinutes: 60 }, kinds),
        ),
    ),
    { selector: ({ agentId: id }) => id },
  );
  fc.assert(
    fc.property(
      some,
      fc.constantFrom('x', 'y', 'x y', 'z'),
      fc.constantFrom('', 'a', 'c', 'gone'),
      (among, body, keeper) => {
        const conversation = keeper === '' ? undefined : keptBy(keeper);
        const { choice, bindings: explained } = explainChoice({ bindings: among }, conversation, text(body), now);
        const chosen = chooseAgent({ bindings: among }, conversation, { ...text(body), kind: 'message' }, now);
        expect(choice).toEqual(chosen);
        expect(explained.filter(({ verdict }) => verdict === 'chosen').map(({ binding }) => binding)).toEqual(
          chosen === undefined ? [] : [chosen.binding],
        );
        expect(explained).toHaveLength(among.length);
        for (const { reason } of explained) expect(reason).toMatch(/^\S.+\.$/);
      },
    ),
  );
});
