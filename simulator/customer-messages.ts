import { shownMedia } from './chat-media.ts';
import { chatContent } from './chat-text.ts';
import { newWamid } from './identifiers.ts';
import type { Customer, PhoneNumber, Waba } from './seed.ts';
import type { Simulation } from './simulation.ts';
import type { ChatItem, State } from './state.ts';
import type { Attempt, DeliveryOptions } from './webhook-delivery.ts';
import { inboundMessageChange, type Omittable } from './webhook-payloads.ts';

/** What a customer sends; `content` is what stands beside `id`, `timestamp` and `type` in Meta's message object. */
export interface FromCustomer {
  readonly phone: PhoneNumber;
  readonly waba: Waba;
  readonly customer: Customer;
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly wamid?: string | undefined;
  readonly timestamp?: string | undefined;
  readonly omit?: readonly Omittable[] | undefined;
}

/** Builds the webhook change of a customer's message with a fresh wamid. */
export function composeCustomerMessage(state: State, message: FromCustomer) {
  const { phone, waba, customer, type, content } = message;
  const id = message.wamid ?? newWamid('inbound', customer.waId);
  const timestamp = message.timestamp ?? String(Math.floor(Date.now() / 1000));
  const between = { waba, phone, customer, settings: state.settings };
  return { wamid: id, change: inboundMessageChange(between, { id, timestamp, type, content }, message.omit) };
}

/**
 * Puts the message on the customer's phone at once and starts to deliver it; `delivered` resolves after the last attempt.
 * The ticks follow: one when sent, two when an app has answered 200.
 */
export function sendCustomerMessage(simulation: Simulation, message: FromCustomer, options: DeliveryOptions = {}) {
  const { state, webhooks } = simulation;
  const { phone, waba, customer, type, content } = message;
  const { wamid, change } = composeCustomerMessage(state, message);
  const conversation = state.conversation(phone.id, customer.waId);
  // A message that is delivered again stays one bubble.
  const known = conversation.items.find((candidate) => candidate.wamid === message.wamid);
  const item: ChatItem = known ?? {
    wamid,
    from: 'customer',
    type,
    ...chatContent(type, content),
    media: shownMedia(simulation.media, type, content),
    at: Date.now(),
    ticks: 'sent',
    note: null,
  };
  if (known === undefined) state.addChatItem(conversation, item);
  const showAttempt = (attempt: Attempt) => {
    if (item.ticks !== 'sent') return;
    if (attempt.status === 200) {
      item.ticks = 'delivered';
      item.note = null;
    } else {
      item.note = `Callback answered ${attempt.status ?? attempt.error}, trying again`;
    }
    state.emit('conversation', conversation);
  };
  const delivered = webhooks
    .announce({ wabaId: waba.id, phoneNumberId: phone.id }, change, { ...options, onAttempt: showAttempt })
    .then((result) => {
      if (item.ticks === 'sent') {
        item.ticks = 'failed';
        item.note =
          result.deliveries.length === 0
            ? noReceiver(result.skipped)
            : (item.note ?? '').replace(', trying again', ', given up');
        state.emit('conversation', conversation);
      }
      return result;
    });
  return { wamid, change, delivered };
}

function noReceiver(skipped: readonly { readonly appId: string; readonly reason: string }[]): string {
  if (skipped.length === 0) return 'No app is subscribed to this number’s WhatsApp Business Account';
  return skipped
    .map(({ appId, reason }) =>
      reason === 'app-not-published' ? `App ${appId} is not published` : `App ${appId} is not subscribed to “messages”`,
    )
    .join('; ');
}
