import { ids } from './records.ts';

/**
 * What Meta sends: one example of each type of message, status and call, and of each field of webhooks, in the form of its documentation
 * (webhooks reference, November 2025 to June 2026) or as it was seen. About the numbers of records.ts.
 */
type MetaObject = Readonly<Record<string, unknown>>;

export const ada = { waId: '4915112345678', userId: 'DE.13491208655302741918', name: 'Ada Lovelace' } as const;
export const groupId = 'Y2FwaV9ncm91cDoxNTU1MDEwMDoxMjAzNjM0MDQ2OTQyMzM4MjAZD';

/** As webhooks spell the number that records.ts lists as "+1 555 0100". */
export const displayPhoneNumber = '15550100';
export const metadata = { display_phone_number: displayPhoneNumber, phone_number_id: ids.number };
export const contact = { profile: { name: ada.name, username: 'ada' }, wa_id: ada.waId, user_id: ada.userId };

const wamid = (name: string) => `wamid.${Buffer.from(name).toString('base64')}`;
const timestamp = '1795341600';
const error = {
  code: 131026,
  title: 'Message undeliverable',
  message: 'Message undeliverable',
  error_data: { details: 'Message Undeliverable.' },
  href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
};

const message = (name: string, type: string, content: MetaObject): MetaObject => ({
  from: ada.waId,
  from_user_id: ada.userId,
  id: wamid(name),
  timestamp,
  type,
  ...content,
});
const media = {
  id: '1029384756',
  mime_type: 'application/octet-stream',
  sha256: 'iN3EN2sqyO0Y6oLJ2sYaWRzVnZB2FXy8Yl0Nl3f5dlI=',
  url: 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1029384756',
};
const reply = (type: string, content: MetaObject) => ({ interactive: { type, [type]: content } });
const quoted = { from: displayPhoneNumber, id: wamid('quoted') };

/** Items of `messages[]`, by what they show. All are of Ada. */
export const messages: Readonly<Record<string, MetaObject>> = {
  text: message('text', 'text', { text: { body: 'Grüße aus Zürich 🎉' } }),
  'text that answers': message('answer', 'text', { text: { body: 'Yes' }, context: quoted }),
  'text that was forwarded': message('forwarded', 'text', {
    text: { body: 'Look' },
    context: { forwarded: true, frequently_forwarded: true },
  }),
  'text about a product': message('product', 'text', {
    text: { body: 'Is it blue?' },
    context: { ...quoted, referred_product: { catalog_id: '1', product_retailer_id: 'SKU-1' } },
  }),
  'text after an ad': message('ad', 'text', {
    text: { body: 'Can I get more info?' },
    referral: {
      source_url: 'https://fb.me/3cr4Wqqkv',
      source_id: '120226305854810726',
      source_type: 'ad',
      headline: 'Chat with us',
      body: 'Summer succulents are here!',
      media_type: 'image',
      image_url: 'https://scontent.example/t45.1600-4',
      ctwa_clid: 'Aff-n8ZTODiE79d22KtAwQKj9e_mIEOOj27vDVwFjN80dp4',
      welcome_message: { text: 'Hi there!' },
    },
  }),
  image: message('image', 'image', { image: { ...media, mime_type: 'image/jpeg', caption: 'Here' } }),
  video: message('video', 'video', { video: { ...media, mime_type: 'video/mp4' } }),
  sticker: message('sticker', 'sticker', { sticker: { ...media, mime_type: 'image/webp', animated: false } }),
  document: message('document', 'document', { document: { ...media, filename: 'invoice.pdf' } }),
  audio: message('audio', 'audio', { audio: { ...media, mime_type: 'audio/ogg; codecs=opus', voice: true } }),
  location: message('location', 'location', { location: { latitude: 47.3769, longitude: 8.5417 } }),
  contacts: message('contacts', 'contacts', {
    contacts: [{ phones: [{ phone: '+1 555 0199', wa_id: '15550199', type: 'CELL' }], origin: 'other' }],
  }),
  'button reply': message('button-reply', 'interactive', {
    ...reply('button_reply', { id: 'yes', title: 'Yes' }),
    context: quoted,
  }),
  'list reply': message(
    'list-reply',
    'interactive',
    reply('list_reply', { id: 'a', title: 'A', description: 'The first' }),
  ),
  'flow reply': message(
    'flow-reply',
    'interactive',
    reply('nfm_reply', { name: 'flow', body: 'Sent', response_json: '{"flow_token":"1","size":"M"}' }),
  ),
  'call permission reply': message(
    'call-permission',
    'interactive',
    reply('call_permission_reply', {
      response: 'accept',
      expiration_timestamp: 1_795_946_400,
      response_source: 'user_action',
    }),
  ),
  'interactive without content': message('empty-interactive', 'interactive', {}),
  button: message('button', 'button', { button: { payload: 'STOP', text: 'Stop' } }),
  order: message('order', 'order', {
    order: {
      catalog_id: '1',
      text: '',
      product_items: [{ product_retailer_id: 'SKU-1', quantity: '2', item_price: 9.99, currency: 'EUR' }],
    },
  }),
  reaction: message('reaction', 'reaction', { reaction: { message_id: quoted.id, emoji: '👍' } }),
  'removed reaction': message('unreaction', 'reaction', { reaction: { message_id: quoted.id } }),
  edit: message('edit', 'edit', {
    edit: {
      original_message_id: wamid('text'),
      message: { type: 'text', text: { body: 'Grüezi' }, context: { id: 'M0' } },
    },
  }),
  revoke: message('revoke', 'revoke', { revoke: { original_message_id: wamid('text') } }),
  unsupported: message('unsupported', 'unsupported', {
    errors: [{ ...error, code: 131051, title: 'Message type unknown' }],
    unsupported: { type: 'video_note' },
  }),
  unknown: message('unknown', 'unknown', { errors: [{ code: 501, title: 'Unknown', details: 'Not supported' }] }),
  request_welcome: message('welcome', 'request_welcome', {}),
  'a type from the future': message('future', 'hologram', { hologram: { depth: 3 } }),
  'identity changed': message('identity', 'system', {
    system: { type: 'customer_identity_changed', body: 'Ada’s security code changed', wa_id: ada.waId },
    identity: { acknowledged: false, created_timestamp: '1795341000', hash: 'DF2lS5v2W6x=' },
  }),
};

