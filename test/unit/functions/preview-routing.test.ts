import { describe, expect, test } from 'vitest';
import { type PreviewRoutingPorts, previewRouting } from '../../../functions/agents/preview-routing.ts';
import type { AgentRouting } from '../../../shared/contracts/agent.ts';
import type { Customer } from '../../../shared/contracts/agent-event.ts';
import { agentId, type ConversationId, conversationId, tenantId } from '../../../shared/contracts/ids.ts';
import {
  type RoutingPreview,
  routingPreview,
  routingPreviewRequest,
} from '../../../shared/contracts/routing-preview.ts';
import { conversationIdOf, customerKeyOf } from '../../../shared/domain/event-identity.ts';
import { isRefused } from '../../../shared/domain/outcome.ts';
import { type ConversationRecord, conversationRecord, type NumberRecord } from '../../../shared/domain/records.ts';
import { bindingOf, ids, numberRecordOf } from '../../support/records.ts';

const salt = Buffer.alloc(32, 7);
const now = new Date('2026-11-22T10:00:00.000Z');
const later = '2026-11-22T11:00:00.000Z';
const ada: Customer = { waId: '4915112345678', userId: null, groupId: null, name: null };
const idOf = (customer: Partial<Customer>): ConversationId =>
  conversationIdOf(ids.tenant, ids.number, customerKeyOf(salt, { ...ada, waId: null, ...customer }));
const conversation = (id: ConversationId, change: Partial<ConversationRecord> = {}): ConversationRecord =>
  conversationRecord.parse({
    conversationId: id,
    tenantId: ids.tenant,
    phoneNumberId: ids.number,
    agentId: 'orders',
    agentUntil: later,
    revision: 1,
    expiresAt: 2_000_000_000,
    ...change,
  });
const orders = bindingOf({
  agentId: agentId.parse('orders'),
  routing: { priority: 1, conditions: { keywords: ['order'] }, conversationMinutes: 60 } satisfies AgentRouting,
});

interface World {
  readonly number?: Partial<NumberRecord>;
  readonly conversations?: readonly ConversationRecord[];
  readonly tenant?: string;
}

const ask = async (body: object, { number, conversations = [], tenant = 'acme' }: World = {}) => {
  const read: ConversationId[] = [];
  const ports: PreviewRoutingPorts = {
    routing: {
      read: (id, wanted) => {
        read.push(...wanted);
        const found = conversations.filter(({ conversationId }) => wanted.includes(conversationId));
        return Promise.resolve({
          number:
            id === ids.number
              ? { ...numberRecordOf({ bindings: [bindingOf(), orders], ...number }), revision: 1 }
              : undefined,
          conversations: new Map(found.map((one) => [one.conversationId, one])),
        });
      },
    },
    salts: { tenantSalt: () => Promise.resolve(salt) },
    now: () => now,
  };
  const request = routingPreviewRequest.parse({
    phoneNumberId: ids.number,
    sender: { waId: '+49 151 12345678' },
    message: 'my order',
    ...body,
  });
  const outcome = await previewRouting({ tenantId: tenantId.parse(tenant), subject: 'user-1' }, request, ports);
  return { outcome, read };
};
const preview = async (...question: Parameters<typeof ask>): Promise<RoutingPreview> => {
  const { outcome } = await ask(...question);
  if (isRefused(outcome)) throw new Error(outcome.refused);
  return routingPreview.parse(outcome.body);
};

test('names the agent, the rule and what is decided about the others', async () => {
  expect(await preview({})).toEqual({
    agentId: 'orders',
    because: 'conditions',
    explanation: 'Agent orders gets it. The message meets all its conditions: keyword “order”.',
    agents: [
      {
        agentId: 'orders',
        verdict: 'chosen',
        reason: 'The message meets all its conditions: keyword “order”.',
        dispatch: 'active',
        away: false,
      },
      {
        agentId: 'support',
        verdict: 'not-needed',
        reason: 'It is the default agent, and agent orders takes it.',
        dispatch: 'active',
        away: false,
      },
    ],
    conversation: null,
  });
});

test.each<[string, object, string]>([
  ['a text', { message: 'the order' }, 'orders'],
  ['a message object', { message: { type: 'button', button: { text: 'Order', payload: 'p' } } }, 'orders'],
  ['an object that says nothing', { message: {} }, 'support'],
])('takes %s', async (_what, body, expected) => {
  expect((await preview(body)).agentId).toBe(expected);
});

test('an ad counts whether it is named beside the message or in it', async () => {
  const ads = bindingOf({
    agentId: agentId.parse('ads'),
    routing: { priority: 1, conditions: { referralSourceIds: ['77'] }, conversationMinutes: 60 },
  });
  const number = { bindings: [bindingOf(), ads] };
  expect((await preview({ referralSourceId: '77' }, { number })).agentId).toBe('ads');
  expect((await preview({ message: { referral: { source_id: '77' } } }, { number })).agentId).toBe('ads');
  expect((await preview({ referralSourceId: '78' }, { number })).agentId).toBe('support');
});

test('nobody is an answer', async () => {
  const silent = { number: { bindings: [orders] } };
  expect(await preview({ message: 'hello' }, silent)).toMatchObject({ agentId: null, because: null });
});

