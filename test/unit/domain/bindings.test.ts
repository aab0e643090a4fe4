import { describe, expect, test } from 'vitest';
import { agentId, type TenantId } from '../../../shared/contracts/ids.ts';
import {
  maxAgentsPerNumber,
  numberChanges,
  rebound,
  releasedBy,
  tidyWhatsapp,
} from '../../../shared/domain/bindings.ts';
import type { AgentRecord, Binding, CountedNumber } from '../../../shared/domain/records.ts';
import { bindingOf, credentialRecordOf, ids, numberRecordOf } from '../../support/records.ts';

const { behaviour } = bindingOf();
const defaultRouting = { default: true as const, conversationMinutes: 1440 };
const agent = (phoneNumberId: typeof ids.number | null, change: Partial<AgentRecord> = {}): AgentRecord => ({
  tenantId: ids.tenant,
  agentId: ids.agent,
  name: 'Support',
  version: 1,
  secretVersion: 1,
  previousSecretVersion: null,
  previousSignsUntil: null,
  pausedAt: null,
  agentKeys: [],
  target: { type: 'https', url: 'https://agent.example/events' },
  whatsapp:
    phoneNumberId === null
      ? { enabled: false }
      : { enabled: true, credentialId: ids.credential, phoneNumberId, routing: defaultRouting, behaviour },
  createdAt: '2026-11-22T10:00:00.000Z',
  updatedAt: '2026-11-22T10:00:00.000Z',
  ...change,
});
const counted = (change: Partial<CountedNumber> = {}): CountedNumber => ({
  ...numberRecordOf(),
  revision: 4,
  ...change,
});
const change = async (
  before: AgentRecord | undefined,
  after: AgentRecord,
  numbers: Readonly<Record<string, CountedNumber>> = {},
) => numberChanges(before, after, credentialRecordOf(), { readNumber: (id) => Promise.resolve(numbers[id]) });

test('an unclaimed number is claimed for the credential, with the agent bound', async () => {
  expect(await change(undefined, agent(ids.number))).toMatchObject({
    changes: [
      {
        phoneNumberId: ids.number,
        before: undefined,
        after: {
          tenantId: 'acme',
          credentialId: ids.credential,
          acceptedSources: [ids.credential],
          bindings: [{ agentId: ids.agent }],
        },
        claimed: { agentIds: [ids.agent], forward: ['message'] },
      },
    ],
  });
});

test('a number knows itself whether its account is stopped: what the credential said before is no news', async () => {
  const reason = {
    code: 'account-disabled',
    title: 'x',
    detail: 'x',
    guidance: 'x',
    since: '2026-11-22T10:00:00.000Z',
  };
  const stopped = credentialRecordOf({ standing: { status: 'action_required', reason, isStopped: true } });
  const bind = async (numbers: Readonly<Record<string, CountedNumber>>) =>
    numberChanges(undefined, agent(ids.number), stopped, { readNumber: (id) => Promise.resolve(numbers[id]) });
  expect(await bind({ [ids.number]: counted({ stopped: null }) })).toMatchObject({
    changes: [{ after: { stopped: null } }],
  });
  expect(await bind({})).toMatchObject({ changes: [{ after: { stopped: { code: 'account-disabled' } } }] });
});

test('a number keeps what it knows of what comes in, and loses it when it is released', async () => {
  const noted = { deliversSince: '2026-11-22T10:00:00.000Z', unnumberedAt: '2026-11-22T11:00:00.000Z' };
  const number = { [ids.number]: counted(noted) };
  expect(await change(agent(ids.number), agent(ids.number), number)).toMatchObject({ changes: [{ after: noted }] });
  expect(await change(undefined, agent(ids.otherNumber), {})).toMatchObject({
    changes: [{ after: { deliversSince: null, unnumberedAt: null } }],
  });
  const left = await change(agent(ids.number), agent(ids.otherNumber), number);
  expect('changes' in left && left.changes[0]?.after).toBeUndefined();
});

test('an edit of the agent replaces its own binding', async () => {
  const target = { type: 'https', url: 'https://new.example/' } as const;
  const outcome = await change(agent(ids.number), agent(ids.number, { target }), { [ids.number]: counted() });
  expect(outcome).toMatchObject({ changes: [{ after: { bindings: [{ target }] } }] });
  expect('changes' in outcome && outcome.changes[0]?.after?.bindings).toHaveLength(1);
});

test('another number takes the agent over, and the one it leaves is released', async () => {
  const outcome = await change(agent(ids.number), agent(ids.otherNumber), { [ids.number]: counted() });
  expect(outcome).toMatchObject({
    changes: [
      { phoneNumberId: ids.number, after: undefined, claimed: undefined },
      { phoneNumberId: ids.otherNumber, after: { bindings: [{ agentId: ids.agent }] } },
    ],
  });
});

