import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AgentRouting, ForwardedKind } from '../../../shared/contracts/agent.ts';
import { agentId } from '../../../shared/contracts/ids.ts';
import { type EventKind, eventKind } from '../../../shared/contracts/queued-events.ts';
import { chooseAgent, type RoutedConversation, type RoutedEvent } from '../../../shared/domain/choose-agent.ts';
import { bindingOf } from '../../support/records.ts';

const now = new Date('2026-11-22T10:00:00.000Z');
const later = '2026-11-22T11:00:00.000Z';
const earlier = '2026-11-22T09:00:00.000Z';

const every: ForwardedKind[] = ['message', 'status', 'call', 'account', 'echo'];
const agent = (id: string, routing: AgentRouting, forward: ForwardedKind[] = every) => {
  const plain = bindingOf();
  return bindingOf({ agentId: agentId.parse(id), routing, behaviour: { ...plain.behaviour, forward } });
};
const byDefault = (id: string, forward?: ForwardedKind[]) =>
  agent(id, { default: true, conversationMinutes: 60 }, forward);
type Conditions = Extract<AgentRouting, { priority: number }>['conditions'];
const on = (id: string, priority: number, conditions: Conditions, forward?: ForwardedKind[]) =>
  agent(id, { priority, conditions, conversationMinutes: 60 }, forward);

const ada = { waId: '4915112345678', userId: 'DE.13491208655302741918', groupId: null, name: 'Ada' };
const message = (value: object, customer: RoutedEvent['customer'] = ada): RoutedEvent => ({
  kind: 'message',
  customer,
  value: { id: 'wamid.IN', ...value },
});
const text = (body: string) => message({ type: 'text', text: { body } });
const of = (kind: EventKind): RoutedEvent => ({ ...text('order'), kind });
const keptBy = (id: string, agentUntil = later): RoutedConversation => ({ agentId: agentId.parse(id), agentUntil });

const choice = (
  bindings: readonly ReturnType<typeof agent>[],
  event: RoutedEvent,
  conversation?: RoutedConversation,
): string | undefined => {
  const chosen = chooseAgent({ bindings: [...bindings] }, conversation, event, now);
  return chosen && `${chosen.binding.agentId} by ${chosen.because}`;
};

describe('a message goes', () => {
  const sales = on('sales', 5, { keywords: ['offer'] });
  const orders = on('orders', 2, { keywords: ['order', 'parcel'] });
  const desk = byDefault('desk');

  test('to the agent whose conditions it meets', () => {
    expect(choice([desk, sales, orders], text('an offer please'))).toBe('sales by conditions');
  });
  test('to the default agent when it meets none', () => {
    expect(choice([sales, desk, orders], text('hello'))).toBe('desk by default');
  });
  test('to nobody when there is no default agent either', () => {
    expect(choice([sales, orders], text('hello'))).toBeUndefined();
  });
  test('to the lowest priority of several, whatever their place', () => {
    for (const bindings of [
      [sales, orders, desk],
      [desk, orders, sales],
    ])
      expect(choice(bindings, text('an offer for my parcel'))).toBe('orders by conditions');
  });
  test('by numbers, not by digits: 2 before 10', () => {
    const tenth = on('tenth', 10, { keywords: ['order'] });
    expect(choice([tenth, orders], text('order'))).toBe('orders by conditions');
  });
  test('to the lower id of two with the same priority', () => {
    const [a, b] = [on('a', 1, { keywords: ['x'] }), on('b', 1, { keywords: ['x'] })];
    expect(choice([b, a], text('x'))).toBe('a by conditions');
    expect(choice([a, b], text('x'))).toBe('a by conditions');
  });
  test('to no agent that does not forward messages: the next one is asked', () => {
    const deaf = on('deaf', 1, { keywords: ['order'] }, ['status']);
    expect(choice([deaf, orders, desk], text('order'))).toBe('orders by conditions');
    expect(choice([deaf, desk], text('order'))).toBe('desk by default');
    expect(choice([byDefault('desk', ['status'])], text('order'))).toBeUndefined();
  });
});

describe('all kinds of condition that are named must be met, and one entry of each is enough', () => {
  const picky = on('picky', 1, {
    keywords: ['order', 'offer'],
    senders: ['+49 151 12345678', '+1 555 0100'],
    referralSourceIds: ['120210000000000001', '120210000000000002'],
  });
  const complete = { text: { body: 'my order' }, referral: { source_id: '120210000000000002' } };
  test('met', () => {
    expect(choice([picky], message(complete))).toBe('picky by conditions');
  });
  test.each([
    ['keyword', message({ ...complete, text: { body: 'hello' } })],
    ['sender', message(complete, { ...ada, waId: '4915112345679', userId: null })],
    ['advertisement', message({ ...complete, referral: { source_id: '120210000000000003' } })],
    ['advertisement at all', message({ text: { body: 'my order' } })],
  ])('not without the %s', (_kind, event) => {
    expect(choice([picky], event)).toBeUndefined();
  });
});

