import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventId, tenantId } from '../../../shared/contracts/ids.ts';
import { conversationIdOf, conversationOf, customerKeyOf, eventIdOf } from '../../../shared/domain/event-identity.ts';
import { parseDelivery } from '../../../shared/domain/webhook-delivery.ts';
import {
  ada,
  bodyOf,
  callStatuses,
  calls,
  changesOfIdentity,
  contact,
  echoes,
  fieldExamples,
  groupId,
  messages,
  messagesChange,
  newAda,
  statuses,
  statusesChange,
} from '../../support/meta-payloads.ts';
import { ids } from '../../support/records.ts';

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
    [
      'names longer than any of Meta’s',
      {
        messages: [{ id: 'm', from: '4'.repeat(1001) }],
        contacts: [{ wa_id: '49', profile: { name: 'A'.repeat(1001) } }],
      },
      { waId: '49', userId: null, groupId: null, name: null },
    ],
    [
      'the longest names that are taken',
      { messages: [{ id: 'm', from: '49' }], contacts: [{ wa_id: '49', profile: { name: 'A'.repeat(1000) } }] },
      { waId: '49', userId: null, groupId: null, name: 'A'.repeat(1000) },
    ],
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

  test('of some odd entries keeps the others', () => {
    const message = { field: 'messages', value: { metadata, messages: [{ id: 'm' }] } };
    const body = { entry: [null, 'x', [], { id: '1', changes: [message, null] }] };
    expect(parseDelivery(Buffer.from(JSON.stringify(body)))?.map(({ metaId }) => metaId)).toEqual(['m']);
  });

  test('of some odd items keeps the others, and tells of the odd ones', () => {
    const events = parse({ metadata, messages: [{ id: 'a' }, null, 'x', { id: 'b' }] });
    expect(events.map(({ kind }) => kind)).toEqual(['message', 'account', 'account', 'message']);
    expect(events.map(({ value }) => value)).toEqual([
      { id: 'a' },
      { messages: [null] },
      { messages: ['x'] },
      { id: 'b' },
    ]);
  });

  test('tells of a list that nobody knows yet, also beside those that we know', () => {
    const events = parse({
      metadata,
      contacts: [{ wa_id: '1' }],
      messages: [{ id: 'a' }],
      payments: [{ id: 'p' }, { id: 'q' }],
    });
    expect(events.map(({ kind, value }) => [kind, value])).toEqual([
      ['message', { id: 'a' }],
      ['account', { payments: [{ id: 'p' }] }],
      ['account', { payments: [{ id: 'q' }] }],
    ]);
  });

  test.each(['text', 5, null, ['x'], undefined])('of a change whose value is %j tells of it', (value) => {
    expect(parse(value as unknown as object)).toMatchObject([{ kind: 'account', value: { value } }]);
  });

  test('takes what is empty for absent', () => {
    const [event] = parse({ metadata, messages: [{ id: '', from: '', from_user_id: '' }] }, 'messages', {
      id: '',
      time: '',
    });
    expect(event).toMatchObject({ metaId: null, wabaId: '', entryTime: null, customer: { waId: null, userId: null } });
  });

  test('keeps Meta’s object as it came', () => {
    const odd = { id: 'm', type: 'from-the-future', nested: { deep: [1, { two: 2 }] } };
    expect(parse({ metadata, messages: [odd] })[0]?.value).toEqual(odd);
  });
});