test('disabling releases the number with its last agent', async () => {
  expect(await change(agent(ids.number), agent(null), { [ids.number]: counted() })).toMatchObject({
    changes: [{ phoneNumberId: ids.number, after: undefined }],
  });
});

test('disabling keeps the number while another agent answers it', async () => {
  const other = bindingOf({
    agentId: agentId.parse('other'),
    routing: { priority: 1, conditions: { keywords: ['order'] }, conversationMinutes: 1440 },
  });
  const number = counted({ bindings: [bindingOf(), other] });
  expect(await change(agent(ids.number), agent(null), { [ids.number]: number })).toMatchObject({
    changes: [{ after: { bindings: [other] }, claimed: { agentIds: ['other'] } }],
  });
});

test('a number that has passed to another tenant is left alone', async () => {
  const number = counted({ tenantId: 'globex' as TenantId });
  expect(await change(agent(ids.number), agent(null), { [ids.number]: number })).toEqual({ changes: [] });
});

type Routing = Binding['routing'];
const routed = (id: string, routing: Routing) =>
  agent(ids.number, {
    agentId: agentId.parse(id),
    whatsapp: { enabled: true, credentialId: ids.credential, phoneNumberId: ids.number, routing, behaviour },
  });
const on = (priority: number, ...keywords: string[]): Routing => ({
  priority,
  conditions: { keywords },
  conversationMinutes: 1440,
});
const others = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    bindingOf({ agentId: agentId.parse(`other-${index}`), routing: on(100 + index, 'x') }),
  );

test('agents with conditions stand beside the default agent and beside each other, each with its own priority', async () => {
  const number = counted({ bindings: [bindingOf(), ...others(1)] });
  expect(await change(undefined, routed('orders', on(5, 'order')), { [ids.number]: number })).toMatchObject({
    changes: [
      {
        after: {
          bindings: [{ agentId: ids.agent }, { agentId: 'other-0' }, { agentId: 'orders', routing: { priority: 5 } }],
        },
        claimed: { agentIds: [ids.agent, 'other-0', 'orders'] },
      },
    ],
  });
});

test('an agent may keep its own priority, take another one, and become the default agent', async () => {
  const number = counted({ bindings: [bindingOf({ agentId: agentId.parse('orders'), routing: on(5, 'order') })] });
  const before = routed('orders', on(5, 'order'));
  for (const routing of [on(5, 'parcel'), on(6, 'order'), { default: true, conversationMinutes: 60 } as const])
    expect(await change(before, routed('orders', routing), { [ids.number]: number })).toMatchObject({
      changes: [{ after: { bindings: [{ routing }] } }],
    });
});

test('a number takes as many agents as it can have, and each of them can still be edited', async () => {
  const almost = counted({ bindings: others(maxAgentsPerNumber - 1) });
  expect(await change(undefined, agent(ids.number), { [ids.number]: almost })).toHaveProperty('changes');
  const full = counted({ bindings: [bindingOf(), ...others(maxAgentsPerNumber - 1)] });
  expect(await change(agent(ids.number), agent(ids.number), { [ids.number]: full })).toHaveProperty('changes');
});

describe('conditions', () => {
  const wish = (conditions: Extract<Routing, { priority: number }>['conditions']) =>
    tidyWhatsapp(routed('orders', { priority: 5, conditions, conversationMinutes: 60 }).whatsapp);
  test('are kept in one form', () => {
    expect(wish({ senders: ['+49 151 1234567'] })).toMatchObject({
      enabled: true,
      routing: { priority: 5, conditions: { senders: ['+491511234567'] }, conversationMinutes: 60 },
    });
  });
  test('that say the same twice are refused, with the place in the request', () => {
    expect(wish({ keywords: ['order', 'Order'] })).toMatchObject({
      refused: 'invalid-request',
      details: { errors: [{ pointer: '/whatsapp/routing/conditions/keywords/1' }] },
    });
  });
  test('are nothing to an agent without any', () => {
    for (const { whatsapp } of [agent(ids.number), agent(null)]) expect(tidyWhatsapp(whatsapp)).toBe(whatsapp);
  });
});

describe('a number is refused', () => {
  test.each([
    ['that another tenant owns, without naming them', counted({ tenantId: 'globex' as TenantId }), 'number-taken'],
    ['that another credential owns', counted({ credentialId: ids.otherCredential }), 'number-taken'],
    [
      'that has another default agent',
      counted({ bindings: [bindingOf({ agentId: agentId.parse('other') })] }),
      'default-taken',
    ],
    ['that has as many agents as it can have', counted({ bindings: others(maxAgentsPerNumber) }), 'too-many-agents'],
    [
      'whose agents have more conditions than can be kept',
      counted({
        bindings: others(19).map((other) => ({
          ...other,
          routing: on(1, ...Array.from({ length: 50 }, (_, index) => `${index}`.padEnd(100, '訂'))),
        })),
      }),
      'too-many-agents',
    ],
  ])('%s', async (_what, number, refused) => {
    const outcome = await change(undefined, agent(ids.number), { [ids.number]: number });
    expect(outcome).toMatchObject({ refused });
    expect(JSON.stringify(outcome)).not.toContain('globex');
  });
});