/** The same customer, known otherwise from now on: items of `messages[]` whose identity is the former one. */
export const newAda = { waId: '4915187654321', userId: 'DE.99991208655302741999' } as const;
export const changesOfIdentity = {
  user_changed_number: message('changed-number', 'system', {
    system: {
      type: 'user_changed_number',
      body: `User Ada changed from ${ada.waId} to ${newAda.waId}`,
      wa_id: newAda.waId,
      user_id: newAda.userId,
    },
  }),
  user_changed_user_id: message('changed-user-id', 'system', {
    system: { type: 'user_changed_user_id', body: 'User Ada changed', user_id: newAda.userId },
  }),
  customer_changed_number: message('changed-number-old', 'system', {
    from_user_id: undefined,
    system: { type: 'customer_changed_number', body: 'Ada changed', new_wa_id: newAda.waId },
  }),
} as const;

const status = (state: string, content: MetaObject = {}): MetaObject => ({
  status: state,
  timestamp,
  recipient_id: ada.waId,
  recipient_user_id: ada.userId,
  ...content,
});
const statusesByName = {
  sent: status('sent', {
    pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'utility' },
    conversation: { id: '1', origin: { type: 'utility' } },
  }),
  delivered: status('delivered', { pricing: { billable: true, pricing_model: 'PMP', category: 'utility' } }),
  read: status('read'),
  played: status('played'),
  deleted: status('deleted'),
  failed: status('failed', { errors: [error] }),
  'failed for a user without number': status('failed', { recipient_id: undefined, errors: [error] }),
  'of a send of ours': status('delivered', { biz_opaque_callback_data: `sb1:evt_${'a'.repeat(43)}:0` }),
  'of somebody else’s send': status('delivered', { biz_opaque_callback_data: 'campaign-7' }),
  'of one participant of a group': status('read', {
    recipient_type: 'group',
    recipient_id: groupId,
    recipient_user_id: undefined,
    recipient_participant_id: ada.waId,
    recipient_participant_user_id: ada.userId,
  }),
};

