import { describe, expect, test } from 'vitest';
import { createAgentKey } from '../../functions/agents/create-agent-key.ts';
import { revokeAgentKey } from '../../functions/agents/revoke-agent-key.ts';
import { agentKeyReader, agentReader, agentSaver } from '../../shared/adapters/agent-store.ts';
import { auditLog } from '../../shared/adapters/audit-log.ts';
import { type AgentKeyId, tenantId } from '../../shared/contracts/ids.ts';
import { agentKeyDigest } from '../../shared/domain/agent-key.ts';
import { isRefused } from '../../shared/domain/outcome.ts';
import { agentRecordOf, ids } from '../support/records.ts';
import { dynamoDbOf, type EngineName, engineNames, makeTable } from './support/engines.ts';
import { rowsOf } from './support/rows.ts';

const caller = { tenantId: ids.tenant, subject: 'ada' };
const now = () => new Date('2026-11-26T10:00:00.000Z');
const fresh = agentRecordOf({ whatsapp: { enabled: false } });
const alone = { numbers: [], sealed: [], retired: [], tickets: [], about: ['agent'] };

const world = async (engine: EngineName) => {
  const client = dynamoDbOf(engine);
  const [directory, vault, auditTable] = [await makeTable(engine), await makeTable(engine), await makeTable(engine)];
  const actor = () => ({ kind: 'user', id: 'ada', requestId: 'request-1' }) as const;
  const saver = agentSaver(client, { directory, vault }, auditLog(client, auditTable, actor).put);
  const agents = agentReader(client, directory);
  const keys = agentKeyReader(client, directory);
  await saver.save({ before: undefined, after: fresh, ...alone });
  const find = async () => {
    const agent = await agents.find(ids.tenant, ids.agent);
    if (agent === undefined) throw new Error('The agent is there');
    return agent;
  };
  const create = async () => {
    const answer = await createAgentKey(caller, ids.agent, { agents, saver, now });
    if (isRefused(answer)) return answer;
    return answer.body as { readonly id: AgentKeyId; readonly key: string };
  };
  const made = async () => {
    const key = await create();
    if (isRefused(key)) throw new Error(key.refused);
    return key;
  };
  const revoke = (keyId: AgentKeyId, who = caller) =>
    revokeAgentKey(who, { agentId: ids.agent, keyId }, { agents, saver });
  const ownerOf = (key: string) => keys.ownerOf(agentKeyDigest(key) ?? '');
  const rows = async () => JSON.stringify([await rowsOf(engine, directory), await rowsOf(engine, auditTable)]);
  return { agents, saver, find, create, made, revoke, ownerOf, rows };
};

describe.each(engineNames)('keys of an agent on %s', (engine) => {
  test('are found by what they are, until they are revoked, and stand nowhere', async () => {
    const it = await world(engine);
    const [first, second] = [await it.made(), await it.made()];
    expect(await it.ownerOf(first.key)).toEqual({ tenantId: ids.tenant, agentId: ids.agent, keyId: first.id });
    expect(await it.ownerOf(second.key)).toMatchObject({ keyId: second.id });
    expect(await it.rows()).not.toContain(first.key.slice(4));
    expect(await it.revoke(first.id)).toMatchObject({ kind: 'ok', body: { id: first.id } });
    expect(await it.ownerOf(first.key)).toBeUndefined();
    expect(await it.ownerOf(second.key)).toBeDefined();
    expect(await it.revoke(first.id)).toMatchObject({ refused: 'not-found' });
  });

  test('are two at most, and a third fits when one is gone', async () => {
    const it = await world(engine);
    const first = await it.made();
    await it.made();
    expect(await it.create()).toMatchObject({ refused: 'too-many-keys' });
    await it.revoke(first.id);
    expect(isRefused(await it.create())).toBe(false);
  });

  test('are no more than two when both requests for the second come at once', async () => {
    const it = await world(engine);
    await it.made();
    const outcomes = await Promise.all([it.create(), it.create(), it.create()]);
    expect(outcomes.filter((outcome) => !isRefused(outcome)).length).toBeLessThanOrEqual(1);
    expect((await it.find()).agentKeys.length).toBeLessThanOrEqual(2);
  });

  test('are nobody else’s to revoke', async () => {
    const it = await world(engine);
    const { id, key } = await it.made();
    const stranger = { tenantId: tenantId.parse('globex'), subject: 'eve' };
    expect(await it.revoke(id, stranger)).toMatchObject({ refused: 'not-found' });
    expect(await it.ownerOf(key)).toBeDefined();
  });

  test('outlive an edit of the agent, and an edit that has not seen them fails', async () => {
    const it = await world(engine);
    const stale = await it.find();
    const { key } = await it.made();
    expect(await it.saver.save({ before: stale, after: { ...stale, version: 2 }, ...alone })).toBe(false);
    const current = await it.find();
    expect(await it.saver.save({ before: current, after: { ...current, version: 2 }, ...alone })).toBe(true);
    expect(await it.ownerOf(key)).toBeDefined();
  });

  test('go with the agent, so that a new one of its name does not obey them', async () => {
    const it = await world(engine);
    const stale = await it.find();
    const { key } = await it.made();
    expect(await it.saver.save({ before: stale, after: undefined, ...alone })).toBe(false);
    expect(await it.saver.save({ before: await it.find(), after: undefined, ...alone })).toBe(true);
    expect(await it.ownerOf(key)).toBeUndefined();
  });

  test('leave a line each in the audit, with the name of the key', async () => {
    const it = await world(engine);
    const { id } = await it.made();
    await it.revoke(id);
    expect((await it.rows()).split('agent-key').length - 1).toBeGreaterThanOrEqual(2);
    expect(await it.rows()).toContain(id);
  });
});