test('an agent of the same priority is refused by name, with the place in the request', async () => {
  const number = counted({ bindings: others(2) });
  expect(await change(undefined, routed('orders', on(101, 'order')), { [ids.number]: number })).toMatchObject({
    refused: 'priority-taken',
    details: { detail: expect.stringContaining('other-1'), errors: [{ pointer: '/whatsapp/routing/priority' }] },
  });
});

describe('what the router has found out about a target', () => {
  const since = '2026-11-22T10:00:00.000Z';
  const other = agentId.parse('other');
  const circuits = { [ids.agent]: { state: 'open', since }, [other]: { state: 'gone', since } } as const;
  const onlyOthers = { [other]: circuits[other] };
  const conditional = { priority: 1, conditions: { keywords: ['order'] }, conversationMinutes: 1440 };
  const both = counted({ circuits, bindings: [bindingOf(), bindingOf({ agentId: other, routing: conditional })] });

  const circuitsAfter = (outcome: Awaited<ReturnType<typeof change>>) =>
    'changes' in outcome ? outcome.changes.map(({ after }) => after?.circuits) : outcome;

  test('is forgotten when the agent has another target, and its held events may go on', async () => {
    const moved = agent(ids.number, { target: { type: 'https', url: 'https://new.example/' } });
    const outcome = await change(agent(ids.number), moved, { [ids.number]: both });
    expect(circuitsAfter(outcome)).toEqual([onlyOthers]);
    expect(releasedBy('changes' in outcome ? outcome.changes : [], ids.agent)).toEqual([ids.number]);
  });

  test('stays when anything else is edited, and nothing that is held goes on', async () => {
    const outcome = await change(agent(ids.number), agent(ids.number, { name: 'Help' }), { [ids.number]: both });
    expect(circuitsAfter(outcome)).toEqual([circuits]);
    expect(releasedBy('changes' in outcome ? outcome.changes : [], ids.agent)).toEqual([]);
  });

  test('goes with the agent, and its held events may go on to somebody else', async () => {
    const outcome = await change(agent(ids.number), agent(null), { [ids.number]: both });
    expect(circuitsAfter(outcome)).toEqual([onlyOthers]);
    expect(releasedBy('changes' in outcome ? outcome.changes : [], ids.agent)).toEqual([ids.number]);
  });

  test('is forgotten when the agent is resumed', async () => {
    const numbers = { readNumber: () => Promise.resolve(both) };
    const changes = await rebound(agent(ids.number), numbers, { afresh: true });
    expect(circuitsAfter({ changes })).toEqual([onlyOthers]);
    expect(releasedBy(changes, ids.agent)).toEqual([ids.number]);
    expect(releasedBy(changes, other)).toEqual([]);
  });
});

describe('the binding of an agent that is changed in itself', () => {
  const since = '2026-11-22T10:00:00.000Z';
  const paused = agent(ids.number, {
    pausedAt: since,
    secretVersion: 4,
    previousSecretVersion: 3,
    previousSignsUntil: since,
  });
  const read = (number: CountedNumber | undefined) => ({ readNumber: () => Promise.resolve(number) });

  test('follows it, and its neighbours stay as they are', async () => {
    const neighbour = bindingOf({ agentId: agentId.parse('other') });
    const number = counted({ bindings: [bindingOf(), neighbour] });
    const changes = await rebound(paused, read(number));
    expect(changes).toMatchObject([
      {
        before: number,
        after: {
          bindings: [{ agentId: ids.agent, pausedAt: since, secretVersion: 4, previousSecretVersion: 3 }, neighbour],
        },
        claimed: { agentIds: [ids.agent, 'other'] },
      },
    ]);
    expect(releasedBy(changes, ids.agent)).toEqual([]);
  });

  test('lets held events go on when a pause ends', async () => {
    const number = counted({ bindings: [bindingOf({ pausedAt: since })] });
    expect(releasedBy(await rebound(agent(ids.number), read(number)), ids.agent)).toEqual([ids.number]);
    expect(releasedBy(await rebound(paused, read(number)), ids.agent)).toEqual([]);
  });

  test.each([
    ['there is no such number (any more)', undefined],
    ['the number is another tenant’s', counted({ tenantId: 'globex' as TenantId })],
    ['the number is answered by others', counted({ bindings: [bindingOf({ agentId: agentId.parse('other') })] })],
  ])('is none where %s: nothing is claimed by that', async (_what, number) => {
    expect(await rebound(paused, read(number))).toEqual([]);
  });

  test('is none while WhatsApp is off', async () => {
    expect(await rebound(agent(null, { pausedAt: since }), read(counted()))).toEqual([]);
  });
});