/** Items of `statuses[]` under the field `messages`, each of a message of its own. */
export const statuses: Readonly<Record<string, MetaObject>> = Object.fromEntries(
  Object.entries(statusesByName).map(([name, content]) => [name, { id: wamid(`sent: ${name}`), ...content }]),
);

export const calls: Readonly<Record<string, MetaObject>> = {
  connect: {
    id: 'wacid.ABGGFjFVU2AfAgo6V',
    from: ada.waId,
    to: displayPhoneNumber,
    event: 'connect',
    direction: 'USER_INITIATED',
    timestamp,
    session: { sdp_type: 'offer', sdp: 'v=0' },
  },
  terminate: {
    id: 'wacid.ABGGFjFVU2AfAgo6V',
    from: displayPhoneNumber,
    to: ada.waId,
    to_user_id: ada.userId,
    event: 'terminate',
    direction: 'BUSINESS_INITIATED',
    status: 'COMPLETED',
    start_time: '1795341600',
    end_time: '1795341660',
    duration: 60,
    timestamp,
  },
};
export const callStatuses: Readonly<Record<string, MetaObject>> = Object.fromEntries(
  ['RINGING', 'ACCEPTED', 'REJECTED'].map((state) => [
    state,
    { id: 'wacid.ABGGFjFVU2AfAgo6V', status: state, type: 'call', timestamp, recipient_id: ada.waId },
  ]),
);

const echo = (name: string, type: string, content: MetaObject): MetaObject => ({
  from: displayPhoneNumber,
  to: ada.waId,
  to_user_id: ada.userId,
  id: wamid(name),
  timestamp,
  type,
  ...content,
});
export const echoes: Readonly<Record<string, MetaObject>> = {
  text: echo('echo', 'text', { text: { body: 'A human here' } }),
  revoke: echo('echo-revoke', 'revoke', { revoke: { original_message_id: wamid('echo') } }),
  edit: echo('echo-edit', 'edit', { edit: { original_message_id: wamid('echo'), message: { type: 'text' } } }),
};

export interface FieldExample {
  readonly title: string;
  readonly field: string;
  readonly value: MetaObject;
  /** How the events in it are handled, one for each event. */
  readonly kinds: readonly ('message' | 'status' | 'call' | 'account' | 'echo' | 'history')[];
  /** How it names the number: by its id, as it is shown, or not at all. */
  readonly names: 'id' | 'display' | 'none';
  /** It changes our picture of the credential. */
  readonly isNews: boolean;
  /** `entry.id`, where it is not the account. */
  readonly entryId?: string;
}

const about = { messaging_product: 'whatsapp', metadata };
const template = {
  message_template_id: 594425479261596,
  message_template_name: 'order',
  message_template_language: 'en',
};
const shown = { display_phone_number: displayPhoneNumber };

const ofNumber = (title: string, field: string, kinds: FieldExample['kinds'], value: MetaObject): FieldExample => ({
  title,
  field,
  kinds,
  value: { ...about, ...value },
  names: 'id',
  isNews: false,
});
const notice = (field: string, value: MetaObject, isNews: boolean, more: Partial<FieldExample> = {}): FieldExample => ({
  title: typeof value.event === 'string' ? `${field} ${value.event}` : field,
  field,
  value,
  kinds: ['account'],
  names: 'display_phone_number' in value ? 'display' : 'none',
  isNews,
  ...more,
});

