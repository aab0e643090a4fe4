import { catalogued } from './errors.ts';
import { digitsOf, userIdFor } from './identifiers.ts';
import type { Customer, PhoneNumber, Settings, StatusName, Waba } from './seed.ts';

/** What Meta may leave out of an inbound message, and does. */
export const omittable = ['contacts', 'profile', 'wa_id', 'user_id', 'from', 'from_user_id'] as const;
export type Omittable = (typeof omittable)[number];

export interface InboundMessage {
  readonly id: string;
  readonly timestamp: string;
  readonly type: string;
  /** The rest of Meta's message object: the content under the name of the type, context, referral, errors. */
  readonly content: Readonly<Record<string, unknown>>;
}

interface Between {
  readonly waba: Waba;
  readonly phone: PhoneNumber;
  readonly customer: Customer;
  readonly settings: Settings;
}

/** A `messages` change for a message from a customer. Username users come without wa_id and from. */
export function inboundMessageChange(
  { waba, phone, customer, settings }: Between,
  message: InboundMessage,
  omit: readonly Omittable[] = [],
) {
  const left = new Set<Omittable>(omit);
  const userId = settings.userIds || customer.hidesNumber ? userIdFor(customer, waba.businessId) : undefined;
  const shows = (name: Omittable) => !left.has(name);
  const numberShown = !customer.hidesNumber;
  const contact = {
    ...(shows('profile') ? { profile: profileOf(customer) } : {}),
    ...(numberShown && shows('wa_id') ? { wa_id: customer.waId } : {}),
    ...(userId !== undefined && shows('user_id') ? { user_id: userId } : {}),
  };
  const { id, timestamp, type, content } = message;
  return {
    field: 'messages',
    value: {
      messaging_product: 'whatsapp',
      metadata: metadataOf(phone),
      ...(shows('contacts') ? { contacts: [contact] } : {}),
      messages: [
        {
          ...(numberShown && shows('from') ? { from: customer.waId } : {}),
          ...(userId !== undefined && shows('from_user_id') ? { from_user_id: userId } : {}),
          id,
          timestamp,
          type,
          ...content,
        },
      ],
    },
  };
}

export interface StatusFacts {
  readonly wamid: string;
  readonly status: StatusName;
  readonly category: 'service' | 'marketing';
  readonly opaqueCallbackData: string | undefined;
  readonly errorCode: number;
}

/** A `messages` change for a message status as v24.0 and later write it: no `conversation`; `failed` has errors and no contacts. */
export function statusChange({ waba, phone, customer, settings }: Between, facts: StatusFacts) {
  const userId = settings.userIds || customer.hidesNumber ? userIdFor(customer, waba.businessId) : undefined;
  const identity = {
    ...(customer.hidesNumber ? {} : { wa_id: customer.waId }),
    ...(userId === undefined ? {} : { user_id: userId }),
  };
  const { status, opaqueCallbackData } = facts;
  const profile = status === 'sent' ? { name: customer.name } : profileOf(customer);
  // Meta prices on "sent" and on one of "delivered" and "read".
  const priced = status === 'sent' || status === 'delivered';
  return {
    field: 'messages',
    value: {
      messaging_product: 'whatsapp',
      metadata: metadataOf(phone),
      ...(status === 'failed' ? {} : { contacts: [{ profile, ...identity }] }),
      statuses: [
        {
          id: facts.wamid,
          status,
          timestamp: String(Math.floor(Date.now() / 1000)),
          ...(customer.hidesNumber ? {} : { recipient_id: customer.waId }),
          ...(userId === undefined ? {} : { recipient_user_id: userId }),
          ...(opaqueCallbackData === undefined ? {} : { biz_opaque_callback_data: opaqueCallbackData }),
          ...(priced ? { pricing: pricingOf(facts.category) } : {}),
          ...(status === 'failed' ? { errors: [webhookError(facts.errorCode)] } : {}),
        },
      ],
    },
  };
}

function profileOf(customer: Customer) {
  return { name: customer.name, ...(customer.username === undefined ? {} : { username: customer.username }) };
}

function metadataOf(phone: PhoneNumber) {
  return { display_phone_number: digitsOf(phone.displayPhoneNumber), phone_number_id: phone.id };
}

function pricingOf(category: StatusFacts['category']) {
  return category === 'service'
    ? { billable: false, pricing_model: 'PMP', type: 'free_customer_service', category }
    : { billable: true, pricing_model: 'PMP', type: 'regular', category };
}

/** Errors in webhooks have `title` and `href`, and no `type`. */
function webhookError(code: number) {
  const { message, details } = catalogued(code);
  const title = message.replace(/^\(#\d+\) /, '');
  return {
    code,
    title,
    message: title,
    error_data: { details: details ?? title },
    href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
  };
}
