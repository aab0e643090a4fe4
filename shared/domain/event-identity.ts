import type { Customer } from '../contracts/agent-event.ts';
import { type ConversationId, conversationId, type EventId, eventId, type TenantId } from '../contracts/ids.ts';
import { digestOf, keyedDigestOf } from '../crypto/identifiers.ts';
import type { NamedConversation } from './conversation.ts';
import type { ReportedEvent } from './webhook-delivery.ts';

/**
 * The stable id of an event: the same whichever webhook delivered it and however often, another one for another tenant.
 * Events without an id of Meta's are told apart by their field, canonical value and entry time.
 */
export const eventIdOf = (
  tenant: TenantId,
  event: Pick<ReportedEvent, 'phoneNumberId' | 'wabaId' | 'kind' | 'field' | 'metaId' | 'value' | 'entryTime'>,
): EventId => eventId.parse(`evt_${digestOf(tenant, ...tellingPartsOf(event))}`);

/** The id of the same as news of a credential: a notice that names a number is also an event, and each is taken once. */
export const newsIdOf = (tenant: TenantId, event: Parameters<typeof eventIdOf>[1]): EventId =>
  eventId.parse(`evt_${digestOf(tenant, 'news', ...tellingPartsOf(event))}`);

const tellingPartsOf = (event: Parameters<typeof eventIdOf>[1]): readonly string[] => [
  event.phoneNumberId ?? event.wabaId,
  event.kind,
  ...(event.metaId === null
    ? ['value', event.field, canonicalJson(event.value), event.entryTime ?? '']
    : ['id', event.metaId]),
];

/** The event that tells of a reply which did not get through: the same however often it is told. */
export const failureEventIdOf = (tenant: TenantId, answered: EventId, index: number, outcome: string): EventId =>
  eventId.parse(`evt_${digestOf(tenant, 'failure', answered, String(index), outcome)}`);

/**
 * Who the conversation is with, as a keyed hash that shows no phone number: HMAC-SHA-256 under the tenant's salt of the
 * group id, else the user id, else the WhatsApp id.
 */
export const customerKeyOf = (salt: Uint8Array, { groupId, userId, waId }: Customer): string =>
  groupId !== null
    ? keyedDigestOf(salt, 'group', groupId)
    : userId !== null
      ? keyedDigestOf(salt, 'user', userId)
      : keyedDigestOf(salt, 'wa', waId ?? '');

/** One customer on one number. */
export const conversationIdOf = (tenant: TenantId, phoneNumberId: string, customerKey: string): ConversationId =>
  conversationId.parse(`conv_${digestOf(tenant, phoneNumberId, customerKey)}`);

/**
 * The conversation that an event belongs to. Where it says that the customer has changed, that of the new identity, also known as that of
 * the former one. Where it names a customer by user id and phone number, that of the user id, also known as that of the number. A group
 * has one name.
 */
export const conversationOf = (
  tenant: TenantId,
  phoneNumberId: string,
  salt: Uint8Array,
  { customer, formerCustomer }: Pick<ReportedEvent, 'customer' | 'formerCustomer'>,
): NamedConversation => {
  const idOf = (who: Customer) => conversationIdOf(tenant, phoneNumberId, customerKeyOf(salt, who));
  const ofCustomer = idOf(customer);
  const others = [formerCustomer, underNumberAlone(customer)].flatMap((who) => (who === null ? [] : [idOf(who)]));
  return { conversationId: ofCustomer, alsoKnownAs: others.find((id) => id !== ofCustomer) ?? null };
};

/** The same customer as one who is known by phone number alone, where that is another name. */
const underNumberAlone = (customer: Customer): Customer | null =>
  customer.groupId === null && customer.userId !== null && customer.waId !== null
    ? { ...customer, userId: null }
    : null;

const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