/** Events of `account_update`, and whether each changes our picture of a credential. */
const accountUpdates: readonly (readonly [string, boolean, MetaObject])[] = [
  ['ACCOUNT_DELETED', true, {}],
  [
    'ACCOUNT_RESTRICTION',
    true,
    {
      restriction_info: [
        { restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: 1_795_946_400, remediation: 'Wait' },
        { restriction_type: 'RESTRICTED_ADD_PHONE_NUMBER_ACTION', expiration: 1_795_946_400 },
      ],
    },
  ],
  ['ACCOUNT_VIOLATION', true, { violation_info: { violation_type: 'SCAM' } }],
  ['DISABLED_UPDATE', true, { ban_info: { waba_ban_state: 'DISABLE', waba_ban_date: 'November 22, 2026' } }],
  ['ACCOUNT_OFFBOARDED', true, {}],
  ['ACCOUNT_RECONNECTED', true, {}],
  ['VERIFIED_ACCOUNT', true, { phone_number: displayPhoneNumber }],
  ['SOMETHING_NEW', true, {}],
  ['AD_ACCOUNT_LINKED', false, {}],
  ['AUTH_INTL_PRICE_ELIGIBILITY_UPDATE', false, { auth_international_rate_eligibility: { start_time: 1 } }],
  ['BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE', false, { country: 'DE' }],
  ['MM_LITE_TERMS_SIGNED', false, {}],
  ['VOLUME_BASED_PRICING_TIER_UPDATE', false, { volume_tier_info: { tier_update_time: 1 } }],
  ['PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE', false, { partner_client_certification_info: { status: 'APPROVED' } }],
];
const portfolio = '5066666666666666';
const partnerUpdates: readonly (readonly [string, MetaObject])[] = [
  ['PARTNER_ADDED', {}],
  ['PARTNER_REMOVED', { disconnection_info: { reason: 'BUSINESS', initiated_by: 'CLIENT' } }],
  ['PARTNER_APP_INSTALLED', {}],
  ['PARTNER_APP_UNINSTALLED', {}],
];