describe('keywords are looked for in what the customer wrote or chose', () => {
  const orders = on('orders', 1, { keywords: ['order'] });
  test.each<[string, object]>([
    ['text', { type: 'text', text: { body: 'my order' } }],
    ['caption of an image', { type: 'image', image: { id: '1', caption: 'my order' } }],
    ['caption of a video', { type: 'video', video: { id: '1', caption: 'my order' } }],
    ['caption of a document', { type: 'document', document: { id: '1', caption: 'my order' } }],
    ['button', { type: 'button', button: { text: 'Order', payload: 'x' } }],
    ['payload of a button', { type: 'button', button: { text: 'Yes', payload: 'order' } }],
    ['reply button', { type: 'interactive', interactive: { type: 'button_reply', button_reply: { title: 'Order' } } }],
    ['its id', { type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 'order' } } }],
    ['list entry', { type: 'interactive', interactive: { type: 'list_reply', list_reply: { title: 'An order' } } }],
    ['its id', { type: 'interactive', interactive: { type: 'list_reply', list_reply: { id: 'order' } } }],
    ['note to an order', { type: 'order', order: { catalog_id: '1', text: 'order', product_items: [] } }],
    ['form', { type: 'interactive', interactive: { nfm_reply: { response_json: '{"why":["Order","else"]}' } } }],
    ['edited text', { type: 'edit', edit: { original_message_id: 'w', message: { text: { body: 'my order' } } } }],
  ])('%s', (_where, value) => {
    expect(choice([orders], message(value))).toBe('orders by conditions');
  });

  test.each<[string, object]>([
    ['name of a document', { type: 'document', document: { filename: 'order' } }],
    ['name of a form field', { interactive: { nfm_reply: { response_json: '{"order":"no"}' } } }],
    ['token of a form', { interactive: { nfm_reply: { response_json: '{"flow_token":"order"}' } } }],
    ['text of an advertisement', { referral: { headline: 'order', body: 'order' } }],
    ['type of a message', { type: 'order' }],
  ])('and not in the %s', (_where, value) => {
    expect(choice([orders], message(value))).toBeUndefined();
  });

  test('a phrase does not reach from one text into the next', () => {
    const phrase = on('phrase', 1, { keywords: ['order status'] });
    const value = { interactive: { type: 'button_reply', button_reply: { id: 'status', title: 'Order' } } };
    expect(choice([phrase], message(value))).toBeUndefined();
  });

  test('whatever an object holds, judging it is no error', () => {
    const desk = byDefault('desk');
    fc.assert(
      fc.property(
        fc.object({ key: fc.constantFrom('text', 'body', 'interactive', 'nfm_reply', 'edit', 'message', 'referral') }),
        (value) => {
          expect(choice([orders, desk], message(value))).toMatch(/^(orders|desk) by /);
        },
      ),
    );
    for (const response_json of ['', '{', 'null', '[]', '"order"', '1'])
      expect(choice([orders], message({ interactive: { nfm_reply: { response_json } } }))).toBeUndefined();
  });
});

describe('a sender is', () => {
  const vip = (...senders: string[]) => on('vip', 1, { senders });
  const anonymous = { ...ada, waId: null };
  test.each<[string, ReturnType<typeof agent>, RoutedEvent]>([
    ['a phone number', vip('4915112345678'), text('hi')],
    ['a phone number as people write it', vip('+49 (151) 123-456.78'), text('hi')],
    ['a phone number with 00 in front', vip('0049 151 12345678'), text('hi')],
    ['a user id', vip('DE.13491208655302741918'), message({}, anonymous)],
    ['a group', vip('Y2FwaV9ncm91cDoxOTUwNTU1MDA'), message({}, { ...ada, groupId: 'Y2FwaV9ncm91cDoxOTUwNTU1MDA' })],
    [
      'who Meta says it is from',
      vip('+55 11 91234 5678'),
      message({ from: '5511912345678' }, { ...ada, waId: '551112345678' }),
    ],
  ])('%s', (_what, binding, event) => {
    expect(choice([binding], event)).toBe('vip by conditions');
  });
  test.each<[string, ReturnType<typeof agent>, RoutedEvent]>([
    ['a number that only begins so', vip('+49151123456'), text('hi')],
    ['a number without its country code', vip('15112345678'), text('hi')],
    ['a user id in another case', vip('de.13491208655302741918'), message({}, anonymous)],
    ['the digits of a user id', vip('13491208655302741918'), message({}, anonymous)],
    ['nobody at all', vip('+'), message({}, { waId: '', userId: null, groupId: null, name: null })],
  ])('not %s', (_what, binding, event) => {
    expect(choice([binding], event)).toBeUndefined();
  });
});

