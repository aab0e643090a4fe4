import { describe, expect, test, vi } from 'vitest';
import { type ListAccessesPorts, listAccesses } from '../../../functions/credentials/list-accesses.ts';
import type { AuditPage } from '../../../shared/adapters/audit-reader.ts';
import type { AuditItem } from '../../../shared/contracts/audit.ts';
import { tenantId } from '../../../shared/contracts/ids.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { credentialRecordOf, ids } from '../../support/records.ts';

const line: AuditItem = {
  id: '01J0000000000000000000000A',
  at: '2026-11-22T10:00:00.000Z',
  action: 'open',
  phase: 'attempt',
  actor: { kind: 'function', id: 'RouteEvent' },
  requestId: 'request-1',
};
const caller = { tenantId: ids.tenant, subject: 'ada' };
const stranger = { tenantId: tenantId.parse('other'), subject: 'eve' };

/** The lines and the credential of one tenant. */
const ports = (page: Partial<AuditPage>, credential = credentialRecordOf()) => {
  const none = { items: [], nextCursor: null, unreadable: 0 };
  const list = vi.fn<ListAccessesPorts['accesses']['list']>((subject) =>
    Promise.resolve(subject.tenantId === ids.tenant ? { ...none, ...page } : none),
  );
  const find: ListAccessesPorts['credentials']['find'] = (tenant, id) =>
    Promise.resolve(tenant === credential.tenantId && id === credential.credentialId ? credential : undefined);
  return { accesses: { list }, credentials: { find }, journal: recordingJournal() };
};

test('the lines of a credential are looked up under the tenant of the caller', async () => {
  const given = ports({ items: [line], nextCursor: 'next' });
  const page = { limit: 5, cursor: 'before' };
  expect(await listAccesses(caller, ids.credential, page, given)).toEqual({
    kind: 'ok',
    body: { items: [line], nextCursor: 'next' },
  });
  expect(given.accesses.list).toHaveBeenCalledWith({ tenantId: 'acme', subjectId: ids.credential }, page);
});

test('a credential without any line has an empty list', async () => {
  expect(await listAccesses(caller, ids.credential, { limit: 5 }, ports({}))).toMatchObject({ body: { items: [] } });
});

test('a credential that was removed keeps its list', async () => {
  const removed = ports({ items: [line] }, credentialRecordOf({ credentialId: ids.otherCredential }));
  expect(await listAccesses(caller, ids.credential, { limit: 5 }, removed)).toMatchObject({ body: { items: [line] } });
});

test('rows that cannot be read are reported to the operator by their number, and hide no credential', async () => {
  const broken = ports({ unreadable: 2 }, credentialRecordOf({ credentialId: ids.otherCredential }));
  expect(await listAccesses(caller, ids.credential, { limit: 5 }, broken)).toMatchObject({ kind: 'ok' });
  expect(broken.journal.lines).toEqual([
    {
      level: 'error',
      event: 'audit-unreadable',
      fields: { tenantId: 'acme', credentialId: ids.credential, count: 2 },
    },
  ]);
});

describe('there is no list', () => {
  test('for another tenant, however many lines there are', async () => {
    const answer = await listAccesses(stranger, ids.credential, { limit: 5 }, ports({ items: [line] }));
    expect(answer).toMatchObject({ refused: 'not-found' });
  });

  test('of what never was', async () => {
    expect(await listAccesses(caller, ids.otherCredential, { limit: 5 }, ports({}))).toMatchObject({
      refused: 'not-found',
    });
  });
});
