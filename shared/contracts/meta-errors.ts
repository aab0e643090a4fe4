import * as z from 'zod';

/** What Meta gave as the reason, in plain words. */
export const metaReason = z.object({
  code: z.number().int(),
  title: z.string(),
  explanation: z.string(),
  guidance: z.string(),
});
export type MetaReason = z.infer<typeof metaReason>;

/** What it is about: who reads it knows where to look. */
export const metaErrorCategory = z.enum([
  'credential',
  'permission',
  'recipient',
  'window',
  'template',
  'rate',
  'throughput',
  'pair',
  'quality',
  'billing',
  'policy',
  'number',
  'webhook',
  'outage',
  'request',
]);
export type MetaErrorCategory = z.infer<typeof metaErrorCategory>;

const documentation = 'https://developers.facebook.com/documentation/business-messaging/whatsapp';
const codes = { href: `${documentation}/support/error-codes`, title: 'Error codes of the WhatsApp Cloud API' };

/** Where Meta says more, or where it is mended. */
export const metaErrorLinks: Readonly<Record<MetaErrorCategory, { readonly href: string; readonly title: string }>> = {
  credential: { href: `${documentation}/access-tokens`, title: 'Access tokens' },
  permission: { href: 'https://developers.facebook.com/docs/whatsapp/permissions', title: 'Permissions' },
  recipient: codes,
  window: { href: `${documentation}/messages/send-messages`, title: 'Customer service windows' },
  template: { href: 'https://business.facebook.com/wa/manage/message-templates/', title: 'Message templates' },
  rate: { href: 'https://developers.facebook.com/docs/graph-api/overview/rate-limiting', title: 'Rate limits' },
  throughput: { href: `${documentation}/throughput`, title: 'Throughput' },
  pair: { href: `${documentation}/about-the-platform`, title: 'Pair rate limits' },
  quality: { href: `${documentation}/messaging-limits`, title: 'Messaging limits and quality' },
  billing: { href: 'https://business.facebook.com/billing_hub/', title: 'Billing' },
  policy: { href: 'https://business.facebook.com/business-support-home/', title: 'Business support' },
  number: { href: 'https://business.facebook.com/wa/manage/phone-numbers/', title: 'Phone numbers' },
  webhook: { href: `${documentation}/webhooks/create-webhook-endpoint`, title: 'Webhook endpoints' },
  outage: { href: 'https://metastatus.com/whatsapp-business-api', title: 'Status of the WhatsApp Business API' },
  request: codes,
};

/** What an error of Meta means, in plain words: for users, not for who knows the Graph API. */
export interface MetaErrorText {
  readonly category: MetaErrorCategory;
  readonly title: string;
  readonly explanation: string;
  readonly guidance: string;
  /** `never`: the same again fails again. `now`: it may succeed at once. `later`: not before `retryAfterSeconds`. */
  readonly retry: 'never' | 'now' | 'later';
  readonly retryAfterSeconds?: number;
}

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

export const never = (
  category: MetaErrorCategory,
  title: string,
  explanation: string,
  guidance: string,
): MetaErrorText => ({
  category,
  title,
  explanation,
  guidance,
  retry: 'never',
});
const later = (
  category: MetaErrorCategory,
  retryAfterSeconds: number,
  title: string,
  explanation: string,
  guidance: string,
): MetaErrorText => ({
  category,
  title,
  explanation,
  guidance,
  retry: 'later',
  retryAfterSeconds,
});

/** Meta's own advice for one customer is 4^n seconds, and a message every six seconds holds for good ("Pair rate limits"). */
const pairPause = 6;
const burstPause = 10;

