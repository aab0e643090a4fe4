import type { Customer } from '../contracts/agent-event.ts';
import { type ConversationId, conversationId, type EventId, eventId, type TenantId } from '../contracts/ids.ts';
import { digestOf, keyedDigestOf } from '../crypto/identifiers.ts';
import type { ReportedEvent } from './webhook-delivery.ts';

/**
 * The stable id of an event: the same whichever webhook delivered it and however often, another one for another tenant.
 * Events without an id of Meta's are told apart by their canonical value and entry time.
 */
export const eventIdOf = (tenant: TenantId, event: ReportedEvent): EventId =>
  eventId.parse(
    `evt_${digestOf(
      tenant,
      event.phoneNumberId ?? event.wabaId,
      event.kind,
      ...(event.metaId === null ? ['value', canonicalJson(event.value), event.entryTime ?? ''] : ['id', event.metaId]),
    )}`,
  );

/** The event that tells of a reply which did not get through: the same however often it is told. */
export const failureEventIdOf = (tenant: TenantId, answered: EventId, index: number, outcome: string): EventId =>
  eventId.parse(`evt_${digestOf(tenant, 'failure', answered, String(index), outcome)}`);

/**
 * Who the conversation is with, as a keyed hash that shows no phone number: HMAC-SHA-256 under the tenant's salt of the
 * group id, else the user id, else the WhatsApp id.
 */
export const customerKeyOf = (salt: Uint8Array, customer: Customer): string =>
  customer.groupId !== null
    ? keyedDigestOf(salt, 'group', customer.groupId)
    : customer.userId !== null
      ? keyedDigestOf(salt, 'user', customer.userId)
      : keyedDigestOf(salt, 'wa', customer.waId ?? '');

/** One customer on one number. */
export const conversationIdOf = (tenant: TenantId, phoneNumberId: string, customerKey: string): ConversationId =>
  conversationId.parse(`conv_${digestOf(tenant, phoneNumberId, customerKey)}`);

const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
