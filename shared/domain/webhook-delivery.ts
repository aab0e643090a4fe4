import type { Customer } from '../contracts/agent-event.ts';
import type { EventKind } from '../contracts/queued-events.ts';
import { isJsonObject, type JsonObject, jsonOf } from './json.ts';

/** One thing that Meta reports: a message, a status, a notice. Unknown fields and types are reports too, never errors. */
export interface ReportedEvent {
  /** `history` is what was said before the account was connected: never dispatched. */
  readonly kind: Exclude<EventKind, 'failure'> | 'history';
  /** The WhatsApp Business Account that it is about. */
  readonly wabaId: string;
  readonly field: string;
  readonly phoneNumberId: string | null;
  /** The number in digits, where no id names it. */
  readonly displayPhoneNumber: string | null;
  /** Meta's own id of it, null where it has none. */
  readonly metaId: string | null;
  readonly entryTime: string | null;
  readonly customer: Customer;
  /** Who the customer was before, where the event says that this has changed. */
  readonly formerCustomer: Customer | null;
  readonly value: JsonObject;
}

/**
 * Everything that a delivery reports, in its order; undefined for a body that is not even of the form of one. What an event is and whom it
 * concerns is read off the event itself, so that it does not depend on what Meta happened to put beside it: a repeat may be cut otherwise.
 * Why no schemas: they cost several times as much as JSON.parse, and one odd item would take the others along.
 */
export const parseDelivery = (rawBody: Uint8Array): readonly ReportedEvent[] | undefined => {
  const body = jsonOf(rawBody);
  if (!isJsonObject(body) || !Array.isArray(body.entry)) return undefined;
  const entries: readonly unknown[] = body.entry;
  if (entries.length > 0 && !entries.some(isJsonObject)) return undefined;
  const events: ReportedEvent[] = [];
  for (const entry of entries) {
    if (!isJsonObject(entry)) continue;
    for (const change of listOf(entry.changes)) if (isJsonObject(change)) reportChange(entry, change, events);
  }
  return events;
};

const noItems: readonly unknown[] = [];
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : noItems);

/** In UTF-16 units. Meta's longest id is that of a message, some 100; names of people and of fields are shorter. */
const longestText = 1000;

/** Meta writes ids and times as texts or as numbers. An empty text names nothing, and a longer one than any of Meta's neither. */
const text = (value: unknown): string | null =>
  typeof value === 'string'
    ? value === '' || value.length > longestText
      ? null
      : value
    : typeof value === 'number'
      ? String(value)
      : null;

const digits = (value: unknown): string | null => text(text(value)?.replace(/\D/g, ''));

/** What all events of a change have in common. */
type Setting = Pick<ReportedEvent, 'wabaId' | 'field' | 'phoneNumberId' | 'displayPhoneNumber' | 'entryTime'>;

/** What one item of a list is. */
type Reading = Pick<ReportedEvent, 'kind' | 'metaId' | 'customer' | 'formerCustomer'>;

const readingOf = (
  kind: ReportedEvent['kind'],
  metaId: string | null,
  customer: Customer,
  formerCustomer: Customer | null = null,
): Reading => ({ kind, metaId, customer, formerCustomer });

const nobody: Customer = { waId: null, userId: null, groupId: null, name: null };
const notice = readingOf('account', null, nobody);
const noIds: JsonObject = {};

type Reader = (item: JsonObject, field: string, contacts: Contacts) => Reading;

