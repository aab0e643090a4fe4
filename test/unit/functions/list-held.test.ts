import { describe, expect, test } from 'vitest';
import { type ListHeldPorts, listHeld } from '../../../functions/held/list-held.ts';
import { type AgentId, agentId, conversationId, tenantId } from '../../../shared/contracts/ids.ts';
import { newConversation } from '../../../shared/domain/conversation.ts';
import { isRefused } from '../../../shared/domain/outcome.ts';
import type { NumberRecord } from '../../../shared/domain/records.ts';
import { bindingOf, credentialRecordOf, ids, numberRecordOf } from '../../support/records.ts';

const conversation = conversationId.parse(`conv_${'c'.repeat(43)}`);
const since = '2026-11-22T09:00:00.000Z';
const orders = bindingOf({ agentId: agentId.parse('orders') });
const caller = { tenantId: ids.tenant, subject: 'ada' };

const list = async (
  number: Partial<NumberRecord>,
  {
    agentIds = [ids.agent],
    heldCount = 1,
  }: { readonly agentIds?: readonly AgentId[]; readonly heldCount?: number } = {},
  credential = credentialRecordOf(),
) => {
  const asked: (readonly string[])[] = [];
  const key = { tenantId: ids.tenant, phoneNumberId: ids.number, conversationId: conversation };
  const record = { ...newConversation(key, new Date(since)), heldCount, setAsideCount: 2 };
  const item = { ...key, credentialId: ids.credential, agentId: ids.agent, agentIds, heldSince: since };
  const ports: ListHeldPorts = {
    credentials: { find: () => Promise.resolve(credential) } as unknown as ListHeldPorts['credentials'],
    held: {
      page: (_tenant, numbers) => {
        asked.push(numbers);
        return Promise.resolve({ items: [item], nextCursor: null });
      },
    },
    routing: {
      read: () =>
        Promise.resolve({
          number: { ...numberRecordOf(number), revision: 1 },
          conversations: new Map([[conversation, record]]),
        }),
    },
  };
  const answer = await listHeld(caller, ids.credential, { limit: 10 }, ports);
  if (isRefused(answer) || answer.kind !== 'ok') throw new Error('It is there');
  return { asked, items: (answer.body as { items: readonly object[] }).items };
};

test('shows a conversation of which something is held, and why', async () => {
  expect((await list({ bindings: [bindingOf({ pausedAt: since })] })).items).toEqual([
    {
      conversationId: conversation,
      phoneNumberId: ids.number,
      agentId: ids.agent,
      reason: 'paused',
      heldSince: since,
      waiting: 1,
      needsChoice: 2,
    },
  ]);
});

describe('the reason', () => {
  test.each<[string, Partial<NumberRecord>, Parameters<typeof list>[1], string]>([
    ['is that it is being replayed when nothing is in the way', {}, {}, 'replaying'],
    ['is the choice of the user when only that is missing', {}, { heldCount: 0 }, 'choice'],
    [
      'is what holds the first of several agents, though the latest is free',
      { bindings: [bindingOf(), { ...orders, pausedAt: since }] },
      { agentIds: [orders.agentId, ids.agent] },
      'paused',
    ],
    [
      'tells nothing of another tenant who has the number now',
      { tenantId: tenantId.parse('globex'), stopped: { code: 'account-disabled', since } },
      {},
      'replaying',
    ],
  ])('%s', async (_what, number, held, reason) => {
    expect((await list(number, held)).items).toMatchObject([{ reason }]);
  });
});

test('looks on every number that the credential has claimed, also one that Meta lists no more', async () => {
  const credential = credentialRecordOf({
    phoneNumbers: [],
    claimedNumbers: { [ids.otherNumber]: { agentIds: [], forward: [] } },
  });
  expect((await list({}, {}, credential)).asked).toEqual([[ids.otherNumber]]);
});
