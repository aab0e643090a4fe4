import { createHash } from 'node:crypto';
import type { ReportedEvent } from '../../shared/domain/webhook-delivery.ts';

/**
 * What Meta delivers, one example for every field and every type of message, and for every way in which Meta is known to leave
 * something out or to write it otherwise ("WhatsApp Business Platform", webhook reference, 2025-2026). All people and numbers are made up.
 */
export interface CorpusDelivery {
  readonly name: string;
  readonly body: {
    readonly object: string;
    readonly entry: readonly {
      readonly id: string;
      readonly time?: number;
      readonly changes: readonly { readonly field: string; readonly value: object }[];
    }[];
  };
  /** What is in it, in its order. */
  readonly kinds: readonly ReportedEvent['kind'][];
  /** It changes our picture of the credential. */
  readonly isNews?: true;
}

/** Whom the corpus is about, and who writes. */
export const corpusNames = {
  wabaId: '102290129340398',
  phoneNumberId: '106540352242922',
  displayPhoneNumber: '15550783881',
  waId: '16505551234',
  userId: 'US.13491208655302741918',
  name: 'Sheena Nelson',
  newWaId: '16505554321',
  newUserId: 'US.99991208655302741918',
} as const;
const { wabaId, waId, userId } = corpusNames;
const metadata = { display_phone_number: corpusNames.displayPhoneNumber, phone_number_id: corpusNames.phoneNumberId };
const groupId = 'Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM0MDQ2OTQyMzM4MjAZD';
const timestamp = '1749416383';
const sheena = { profile: { name: 'Sheena Nelson' }, wa_id: waId, user_id: userId };
/** Another one for each name. */
const wamid = (name: string): string =>
  `wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQz${createHash('sha256').update(name).digest('hex').slice(0, 18).toUpperCase()}A=`;

const delivery = (
  name: string,
  field: string,
  value: object,
  kinds: CorpusDelivery['kinds'],
  entry: object = {},
): CorpusDelivery => ({
  name,
  body: { object: 'whatsapp_business_account', entry: [{ id: wabaId, changes: [{ value, field }], ...entry }] },
  kinds,
});

const news = (it: CorpusDelivery): CorpusDelivery => ({ ...it, isNews: true });

/** On its own webhook, with the contact that usually comes along. */
const message = (name: string, content: object, value: object = { contacts: [sheena] }): CorpusDelivery =>
  delivery(
    `message: ${name}`,
    'messages',
    {
      messaging_product: 'whatsapp',
      metadata,
      ...value,
      messages: [{ from: waId, from_user_id: userId, id: wamid(name), timestamp, ...content }],
    },
    ['message'],
  );

/** As it is, whatever Meta leaves out of it. */
const bareMessage = (
  name: string,
  content: object,
  value: object = {},
  kinds: CorpusDelivery['kinds'] = ['message'],
): CorpusDelivery =>
  delivery(
    `message: ${name}`,
    'messages',
    { messaging_product: 'whatsapp', metadata, ...value, messages: [{ id: wamid(name), timestamp, ...content }] },
    kinds,
  );

const status = (name: string, content: object, value: object = { contacts: [sheena] }): CorpusDelivery =>
  delivery(
    `status: ${name}`,
    'messages',
    {
      messaging_product: 'whatsapp',
      metadata,
      ...value,
      statuses: [{ id: wamid(name), timestamp, recipient_id: waId, recipient_user_id: userId, ...content }],
    },
    ['status'],
  );

/** What is about the account, the number or a template: it has the time of the entry. */
const notice = (
  field: string,
  variant: string,
  value: object,
  entry: object = { time: 1_739_321_024 },
): CorpusDelivery => delivery(variant === '' ? field : `${field}: ${variant}`, field, value, ['account'], entry);

const media = (more: object = {}) => ({
  mime_type: 'image/jpeg',
  sha256: 'SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=',
  id: '1003383421387256',
  url: 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1003383421387256&ext=1739321324&hash=ATt',
  ...more,
});