/** Every list that Meta is known to use, with how its items are read. */
const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  [
    'messages',
    (message, _field, contacts) => {
      const customer = customerOf(contacts, message.from, message.from_user_id, message.group_id);
      const changed = message.type === 'system' ? newIdentityOf(message.system, customer) : undefined;
      return changed === undefined
        ? readingOf('message', text(message.id), customer)
        : readingOf('message', text(message.id), changed, customer);
    },
  ],
  [
    'statuses',
    (status, field, contacts) => {
      const kind = field === 'calls' || status.type === 'call' ? 'call' : 'status';
      if (status.recipient_type !== 'group')
        return readingOf(
          kind,
          joined(status.id, status.status),
          customerOf(contacts, status.recipient_id, status.recipient_user_id, undefined),
        );
      // Each participant has a status of its own, under the one id of the message.
      const { recipient_participant_id: waId, recipient_participant_user_id: userId } = status;
      return readingOf(
        kind,
        joined(status.id, status.status, userId ?? waId),
        customerOf(contacts, waId, userId, status.recipient_id),
      );
    },
  ],
  [
    'message_echoes',
    (echo, _field, contacts) =>
      readingOf('echo', text(echo.id), customerOf(contacts, echo.to, echo.to_user_id, echo.group_id)),
  ],
  [
    'calls',
    (call, _field, contacts) =>
      readingOf(
        'call',
        joined(call.id, call.event),
        call.direction === 'BUSINESS_INITIATED'
          ? customerOf(contacts, call.to, call.to_user_id, undefined)
          : customerOf(contacts, call.from, call.from_user_id, undefined),
      ),
  ],
  [
    'user_preferences',
    (preference, _field, contacts) =>
      readingOf('account', null, customerOf(contacts, preference.wa_id, preference.user_id, undefined)),
  ],
  [
    'user_id_update',
    (update, _field, contacts) => {
      const { current, previous } = isJsonObject(update.user_id) ? update.user_id : noIds;
      const former = text(previous);
      return readingOf(
        'account',
        null,
        customerOf(contacts, update.wa_id, current, undefined),
        former === null ? null : { ...nobody, userId: former },
      );
    },
  ],
  ['groups', (group) => readingOf('account', null, { ...nobody, groupId: text(group.group_id) })],
  [
    'errors',
    (error, _field, { value }) => {
      // Beside a message it is about that one, and has no other sign of when it was.
      const [message, ...others] = listOf(value.messages);
      const isOfMessage = isJsonObject(message) && others.length === 0;
      return isOfMessage ? readingOf('account', joined(message.id, error.code), nobody) : notice;
    },
  ],
  ['state_sync', () => notice],
]);

/** Walks every list, the unknown ones too; a value without any item is one report by itself. */
const reportChange = (entry: JsonObject, change: JsonObject, events: ReportedEvent[]): void => {
  const field = text(change.field) ?? '';
  const value = isJsonObject(change.value) ? change.value : { value: change.value };
  const phoneNumberId = phoneNumberIdOf(value);
  const setting: Setting = {
    wabaId: (field === 'account_update' ? clientWabaOf(value) : null) ?? text(entry.id) ?? '',
    field,
    phoneNumberId,
    displayPhoneNumber: phoneNumberId === null ? displayPhoneNumberOf(field, value) : null,
    entryTime: text(entry.time),
  };
  if (field === 'history') {
    events.push(eventOf(setting, readingOf('history', null, nobody), value));
    return;
  }
  const before = events.length;
  const contacts: Contacts = { value, list: listOf(value.contacts) };
  const unknown: string[] = [];
  for (const name of Object.keys(value)) {
    const items = value[name];
    if (name === 'contacts' || !Array.isArray(items)) continue;
    const read = readers.get(name);
    if (read === undefined) unknown.push(name);
    else
      for (const item of items)
        events.push(
          isJsonObject(item) ? eventOf(setting, read(item, field, contacts), item) : odd(setting, name, item),
        );
  }
  if (events.length === before) events.push(eventOf(setting, notice, value));
  else for (const name of unknown) for (const item of listOf(value[name])) events.push(odd(setting, name, item));
};

const eventOf = (setting: Setting, reading: Reading, value: JsonObject): ReportedEvent => ({
  kind: reading.kind,
  wabaId: setting.wabaId,
  field: setting.field,
  phoneNumberId: setting.phoneNumberId,
  displayPhoneNumber: setting.displayPhoneNumber,
  metaId: reading.metaId,
  entryTime: setting.entryTime,
  customer: reading.customer,
  formerCustomer: reading.formerCustomer,
  value,
});

/** An item of a list that we do not know, or that is no object: a notice which says where it stood. */
const odd = (setting: Setting, name: string, item: unknown): ReportedEvent =>
  eventOf(setting, notice, { [name]: [item] });

/** Where a partner hears of a customer's account, `entry.id` is the partner's own portfolio. */
const clientWabaOf = (value: JsonObject): string | null =>
  isJsonObject(value.waba_info) ? text(value.waba_info.waba_id) : null;