describe('every type of the reference', () => {
  const one = (change: Parameters<typeof bodyOf>[0][number]) => {
    const events = parseDelivery(Buffer.from(JSON.stringify(bodyOf([change])))) ?? [];
    expect(events).toHaveLength(1);
    return events[0];
  };
  const wholeAda = { waId: ada.waId, userId: ada.userId, groupId: null, name: ada.name };

  test.each(Object.entries(messages))('message: %s', (_name, message) => {
    expect(one(messagesChange([message]))).toEqual({
      kind: 'message',
      wabaId: ids.waba,
      field: 'messages',
      phoneNumberId: ids.number,
      displayPhoneNumber: null,
      metaId: message.id,
      entryTime: '1795341600',
      customer: wholeAda,
      formerCustomer: null,
      value: message,
    });
  });

  test.each(Object.entries(statuses))('status: %s', (_name, status) => {
    const isOfGroup = status.recipient_type === 'group';
    expect(one(statusesChange([status]))).toMatchObject({
      kind: 'status',
      metaId: isOfGroup ? `${status.id}:read:${ada.userId}` : `${status.id}:${status.status}`,
      customer: {
        waId: isOfGroup ? ada.waId : (status.recipient_id ?? null),
        userId: ada.userId,
        groupId: isOfGroup ? groupId : null,
      },
      value: JSON.parse(JSON.stringify(status)),
    });
  });

  test.each([...Object.entries(calls), ...Object.entries(callStatuses)])('call: %s', (_name, call) => {
    const list = 'event' in call ? 'calls' : 'statuses';
    const value = { metadata, [list]: [call] };
    expect(one({ field: 'calls', value })).toMatchObject({
      kind: 'call',
      metaId: `${call.id}:${call.event ?? call.status}`,
      customer: { waId: ada.waId },
    });
  });

  test.each(Object.entries(echoes))('echo: %s', (_name, echo) => {
    const event = one({ field: 'smb_message_echoes', value: { metadata, message_echoes: [echo] } });
    expect(event).toMatchObject({ kind: 'echo', metaId: echo.id, customer: { waId: ada.waId, userId: ada.userId } });
  });

  test.each(fieldExamples)('field: $title', ({ field, value, kinds, names, entryId }) => {
    const events = parseDelivery(Buffer.from(JSON.stringify(bodyOf([{ field, value }], entryId)))) ?? [];
    expect(events.map(({ kind }) => kind).sort()).toEqual([...kinds].sort());
    for (const event of events)
      expect(event).toMatchObject({
        field,
        wabaId: ids.waba,
        phoneNumberId: names === 'id' ? ids.number : null,
        displayPhoneNumber: names === 'display' ? '15550100' : null,
      });
  });

  test.each(Object.entries(changesOfIdentity))('%s is of who it is now, and says who it was', (type, message) => {
    const event = one(messagesChange([message], []));
    const isOld = type === 'customer_changed_number';
    expect(event).toMatchObject({
      kind: 'message',
      customer: {
        waId: type === 'user_changed_user_id' ? null : newAda.waId,
        userId: isOld ? null : newAda.userId,
      },
      formerCustomer: { waId: ada.waId, userId: isOld ? null : ada.userId },
    });
  });

  test('user_id_update is of who it is now, and says who it was', () => {
    const example = fieldExamples.find(({ field }) => field === 'user_id_update');
    expect(one({ field: 'user_id_update', value: example?.value ?? {} })).toMatchObject({
      customer: { waId: ada.waId, userId: newAda.userId },
      formerCustomer: { waId: null, userId: ada.userId },
    });
  });

  test('what changes nothing of the identity has no former one', () => {
    for (const system of [undefined, 'text', { type: 'user_changed_number' }, { type: 'other', wa_id: newAda.waId }]) {
      const event = one(messagesChange([{ id: 'm', from: ada.waId, type: 'system', system }], []));
      expect(event).toMatchObject({ customer: { waId: ada.waId }, formerCustomer: null });
    }
  });
});

describe('a contact', () => {
  const customerOf = (message: object, ...contacts: readonly object[]) =>
    parse({ metadata, contacts, messages: [{ id: 'm', ...message }] })[0]?.customer;

  test('lends the other form of the identity where one form is exactly the event’s', () => {
    const both = { waId: ada.waId, userId: ada.userId, groupId: null, name: ada.name };
    const other = { wa_id: '1', user_id: 'US.1' };
    for (const contacts of [[contact], [other, contact], [contact, other]]) {
      expect(customerOf({ from: ada.waId }, ...contacts)).toEqual(both);
      expect(customerOf({ from_user_id: ada.userId }, ...contacts)).toEqual(both);
    }
  });

  test('of somebody else lends nothing', () => {
    const stranger = { waId: '1', userId: 'US.1', groupId: null, name: null };
    expect(customerOf({ from: '1', from_user_id: 'US.1' }, contact)).toEqual(stranger);
    expect(customerOf({ from: '1', from_user_id: 'US.1' }, contact, { wa_id: '2' })).toEqual(stranger);
    // One number, another user: it has passed to somebody else.
    expect(customerOf({ from: ada.waId, from_user_id: 'US.1' }, contact)).toMatchObject({ userId: 'US.1', name: null });
  });

  test('that stands alone beside a lone event names it, and adds the number to a user id, never a user id to a number', () => {
    expect(customerOf({ from: '1' }, contact)).toEqual({ waId: '1', userId: null, groupId: null, name: ada.name });
    expect(customerOf({ from_user_id: 'US.1' }, { wa_id: '1', profile: { name: 'Bob' } })).toEqual({
      waId: '1',
      userId: 'US.1',
      groupId: null,
      name: 'Bob',
    });
    expect(customerOf({}, contact)).toMatchObject({ waId: ada.waId, userId: ada.userId });
  });

  test('that stands alone beside several events is nobody’s unless it fits', () => {
    const events = parse({
      metadata,
      contacts: [contact],
      messages: [
        { id: 'a', from: '1' },
        { id: 'b', from: ada.waId },
      ],
    });
    expect(events.map(({ customer }) => customer.name)).toEqual([null, ada.name]);
  });
});

