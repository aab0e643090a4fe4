import { describe, expect, test } from 'vitest';
import { agentId, type TenantId } from '../../../shared/contracts/ids.ts';
import { numberChanges } from '../../../shared/domain/bindings.ts';
import type { AgentRecord, CountedNumber } from '../../../shared/domain/records.ts';
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

describe('a number is refused', () => {
  test.each([
    ['that another tenant owns, without naming them', counted({ tenantId: 'globex' as TenantId }), 'number-taken'],
    ['that another credential owns', counted({ credentialId: ids.otherCredential }), 'number-taken'],
    [
      'that has another default agent',
      counted({ bindings: [bindingOf({ agentId: agentId.parse('other') })] }),
      'default-taken',
    ],
  ])('%s', async (_what, number, refused) => {
    const outcome = await change(undefined, agent(ids.number), { [ids.number]: number });
    expect(outcome).toMatchObject({ refused });
    expect(JSON.stringify(outcome)).not.toContain('globex');
  });
});
