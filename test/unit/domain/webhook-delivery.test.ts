import { describe, expect, test } from 'vitest';
import { eventId, tenantId } from '../../../shared/contracts/ids.ts';
import { conversationIdOf, customerKeyOf, eventIdOf } from '../../../shared/domain/event-identity.ts';
import { parseDelivery } from '../../../shared/domain/webhook-delivery.ts';

const parse = (value: object, field = 'messages', entry: object = {}) => {
  const body = { object: 'whatsapp_business_account', entry: [{ id: '20001', ...entry, changes: [{ field, value }] }] };
  const events = parseDelivery(Buffer.from(JSON.stringify(body)));
  if (events === undefined) throw new Error('not a delivery');
  return events;
};
const metadata = { phone_number_id: '30001', display_phone_number: '15550100' };
const acme = tenantId.parse('acme');

describe('a delivery', () => {
  test('yields every item of every change of every entry', () => {
    const change = (id: string) => ({
      field: 'messages',
      value: { metadata, messages: [{ id, from: '1' }, { id: `${id}b` }] },
    });
    const body = {
      entry: [
        { id: '1', changes: [change('a'), change('b')] },
        { id: '2', changes: [change('c')] },
      ],
    };
    const events = parseDelivery(Buffer.from(JSON.stringify(body))) ?? [];
    expect(events.map(({ metaId }) => metaId)).toEqual(['a', 'ab', 'b', 'bb', 'c', 'cb']);
    expect(events.map(({ wabaId }) => wabaId)).toEqual(['1', '1', '1', '1', '2', '2']);
  });

  test.each([
    ['a message', { metadata, messages: [{ id: 'm' }] }, 'messages', 'message'],
    ['a status', { metadata, statuses: [{ id: 'm', status: 'sent' }] }, 'messages', 'status'],
    ['a call', { metadata, calls: [{ id: 'c', event: 'connect' }] }, 'calls', 'call'],
    ['the status of a call', { metadata, statuses: [{ id: 'c', status: 'RINGING', type: 'call' }] }, 'calls', 'call'],
    ['a human’s answer', { metadata, message_echoes: [{ id: 'e', to: '1' }] }, 'smb_message_echoes', 'echo'],
    ['an error without a message', { metadata, errors: [{ code: 131000 }] }, 'messages', 'account'],
    ['history', { history: [{}] }, 'history', 'history'],
    ['an account notice', { event: 'DISABLED_UPDATE' }, 'account_update', 'account'],
    ['a field that nobody knows yet', { anything: [1] }, 'brand_new_field', 'account'],
    ['a messages change without any list', { metadata }, 'messages', 'account'],
  ])('recognises %s', (_what, value, field, kind) => {
    expect(parse(value, field).map((event) => event.kind)).toEqual([kind]);
  });

  test.each([
    ['nothing at all', { messages: [{ id: 'm' }] }, { waId: null, userId: null, groupId: null, name: null }],
    [
      'a username user',
      { messages: [{ id: 'm', from_user_id: 'US.1' }], contacts: [{ user_id: 'US.1', profile: { username: 'ada' } }] },
      { waId: null, userId: 'US.1', groupId: null, name: null },
    ],
    [
      'a contact without profile',
      { messages: [{ id: 'm', from: '49' }], contacts: [{ wa_id: '49', user_id: 'DE.1' }] },
      { waId: '49', userId: 'DE.1', groupId: null, name: null },
    ],
    [
      'a national prefix that differs',
      { messages: [{ id: 'm', from: '5491' }], contacts: [{ wa_id: '541', profile: { name: 'Ada' } }] },
      { waId: '5491', userId: null, groupId: null, name: 'Ada' },
    ],
    [
      'a group',
      { messages: [{ id: 'm', from: '49', group_id: 'g1' }] },
      { waId: '49', userId: null, groupId: 'g1', name: null },
    ],
    [
      'two contacts',
      {
        messages: [{ id: 'm', from: '2' }],
        contacts: [
          { wa_id: '1', profile: { name: 'A' } },
          { wa_id: '2', profile: { name: 'B' } },
        ],
      },
      { waId: '2', userId: null, groupId: null, name: 'B' },
    ],
  ])('knows the customer of a message with %s', (_what, value, customer) => {
    expect(parse({ metadata, ...value })[0]?.customer).toEqual(customer);
  });

  test('of a failed status without contacts is whole', () => {
    const [status] = parse({
      metadata,
      statuses: [{ id: 'm', status: 'failed', recipient_user_id: 'US.1', errors: [{ code: 131026 }] }],
    });
    expect(status).toMatchObject({ kind: 'status', metaId: 'm:failed', customer: { userId: 'US.1' } });
  });

  test.each([
    [{ entry: [{ id: '1', changes: [null, 5, 'x'] }] }],
    [{ entry: [{ id: '1', changes: 'none' }] }],
    [{ entry: [{ id: 7, changes: [] }] }],
  ])('of odd parts is tolerated: %j', (body) => {
    expect(parseDelivery(Buffer.from(JSON.stringify(body)))).toBeDefined();
  });

  test('keeps Meta’s object as it came', () => {
    const odd = { id: 'm', type: 'from-the-future', nested: { deep: [1, { two: 2 }] } };
    expect(parse({ metadata, messages: [odd] })[0]?.value).toEqual(odd);
  });
});

