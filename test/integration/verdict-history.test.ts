import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { beforeEach, describe, expect, test } from 'vitest';
import { auditLog } from '../../shared/adapters/audit-log.ts';
import { notificationStore } from '../../shared/adapters/notification-store.ts';
import { ticketStore } from '../../shared/adapters/ticket-store.ts';
import { alertOutbox, verdictHistory } from '../../shared/adapters/verdict-history.ts';
import { tenantId } from '../../shared/contracts/ids.ts';
import { pageQuery } from '../../shared/contracts/page.ts';
import type { CredentialChange } from '../../shared/domain/alert.ts';
import { verdictChangeOf } from '../../shared/domain/alert.ts';
import { tellOfChange } from '../../shared/domain/tell-of-change.ts';
import { newTicket } from '../../shared/domain/work.ts';
import { credentialRecordOf, ids, notificationsRecordOf } from '../support/records.ts';
import { dynamoDbOf, makeTable } from './support/engines.ts';
import { rowsOf } from './support/rows.ts';

const client = dynamoDbOf('ministack');
const now = () => new Date();
const consoleUrl = 'https://switchboard.example/console';
const well = credentialRecordOf();
const badFor = (code: string) =>
  credentialRecordOf({
    finding: {
      status: 'degraded',
      reason: { code, title: code, detail: code, guidance: code, since: '2026-11-22T10:00:00.000Z' },
    },
  });

let table: string;
beforeEach(async () => {
  table = await makeTable('ministack');
});
const tell = (change: Partial<CredentialChange> & Pick<CredentialChange, 'after'>) =>
  tellOfChange(
    { before: well, at: now(), sequence: '1', ...change },
    { outbox: alertOutbox(client, table), consoleUrl, now },
  );
const openTickets = () => ticketStore(client, table).due(new Date(Date.now() + 24 * 60 * 60 * 1000), 100);

test('a change and its ticket are written once, however often the change is heard of', async () => {
  const change = { after: badFor('quality-low'), at: now() };
  expect(await tell(change)).toHaveLength(1);
  expect(await tell(change)).toEqual([]);
  expect(await openTickets()).toMatchObject([{ work: { kind: 'publish-alert', alert: { code: 'quality-low' } } }]);
  // Also when the alert has been told meanwhile.
  for (const { id } of await openTickets()) await ticketStore(client, table).close(id);
  expect(await tell(change)).toEqual([]);
  expect(await openTickets()).toEqual([]);
});

test('a notice without a line in the history is told once, too', async () => {
  const expiryNotice = { expiresAt: '2026-12-06T10:00:00.000Z', days: 14 } as const;
  const change = { after: { ...well, expiryNotice }, at: now() };
  expect(await tell(change)).toHaveLength(1);
  expect(await tell(change)).toEqual([]);
  expect((await verdictHistory(client, table).list(ids.tenant, ids.credential, 10)).items).toEqual([]);
});

describe('the history', () => {
  const codes = ['a', 'b', 'c', 'd', 'e'];
  beforeEach(async () => {
    let before = well;
    for (const [index, code] of codes.entries()) {
      const after = badFor(code);
      await tell({ before, after, at: new Date(Date.now() + (index >> 1) * 1_000), sequence: `10${index}` });
      before = after;
    }
  });

  test('has the newest first, page by page, by cursors that the API takes', async () => {
    const found: (string | undefined)[] = [];
    let cursor: string | undefined;
    do {
      const page = await verdictHistory(client, table).list(ids.tenant, ids.credential, 2, cursor);
      found.push(...page.items.map(({ to }) => to.reason?.code));
      cursor = page.nextCursor === null ? undefined : pageQuery.parse({ cursor: page.nextCursor }).cursor;
    } while (cursor !== undefined);
    expect(found).toEqual(codes.toReversed());
  });

  test.each([
    ['another tenant', tenantId.parse('globex'), ids.credential],
    ['another credential', ids.tenant, ids.otherCredential],
  ])('has nothing for %s', async (_whose, tenant, credential) => {
    expect(await verdictHistory(client, table).list(tenant, credential, 10)).toEqual({ items: [], nextCursor: null });
  });

  test('goes nowhere else by a cursor that somebody has made', async () => {
    const cursor = Buffer.from('../TENANT#globex').toString('base64url');
    const page = await verdictHistory(client, table).list(tenantId.parse('globex'), ids.credential, 10, cursor);
    expect(page.items).toEqual([]);
  });

  test('has nothing that is older than 90 days, also while the table has not forgotten it', async () => {
    const at = new Date(Date.now() - 91 * 24 * 60 * 60 * 1000);
    await tell({ before: undefined, after: badFor('old'), at, sequence: '9' });
    const { items } = await verdictHistory(client, table).list(ids.tenant, ids.credential, 10);
    expect(items.map(({ to }) => to.reason?.code)).not.toContain('old');
    expect(verdictChangeOf({ before: undefined, after: badFor('old'), at, sequence: '9' })).toBeDefined();
  });
});

describe('where alerts go', () => {
  let auditTable: string;
  beforeEach(async () => {
    auditTable = await makeTable('ministack');
  });
  const changes = () =>
    notificationStore(
      client,
      table,
      auditLog(client, auditTable, () => ({ kind: 'user', id: 'ada', requestId: 'r-1' })).put,
    );
  const ticket = () => newTicket({ kind: 'subscribe', tenantId: ids.tenant }, now());
  const save = (version: number, known: number) => changes().save(notificationsRecordOf({ version }), known, ticket());
  const found = () => changes().find(ids.tenant);

  test('is changed with a ticket, from the version that was read', async () => {
    expect(await found()).toBeUndefined();
    expect(await save(1, 0)).toBe(true);
    expect(await save(2, 1)).toBe(true);
    expect(await found()).toEqual(notificationsRecordOf({ version: 2 }));
    expect(await openTickets()).toHaveLength(2);
  });

  test('leaves a line about each change in the audit of the tenant, and of none that did not take place', async () => {
    await save(1, 0);
    await save(2, 1);
    await save(2, 1);
    const lines = await rowsOf('ministack', auditTable);
    expect(lines).toMatchObject(
      [1, 2].map(() => ({ pk: `${ids.tenant}#notifications`, action: 'update', actor: 'ada' })),
    );
  });

  test('is not changed from another version, and no ticket is left', async () => {
    await save(1, 0);
    for (const known of [0, 2, 7]) expect(await save(known + 1, known)).toBe(false);
    expect(await found()).toEqual(notificationsRecordOf({ version: 1 }));
    expect(await openTickets()).toHaveLength(1);
  });

  test('is not taken for unchanged where it was removed meanwhile', async () => {
    await save(1, 0);
    const Key = { pk: `TOLD#${ids.tenant}`, sk: 'NOTIFICATIONS' };
    await client.send(new DeleteCommand({ TableName: table, Key }));
    expect(await save(2, 1)).toBe(false);
  });
});