const messages: readonly CorpusDelivery[] = [
  message('text', { type: 'text', text: { body: 'Does it come in another color? Größe M, bitte 😀' } }),
  message('image', { type: 'image', image: media({ caption: 'This one?' }) }),
  message('image without url and caption', { type: 'image', image: { id: '1', mime_type: 'image/png', sha256: 'x=' } }),
  message('video', { type: 'video', video: media({ mime_type: 'video/mp4' }) }),
  message('sticker', { type: 'sticker', sticker: media({ mime_type: 'image/webp', animated: false }) }),
  message('document', { type: 'document', document: media({ mime_type: 'application/pdf', filename: 'invoice.pdf' }) }),
  message('document without filename', { type: 'document', document: media({ mime_type: 'application/pdf' }) }),
  message('audio, a voice message', {
    type: 'audio',
    audio: media({ mime_type: 'audio/ogg; codecs=opus', voice: true }),
  }),
  message('location', {
    type: 'location',
    location: {
      latitude: 37.483307,
      longitude: -122.148981,
      name: 'Shop',
      address: '1 Hacker Way',
      url: 'https://shop.example',
    },
  }),
  message('location, two numbers', { type: 'location', location: { latitude: 0, longitude: -122 } }),
  message('contacts', {
    type: 'contacts',
    contacts: [
      {
        name: { formatted_name: 'Barbara J. Johnson', first_name: 'Barbara' },
        phones: [{ phone: '+1 650 555 9999', wa_id: '16505559999', type: 'CELL' }],
        org: { company: 'Social Tsunami' },
        emails: [{ email: 'barbara@example.com', type: 'WORK' }],
        origin: 'contact_request',
      },
    ],
  }),
  message('contacts without a name', { type: 'contacts', contacts: [{ phones: [{ phone: '+1 650 555 9999' }] }] }),
  message('interactive, reply button', {
    type: 'interactive',
    interactive: { type: 'button_reply', button_reply: { id: 'cancel-button', title: 'Cancel' } },
    context: { from: '15550783881', id: wamid('Z') },
  }),
  message('interactive, list entry', {
    type: 'interactive',
    interactive: { type: 'list_reply', list_reply: { id: 'express', title: 'Express', description: 'Next day' } },
  }),
  message('interactive, Flow', {
    type: 'interactive',
    interactive: {
      type: 'nfm_reply',
      nfm_reply: { name: 'flow', body: 'Sent', response_json: '{"flow_token":"t-1","department":"Sales"}' },
    },
  }),
  message('interactive, call permission', {
    type: 'interactive',
    interactive: {
      type: 'call_permission_reply',
      call_permission_reply: {
        response: 'accept',
        expiration_timestamp: 1_749_500_000,
        response_source: 'user_action',
      },
    },
  }),
  bareMessage(
    'interactive without its object',
    { from: waId, type: 'interactive' },
    { errors: [{ code: 131000, title: 'Something went wrong' }] },
    ['message', 'account'],
  ),
  message('button of a template', { type: 'button', button: { text: 'Unsubscribe', payload: 'unsubscribe' } }),
  message('order', {
    type: 'order',
    order: {
      catalog_id: '194836987003835',
      text: 'Love these!',
      product_items: [
        { product_retailer_id: 'di9ozbzfi4', quantity: 2, item_price: 30, currency: 'USD' },
        { product_retailer_id: 'nqryix03ez', quantity: '1', item_price: '25', currency: 'USD' },
      ],
    },
  }),
  message('reaction', { type: 'reaction', reaction: { message_id: wamid('Y'), emoji: '👍🏽' } }),
  message('reaction taken back', { type: 'reaction', reaction: { message_id: wamid('Y') } }),
  message('reaction taken back, as an empty text', {
    type: 'reaction',
    reaction: { message_id: wamid('Y'), emoji: '' },
  }),
  bareMessage('system, new phone number', {
    from: waId,
    type: 'system',
    system: {
      body: 'User A changed from 16505551234 to 16505554321',
      wa_id: '16505554321',
      type: 'user_changed_number',
    },
  }),
  bareMessage('system, new phone number as it was written once', {
    from: waId,
    type: 'system',
    system: { body: 'Sheena changed number', new_wa_id: '16505554321', type: 'customer_changed_number' },
  }),
  bareMessage('system, new user id', {
    from_user_id: userId,
    type: 'system',
    system: { body: 'Sheena changed', user_id: 'US.99991208655302741918', type: 'user_changed_user_id' },
  }),
  bareMessage('system, new phone number and user id', {
    from: waId,
    from_user_id: userId,
    type: 'system',
    system: {
      body: 'User A changed from 16505551234 to 16505554321',
      wa_id: '16505554321',
      user_id: 'US.99991208655302741918',
      type: 'user_changed_number',
    },
  }),
  bareMessage('system, new user id of a number', {
    from: waId,
    from_user_id: userId,
    type: 'system',
    system: { body: 'Sheena changed', user_id: 'US.99991208655302741918', type: 'user_changed_user_id' },
  }),
  bareMessage('system, another telephone', {
    from: waId,
    type: 'system',
    system: { body: 'Sheena has a new phone', type: 'customer_identity_changed' },
    identity: { acknowledged: true, created_timestamp: '1602532300000', hash: 'Sjvjlx8G6Z0=' },
  }),
  message('edit', {
    type: 'edit',
    edit: {
      original_message_id: wamid('X'),
      message: { type: 'text', text: { body: 'In blue, I meant' }, context: { id: 'M0' } },
    },
  }),
  message('revoke', { type: 'revoke', revoke: { original_message_id: wamid('X') } }),
  message('unsupported', {
    type: 'unsupported',
    unsupported: { type: 'poll' },
    errors: [
      {
        code: 131051,
        title: 'Message type unknown',
        message: 'Message type unknown',
        error_data: { details: 'Message type is currently not supported.' },
      },
    ],
  }),
  message('unknown, as unsupported was called once', {
    type: 'unknown',
    errors: [{ code: 131051, details: 'Message type is not currently supported', title: 'Unsupported message type' }],
  }),
  message('request_welcome', { type: 'request_welcome' }),
  message('a type that is not known yet', { type: 'hologram', hologram: { id: '7', frames: [1, 2] } }),
  message('without a type', { text: { body: 'typeless' } }),
  message('quoting', { type: 'text', text: { body: 'This one' }, context: { from: '15550783881', id: wamid('Y') } }),
  message('forwarded: a context without id', { type: 'text', text: { body: 'fwd' }, context: { forwarded: true } }),
  message('forwarded often', { type: 'text', text: { body: 'fwd' }, context: { frequently_forwarded: true } }),
  message('about a product', {
    type: 'text',
    text: { body: 'In stock?' },
    context: {
      from: '15550783881',
      id: wamid('Y'),
      referred_product: { catalog_id: '19', product_retailer_id: 'di9' },
    },
  }),
  message('from an ad', {
    type: 'text',
    text: { body: 'Is this still available?' },
    referral: {
      source_url: 'https://fb.me/3cr4Wqqkv',
      source_id: '120226305854810726',
      source_type: 'ad',
      body: 'Summer succulents are here!',
      headline: 'Chat with us',
      media_type: 'image',
      image_url: 'https://scontent.xx.fbcdn.net/v/t45.1600-4/an.png',
      ctwa_clid: 'Aff-n8ZTODiE79d22KtAwQKj9e_mIEOOj27vDVwFjN80dp4',
      welcome_message: { text: 'Hi there!' },
    },
  }),
  message('from a post, with a video and no click id', {
    type: 'image',
    image: media(),
    referral: {
      source_url: 'https://fb.me/2',
      source_id: 120226305854810,
      source_type: 'post',
      video_url: 'https://video.example/1',
      thumbnail_url: 'https://video.example/1.png',
    },
  }),
  bareMessage(
    'of a username customer: no phone number anywhere',
    { from_user_id: userId, from_parent_user_id: 'US.ENT.1177', type: 'text', text: { body: 'hi' } },
    {
      contacts: [{ profile: { name: 'Sheena', username: 'sheena.n' }, user_id: userId, parent_user_id: 'US.ENT.1177' }],
    },
  ),
  bareMessage(
    'whose phone number is written in two ways',
    { from: '5511912345678', type: 'text', text: { body: 'oi' } },
    { contacts: [{ profile: { name: 'Ana' }, wa_id: '551112345678' }] },
  ),
  bareMessage('without contacts', { from: waId, type: 'text', text: { body: 'hi' } }),
  bareMessage(
    'whose contact has no profile',
    { from: waId, type: 'text', text: { body: 'hi' } },
    { contacts: [{ wa_id: waId, identity_key_hash: 'x' }] },
  ),
  bareMessage(
    'whose profile has no name',
    { from: waId, type: 'text', text: { body: 'hi' } },
    { contacts: [{ profile: {}, wa_id: waId }] },
  ),
  bareMessage('of nobody', { type: 'text', text: { body: 'hi' } }),
  message('in a group', { type: 'text', text: { body: 'Hello all' }, group_id: groupId }),
  message('with its time as a number', { type: 'text', text: { body: 'hi' }, timestamp: 1_749_416_383 }),
];