describe('a conversation is found', () => {
  const byUser = idOf({ userId: 'DE.1' });
  const byNumber = idOf({ waId: ada.waId });
  const byGroup = idOf({ groupId: 'group-1' });
  test.each<[string, object, ConversationRecord[]]>([
    ['by phone number, however it is written', { sender: { waId: '0049 (151) 123 456 78' } }, [conversation(byNumber)]],
    ['by user id', { sender: { userId: 'DE.1' } }, [conversation(byUser)]],
    ['by group', { sender: { groupId: 'group-1', waId: '+49 151 12345678' } }, [conversation(byGroup)]],
    [
      'by phone number where the user id is not known yet',
      { sender: { userId: 'DE.1', waId: '4915112345678' } },
      [conversation(byNumber)],
    ],
    [
      'through the form that it is joined to',
      { sender: { waId: '4915112345678' } },
      [conversation(byNumber, { joinedTo: byUser, agentId: null, agentUntil: null }), conversation(byUser)],
    ],
  ])('%s', async (_how, body, conversations) => {
    const found = await preview({ ...body, message: 'hello' }, { conversations });
    expect(found).toMatchObject({
      agentId: 'orders',
      because: 'conversation',
      conversation: { id: conversations.at(-1)?.conversationId, agentId: 'orders', agentUntil: later },
    });
  });
  test('but not that of the phone number where it is another’s', async () => {
    const sender = { userId: 'DE.2', waId: '4915112345678' };
    for (const conversations of [
      [conversation(byNumber, { joinedBy: byUser })],
      [conversation(byNumber, { joinedTo: byUser }), conversation(byUser, { joinedBy: byNumber })],
    ])
      expect((await preview({ sender, message: 'hello' }, { conversations })).conversation).toBeNull();
  });
  test('is followed once, not round in a circle', async () => {
    const conversations = [conversation(byNumber, { joinedTo: byUser }), conversation(byUser, { joinedTo: byNumber })];
    const { read } = await ask({}, { conversations });
    expect(read).toEqual([byNumber, byUser]);
  });
  test('but not that of the group’s member with the business alone', async () => {
    const sender = { groupId: 'group-1', userId: 'DE.1', waId: '4915112345678' };
    const conversations = [conversation(byUser), conversation(byNumber)];
    expect((await preview({ sender }, { conversations })).conversation).toBeNull();
    expect((await ask({ sender }, { conversations })).read).toEqual([byGroup]);
  });
});

describe('what keeps the message waiting is said', () => {
  const said = async (world: World, body: object = {}) => {
    const { explanation, agents } = await preview(body, world);
    return { explanation, state: agents.find(({ agentId: id }) => id === 'orders') };
  };
  test('a paused agent', async () => {
    const number = { bindings: [{ ...orders, pausedAt: later }] };
    expect(await said({ number })).toMatchObject({
      explanation: expect.stringContaining('paused'),
      state: { dispatch: 'paused' },
    });
  });
  test.each([
    ['open', 'suspended', /failing/],
    ['gone', 'gone', /410/],
    ['failing', 'active', /keyword “order”\.$/],
  ] as const)('a circuit that is %s', async (state, dispatch, words) => {
    const number = { circuits: { [orders.agentId]: { state, since: later } } };
    expect(await said({ number })).toMatchObject({
      explanation: expect.stringMatching(words),
      state: { dispatch },
    });
  });
  test('another agent’s trouble is not this message’s', async () => {
    const number = { circuits: { [ids.agent]: { state: 'open' as const, since: later } } };
    expect((await said({ number })).explanation).toMatch(/keyword “order”\.$/);
  });
  test('a disabled integration', async () => {
    const { explanation } = await said({ number: { stopped: { code: 'token-invalid', since: later } } });
    expect(explanation).toContain('disabled');
  });
  test('earlier messages that are held', async () => {
    const held = [conversation(idOf({ waId: ada.waId }), { heldCount: 3 })];
    expect((await said({ conversations: held })).explanation).toContain('Earlier messages');
  });
  test('an agent outside its hours', async () => {
    const away = { message: 'Later', timeZone: 'UTC', hours: [] };
    const number = { bindings: [{ ...orders, behaviour: { ...orders.behaviour, away } }] };
    expect(await said({ number })).toMatchObject({
      explanation: expect.stringContaining('outside its hours'),
      state: { away: true },
    });
  });
});

test('a number of somebody else and one of nobody are told apart by nothing, and no conversation is read', async () => {
  const foreign = await ask({}, { tenant: 'globex' });
  const unknown = await ask({ phoneNumberId: '3042424242424299' });
  expect(foreign.outcome).toMatchObject({ refused: 'not-found' });
  expect(foreign).toEqual(unknown);
  expect(foreign.read).toEqual([]);
});

describe('a request is refused', () => {
  test.each<[string, object]>([
    ['without a sender', { sender: {} }],
    ['with a field that is not known', { agentId: 'support' }],
    ['with a sender’s field that is not known', { sender: { waId: '4915112345678', tenantId: 'globex' } }],
    ['without a message', { message: undefined }],
    ['with a list for a message', { message: ['order'] }],
    ['with a number id that is none', { phoneNumberId: 'support' }],
  ])('%s', (_what, change) => {
    const request = { phoneNumberId: ids.number, sender: { waId: '4915112345678' }, message: 'hi', ...change };
    expect(routingPreviewRequest.safeParse(request).success).toBe(false);
  });
});

test('conversation ids are what the receiver makes of the same sender', () => {
  expect(conversationId.safeParse(idOf({ waId: ada.waId })).success).toBe(true);
  expect(idOf({ waId: ada.waId })).not.toBe(idOf({ userId: ada.waId }));
});