const tokenInvalid = never(
  'credential',
  'The access token is not valid',
  'Meta does not accept the access token of your credential: it has expired, was revoked or belongs to another app.',
  'Make a new token, best one of a system user that does not expire, and update the credential with it.',
);
const permissionMissing = never(
  'permission',
  'A permission is missing',
  'The access token of your credential may not do this: a permission was not granted or was taken away, or the account is not assigned to it.',
  'In Meta Business settings assign the WhatsApp account to the system user with full control, make a token with whatsapp_business_messaging and whatsapp_business_management, and update the credential.',
);
const callsLimited = later(
  'rate',
  hour,
  'Too many requests',
  'Meta limits how many requests an app or account may make in an hour, and the limit is reached.',
  'Wait an hour. Asking on lengthens the block.',
);
export const invisible = never(
  'permission',
  'The object is not there or not visible',
  'What was named does not exist at Meta, was deleted, or the access token may not see it.',
  'Check the ids, a phone number id is not the phone number, and that the account is assigned to the user of the token.',
);
const parameterWrong = never(
  'request',
  'A value is not acceptable',
  'The request to Meta lacks a value or holds one that it does not take.',
  'Correct the message; `meta.details` says which value, where Meta tells.',
);
const templateWrong = never(
  'template',
  'The template does not fit',
  'The template does not exist in this language, is not approved, or its parameters do not match.',
  'Compare name, language and parameters with the approved template in WhatsApp Manager.',
);
const paymentMissing = never(
  'billing',
  'There is a problem with the payment',
  'Meta cannot charge your WhatsApp account.',
  'Check the payment method and the billing of the account in Meta Business settings.',
);
const temporary = later(
  'outage',
  minute,
  'Meta is not available',
  'A service of Meta does not answer at the moment.',
  'Try again in a minute. If it lasts, look at metastatus.com.',
);
const mustRegister = never(
  'number',
  'The number is not registered',
  'The phone number is not registered for the Cloud API (any more), or has to be verified again.',
  'Register the number with its PIN: POST /v1/credentials/{id}/phone-numbers/{phoneNumberId}/register.',
);
const mediaFailed = never(
  'request',
  'The file could not be transferred',
  'Meta could not fetch or take the file of the message.',
  'Check its type, its size and, for a link, that it answers without a login. Then send it again.',
);
const pinBlocked = later(
  'number',
  hour,
  'Too many wrong PINs',
  'The PIN of the number was entered wrongly too often or too quickly.',
  '`meta.details` says how long to wait, where Meta tells. Then use the right PIN, or reset it in WhatsApp Manager.',
);
const settingsForbid = never(
  'policy',
  'The settings of the account do not allow it',
  'This kind of message cannot be sent with the settings of the WhatsApp account or by this interface.',
  'Check the settings for marketing messages in WhatsApp Manager, or send another kind of message.',
);
const templateForm = never(
  'template',
  'The template is not acceptable',
  'Meta does not take the template: its length, its form or its variables break a rule, or there are too many templates.',
  'Correct the template; `meta.details` names the rule, where Meta tells.',
);
const cannotMigrate = never(
  'number',
  'The number cannot be moved',
  'Meta does not let the phone number be moved to this account, or it is in it already.',
  'Check in WhatsApp Manager where the number belongs and whether it is eligible.',
);
const historyNotShared = never(
  'request',
  'The history is not shared',
  'Contacts or history of the Business app are not transferred: the time for it is over, or the owner declined.',
  'Nothing to do for messages. To try again, connect the Business app anew.',
);