const failureError = {
  code: 131047,
  title: 'Re-engagement message',
  message: 'Re-engagement message',
  error_data: { details: 'More than 24 hours have passed since the customer last replied to this number.' },
  href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
};
const pricing = { billable: true, pricing_model: 'PMP', type: 'regular', category: 'utility' };

const statuses: readonly CorpusDelivery[] = [
  status('sent', { status: 'sent', pricing, biz_opaque_callback_data: 'sb1:evt_x:0' }),
  status('sent, before v24.0', {
    status: 'sent',
    conversation: { id: 'a75d17ad', expiration_timestamp: '1750943820', origin: { type: 'service' } },
    pricing: { billable: true, pricing_model: 'CBP', category: 'service' },
  }),
  status('delivered', { status: 'delivered' }),
  status('read', { status: 'read' }),
  status('played', { status: 'played' }),
  status('failed, without contacts', { status: 'failed', errors: [failureError] }, {}),
  status('deleted, which is legacy', { status: 'deleted' }),
  status('a word that is not known yet', { status: 'pondered' }),
  status('of a send of ours', { status: 'delivered', biz_opaque_callback_data: `sb1:evt_${'a'.repeat(43)}:0` }),
  status('of somebody else’s send', { status: 'delivered', biz_opaque_callback_data: 'campaign-7' }),
  status('failed, for a user without number', {
    status: 'failed',
    recipient_id: undefined,
    errors: [failureError],
  }),
  status('of one participant of a group', {
    status: 'read',
    recipient_type: 'group',
    recipient_id: groupId,
    recipient_user_id: undefined,
    recipient_participant_id: waId,
    recipient_participant_user_id: userId,
  }),
  delivery(
    'status: of a username customer',
    'messages',
    {
      messaging_product: 'whatsapp',
      metadata,
      statuses: [{ id: wamid('C'), status: 'read', timestamp, recipient_user_id: userId }],
    },
    ['status'],
  ),
  delivery(
    'status: several in a group',
    'messages',
    {
      messaging_product: 'whatsapp',
      metadata,
      statuses: ['16505551234', '16505559999'].map((participant) => ({
        id: wamid('C'),
        status: 'delivered',
        timestamp,
        recipient_type: 'group',
        recipient_id: groupId,
        recipient_participant_id: participant,
      })),
    },
    ['status', 'status'],
  ),
];