const phoneNumberIdOf = (value: JsonObject): string | null => {
  if (isJsonObject(value.metadata)) return text(value.metadata.phone_number_id);
  if (isJsonObject(value.phone_number_settings)) return text(value.phone_number_settings.phone_number_id);
  return value.entity_type === 'PHONE_NUMBER' ? text(value.entity_id) : null;
};

const displayPhoneNumberOf = (field: string, value: JsonObject): string | null =>
  digits(
    (isJsonObject(value.metadata) ? value.metadata.display_phone_number : undefined) ??
      value.display_phone_number ??
      (field === 'account_update' ? value.phone_number : undefined),
  );

/** The contacts that stand beside the items of a change. */
interface Contacts {
  readonly value: JsonObject;
  readonly list: readonly unknown[];
  /** Made when there are several. */
  byIdentity?: { readonly userIds: ReadonlyMap<unknown, JsonObject>; readonly waIds: ReadonlyMap<unknown, JsonObject> };
}

/**
 * `from`, `wa_id`, `contacts`, `profile`: each may be absent (username users, failed statuses, system messages). A contact adds the other
 * form of the identity only when one form is exactly the event's. The lone contact of a lone event adds what can't change the conversation:
 * the name, and to a user id the phone number. A user id only where the event itself names nobody.
 */
const customerOf = (contacts: Contacts, from: unknown, fromUserId: unknown, group: unknown): Customer => {
  const waId = text(from);
  const userId = text(fromUserId);
  const groupId = text(group);
  const same = sameCustomer(contacts, waId, userId);
  const contact = same ?? loneContact(contacts, userId);
  if (contact === undefined) return { waId, userId, groupId, name: null };
  const addsUserId = userId === null && (same !== undefined || waId === null);
  return {
    waId: waId ?? text(contact.wa_id),
    userId: addsUserId ? text(contact.user_id) : userId,
    groupId,
    name: isJsonObject(contact.profile) ? text(contact.profile.name) : null,
  };
};

const sameCustomer = (contacts: Contacts, waId: string | null, userId: string | null): JsonObject | undefined => {
  const [first] = contacts.list;
  if (contacts.list.length <= 1) return isJsonObject(first) && isSame(first, waId, userId) ? first : undefined;
  contacts.byIdentity ??= indexOf(contacts.list.filter(isJsonObject));
  const { userIds, waIds } = contacts.byIdentity;
  const found = (userId === null ? undefined : userIds.get(userId)) ?? (waId === null ? undefined : waIds.get(waId));
  return found !== undefined && isSame(found, waId, userId) ? found : undefined;
};

const indexOf = (contacts: readonly JsonObject[]) => ({
  userIds: new Map(contacts.map((contact) => [text(contact.user_id), contact])),
  waIds: new Map(contacts.map((contact) => [text(contact.wa_id), contact])),
});

const isSame = (contact: JsonObject, waId: string | null, userId: string | null): boolean =>
  (userId !== null && contact.user_id === userId) ||
  (waId !== null && contact.wa_id === waId && !contradicts(contact, userId));

/** The only contact, where there is only one item that it can belong to. */
const loneContact = ({ value, list }: Contacts, userId: string | null): JsonObject | undefined => {
  const [first] = list;
  if (list.length !== 1 || !isJsonObject(first) || contradicts(first, userId)) return undefined;
  let items = 0;
  for (const name of readers.keys()) items += listOf(value[name]).length;
  return items === 1 ? first : undefined;
};

const contradicts = (contact: JsonObject, userId: string | null): boolean => {
  const other = text(contact.user_id);
  return userId !== null && other !== null && other !== userId;
};

/** System messages that say that the customer is known otherwise from now on (types of several versions of the API). */
const changesOfIdentity: readonly unknown[] = [
  'user_changed_number',
  'user_changed_user_id',
  'customer_changed_number',
];

const newIdentityOf = (system: unknown, former: Customer): Customer | undefined => {
  if (!isJsonObject(system) || !changesOfIdentity.includes(system.type) || former.groupId !== null) return undefined;
  const waId = text(system.new_wa_id) ?? text(system.wa_id);
  const userId = text(system.user_id);
  return waId === null && userId === null ? undefined : { waId, userId, groupId: null, name: former.name };
};

const joined = (id: unknown, state: unknown, participant?: unknown): string | null => {
  const known = text(id);
  if (known === null) return null;
  const of = text(participant);
  return `${known}:${text(state) ?? ''}${of === null ? '' : `:${of}`}`;
};