/** Every code that Meta documents, or that was seen, for what we do ("Error codes", WhatsApp Cloud API; "Handle errors", Graph API). */
export const metaErrors: readonly (readonly [readonly number[], MetaErrorText])[] = [
  [[0, 190], tokenInvalid],
  [[1, 2], temporary],
  [[3, 10], permissionMissing],
  [[4, 17, 32, 613, 80007, 80008], callsLimited],
  [[33, 803], invisible],
  [[100, 131008, 131009, 135000], parameterWrong],
  [
    [101, 104],
    never(
      'credential',
      'App or token is missing',
      'Meta does not know the app, or got no access token.',
      'Check the App ID and the access token of the credential.',
    ),
  ],
  [
    [368],
    later(
      'policy',
      day,
      'The account is blocked for a while',
      'Meta has blocked the account for breaking a policy.',
      'Open Policy enforcement in Meta Business settings: it says why, for how long, and how to appeal.',
    ),
  ],
  [
    [2200],
    never(
      'webhook',
      'The callback was not verified',
      'Meta called the webhook and did not get the answer that it wants.',
      'Check that the address is reachable from the internet, then repair the webhook.',
    ),
  ],
  [
    [130403],
    never(
      'recipient',
      'The customer is blocked',
      'You have blocked this customer.',
      'Unblock the customer, then send it again.',
    ),
  ],
  [
    [130429],
    later(
      'throughput',
      burstPause,
      'The number sends too fast',
      'A phone number may send and receive so many messages a second, and the limit is reached.',
      'Send more slowly: queue messages and try again in some seconds.',
    ),
  ],
  [
    [130472],
    never(
      'recipient',
      'Held back by an experiment of Meta',
      'The customer is part of an experiment in which Meta delivers no marketing messages. It is not charged.',
      'Nothing to do. Do not send it again.',
    ),
  ],
  [
    [130497],
    never(
      'policy',
      'Messages to this country are not allowed',
      'Meta does not let the business send messages to customers in this country.',
      'Check the messaging policy of WhatsApp for your kind of business.',
    ),
  ],
  [
    [131000],
    {
      category: 'outage',
      title: 'Something went wrong at Meta',
      explanation: 'Meta could not send the message for an unknown reason.',
      guidance: 'Send it again. If it fails again and again, name the fbtraceId to the support of Meta.',
      retry: 'now',
    },
  ],
  [[131005], permissionMissing],
  [[131016], temporary],
  [
    [131021],
    never(
      'request',
      'Sender and recipient are the same',
      'A number cannot write to itself.',
      'Choose another recipient.',
    ),
  ],
  [
    [131026],
    never(
      'recipient',
      'The message cannot be delivered',
      'The customer is not on WhatsApp, has an old version, has not accepted its terms, or cannot be reached otherwise. Meta does not say which.',
      'Ask the customer by another channel to update WhatsApp and to write to you first.',
    ),
  ],
  [
    [131030],
    never(
      'recipient',
      'The recipient is not on the list of the test number',
      'A test number reaches only the recipients that were entered for it.',
      'Add the recipient in the App Dashboard (WhatsApp, API setup), or use a real number.',
    ),
  ],
  [
    [131031],
    never(
      'policy',
      'The account is locked',
      'Meta has restricted or disabled the WhatsApp account, or the data for its PIN is wrong.',
      'Open WhatsApp Manager: it says why and how to appeal.',
    ),
  ],
  [
    [131037],
    never(
      'policy',
      'The display name is not approved',
      'The number may not send before its display name is approved.',
      'Have the display name approved in WhatsApp Manager.',
    ),
  ],
  [[131042, 131044], paymentMissing],
  [[131045, 133006, 133010], mustRegister],
  [
    [131047],
    never(
      'window',
      'The 24 hours are over',
      'A customer can be written to freely for 24 hours after their last message. They are over.',
      'Send an approved template, or wait until the customer writes again.',
    ),
  ],
  [
    [131048],
    later(
      'quality',
      day,
      'The number is restricted for its quality',
      'Too many of its messages were blocked or reported as spam.',
      'Pause, and check the quality of the number in WhatsApp Manager. Send only what customers asked for.',
    ),
  ],
  [
    [131049],
    later(
      'quality',
      day,
      'Not delivered, for a healthy ecosystem',
      'Meta limits how many marketing messages a customer gets. It is not charged.',
      'Do not send it again today. Wait a day at least, or use another channel.',
    ),
  ],
  [
    [131050],
    never(
      'recipient',
      'The customer wants no marketing',
      'The customer has stopped marketing messages from you.',
      'Remember that, and send no marketing messages to this customer.',
    ),
  ],
  [
    [131051],
    never(
      'request',
      'The type of message is not supported',
      'WhatsApp does not know this type of message, or does not let it be sent.',
      'Send a message of another type.',
    ),
  ],
  [[131052, 131053], mediaFailed],
  [[131055, 131063, 134100], settingsForbid],
  [
    [131056],
    later(
      'pair',
      pairPause,
      'Too many messages to this customer',
      'One number may send so many messages to one customer in a short time.',
      'Slow down to this customer: one message every six seconds. Other customers are not concerned.',
    ),
  ],
  [
    [131057],
    later(
      'outage',
      5 * minute,
      'The number is being maintained',
      'Meta is upgrading or maintaining the number.',
      'Try again in some minutes.',
    ),
  ],
  [
    [131062],
    never(
      'recipient',
      'The customer cannot be reached by user id for this',
      'This kind of message needs the phone number of the customer.',
      'Use the phone number, if you know it.',
    ),
  ],
  [
    [131064],
    later(
      'quality',
      day,
      'Limited for misclassified templates',
      'Meta limits the account because templates were submitted in the wrong category.',
      'Correct or appeal the category of the templates in WhatsApp Manager.',
    ),
  ],
  [[132000, 132001, 132005, 132007, 132008, 132012, 132018], templateWrong],
  [
    [132015, 132016],
    never(
      'template',
      'The template is paused or disabled',
      'Meta has paused or disabled the template because of its quality.',
      'Edit the template in WhatsApp Manager and have it approved again, or use another.',
    ),
  ],
  [
    [132068],
    never(
      'template',
      'The flow is blocked',
      'Meta has blocked the flow.',
      'Correct the flow in WhatsApp Manager and publish it.',
    ),
  ],
  [
    [132069],
    later(
      'template',
      hour,
      'The flow is throttled',
      'The flow has errors, so it can be sent only ten times an hour.',
      'Correct the flow in WhatsApp Manager. Until then send it less often.',
    ),
  ],
  [
    [133000, 133004],
    later(
      'number',
      5 * minute,
      'Registering is not possible now',
      'An earlier deregistration is not complete, or the server is not available.',
      'Try again in some minutes.',
    ),
  ],
  [
    [133005],
    never(
      'number',
      'The PIN is wrong',
      'The PIN is not that of the number.',
      'Use the PIN of the number, or reset it in WhatsApp Manager.',
    ),
  ],
  [[133008, 133009], pinBlocked],
  [
    [133015],
    later(
      'number',
      5 * minute,
      'The number was just deleted',
      'The number was deleted a short while ago and is not free yet.',
      'Try again in some minutes.',
    ),
  ],
  [
    [133016],
    later(
      'number',
      3 * day,
      'Registered too often',
      'A number may be registered and deregistered about ten times in 72 hours.',
      'Wait 72 hours.',
    ),
  ],
  [
    [134011],
    never(
      'billing',
      'The terms for payments are not accepted',
      'The business has not accepted the terms of WhatsApp payments.',
      'Accept them in WhatsApp Manager.',
    ),
  ],
  [
    [134101],
    later(
      'template',
      10 * minute,
      'The template is being synchronised',
      'A new template is not everywhere yet.',
      'Try again in ten minutes.',
    ),
  ],
  [
    [134102],
    never(
      'template',
      'The template is not available',
      'The template cannot be used for this.',
      'Choose another template.',
    ),
  ],
  [
    [137000],
    never(
      'recipient',
      "The customer's identity has changed",
      'The customer may have a new device, and you have asked to be told.',
      'Confirm the identity of the customer, then send it again.',
    ),
  ],
  [[2388019, 2388039, 2388040, 2388047, 2388072, 2388073, 2388293, 2388299], templateForm],
  [[2388012, 2388091, 2388093, 2388103], cannotMigrate],
  [
    [2494100],
    later('outage', hour, 'The number is being maintained', 'Meta is maintaining the number.', 'Try again in an hour.'),
  ],
  [[2593107, 2593108, 2593109], historyNotShared],
];