describe('the id of an event', () => {
  const idOf = (value: object, entry: object = {}, tenant = acme) => {
    const [event] = parse({ metadata, ...value }, 'messages', entry);
    if (event === undefined) throw new Error('no event');
    return eventIdOf(tenant, event);
  };

  test('is pinned: claims of older releases are still found', () => {
    expect(idOf({ messages: [{ id: 'wamid.1' }] })).toBe('evt_qmw1tR7RHXd1qjp-OdFlr2C6zS7vd_z1L3RKujE6dfk');
  });

  test('has its form', () => {
    expect(eventId.safeParse(idOf({ messages: [{ id: 'wamid.1' }] })).success).toBe(true);
  });

  test('is the same for a repeated delivery with another entry time', () => {
    expect(idOf({ messages: [{ id: 'wamid.1' }] }, { time: 1 })).toBe(
      idOf({ messages: [{ id: 'wamid.1', x: 1 }] }, { time: 2 }),
    );
  });

  test('differs between tenants, numbers, kinds and states of a message', () => {
    const all = [
      idOf({ messages: [{ id: 'wamid.1' }] }),
      idOf({ messages: [{ id: 'wamid.1' }] }, {}, tenantId.parse('globex')),
      idOf({ metadata: { phone_number_id: '30002' }, messages: [{ id: 'wamid.1' }] }),
      idOf({ statuses: [{ id: 'wamid.1', status: 'sent' }] }),
      idOf({ statuses: [{ id: 'wamid.1', status: 'delivered' }] }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  test('of an event without an id of Meta’s is made of its value, whatever the order of its keys, and its time', () => {
    const [ab, ba, other] = [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
      { a: 1, b: 3 },
    ].map((error) => idOf({ errors: [error] }, { time: 1 }));
    expect(ab).toBe(ba);
    expect(ab).not.toBe(other);
    expect(idOf({ errors: [{ a: 1, b: 2 }] }, { time: 2 })).not.toBe(ab);
  });
});

describe('the key of a customer', () => {
  const salt = Buffer.from('salt');
  const customer = { waId: '491511', userId: null, groupId: null, name: null };

  test('is the user id’s where there is one, else the WhatsApp id’s', () => {
    expect(customerKeyOf(salt, { ...customer, userId: 'DE.1' })).toBe(
      customerKeyOf(salt, { ...customer, waId: null, userId: 'DE.1' }),
    );
    expect(customerKeyOf(salt, customer)).not.toBe(customerKeyOf(salt, { ...customer, userId: 'DE.1' }));
  });

  test('takes a user id that looks like a phone number for a user id', () => {
    expect(customerKeyOf(salt, customer)).not.toBe(customerKeyOf(salt, { ...customer, waId: null, userId: '491511' }));
  });

  test('of a group is the group’s, whoever writes', () => {
    const inGroup = { ...customer, groupId: 'g' };
    expect(customerKeyOf(salt, inGroup)).toBe(customerKeyOf(salt, { ...inGroup, waId: '492' }));
  });

  test('differs under another tenant’s salt', () => {
    expect(customerKeyOf(salt, customer)).not.toBe(customerKeyOf(Buffer.from('other'), customer));
  });

  test('yields a conversation of its own on each number', () => {
    const key = customerKeyOf(salt, customer);
    expect(conversationIdOf(acme, '1', key)).not.toBe(conversationIdOf(acme, '2', key));
  });
});