const call = (name: string, value: object): CorpusDelivery =>
  delivery(`calls: ${name}`, 'calls', { messaging_product: 'whatsapp', metadata, contacts: [sheena], ...value }, [
    'call',
  ]);

const calls: readonly CorpusDelivery[] = [
  call('connect', {
    calls: [
      {
        id: 'wacid.HBgLMTY1MDU1NTEyMzQ',
        from: waId,
        to: '15550783881',
        event: 'connect',
        timestamp: '1762216151',
        direction: 'USER_INITIATED',
        session: { sdp_type: 'offer', sdp: 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n' },
      },
    ],
  }),
  call('terminate', {
    calls: [
      {
        id: 'wacid.HBgLMTY1MDU1NTEyMzQ',
        from: '15550783881',
        to: waId,
        event: 'terminate',
        timestamp: '1762216200',
        direction: 'BUSINESS_INITIATED',
        status: 'COMPLETED',
        start_time: '1762216160',
        end_time: '1762216200',
        duration: 40,
      },
    ],
  }),
  ...['RINGING', 'ACCEPTED', 'REJECTED'].map((state) =>
    call(`status ${state}`, {
      statuses: [
        { id: 'wacid.HBgLMTY1MDU1NTEyMzQ', type: 'call', status: state, timestamp: '1762216152', recipient_id: waId },
      ],
    }),
  ),
];

const echo = (field: string, name: string, content: object): CorpusDelivery =>
  delivery(
    `${field}: ${name}`,
    field,
    {
      messaging_product: 'whatsapp',
      metadata,
      message_echoes: [{ from: '15550783881', to: waId, to_user_id: userId, id: wamid(name), timestamp, ...content }],
    },
    ['echo'],
  );

const echoes: readonly CorpusDelivery[] = [
  echo('smb_message_echoes', 'text', { type: 'text', text: { body: 'This is Jo from the shop.' } }),
  echo('smb_message_echoes', 'edit', {
    type: 'edit',
    edit: { original_message_id: wamid('E'), message: { type: 'text' } },
  }),
  echo('smb_message_echoes', 'revoke', { type: 'revoke', revoke: { original_message_id: wamid('E') } }),
  echo('message_echoes', 'image', { type: 'image', image: media() }),
];

const history: readonly CorpusDelivery[] = [
  delivery(
    'history: a chunk',
    'history',
    {
      messaging_product: 'whatsapp',
      metadata,
      history: [
        {
          metadata: { phase: 0, chunk_order: 1, progress: 55 },
          threads: [
            {
              id: waId,
              messages: [
                {
                  from: waId,
                  id: wamid('H'),
                  timestamp: '1739230955',
                  type: 'text',
                  text: { body: 'Thanks!' },
                  history_context: { status: 'READ' },
                },
              ],
            },
          ],
        },
      ],
    },
    ['history'],
  ),
  delivery(
    'history: media that follow',
    'history',
    {
      messaging_product: 'whatsapp',
      metadata,
      messages: [{ id: wamid('H'), from: waId, type: 'image', image: media() }],
    },
    ['history'],
  ),
  delivery(
    'history: declined',
    'history',
    {
      messaging_product: 'whatsapp',
      metadata,
      history: [{ errors: [{ code: 2593109, title: 'History sync is turned off by the business' }] }],
    },
    ['history'],
  ),
];

const template = {
  message_template_id: 1_689_556_908_129_832,
  message_template_name: 'order_confirmation',
  message_template_language: 'en-US',
};

const templateNotices: readonly CorpusDelivery[] = [
  ...[
    'APPROVED',
    'REJECTED',
    'PENDING',
    'PAUSED',
    'DISABLED',
    'FLAGGED',
    'REINSTATED',
    'PENDING_DELETION',
    'ARCHIVED',
  ].map((event) => notice('message_template_status_update', event, { event, ...template, reason: 'NONE' })),
  notice('message_template_status_update', 'rejected, with what to do', {
    event: 'REJECTED',
    ...template,
    message_template_category: 'MARKETING',
    reason: 'INVALID_FORMAT',
    rejection_info: { reason: 'Variables stand side by side.', recommendation: 'Put words between them.' },
  }),
  notice('message_template_status_update', 'paused, with more to it', {
    event: 'PAUSED',
    ...template,
    reason: null,
    other_info: { title: 'FIRST_PAUSE', description: 'Paused for 3 hours.' },
    disable_info: { disable_date: 1_739_321_024 },
  }),
  notice('message_template_quality_update', '', {
    previous_quality_score: 'GREEN',
    new_quality_score: 'YELLOW',
    ...template,
  }),
  notice('message_template_components_update', '', {
    ...template,
    message_template_title: 'Your order',
    message_template_element: 'Thank you, {{1}}!',
    message_template_footer: 'The shop',
    message_template_buttons: [{ message_template_button_type: 'URL', message_template_button_text: 'Track' }],
  }),
  notice('template_category_update', '', { ...template, previous_category: 'UTILITY', new_category: 'MARKETING' }),
  notice('template_category_update', 'announced', {
    ...template,
    new_category: 'UTILITY',
    correct_category: 'MARKETING',
  }),
];

const accountUpdate = (event: string, more: object = {}, entry?: object): CorpusDelivery =>
  notice('account_update', event, { event, ...more }, entry);
const accountNews = (...update: Parameters<typeof accountUpdate>): CorpusDelivery => news(accountUpdate(...update));
const newsNotice = (...told: Parameters<typeof notice>): CorpusDelivery => news(notice(...told));

const accountNotices: readonly CorpusDelivery[] = [
  accountNews('ACCOUNT_DELETED'),
  accountNews('ACCOUNT_RESTRICTION', {
    restriction_info: [
      { restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: 1_739_921_024 },
      {
        restriction_type: 'RESTRICTED_ADD_PHONE_NUMBER_ACTION',
        expiration: 1_739_921_024,
        remediation: 'Ask for a review.',
      },
    ],
  }),
  accountNews('ACCOUNT_VIOLATION', { violation_info: { violation_type: 'SCAM' } }),
  accountNews('DISABLED_UPDATE', {
    ban_info: { waba_ban_state: 'SCHEDULE_FOR_DISABLE', waba_ban_date: 'February 12, 2025' },
  }),
  accountUpdate('AD_ACCOUNT_LINKED', { waba_info: { waba_id: wabaId, owner_business_id: '2329417887457253' } }),
  accountUpdate('AUTH_INTL_PRICE_ELIGIBILITY_UPDATE', {
    auth_international_rate_eligibility: { exception_countries: [{ country_code: 'IN', start_time: 1_721_952_000 }] },
  }),
  accountUpdate('BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE', { country: 'IN' }),
  accountUpdate('MM_LITE_TERMS_SIGNED', { waba_info: { waba_id: wabaId } }),
  // The entry names the partner's business, not the account.
  accountNews('PARTNER_ADDED', { waba_info: { waba_id: wabaId } }, { id: '506914307656634', time: 1_739_321_024 }),
  accountNews(
    'PARTNER_REMOVED',
    { waba_info: { waba_id: wabaId }, disconnection_info: { reason: 'UNLINKED', initiated_by: 'USER' } },
    { id: '506914307656634', time: 1_739_321_024 },
  ),
  accountNews('PARTNER_APP_INSTALLED', { waba_info: { waba_id: wabaId, partner_app_id: '67890' } }),
  accountNews('PARTNER_APP_UNINSTALLED', { waba_info: { waba_id: wabaId, partner_app_id: '67890' } }),
  accountUpdate('PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE', {
    partner_client_certification_info: {
      client_business_id: '1',
      status: 'FAILED',
      rejection_reasons: ['ADDRESS_NOT_MATCHING'],
    },
  }),
  accountUpdate('VOLUME_BASED_PRICING_TIER_UPDATE', {
    volume_tier_info: {
      tier_update_time: 1_743_451_903,
      pricing_category: 'UTILITY',
      tier: '25000001:50000000',
      region: 'India',
    },
  }),
  accountNews('ACCOUNT_OFFBOARDED'),
  accountNews('ACCOUNT_RECONNECTED'),
  accountNews('VERIFIED_ACCOUNT', { phone_number: '15550783881' }),
  newsNotice('account_alerts', '', {
    entity_type: 'BUSINESS',
    entity_id: '506914307656634',
    alert_info: {
      alert_severity: 'INFORMATIONAL',
      alert_status: 'NONE',
      alert_type: 'OBA_APPROVED',
      alert_description: 'The account is an official business account now.',
    },
  }),
  newsNotice('account_alerts', 'of a number', {
    entity_type: 'PHONE_NUMBER',
    entity_id: metadata.phone_number_id,
    alert_info: {
      alert_severity: 'CRITICAL',
      alert_status: 'ACTIVE',
      alert_type: 'SOMETHING_NEW',
      alert_description: 'Something is wrong with the number.',
    },
  }),
  accountNews('SOMETHING_NEW'),
  newsNotice('account_review_update', '', { decision: 'APPROVED' }),
  newsNotice('phone_number_quality_update', 'ONBOARDING', {
    display_phone_number: '15550783881',
    event: 'ONBOARDING',
    current_limit: 'TIER_250',
  }),
  newsNotice('phone_number_quality_update', 'FLAGGED', {
    display_phone_number: '15550783881',
    event: 'FLAGGED',
    old_limit: 'TIER_10K',
    current_limit: 'TIER_1K',
    max_daily_conversations_per_business: 'TIER_1K',
  }),
  newsNotice('phone_number_name_update', '', {
    display_phone_number: '15550783881',
    decision: 'REJECTED',
    requested_verified_name: 'Lucky Shrub',
    rejection_reason: 'NAME_EMPLOYEE_ISSUE',
  }),
  newsNotice('phone_number_name_update', 'approved', {
    display_phone_number: '15550783881',
    decision: 'APPROVED',
    requested_verified_name: 'Lucky Shrub',
    rejection_reason: null,
  }),
  newsNotice('business_capability_update', 'as a number', {
    max_daily_conversations_per_business: 2000,
    max_phone_numbers_per_business: 25,
    max_phone_numbers_per_waba: 25,
  }),
  newsNotice('business_capability_update', 'as a tier', { max_daily_conversations_per_business: 'TIER_UNLIMITED' }),
  newsNotice('business_capability_update', 'without limit, as it was written once', {
    max_daily_conversation_per_phone: -1,
  }),
  newsNotice('security', '', {
    display_phone_number: '15550783881',
    event: 'PIN_CHANGED',
    requester: '61555822107539',
  }),
  notice('account_settings_update', '', {
    messaging_product: 'whatsapp',
    timestamp: '1739321024',
    type: 'phone_number_settings',
    phone_number_settings: { phone_number_id: metadata.phone_number_id, calling: { status: 'ENABLED' } },
  }),
  notice('business_username_update', '', {
    display_phone_number: '15550783881',
    username: 'lucky.shrub',
    status: 'approved',
  }),
  notice('business_username_update', 'deleted', { display_phone_number: '15550783881', status: 'deleted' }),
  notice('partner_solutions', '', {
    event: 'SOLUTION_CREATED',
    solution_id: '774485461512159',
    solution_status: 'INITIATED',
  }),
  notice('payment_configuration_update', '', {
    configuration_name: 'my-payments',
    provider_name: 'razorpay',
    provider_mid: 'acc_GP4lfNA0iIMn5B',
    status: 'ACTIVE',
    created_timestamp: 1_739_321_024,
    updated_timestamp: 1_739_321_024,
  }),
  notice('flows', '', {
    event: 'FLOW_STATUS_CHANGE',
    message: 'Flow Webhook 1 changed status from DRAFT to PUBLISHED',
    flow_id: '6627390910605886',
    old_status: 'DRAFT',
    new_status: 'PUBLISHED',
  }),
];

/** What is about a customer or a group, and is yet no message. */
const customerNotices: readonly CorpusDelivery[] = [
  notice(
    'user_preferences',
    'with the time as a number',
    {
      messaging_product: 'whatsapp',
      metadata,
      contacts: [sheena],
      user_preferences: [
        {
          wa_id: waId,
          user_id: userId,
          detail: 'User requested to stop marketing messages',
          category: 'marketing_messages',
          value: 'stop',
          timestamp: 1_731_705_721,
        },
      ],
    },
    {},
  ),
  notice(
    'user_preferences',
    'with the time as a text, without phone number',
    {
      messaging_product: 'whatsapp',
      metadata,
      user_preferences: [
        { user_id: userId, category: 'marketing_messages', value: 'signup', signup_id: '9', timestamp: '1731705721' },
      ],
    },
    {},
  ),
  notice(
    'user_id_update',
    '',
    {
      messaging_product: 'whatsapp',
      metadata,
      contacts: [{ profile: { name: 'Sheena Nelson' }, wa_id: waId, user_id: 'US.99991208655302741918' }],
      user_id_update: [
        {
          wa_id: waId,
          detail: 'User id changed',
          user_id: { previous: userId, current: 'US.99991208655302741918' },
          timestamp: '1739321024',
        },
      ],
    },
    {},
  ),
  ...[
    [
      'group_lifecycle_update',
      { type: 'group_create', request_id: 'r-1', subject: 'Garden club', invite_link: 'https://chat.whatsapp.com/L' },
    ],
    [
      'group_participants_update',
      { type: 'group_participants_add', reason: 'invite_link', added_participants: [{ wa_id: waId }] },
    ],
    [
      'group_settings_update',
      {
        type: 'group_settings_update',
        request_id: 'r-2',
        group_subject: { text: 'Garden club', update_successful: true },
      },
    ],
    ['group_status_update', { type: 'group_suspend' }],
  ].flatMap(([field, content]) =>
    [timestamp, 1_749_416_383].map((time) =>
      notice(
        field as string,
        typeof time === 'number' ? 'with the time as a number' : '',
        {
          messaging_product: 'whatsapp',
          metadata,
          groups: [{ timestamp: time, group_id: groupId, ...(content as object) }],
        },
        {},
      ),
    ),
  ),
  notice(
    'group_lifecycle_update',
    'failed',
    {
      messaging_product: 'whatsapp',
      metadata,
      groups: [
        {
          timestamp,
          type: 'group_create',
          request_id: 'r-3',
          errors: [{ code: 131000, message: 'Something went wrong' }],
        },
      ],
    },
    {},
  ),
  notice(
    'smb_app_state_sync',
    '',
    {
      messaging_product: 'whatsapp',
      metadata,
      state_sync: [
        {
          type: 'contact',
          contact: { full_name: 'Pablo Morales', first_name: 'Pablo', phone_number: '16505551234' },
          action: 'add',
          metadata: { timestamp: '1738346006' },
        },
      ],
    },
    {},
  ),
  delivery(
    'smb_app_state_sync: two at once',
    'smb_app_state_sync',
    {
      messaging_product: 'whatsapp',
      metadata,
      state_sync: ['add', 'remove'].map((action) => ({
        type: 'contact',
        contact: { phone_number: '16505559999' },
        action,
        metadata: { timestamp: '1738346007' },
      })),
    },
    ['account', 'account'],
  ),
  notice(
    'automatic_events',
    '',
    {
      messaging_product: 'whatsapp',
      metadata,
      automatic_events: [
        {
          id: wamid('A'),
          event_name: 'Purchase',
          timestamp: 1_739_321_024,
          custom_data: { currency: 'USD', value: 25_000 },
        },
      ],
    },
    {},
  ),
  notice(
    'tracking_events',
    '',
    {
      messaging_product: 'whatsapp',
      metadata,
      tracking_events: [{ event_name: 'link_click', timestamp: 1_739_321_024 }],
    },
    {},
  ),
  notice(
    'messages',
    'a click on a link',
    {
      messaging_product: 'whatsapp',
      metadata,
      user_actions: [
        {
          action_type: 'marketing_messages_link_click',
          timestamp,
          marketing_messages_link_click_data: { click_component: 'cta' },
        },
      ],
    },
    {},
  ),
  notice(
    'messages',
    'errors of the number itself',
    {
      messaging_product: 'whatsapp',
      metadata,
      errors: [
        {
          code: 131056,
          title: 'Pair rate limit hit',
          message: 'Pair rate limit hit',
          error_data: { details: 'Too many messages between this pair.' },
          href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
        },
      ],
    },
    {},
  ),
  notice('messages', 'nothing in it', { messaging_product: 'whatsapp', metadata }, {}),
  notice(
    'messaging_handovers',
    '',
    {
      messaging_product: 'whatsapp',
      recipient: { display_phone_number: '15550783881' },
      sender: { phone_number: waId },
      timestamp,
    },
    {},
  ),
  notice('consumer_profile', '', { messaging_product: 'whatsapp', metadata, profile: { wa_id: waId } }, {}),
  notice('a_field_that_is_not_known_yet', '', { metadata, deeply: { nested: [{ value: null }] } }, {}),
];

/** One POST may bring everything at once: several accounts, numbers and kinds. */
const batch: CorpusDelivery = {
  name: 'batch: two accounts, two numbers, several kinds',
  body: {
    object: 'whatsapp_business_account',
    entry: [
      ...[...messages.slice(0, 2), ...statuses.slice(0, 1)].flatMap(({ body }) => body.entry),
      {
        id: '102290129340399',
        time: 1_739_321_024,
        changes: [
          {
            field: 'messages',
            value: {
              messaging_product: 'whatsapp',
              metadata: { display_phone_number: '15550783882', phone_number_id: '106540352242923' },
              contacts: [sheena, { profile: { name: 'Kerry' }, wa_id: '16505559999' }],
              messages: [
                { from: '16505559999', id: wamid('K'), timestamp, type: 'text', text: { body: 'one' } },
                { from: waId, id: wamid('L'), timestamp, type: 'text', text: { body: 'two' } },
              ],
              statuses: [{ id: wamid('M'), status: 'read', timestamp, recipient_id: waId }],
            },
          },
          { field: 'account_review_update', value: { decision: 'REJECTED' } },
        ],
      },
    ],
  },
  kinds: ['message', 'message', 'status', 'message', 'message', 'status', 'account'],
};

export const eventCorpus: readonly CorpusDelivery[] = [
  ...messages,
  ...statuses,
  ...calls,
  ...echoes,
  ...history,
  ...templateNotices,
  ...accountNotices,
  ...customerNotices,
  batch,
];