/** A change of each field. */
export const fieldExamples: readonly FieldExample[] = [
  ofNumber('messages with messages', 'messages', ['message'], { contacts: [contact], messages: [messages.text] }),
  ofNumber('messages with statuses', 'messages', ['status'], { contacts: [contact], statuses: [statuses.read] }),
  ofNumber('messages with errors', 'messages', ['account'], { errors: [{ ...error, code: 131000 }] }),
  ofNumber('messages with a message and an error', 'messages', ['message', 'account'], {
    contacts: [contact],
    messages: [messages['interactive without content']],
    errors: [{ ...error, code: 131000 }],
  }),
  ofNumber('calls', 'calls', ['call'], { contacts: [contact], calls: [calls.connect] }),
  ofNumber('calls with statuses', 'calls', ['call'], { statuses: [callStatuses.RINGING] }),
  ofNumber('smb_message_echoes', 'smb_message_echoes', ['echo'], { message_echoes: [echoes.text] }),
  ofNumber('message_echoes', 'message_echoes', ['echo'], { message_echoes: [echoes.edit] }),
  ofNumber('smb_app_state_sync', 'smb_app_state_sync', ['account', 'account'], {
    state_sync: [
      {
        type: 'contact',
        contact: { full_name: 'Ada', phone_number: ada.waId },
        action: 'add',
        metadata: { timestamp },
      },
      { type: 'contact', contact: { phone_number: '15550199' }, action: 'remove', metadata: { timestamp } },
    ],
  }),
  ofNumber('history', 'history', ['history'], {
    history: [
      {
        metadata: { phase: 0, chunk_order: 1, progress: 55 },
        threads: [{ id: ada.waId, messages: [{ ...messages.text, history_context: { status: 'READ' } }] }],
      },
    ],
  }),
  ofNumber('history with media', 'history', ['history'], { contacts: [contact], messages: [messages.image] }),
  ofNumber('history declined', 'history', ['history'], { history: [{ errors: [{ code: 2593109 }] }] }),
  ofNumber('user_preferences', 'user_preferences', ['account'], {
    contacts: [contact],
    user_preferences: [
      {
        wa_id: ada.waId,
        user_id: ada.userId,
        category: 'marketing_messages',
        value: 'stop',
        detail: 'User requested to stop marketing messages',
        timestamp: 1_795_341_600,
      },
    ],
  }),
  ofNumber('user_id_update', 'user_id_update', ['account'], {
    user_id_update: [
      {
        wa_id: newAda.waId,
        detail: 'Ada changed',
        user_id: { previous: ada.userId, current: newAda.userId },
        timestamp,
      },
    ],
  }),
  ...['group_lifecycle_update', 'group_participants_update', 'group_settings_update', 'group_status_update'].map(
    (field) =>
      ofNumber(field, field, ['account'], {
        groups: [{ timestamp, group_id: groupId, type: field.replace('_update', ''), request_id: 'r-1' }],
      }),
  ),
  ofNumber('messaging_handovers', 'messaging_handovers', ['account'], { control_passed: { metadata: 'x' } }),
  ofNumber('consumer_profile', 'consumer_profile', ['account'], { profile: { changed: true } }),
  ofNumber('tracking_events', 'tracking_events', ['account'], { events: [{ event_name: 'AD_CLICK' }] }),
  ofNumber('automatic_events', 'automatic_events', ['account'], {
    automatic_events: [{ event_name: 'LeadSubmitted' }],
  }),
  notice(
    'account_settings_update',
    {
      messaging_product: 'whatsapp',
      timestamp,
      type: 'phone_number_settings',
      phone_number_settings: { phone_number_id: ids.number, calling: { status: 'ENABLED' } },
    },
    false,
    { names: 'id' },
  ),
  notice('message_template_status_update', { event: 'APPROVED', ...template, reason: 'NONE' }, false),
  notice(
    'message_template_quality_update',
    { previous_quality_score: 'GREEN', new_quality_score: 'YELLOW', ...template },
    false,
  ),
  notice(
    'message_template_components_update',
    {
      ...template,
      message_template_element: 'Hello',
      message_template_buttons: [{ message_template_button_type: 'URL' }],
    },
    false,
  ),
  notice('template_category_update', { ...template, previous_category: 'UTILITY', new_category: 'MARKETING' }, false),
  ...accountUpdates.map(([event, isNews, more]) =>
    notice('account_update', { event, ...more }, isNews, 'phone_number' in more ? { names: 'display' } : {}),
  ),
  ...partnerUpdates.map(([event, more]) =>
    notice('account_update', { event, waba_info: { waba_id: ids.waba, owner_business_id: portfolio }, ...more }, true, {
      entryId: portfolio,
    }),
  ),
  notice(
    'account_alerts',
    {
      entity_type: 'BUSINESS',
      entity_id: portfolio,
      alert_info: {
        alert_severity: 'WARNING',
        alert_status: 'ACTIVE',
        alert_type: 'OBA_APPROVED',
        alert_description: 'x',
      },
    },
    true,
  ),
  notice(
    'account_alerts',
    {
      entity_type: 'PHONE_NUMBER',
      entity_id: ids.number,
      alert_info: { alert_severity: 'CRITICAL', alert_status: 'ACTIVE', alert_type: 'x', alert_description: 'x' },
    },
    true,
    { title: 'account_alerts of a number', names: 'id' },
  ),
  notice('account_review_update', { decision: 'APPROVED' }, true),
  notice(
    'phone_number_quality_update',
    { ...shown, event: 'FLAGGED', current_limit: 'TIER_250', max_daily_conversations_per_business: 2000 },
    true,
  ),
  notice(
    'phone_number_name_update',
    { ...shown, decision: 'APPROVED', requested_verified_name: 'Shop', rejection_reason: null },
    true,
  ),
  notice(
    'business_capability_update',
    { max_daily_conversations_per_business: 'TIER_2K', max_phone_numbers_per_business: 25 },
    true,
  ),
  notice('security', { ...shown, event: 'PIN_CHANGED', requester: '4242' }, true),
  notice('business_username_update', { ...shown, username: 'shop', status: 'approved' }, false),
  notice(
    'flows',
    { event: 'FLOW_STATUS_CHANGE', message: 'Flow published', flow_id: '1', new_status: 'PUBLISHED' },
    false,
  ),
  notice('partner_solutions', { event: 'SOLUTION_CREATED', solution_id: '1', solution_status: 'INITIATED' }, false),
  notice('payment_configuration_update', { configuration_name: 'upi', provider_name: 'x', status: 'Active' }, false),
  notice('a_field_from_the_future', { anything: [1, { two: null }] }, false),
];

/** The body of a delivery with these changes. */
export const bodyOf = (
  changes: readonly { readonly field: string; readonly value: MetaObject }[],
  entryId: string = ids.waba,
) => ({
  object: 'whatsapp_business_account',
  entry: [{ id: entryId, time: 1_795_341_600, changes: changes.map(({ field, value }) => ({ field, value })) }],
});

/** A change of the field `messages` with these items. */
export const messagesChange = (items: readonly MetaObject[], contacts: readonly MetaObject[] = [contact]) => ({
  field: 'messages',
  value: { ...about, contacts, messages: items },
});
export const statusesChange = (items: readonly MetaObject[]) => ({
  field: 'messages',
  value: { ...about, statuses: items },
});
