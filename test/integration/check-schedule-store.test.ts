import { PutCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, test } from 'vitest';
import { auditLog } from '../../shared/adapters/audit-log.ts';
import { checkScheduleStore, dueCheckPut } from '../../shared/adapters/check-schedule-store.ts';
import { credentialReader } from '../../shared/adapters/credential-store.ts';
import { directoryKey } from '../../shared/adapters/directory-keys.ts';
import { outageStore } from '../../shared/adapters/outage-store.ts';
import { verdictStore } from '../../shared/adapters/verdict-store.ts';
import { type NewCheck, partitionOf } from '../../shared/domain/check-schedule.ts';
import type { CredentialHealth, CredentialRecord, Finding } from '../../shared/domain/records.ts';
import { newTicket } from '../../shared/domain/work.ts';
import { checkScheduleContract } from '../support/check-schedule-contract.ts';
import { outageContract } from '../support/outage-contract.ts';
import { appRecord, credentialRecordOf, ids, numberRecordOf, releaseWorkOf } from '../support/records.ts';
import { dynamoDbOf, type EngineName, engineNames, makeTable } from './support/engines.ts';
import { rowsOf } from './support/rows.ts';

const lineIn = (engine: EngineName, table: string) => ({
  ...checkScheduleStore(dynamoDbOf(engine), table),
  add: (check: NewCheck, at: Date) =>
    dynamoDbOf(engine).send(new TransactWriteCommand({ TransactItems: [dueCheckPut(table, check, at)] })),
});

const now = new Date('2026-11-26T10:00:00.000Z');
const later = (minutes: number) => new Date(now.getTime() + minutes * 60_000);
const own: NewCheck = { tenantId: ids.tenant, credentialId: ids.credential };
const reason = {
  code: 'token-revoked',
  title: 'Invalid',
  detail: 'It is',
  guidance: 'Renew',
  since: now.toISOString(),
};
const verdict = { status: 'invalid', reason } as const;
const finding: Finding = { status: 'degraded', reason: { ...reason, code: 'number-flagged' } };
const health: CredentialHealth = {
  ...own,
  triedAt: now.toISOString(),
  checkedAt: now.toISOString(),
  misses: 0,
  checks: [{ check: 'app', verdict: 'passed', detail: 'Meta knows the app.' }],
  unanswered: null,
  appSeenAt: null,
  account: { canSend: 'AVAILABLE', problem: null, entity: null },
  numbers: {},
  nextCheckAt: null,
};

const scene = async (engine: EngineName, given: Partial<CredentialRecord> = {}) => {
  const client = dynamoDbOf(engine);
  const [table, auditTable] = await Promise.all([makeTable(engine), makeTable(engine)]);
  const put = (Item: object) => client.send(new PutCommand({ TableName: table, Item }));
  await put({ ...credentialRecordOf(given), ...directoryKey.credential(ids.tenant, ids.credential) });
  await put({ ...appRecord(), ...directoryKey.app(ids.app) });
  await put({ ...numberRecordOf(), revision: 1, ...directoryKey.number(ids.number) });
  const line = lineIn(engine, table);
  await line.add(own, now);
  const [entry] = await line.due(partitionOf(ids.credential), later(1), 10);
  const credentials = credentialReader(client, table);
  const before = await credentials.find(ids.tenant, ids.credential);
  if (entry === undefined || before === undefined) throw new Error('They are there');
  const audit = auditLog(client, auditTable, () => ({ kind: 'function', id: 'CheckCredential', requestId: 'none' }));
  const { record } = verdictStore(client, table, audit.put);
  let tries = 1;
  return {
    line,
    entry,
    before,
    put,
    credentials,
    record: (change: Partial<CredentialRecord>, more: Partial<Parameters<typeof record>[0]> = {}) =>
      record({
        before,
        after: { ...before, ...change },
        app: appRecord(),
        health: { ...health, triedAt: later(tries++).toISOString() },
        appointed: null,
        tickets: [],
        ...more,
      }),
    audits: async () => (await rowsOf(engine, auditTable)).map(({ action, about }) => `${action} ${about}`),
    stopped: async () => (await credentials.findNumber(ids.number))?.stopped?.code,
    dueAt: async () =>
      (await rowsOf(engine, table)).flatMap(({ pk, dueAt }) => (String(pk).startsWith('DUE#') ? [String(dueAt)] : [])),
  };
};

