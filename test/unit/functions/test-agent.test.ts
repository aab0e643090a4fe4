import { describe, expect, test } from 'vitest';
import { testAgent } from '../../../functions/agents/test-agent.ts';
import { agentEvent } from '../../../shared/contracts/agent-event.ts';
import type { DispatchOutcome } from '../../../shared/domain/dispatch.ts';
import type { AgentRecord } from '../../../shared/domain/records.ts';
import { memoryVault, recordingJournal, secretOf } from '../../support/fakes.ts';
import { bindingOf, ids } from '../../support/records.ts';

const now = new Date('2026-11-22T10:00:00.000Z');
const caller = { tenantId: ids.tenant, subject: 'ada' };
const { behaviour, routing, target } = bindingOf();
const agent: AgentRecord = {
  tenantId: ids.tenant,
  agentId: ids.agent,
  name: 'Support',
  version: 1,
  secretVersion: 2,
  previousSecretVersion: 1,
  previousSignsUntil: '2026-11-22T11:00:00.000Z',
  pausedAt: now.toISOString(),
  agentKeys: [],
  target,
  whatsapp: { enabled: true, credentialId: ids.credential, phoneNumberId: ids.number, routing, behaviour },
  createdAt: now.toISOString(),
  updatedAt: now.toISOString(),
};

const world = (found: AgentRecord | undefined, outcome: DispatchOutcome) => {
  const sent: { event: unknown; secrets: readonly string[] }[] = [];
  const journal = recordingJournal();
  const ports = {
    agents: { find: () => Promise.resolve(found) },
    opener: memoryVault({
      'acme/support/agent-signature/1': secretOf('former'),
      'acme/support/agent-signature/2': secretOf('current'),
    }),
    dispatcher: {
      dispatch: (_binding: object, event: unknown, secrets: readonly Uint8Array[]) => {
        sent.push({ event, secrets: secrets.map((bytes) => Buffer.from(bytes).toString()) });
        return Promise.resolve(outcome);
      },
    },
    journal,
    now: () => now,
  };
  return { sent, journal, ports };
};

describe('a test of an agent', () => {
  test.each([
    ['with WhatsApp', agent, ids.number],
    ['without', { ...agent, whatsapp: { enabled: false } } as AgentRecord, '000000000000000'],
  ])('%s sends a sample of the published form, signed with both secrets', async (_what, found, number) => {
    const { sent, ports } = world(found, { outcome: 'answered', httpStatus: 202, replies: [] });
    expect(await testAgent(caller, ids.agent, ports)).toMatchObject({ kind: 'ok', body: { httpStatus: 202 } });
    expect(sent).toHaveLength(1);
    expect(agentEvent.parse(sent[0]?.event)).toMatchObject({ data: { test: true, phoneNumberId: number } });
    expect(sent[0]?.secrets).toEqual(['current', 'former']);
  });

  test('repeats nothing of the answer, neither to the caller nor in the log', async () => {
    const replies = [{ type: 'text' as const, text: { body: 'CANARY' } }];
    const { journal, ports } = world(agent, { outcome: 'answered', httpStatus: 200, replies });
    const answer = await testAgent(caller, ids.agent, ports);
    expect(answer).toMatchObject({ body: { replies: 1 } });
    expect(JSON.stringify([answer, journal.lines])).not.toContain('CANARY');
    expect(journal.lines).toEqual([
      { level: 'info', event: 'agent-tested', fields: { tenantId: 'acme', agentId: 'support', code: 'answered' } },
    ]);
  });

  test('is refused for an agent that is not there, and nothing is opened or sent', async () => {
    const { sent, ports } = world(undefined, { outcome: 'gone' });
    expect(await testAgent(caller, ids.agent, ports)).toMatchObject({ refused: 'not-found' });
    expect(sent).toEqual([]);
    expect(ports.opener.opened).toEqual([]);
  });
});
