import { shownMedia } from '../chat-media.ts';
import { chatContent } from '../chat-text.ts';
import { cloudApiError, invalidParameter } from '../errors.ts';
import { digitsOf, newWamid, userIdFor } from '../identifiers.ts';
import type { Customer, PhoneNumber, Waba } from '../seed.ts';
import type { Simulation } from '../simulation.ts';
import { type Conversation, pushBounded, type State } from '../state.ts';
import type { GraphCall } from './graph-call.ts';
import { type Outgoing, parseOutgoing } from './outgoing-message.ts';
import { requirePhoneAccess } from './permissions.ts';

// Meta: the indicator ends with the reply, or after 25 seconds.
const TYPING_MS = 25_000;
const CUSTOMER_SERVICE_WINDOW_MS = 24 * 60 * 60 * 1000;

type Message = Extract<Outgoing, { readonly kind: 'message' }>;
type Read = Extract<Outgoing, { readonly kind: 'read' }>;

/**
 * POST /{phone-number-id}/messages: sends a message, or marks one as read with or without the typing indicator.
 * @throws GraphError 10, 100, 131008, 131009, 131021, 131030, 131031, 133010
 */
export function postMessage(simulation: Simulation, phone: PhoneNumber, call: GraphCall) {
  const { token, waba } = requirePhoneAccess(simulation.state, call, phone, 'whatsapp_business_messaging');
  const outgoing = parseOutgoing(call);
  if (!phone.registered) throw cloudApiError(133010);
  return outgoing.kind === 'read'
    ? markRead(simulation.state, phone, call, outgoing, token.name)
    : send(simulation, phone, waba, call, outgoing, token.name);
}

function markRead(state: State, phone: PhoneNumber, call: GraphCall, { messageId, typing }: Read, tokenName: string) {
  record(state, phone, call, { kind: 'read', to: null, wamid: messageId, typing, tokenName });
  const conversation = state.conversationOf(phone.id, messageId);
  if (conversation !== undefined) {
    markReadUpTo(conversation, messageId);
    if (typing) conversation.typingUntil = Date.now() + TYPING_MS;
    state.emit('conversation', conversation);
  }
  return { success: true };
}

/** Reading a message reads the earlier ones too. */
function markReadUpTo(conversation: Conversation, messageId: string): void {
  for (const item of conversation.items) {
    if (item.from === 'customer') {
      item.ticks = 'read';
      item.note = null;
    }
    if (item.wamid === messageId) return;
  }
}

function send(
  simulation: Simulation,
  phone: PhoneNumber,
  waba: Waba,
  call: GraphCall,
  message: Message,
  tokenName: string,
) {
  const { state } = simulation;
  const customer = recipientOf(state, waba, message);
  refuseRecipient(phone, customer, message);
  refuseUnknownMedia(simulation, phone, message);
  const wamid = newWamid('outbound', customer.waId);
  record(state, phone, call, { kind: 'message', to: customer.waId, wamid, typing: false, tokenName });
  const { body } = state.sent.at(-1) ?? { body: {} };
  const conversation = state.conversation(phone.id, customer.waId);
  const outsideWindow = isOutsideWindow(state, conversation, message);
  conversation.typingUntil = 0;
  state.addChatItem(conversation, {
    wamid,
    from: 'business',
    type: message.type,
    ...chatContent(message.type, body),
    media: shownMedia(simulation.media, message.type, body),
    at: Date.now(),
    ticks: 'sent',
    note: null,
  });
  void simulation.statuses.follow({
    wamid,
    waba,
    phone,
    customer,
    type: message.type,
    opaqueCallbackData: message.opaqueCallbackData,
    body: JSON.stringify(body),
    outsideWindow,
  });
  const { by, input } = message.recipient;
  const contact =
    by === 'user-id'
      ? { input, user_id: input }
      : { input, wa_id: message.recipientType === 'group' ? input : customer.waId };
  return { messaging_product: 'whatsapp', contacts: [contact], messages: [{ id: wamid }] };
}

/** The customer behind the number or user id; somebody the seed does not know is taken to exist. */
function recipientOf(state: State, waba: Waba, { recipient, recipientType }: Message): Customer {
  if (recipient.by === 'user-id') {
    const known = [...state.customers.values()].find(
      (customer) => userIdFor(customer, waba.businessId) === recipient.input,
    );
    if (known === undefined) throw cloudApiError(131026, 'The user id is not known to this business portfolio.');
    return known;
  }
  const waId = recipientType === 'group' ? recipient.input : digitsOf(recipient.input);
  return state.customers.get(waId) ?? { waId, name: waId, country: 'US', hidesNumber: false };
}

function refuseRecipient(phone: PhoneNumber, customer: Customer, message: Message): void {
  if (phone.status === 'BANNED' || phone.status === 'DISABLED') throw cloudApiError(131031);
  if (customer.waId === digitsOf(phone.displayPhoneNumber)) throw cloudApiError(131021);
  const allowed = phone.accountMode === 'SANDBOX' ? phone.allowedRecipients : undefined;
  if (allowed !== undefined && !allowed.map(digitsOf).includes(customer.waId)) throw cloudApiError(131030);
  if (message.recipient.by === 'user-id' && message.recipientType === 'group') throw cloudApiError(131062);
}

/**
 * In the live API's own words. It does not say to whom an id must belong; here, in the stricter reading, to the sending number,
 * by an upload or from a customer.
 */
function refuseUnknownMedia({ media }: Simulation, phone: PhoneNumber, { mediaIds }: Message): void {
  for (const { parameter, id } of mediaIds) {
    if (media.find(id)?.phoneNumberId !== phone.id) {
      throw invalidParameter(`Param ${parameter} is not a valid whatsapp business account media attachment ID`);
    }
  }
}

function isOutsideWindow(state: State, conversation: Conversation, { type }: Message): boolean {
  if (state.settings.customerServiceWindow === 'ignored' || type === 'template') return false;
  const last = conversation.items.findLast(({ from }) => from === 'customer');
  return last === undefined || Date.now() - last.at > CUSTOMER_SERVICE_WINDOW_MS;
}

function record(
  state: State,
  phone: PhoneNumber,
  call: GraphCall,
  facts: {
    readonly kind: 'message' | 'read';
    readonly to: string | null;
    readonly wamid: string;
    readonly typing: boolean;
    readonly tokenName: string;
  },
): void {
  pushBounded(state.sent, {
    at: new Date().toISOString(),
    phoneNumberId: phone.id,
    body: call.params.withoutCredentials(),
    ...facts,
  });
  state.emit('change');
}