describe('a conversation', () => {
  const sales = on('sales', 5, { keywords: ['offer'] });
  const orders = on('orders', 2, { keywords: ['order'] });
  const desk = byDefault('desk');

  test('stays with the agent that took it, whatever is said', () => {
    expect(choice([orders, sales, desk], text('my order'), keptBy('sales'))).toBe('sales by conversation');
    expect(choice([orders, sales, desk], text('my order'), keptBy('desk'))).toBe('desk by conversation');
  });
  test('is free once it has expired, at that very moment', () => {
    expect(choice([orders, sales, desk], text('my order'), keptBy('sales', now.toISOString()))).toBe(
      'orders by conditions',
    );
    expect(choice([orders, sales, desk], text('hello'), keptBy('sales', earlier))).toBe('desk by default');
  });
  test('is free when its agent is bound no more', () => {
    expect(choice([orders, desk], text('my order'), keptBy('sales'))).toBe('orders by conditions');
  });
  test('is nobody’s before somebody took it', () => {
    expect(choice([orders, desk], text('my order'), { agentId: null, agentUntil: null })).toBe('orders by conditions');
  });
  test.each(['status', 'call', 'echo', 'failure'] as const)('takes its %s events to its agent', (kind) => {
    expect(choice([orders, sales, desk], of(kind), keptBy('sales'))).toBe('sales by conversation');
  });
  test.each(['message', 'status', 'call', 'echo'] as const)(
    'goes to nobody else when its agent does not forward its %s events',
    (kind) => {
      const deaf = on(
        'sales',
        5,
        { keywords: ['offer'] },
        every.filter((other) => other !== kind),
      );
      expect(choice([orders, deaf, desk], of(kind), keptBy('sales'))).toBeUndefined();
    },
  );
  test('tells its agent of a failed reply whether it forwards anything or not', () => {
    const deaf = on('sales', 5, { keywords: ['offer'] }, []);
    expect(choice([deaf, desk], of('failure'), keptBy('sales'))).toBe('sales by conversation');
  });
  test.each(['status', 'failure'] as const)('that has expired still takes a late %s to its agent alone', (kind) => {
    expect(choice([sales, desk], of(kind), keptBy('sales', earlier))).toBe('sales by conversation');
  });
  test.each(['call', 'echo'] as const)('that has expired has no say in a new %s', (kind) => {
    expect(choice([sales, desk], of(kind), keptBy('sales', earlier))).toBe('desk by default');
  });
});

describe('what is not a message', () => {
  test.each(['status', 'call', 'echo', 'failure'] as const)('meets no conditions: %s', (kind) => {
    const orders = on('orders', 1, { keywords: ['order'], senders: ['+4915112345678'] });
    expect(choice([orders, byDefault('desk')], of(kind))).toBe('desk by default');
    expect(choice([orders], of(kind))).toBeUndefined();
  });
  test('goes to the default agent only if it forwards it', () => {
    expect(choice([byDefault('desk', ['message'])], of('status'))).toBeUndefined();
    expect(choice([byDefault('desk', ['message', 'status'])], of('status'))).toBe('desk by default');
  });
});

describe('news of the account', () => {
  const account: RoutedEvent = { kind: 'account', customer: { ...ada, waId: null, userId: null }, value: {} };
  const [third, first] = [on('third', 3, { keywords: ['x'] }), on('first', 1, { keywords: ['y'] })];
  test('goes to the default agent', () => {
    expect(choice([third, byDefault('desk'), first], account)).toBe('desk by default');
  });
  test('goes to the first agent that wants it when the default agent does not', () => {
    expect(choice([third, byDefault('desk', ['message']), first], account)).toBe('first by kind');
    const silent = on('first', 1, { keywords: ['y'] }, ['message']);
    expect(choice([third, silent], account)).toBe('third by kind');
  });
  test('goes to nobody when nobody wants it', () => {
    expect(choice([byDefault('desk', ['message'])], account)).toBeUndefined();
  });
  test('is no conversation’s', () => {
    expect(choice([byDefault('desk'), first], account, keptBy('first'))).toBe('desk by default');
  });
});

test('who is chosen is bound to the number and forwards the kind, whatever the rules and the event', () => {
  const id = fc.constantFrom('a', 'b', 'c');
  const forward = fc.uniqueArray(fc.constantFrom(...every));
  const binding = fc.oneof(
    fc.tuple(id, forward).map(([name, kinds]) => byDefault(name, kinds)),
    fc
      .tuple(id, fc.integer({ min: 1, max: 3 }), fc.constantFrom('order', 'offer'), forward)
      .map(([name, priority, keyword, kinds]) => on(name, priority, { keywords: [keyword] }, kinds)),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(binding, { selector: ({ agentId: own }) => own }),
      fc.constantFrom(...eventKind.options),
      fc.option(
        fc.tuple(id, fc.constantFrom(earlier, later)).map(([name, until]) => keptBy(name, until)),
        { nil: undefined },
      ),
      (bindings, kind, conversation) => {
        const chosen = chooseAgent({ bindings }, conversation, of(kind), now);
        if (chosen === undefined) return;
        expect(bindings).toContain(chosen.binding);
        expect([...chosen.binding.behaviour.forward, 'failure']).toContain(kind);
        const keeper = bindings.find(({ agentId: own }) => own === conversation?.agentId);
        if (keeper !== undefined && conversation?.agentUntil === later && kind !== 'account')
          expect(chosen.binding).toBe(keeper);
      },
    ),
  );
});