describe.each(engineNames)('what is known of Meta on %s', (engine) => {
  outageContract(async () => outageStore(dynamoDbOf(engine), await makeTable(engine)));
});

test('what many workers count at once is all counted', async () => {
  // Moto loses one of two simultaneous updates now and then, whoever makes them.
  const store = outageStore(dynamoDbOf('ministack'), await makeTable('ministack'));
  await Promise.all(Array.from({ length: 20 }, () => store.count(true, now)));
  expect(await store.recent(now)).toEqual({ answered: 0, unanswered: 20 });
});

describe.each(engineNames)('the line of checks on %s', (engine) => {
  checkScheduleContract(async () => lineIn(engine, await makeTable(engine)));

  test('rows that nobody can read keep none of the others waiting', async () => {
    const table = await makeTable(engine);
    const line = lineIn(engine, table);
    const partition = partitionOf(ids.credential);
    for (let index = 0; index < 12; index++)
      await dynamoDbOf(engine).send(
        new PutCommand({ TableName: table, Item: { pk: `DUE#${partition}`, sk: `2020-01-0${index % 9}#${index}` } }),
      );
    await line.add(own, now);
    expect(await line.due(partition, later(1), 10)).toMatchObject([own]);
  });

  test('what a check has shown is written together with its next time, once for each entry', async () => {
    const it = await scene(engine);
    const moved = { from: it.entry.entry, to: later(360) };
    expect(await it.record({ finding }, { health, moved })).toBe('recorded');
    expect(await it.credentials.find(ids.tenant, ids.credential)).toMatchObject({ finding, verdict: null });
    expect(await it.credentials.findHealth(ids.tenant, ids.credential)).toMatchObject({ checks: health.checks });
    expect(await it.dueAt()).toEqual([later(360).toISOString()]);

    // A second worker with the same message.
    expect(await it.record({ finding: null }, { moved: { from: it.entry.entry, to: later(400) } })).toBe('gone');
    expect(await it.dueAt()).toEqual([later(360).toISOString()]);
    expect((await it.credentials.find(ids.tenant, ids.credential))?.finding).toEqual(finding);
  });

  test('a check that has shown nothing new moves its entry and leaves the credential as it is', async () => {
    const it = await scene(engine);
    await it.put({ ...it.before, label: 'Another', ...directoryKey.credential(ids.tenant, ids.credential) });
    expect(await it.record({}, { moved: { from: it.entry.entry, to: later(360) } })).toBe('recorded');
    expect((await it.credentials.find(ids.tenant, ids.credential))?.label).toBe('Another');
  });

  test('a verdict and its end stop and release the numbers, ask for what is held, and stand in the audit', async () => {
    const it = await scene(engine);
    expect(await it.record({ verdict })).toBe('recorded');
    expect(await it.stopped()).toBe('token-revoked');
    const disabled = await it.credentials.find(ids.tenant, ids.credential);
    if (disabled === undefined) throw new Error('It is there');
    const ticket = newTicket(releaseWorkOf(), now);
    const enabled = { before: disabled, after: { ...disabled, verdict: null }, tickets: [ticket] };
    expect(await it.record({}, enabled)).toBe('recorded');
    expect(await it.stopped()).toBeUndefined();
    expect((await it.audits()).sort()).toEqual(['disable token-revoked', 'enable token-revoked']);
  });

  test.each<[string, Partial<CredentialRecord>]>([
    ['has other secrets', { secretVersion: 2 }],
    ['is on its way out', { status: 'removing' }],
    ['has other numbers', { claimedNumbers: {} }],
    ['has another verdict', { verdict: { ...verdict, reason: { ...reason, code: 'token-expired' } } }],
    ['has another finding', { finding }],
    ['has a webhook that is being set up', { webhookState: 'pending' }],
    [
      'has an account of which Meta has reported since',
      { standing: { status: 'degraded', isStopped: false, reason: { ...reason, code: 'account-alert' } } },
    ],
  ])('nothing is written over a credential that %s by now, not even its next time', async (_what, change) => {
    const it = await scene(engine);
    await it.put({ ...it.before, ...change, ...directoryKey.credential(ids.tenant, ids.credential) });
    const moved = { from: it.entry.entry, to: later(360) };
    expect(await it.record({ unreachableSince: now.toISOString() }, { moved, health })).toBe('overtaken');
    expect(await it.dueAt()).toEqual([now.toISOString()]);
    expect(await it.credentials.findHealth(ids.tenant, ids.credential)).toBeUndefined();
  });

  test('what Meta said before is not written over what it has said since, whoever comes last', async () => {
    const it = await scene(engine);
    const at = (minutes: number): CredentialHealth => ({ ...health, triedAt: later(minutes).toISOString() });
    expect(await it.record({ verdict }, { health: at(2) })).toBe('recorded');
    const disabled = await it.credentials.find(ids.tenant, ids.credential);
    if (disabled === undefined) throw new Error('It is there');
    // It was valid a minute before, and whoever heard that has been slow.
    const enabled = { before: disabled, after: { ...disabled, verdict: null } };
    expect(await it.record({}, { ...enabled, health: at(1) })).toBe('overtaken');
    expect(await it.stopped()).toBe('token-revoked');
    expect(await it.record({}, { ...enabled, health: at(3) })).toBe('recorded');
    expect(await it.stopped()).toBeUndefined();
    // And the other way round: it was revoked a minute before it was put right.
    const current = await it.credentials.find(ids.tenant, ids.credential);
    if (current === undefined) throw new Error('It is there');
    const stale = { before: current, after: { ...current, verdict }, health: at(2) };
    expect(await it.record({}, stale)).toBe('overtaken');
    expect(await it.stopped()).toBeUndefined();
  });

  test('who has read another place in the line than it has by now writes nothing, not even what it has seen', async () => {
    const it = await scene(engine);
    const to = later(60);
    const set = { ...health, nextCheckAt: to.toISOString() };
    expect(await it.record({}, { health: set, moved: { from: it.entry.entry, to } })).toBe('recorded');
    const known = async () => (await it.credentials.findHealth(ids.tenant, ids.credential))?.nextCheckAt;
    for (const appointed of [null, now.toISOString()]) {
      expect(await it.record({ finding }, { appointed })).toBe('overtaken');
      expect(await known()).toBe(to.toISOString());
    }
    expect((await it.credentials.find(ids.tenant, ids.credential))?.finding).toBeNull();
    const seen = { ...set, triedAt: later(99).toISOString() };
    expect(await it.record({ finding }, { appointed: to.toISOString(), health: seen })).toBe('recorded');
    expect(await it.dueAt()).toEqual([to.toISOString()]);
  });

  test('nothing is left of a check that ends after its credential has gone', async () => {
    const it = await scene(engine);
    await it.put({ ...it.before, status: 'removing', ...directoryKey.credential(ids.tenant, ids.credential) });
    expect(await it.record({}, { health })).toBe('overtaken');
    expect(await it.credentials.findHealth(ids.tenant, ids.credential)).toBeUndefined();
  });

  test('no verdict is written about an App Secret that was replaced since', async () => {
    const it = await scene(engine);
    await it.put({ ...appRecord({ secretVersion: 2 }), ...directoryKey.app(ids.app) });
    expect(await it.record({ verdict })).toBe('overtaken');
    expect(await it.stopped()).toBeUndefined();
  });
});