describe('whatever a body holds', () => {
  const names = [
    'entry',
    'changes',
    'value',
    'field',
    'id',
    'time',
    'messages',
    'statuses',
    'contacts',
    'metadata',
    '__proto__',
  ];
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom(null, true, '', 'x', 0, -1.5, '49', 'messages'),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom(...names), tie('tree'), { maxKeys: 6 }),
    ),
  }));

  test('reading it never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          tree,
          fc.json().map((text) => JSON.parse(text) as unknown),
        ),
        (body) => {
          for (const json of [
            body,
            { entry: body },
            { entry: [{ changes: body }] },
            { entry: [{ changes: [{ value: body }] }] },
          ])
            parseDelivery(Buffer.from(JSON.stringify(json) ?? ''));
        },
      ),
      { numRuns: 400 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void parseDelivery(bytes)));
  });

  test('no item of a list is lost', () => {
    const known = [
      'messages',
      'statuses',
      'message_echoes',
      'calls',
      'errors',
      'groups',
      'user_preferences',
      'state_sync',
    ];
    const value = fc.dictionary(fc.constantFrom(...known, 'contacts', 'unknown'), fc.array(tree, { maxLength: 4 }));
    const field = fc.constantFrom('messages', 'calls', 'account_update', 'new');
    fc.assert(
      fc.property(fc.array(fc.record({ value, field }), { maxLength: 5 }), (changes) => {
        const events = parseDelivery(Buffer.from(JSON.stringify({ entry: [{ id: '1', changes }] }))) ?? [];
        const items = changes.flatMap((change) =>
          Object.entries(JSON.parse(JSON.stringify(change.value)) as Record<string, unknown[]>).flatMap(
            ([name, list]) => (name === 'contacts' ? [] : list),
          ),
        );
        const told = JSON.stringify(events.map((event) => event.value));
        for (const item of items) expect(told).toContain(JSON.stringify(item));
        expect(events.length).toBeGreaterThanOrEqual(changes.length);
      }),
      { numRuns: 200 },
    );
  });

  test('what is nested as deep as a body allows is read', () => {
    const deep = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`;
    expect(
      parseDelivery(Buffer.from(`{"entry":[{"changes":[{"value":{"messages":[{"id":"m"}],"x":{"deep":${deep}}}}]}]}`)),
    ).toHaveLength(1);
  });
});

describe('the conversation of an event', () => {
  const salt = Buffer.from('salt');
  const of = (customer: object, formerCustomer: object | null = null) => {
    const whole = { waId: null, userId: null, groupId: null, name: null };
    return conversationOf(acme, '30001', salt, {
      customer: { ...whole, ...customer },
      formerCustomer: formerCustomer && { ...whole, ...formerCustomer },
    });
  };

  test('has another name where the customer has two', () => {
    expect(of({ waId: '1', userId: 'US.1' })).toEqual({
      conversationId: of({ userId: 'US.1' }).conversationId,
      alsoKnownAs: of({ waId: '1' }).conversationId,
    });
  });

  test('has the former name of a customer who has changed, whatever else it is called', () => {
    expect(of({ waId: '2', userId: 'US.2' }, { waId: '1', userId: 'US.1' })).toEqual({
      conversationId: of({ userId: 'US.2' }).conversationId,
      alsoKnownAs: of({ userId: 'US.1' }).conversationId,
    });
  });

  test('of who has changed nothing after all has the name of the number', () => {
    const same = { waId: '1', userId: 'US.1' };
    expect(of(same, same)).toEqual(of(same));
  });

  test.each([[{ waId: '1' }], [{ userId: 'US.1' }], [{ waId: '1', userId: 'US.1', groupId: 'g' }], [{}]])(
    'has one name where there is but one: %j',
    (customer) => {
      expect(of(customer).alsoKnownAs).toBeNull();
    },
  );
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

  test('differs between participants of a group who have read one message', () => {
    const status = { id: 'wamid.1', status: 'read', recipient_type: 'group', recipient_id: 'g' };
    const of = (participant: object) => idOf({ statuses: [{ ...status, ...participant }] });
    const all = [of({ recipient_participant_id: '1' }), of({ recipient_participant_id: '2' }), of({})];
    expect(new Set(all).size).toBe(3);
    expect(of({ recipient_participant_user_id: 'US.1', recipient_participant_id: '1' })).toBe(
      of({ recipient_participant_user_id: 'US.1' }),
    );
  });

  test('of an error differs between the messages that it stands beside', () => {
    const idsOf = (id: string) =>
      parse({ metadata, messages: [{ id }], errors: [{ code: 131000 }] }).map((event) => eventIdOf(acme, event));
    expect(new Set([...idsOf('wamid.1'), ...idsOf('wamid.2')]).size).toBe(4);
  });

  test('of an event without an id of Meta’s differs between fields', () => {
    const of = (field: string) => parse({ decision: 'APPROVED' }, field).map((event) => eventIdOf(acme, event));
    expect(of('account_review_update')).not.toEqual(of('phone_number_name_update'));
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