/** Why a token is not valid any more ("Access token errors"), by the subcode of 190. */
export const tokenErrors: ReadonlyMap<number, MetaErrorText> = new Map(
  Object.entries({
    458: 'The app is not installed any more for the user who made the token.',
    459: 'The user who made the token has to log in to Facebook first.',
    460: 'The user who made the token has changed the password, or Facebook has ended the session.',
    463: 'The token has expired.',
    464: 'The user who made the token is not confirmed.',
    467: 'The token was revoked.',
    492: 'The user who made the token has lost a role that it needs.',
  }).map(([subcode, explanation]) => [Number(subcode), { ...tokenInvalid, explanation }]),
);

/** Families of codes of which Meta does not document each. The first that holds the code counts. */
export const metaErrorFamilies: readonly (readonly [from: number, to: number, MetaErrorText])[] = [
  [200, 299, permissionMissing],
  [
    131_200,
    131_299,
    never(
      'recipient',
      'The group does not allow it',
      'Meta refused something about a group.',
      'Check the group and who is in it.',
    ),
  ],
  [
    138_000,
    138_999,
    never(
      'request',
      'The call is not possible',
      'Meta refused something about a call.',
      'Check the settings for calls of the number.',
    ),
  ],
  [
    139_000,
    139_999,
    never(
      'request',
      'The flow or the block list does not allow it',
      'Meta refused something about a flow or the list of blocked customers.',
      'Check the flow, or the list, in WhatsApp Manager.',
    ),
  ],
  [
    147_000,
    147_099,
    never(
      'number',
      'The username is not possible',
      'Meta refused something about a username.',
      'Choose another username.',
    ),
  ],
];

export const unknownMetaError = never(
  'request',
  'Meta refused',
  'Meta refused with a code that is not known here.',
  'Look the code up in the error codes of the WhatsApp Cloud API.',
);
