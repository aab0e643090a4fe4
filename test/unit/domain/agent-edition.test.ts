import { describe, expect, test } from 'vitest';
import {
  type AgentChange,
  retireAgentSecret,
  retirementOf,
  rotated,
  signingSecretsIn,
} from '../../../shared/domain/agent-edition.ts';
import { signingSecretsOf } from '../../../shared/domain/dispatch.ts';
import type { AgentRecord, CountedNumber } from '../../../shared/domain/records.ts';
import { bindingOf, ids, numberRecordOf } from '../../support/records.ts';

const now = new Date('2026-11-22T10:00:00.000Z');
const hours = (count: number) => new Date(now.getTime() + count * 60 * 60 * 1000);
const { behaviour, routing, target } = bindingOf();
const agentOf = (change: Partial<AgentRecord> = {}): AgentRecord => ({
  tenantId: ids.tenant,
  agentId: ids.agent,
  name: 'Support',
  version: 3,
  secretVersion: 1,
  previousSecretVersion: null,
  previousSignsUntil: null,
  pausedAt: null,
  agentKeys: [],
  target,
  whatsapp: { enabled: true, credentialId: ids.credential, phoneNumberId: ids.number, routing, behaviour },
  createdAt: now.toISOString(),
  updatedAt: now.toISOString(),
  ...change,
});
const versions = (secrets: readonly { readonly secretVersion: number }[]) =>
  secrets.map((secret) => secret.secretVersion);
const signing = (agent: AgentRecord, at: Date) => versions(signingSecretsOf(ids.tenant, agent, at));

describe('a rotation', () => {
  test('makes the next edition; the one before signs too for 24 hours, and not a moment longer', () => {
    const agent = rotated(agentOf(), now);
    expect(agent).toMatchObject({ secretVersion: 2, previousSecretVersion: 1, version: 3 });
    expect(signing(agent, now)).toEqual([2, 1]);
    expect(signing(agent, new Date(hours(24).getTime() - 1))).toEqual([2, 1]);
    expect(signing(agent, hours(24))).toEqual([2]);
  });

  test('within the day after another leaves two editions, not three', () => {
    const agent = rotated(rotated(agentOf(), now), hours(1));
    expect(signing(agent, hours(2))).toEqual([3, 2]);
    expect(versions(signingSecretsIn(agent))).toEqual([3, 2]);
    expect(signing(agent, hours(24))).toEqual([3, 2]);
    expect(signing(agent, hours(25))).toEqual([3]);
  });

  test('leaves the end of the former secret to be done in its time', () => {
    const agent = rotated(agentOf(), now);
    const [ticket] = retirementOf(agent, now);
    expect(ticket?.work).toEqual({
      kind: 'retire-agent-secret',
      tenantId: ids.tenant,
      agentId: ids.agent,
      secretVersion: 1,
    });
    expect(ticket?.id.startsWith(hours(24).toISOString())).toBe(true);
    expect(retirementOf(agentOf(), now)).toEqual([]);
  });

  test.each([
    ['without an end', { previousSecretVersion: 1, previousSignsUntil: null }],
    ['without an edition', { previousSecretVersion: null, previousSignsUntil: hours(1).toISOString() }],
  ])('%s signs with the current secret alone', (_what, change) => {
    expect(signing(agentOf({ secretVersion: 2, ...change }), now)).toEqual([2]);
  });
});

describe('the end of a former signing secret', () => {
  const world = (agent: AgentRecord | undefined, saves = true) => {
    const saved: AgentChange[] = [];
    const number: CountedNumber = { ...numberRecordOf(), revision: 1 };
    const ports = (at: Date) => ({
      agents: {
        find: () => Promise.resolve(agent),
        readNumber: () => Promise.resolve(number),
        lastEdition: () => Promise.resolve(0),
      },
      saver: {
        save: (change: AgentChange) => {
          saved.push(change);
          return Promise.resolve(saves);
        },
      },
      now: () => at,
    });
    return { saved, ports };
  };
  const request = { tenantId: ids.tenant, agentId: ids.agent, secretVersion: 1 };
  const agent = rotated(agentOf(), now);

  test('shreds it and forgets it, in the record and in the binding', async () => {
    const { saved, ports } = world(agent);
    expect(await retireAgentSecret(request, ports(hours(24)))).toBe('done');
    expect(saved).toHaveLength(1);
    expect(saved[0]).toMatchObject({
      before: agent,
      after: { secretVersion: 2, previousSecretVersion: null, previousSignsUntil: null, version: 3 },
      numbers: [{ after: { bindings: [{ secretVersion: 2, previousSecretVersion: null, previousSignsUntil: null }] } }],
      retired: [{ ownerId: ids.agent, purpose: 'agent-signature', secretVersion: 1 }],
      sealed: [],
    });
  });

  test('waits until it signs no more', async () => {
    const { saved, ports } = world(agent);
    const early = new Date(hours(24).getTime() - 1);
    expect(await retireAgentSecret(request, ports(early))).toEqual({ outcome: 'later', deadline: hours(24) });
    expect(saved).toEqual([]);
  });

  test.each([
    ['whose agent is gone', undefined],
    ['that has gone meanwhile', agentOf({ secretVersion: 2 })],
    ['that another rotation has shredded', rotated(agent, hours(1))],
  ])('%s has come already', async (_what, found) => {
    const { saved, ports } = world(found);
    expect(await retireAgentSecret(request, ports(hours(48)))).toBe('done');
    expect(saved).toEqual([]);
  });

  test('is tried again when somebody else was quicker', async () => {
    expect(await retireAgentSecret(request, world(agent, false).ports(hours(24)))).toBe('again');
  });
});
