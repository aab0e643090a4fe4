import { describe, expect, test } from 'vitest';
import { type EraseCustomerPorts, eraseCustomer } from '../../../functions/customers/erase-customer.ts';
import type { Customer } from '../../../shared/contracts/agent-event.ts';
import { type ConversationId, tenantId } from '../../../shared/contracts/ids.ts';
import { newConversation } from '../../../shared/domain/conversation.ts';
import { conversationIdOf, customerKeyOf } from '../../../shared/domain/event-identity.ts';
import type { ConversationRecord, CredentialRecord } from '../../../shared/domain/records.ts';
import { credentialRecordOf, ids } from '../../support/records.ts';

const now = new Date('2026-11-22T10:00:00.000Z');
const salt = Buffer.alloc(32, 7);
const nobody: Customer = { waId: null, userId: null, groupId: null, name: null };
const idOf = (customer: Partial<Customer>, number = ids.number, tenant = ids.tenant) =>
  conversationIdOf(tenant, number, customerKeyOf(salt, { ...nobody, ...customer }));

const world = (...records: readonly ConversationRecord[]) => {
  const known = new Map(records.map((record) => [record.conversationId, record]));
  const erased: { readonly id: ConversationId; readonly before: ConversationRecord | undefined }[] = [];
  const pages: CredentialRecord[][] = [[credentialRecordOf()]];
  const ports: EraseCustomerPorts = {
    credentials: {
      list: (_tenant, _limit, cursor) => {
        const page = Number(cursor ?? 0);
        return Promise.resolve({
          items: pages[page] ?? [],
          nextCursor: page + 1 < pages.length ? String(page + 1) : null,
        });
      },
    },
    webhooks: { tenantSalt: () => Promise.resolve(salt) },
    conversations: {
      known: (wanted) => Promise.resolve(wanted.flatMap((id) => known.get(id) ?? [])),
      erase: (key, before, at) => {
        expect(key.tenantId).toBe(ids.tenant);
        expect(at).toBe(now);
        erased.push({ id: key.conversationId, before });
        return Promise.resolve({ wasKnown: before !== undefined, events: before?.heldCount ?? 0 });
      },
    },
    now: () => now,
  };
  const erase = async (id: string, tenant = ids.tenant) => {
    const answer = await eraseCustomer({ tenantId: tenant, subject: 'ada' }, id, ports);
    return answer.kind === 'ok' ? (answer.body as { erased: object }).erased : answer;
  };
  return { erase, erased, pages, erasedIds: () => erased.map(({ id }) => id).sort() };
};

const record = (id: ConversationId, change: Partial<ConversationRecord> = {}) => ({
  ...newConversation({ tenantId: ids.tenant, phoneNumberId: ids.number, conversationId: id }, now),
  ...change,
});

describe('a customer is erased', () => {
  test.each(['491511', '+491511', '+49 15 11', '0049 1511', '(49) 15-11', '49.1511'])(
    'by phone number, written as %s',
    async (text) => {
      const it = world(record(idOf({ waId: '491511' }), { heldCount: 3 }));
      expect(await it.erase(text)).toEqual({ conversations: 1, heldEvents: 3 });
      expect(it.erasedIds()).toContain(idOf({ waId: '491511' }));
    },
  );

  test('by user id and by group id, whatever they look like', async () => {
    for (const id of ['DE.13491208655302741918', '491511', 'Ünïcode / # ?']) {
      const it = world();
      expect(await it.erase(id)).toEqual({ conversations: 0, heldEvents: 0 });
      expect(it.erasedIds()).toEqual(expect.arrayContaining([idOf({ userId: id }), idOf({ groupId: id })]));
    }
  });

  test('on all numbers of all credentials, page by page', async () => {
    const it = world();
    const { phoneNumbers } = credentialRecordOf();
    it.pages.splice(0, 1, [credentialRecordOf({ phoneNumbers: phoneNumbers.slice(0, 1) })], [credentialRecordOf()]);
    await it.erase('491511');
    expect(it.erasedIds()).toEqual(
      [ids.number, ids.otherNumber]
        .flatMap((number) =>
          [{ waId: '491511' }, { userId: '491511' }, { groupId: '491511' }].map((who) => idOf(who, number)),
        )
        .sort(),
    );
  });

  test('under every name that theirs is joined to, each once, as it was read', async () => {
    const asNumber = idOf({ waId: '491511' });
    const [asUser, asFormerUser] = [idOf({ userId: 'DE.1' }), idOf({ userId: 'DE.0' })];
    const joined = record(asNumber, { joinedTo: asUser });
    const it = world(joined, record(asUser, { joinedTo: asFormerUser }), record(asFormerUser, { heldCount: 2 }));
    expect(await it.erase('491511')).toMatchObject({ heldEvents: 2 });
    for (const id of [asNumber, asUser, asFormerUser])
      expect(it.erasedIds().filter((one) => one === id)).toHaveLength(1);
    expect(it.erased.find(({ id }) => id === asNumber)?.before).toBe(joined);
  });

  test('by user id under the number that is joined to it, and not under one that has passed on', async () => {
    const [asUser, asNumber, ofOther] = [idOf({ userId: 'DE.1' }), idOf({ waId: '491511' }), idOf({ waId: '491522' })];
    const user = (joinedBy: ConversationId) => record(asUser, { joinedBy });
    const own = world(user(asNumber), record(asNumber, { joinedTo: asUser }));
    await own.erase('DE.1');
    expect(own.erasedIds()).toEqual(expect.arrayContaining([asUser, asNumber]));
    const passedOn = world(user(ofOther), record(ofOther, { joinedTo: idOf({ userId: 'DE.2' }) }));
    await passedOn.erase('DE.1');
    expect(passedOn.erasedIds()).toContain(asUser);
    expect(passedOn.erasedIds()).not.toContain(ofOther);
  });

  test('also when nobody has heard of them: what is queued must not be dispatched', async () => {
    const it = world();
    expect(await it.erase('491511')).toEqual({ conversations: 0, heldEvents: 0 });
    expect(it.erased.length).toBe(2 * 3);
    expect(it.erased.every(({ before }) => before === undefined)).toBe(true);
  });

  test('by nobody who has no number', async () => {
    const it = world();
    it.pages.splice(0, 1, []);
    expect(await it.erase('491511')).toEqual({ conversations: 0, heldEvents: 0 });
    expect(it.erased).toEqual([]);
  });

  test('and never a neighbour’s: names are hashed with the tenant', () => {
    expect(idOf({ waId: '491511' }, ids.number, tenantId.parse('globex'))).not.toBe(idOf({ waId: '491511' }));
  });
});
