import * as z from 'zod';
import type { MessageFailure } from '../contracts/agent-event.ts';
import type { EventId } from '../contracts/ids.ts';
import type { GraphFailure } from './graph.ts';

/** What an error of Meta means, in plain words: for users, not for who knows the Graph API. */
export interface MetaErrorText {
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

const never = (title: string, explanation: string, guidance: string): MetaErrorText => ({
  title,
  explanation,
  guidance,
  retry: 'never',
});
const later = (retryAfterSeconds: number, title: string, explanation: string, guidance: string): MetaErrorText => ({
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
  'The access token is not valid',
  'Meta does not accept the access token of your credential: it has expired, was revoked or belongs to another app.',
  'Make a new token, best one of a system user that does not expire, and update the credential with it.',
);
const permissionMissing = never(
  'A permission is missing',
  'The access token of your credential may not do this: a permission was not granted or was taken away, or the account is not assigned to it.',
  'In Meta Business settings assign the WhatsApp account to the system user with full control, make a token with whatsapp_business_messaging and whatsapp_business_management, and update the credential.',
);
const callsLimited = later(
  hour,
  'Too many requests',
  'Meta limits how many requests an app or account may make in an hour, and the limit is reached.',
  'Wait an hour. Asking on lengthens the block.',
);
const invisible = never(
  'The object is not there or not visible',
  'What was named does not exist at Meta, was deleted, or the access token may not see it.',
  'Check the ids, a phone number id is not the phone number, and that the account is assigned to the user of the token.',
);
const parameterWrong = never(
  'A value is not acceptable',
  'The request to Meta lacks a value or holds one that it does not take.',
  'Correct the message; `details` says which value, where Meta tells.',
);
const templateWrong = never(
  'The template does not fit',
  'The template does not exist in this language, is not approved, or its parameters do not match.',
  'Compare name, language and parameters with the approved template in WhatsApp Manager.',
);
const paymentMissing = never(
  'There is a problem with the payment',
  'Meta cannot charge your WhatsApp account.',
  'Check the payment method and the billing of the account in Meta Business settings.',
);
const temporary = later(
  minute,
  'Meta is not available',
  'A service of Meta does not answer at the moment.',
  'Try again in a minute. If it lasts, look at metastatus.com.',
);
const mustRegister = never(
  'The number is not registered',
  'The phone number is not registered for the Cloud API (any more), or has to be verified again.',
  'Register the number with its PIN: POST /v1/credentials/{id}/phone-numbers/{phoneNumberId}/register.',
);
const mediaFailed = never(
  'The file could not be transferred',
  'Meta could not fetch or take the file of the message.',
  'Check its type, its size and, for a link, that it answers without a login. Then send it again.',
);
const pinBlocked = later(
  hour,
  'Too many wrong PINs',
  'The PIN of the number was entered wrongly too often or too quickly.',
  '`details` says how long to wait, where Meta tells. Then use the right PIN, or reset it in WhatsApp Manager.',
);
const settingsForbid = never(
  'The settings of the account do not allow it',
  'This kind of message cannot be sent with the settings of the WhatsApp account or by this interface.',
  'Check the settings for marketing messages in WhatsApp Manager, or send another kind of message.',
);
const templateForm = never(
  'The template is not acceptable',
  'Meta does not take the template: its length, its form or its variables break a rule, or there are too many templates.',
  'Correct the template; `details` names the rule, where Meta tells.',
);
const cannotMigrate = never(
  'The number cannot be moved',
  'Meta does not let the phone number be moved to this account, or it is in it already.',
  'Check in WhatsApp Manager where the number belongs and whether it is eligible.',
);
const historyNotShared = never(
  'The history is not shared',
  'Contacts or history of the Business app are not transferred: the time for it is over, or the owner declined.',
  'Nothing to do for messages. To try again, connect the Business app anew.',
);

/** Every code that Meta documents, or that was seen, for what we do ("Error codes", WhatsApp Cloud API; "Handle errors", Graph API). */
const byCode: readonly (readonly [readonly number[], MetaErrorText])[] = [
  [[0, 190], tokenInvalid],
  [[1, 2], temporary],
  [[3, 10], permissionMissing],
  [[4, 17, 32, 613, 80007, 80008], callsLimited],
  [[33, 803], invisible],
  [[100, 131008, 131009, 135000], parameterWrong],
  [
    [101, 104],
    never(
      'App or token is missing',
      'Meta does not know the app, or got no access token.',
      'Check the App ID and the access token of the credential.',
    ),
  ],
  [
    [368],
    later(
      day,
      'The account is blocked for a while',
      'Meta has blocked the account for breaking a policy.',
      'Open Policy enforcement in Meta Business settings: it says why, for how long, and how to appeal.',
    ),
  ],
  [
    [2200],
    never(
      'The callback was not verified',
      'Meta called the webhook and did not get the answer that it wants.',
      'Check that the address is reachable from the internet, then repair the webhook.',
    ),
  ],
  [
    [130403],
    never('The customer is blocked', 'You have blocked this customer.', 'Unblock the customer, then send it again.'),
  ],
  [
    [130429],
    later(
      burstPause,
      'The number sends too fast',
      'A phone number may send and receive so many messages a second, and the limit is reached.',
      'Send more slowly: queue messages and try again in some seconds.',
    ),
  ],
  [
    [130472],
    never(
      'Held back by an experiment of Meta',
      'The customer is part of an experiment in which Meta delivers no marketing messages. It is not charged.',
      'Nothing to do. Do not send it again.',
    ),
  ],
  [
    [130497],
    never(
      'Messages to this country are not allowed',
      'Meta does not let the business send messages to customers in this country.',
      'Check the messaging policy of WhatsApp for your kind of business.',
    ),
  ],
  [
    [131000],
    {
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
    never('Sender and recipient are the same', 'A number cannot write to itself.', 'Choose another recipient.'),
  ],
  [
    [131026],
    never(
      'The message cannot be delivered',
      'The customer is not on WhatsApp, has an old version, has not accepted its terms, or cannot be reached otherwise. Meta does not say which.',
      'Ask the customer by another channel to update WhatsApp and to write to you first.',
    ),
  ],
  [
    [131030],
    never(
      'The recipient is not on the list of the test number',
      'A test number reaches only the recipients that were entered for it.',
      'Add the recipient in the App Dashboard (WhatsApp, API setup), or use a real number.',
    ),
  ],
  [
    [131031],
    never(
      'The account is locked',
      'Meta has restricted or disabled the WhatsApp account, or the data for its PIN is wrong.',
      'Open WhatsApp Manager: it says why and how to appeal.',
    ),
  ],
  [
    [131037],
    never(
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
      'The 24 hours are over',
      'A customer can be written to freely for 24 hours after their last message. They are over.',
      'Send an approved template, or wait until the customer writes again.',
    ),
  ],
  [
    [131048],
    later(
      day,
      'The number is restricted for its quality',
      'Too many of its messages were blocked or reported as spam.',
      'Pause, and check the quality of the number in WhatsApp Manager. Send only what customers asked for.',
    ),
  ],
  [
    [131049],
    later(
      day,
      'Not delivered, for a healthy ecosystem',
      'Meta limits how many marketing messages a customer gets. It is not charged.',
      'Do not send it again today. Wait a day at least, or use another channel.',
    ),
  ],
  [
    [131050],
    never(
      'The customer wants no marketing',
      'The customer has stopped marketing messages from you.',
      'Remember that, and send no marketing messages to this customer.',
    ),
  ],
  [
    [131051],
    never(
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
      pairPause,
      'Too many messages to this customer',
      'One number may send so many messages to one customer in a short time.',
      'Slow down to this customer: one message every six seconds. Other customers are not concerned.',
    ),
  ],
  [
    [131057],
    later(
      5 * minute,
      'The number is being maintained',
      'Meta is upgrading or maintaining the number.',
      'Try again in some minutes.',
    ),
  ],
  [
    [131062],
    never(
      'The customer cannot be reached by user id for this',
      'This kind of message needs the phone number of the customer.',
      'Use the phone number, if you know it.',
    ),
  ],
  [
    [131064],
    later(
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
      'The template is paused or disabled',
      'Meta has paused or disabled the template because of its quality.',
      'Edit the template in WhatsApp Manager and have it approved again, or use another.',
    ),
  ],
  [
    [132068],
    never('The flow is blocked', 'Meta has blocked the flow.', 'Correct the flow in WhatsApp Manager and publish it.'),
  ],
  [
    [132069],
    later(
      hour,
      'The flow is throttled',
      'The flow has errors, so it can be sent only ten times an hour.',
      'Correct the flow in WhatsApp Manager. Until then send it less often.',
    ),
  ],
  [
    [133000, 133004],
    later(
      5 * minute,
      'Registering is not possible now',
      'An earlier deregistration is not complete, or the server is not available.',
      'Try again in some minutes.',
    ),
  ],
  [
    [133005],
    never(
      'The PIN is wrong',
      'The PIN is not that of the number.',
      'Use the PIN of the number, or reset it in WhatsApp Manager.',
    ),
  ],
  [[133008, 133009], pinBlocked],
  [
    [133015],
    later(
      5 * minute,
      'The number was just deleted',
      'The number was deleted a short while ago and is not free yet.',
      'Try again in some minutes.',
    ),
  ],
  [
    [133016],
    later(
      3 * day,
      'Registered too often',
      'A number may be registered and deregistered about ten times in 72 hours.',
      'Wait 72 hours.',
    ),
  ],
  [
    [134011],
    never(
      'The terms for payments are not accepted',
      'The business has not accepted the terms of WhatsApp payments.',
      'Accept them in WhatsApp Manager.',
    ),
  ],
  [
    [134101],
    later(
      10 * minute,
      'The template is being synchronised',
      'A new template is not everywhere yet.',
      'Try again in ten minutes.',
    ),
  ],
  [
    [134102],
    never('The template is not available', 'The template cannot be used for this.', 'Choose another template.'),
  ],
  [
    [137000],
    never(
      "The customer's identity has changed",
      'The customer may have a new device, and you have asked to be told.',
      'Confirm the identity of the customer, then send it again.',
    ),
  ],
  [[2388019, 2388039, 2388040, 2388047, 2388072, 2388073, 2388293, 2388299], templateForm],
  [[2388012, 2388091, 2388093, 2388103], cannotMigrate],
  [
    [2494100],
    later(hour, 'The number is being maintained', 'Meta is maintaining the number.', 'Try again in an hour.'),
  ],
  [[2593107, 2593108, 2593109], historyNotShared],
];

const texts = new Map(byCode.flatMap(([codes, text]) => codes.map((code) => [code, text] as const)));

/** Why a token is not valid any more ("Access token errors"), by the subcode of 190. */
const tokenSubcodes = new Map<number, MetaErrorText>(
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
const families: readonly (readonly [from: number, to: number, MetaErrorText])[] = [
  [200, 299, permissionMissing],
  [
    131_200,
    131_299,
    never('The group does not allow it', 'Meta refused something about a group.', 'Check the group and who is in it.'),
  ],
  [
    138_000,
    138_999,
    never(
      'The call is not possible',
      'Meta refused something about a call.',
      'Check the settings for calls of the number.',
    ),
  ],
  [
    139_000,
    139_999,
    never(
      'The flow or the block list does not allow it',
      'Meta refused something about a flow or the list of blocked customers.',
      'Check the flow, or the list, in WhatsApp Manager.',
    ),
  ],
  [
    147_000,
    147_099,
    never('The username is not possible', 'Meta refused something about a username.', 'Choose another username.'),
  ],
];

const unknownError = never(
  'Meta refused',
  'Meta refused with a code that is not known here.',
  'Look the code up in the error codes of the WhatsApp Cloud API.',
);

/** What an error of Meta means and what to do about it. Every code has an answer, known or not. */
export const explainMetaError = (code: number, subcode?: number): MetaErrorText => {
  const ofSubcode =
    code === 190 ? tokenSubcodes.get(subcode ?? 0) : code === 100 && subcode === 33 ? invisible : undefined;
  return ofSubcode ?? texts.get(code) ?? families.find(([from, to]) => code >= from && code <= to)?.[2] ?? unknownError;
};

/** Which reply it is about. All null for what no reply of an agent was. */
export interface FailedReply {
  readonly inReplyTo: EventId | null;
  readonly index: number | null;
}

/** A reply that Meta did not take, or of which nobody knows. */
export const failureOfReply = (reply: FailedReply, failure: GraphFailure): MessageFailure => {
  const about = { wamid: null, inReplyTo: reply.inReplyTo, index: reply.index };
  switch (failure.kind) {
    case 'refused': {
      const { code, subcode, fbtraceId } = failure;
      const meta = {
        code,
        ...(subcode === undefined ? {} : { subcode }),
        ...(fbtraceId === undefined ? {} : { fbtraceId }),
      };
      return { outcome: 'refused', ...about, meta, ...wordsOf(explainMetaError(code, subcode)) };
    }
    case 'not-sent':
      return { outcome: 'refused', ...about, meta: null, ...wordsOf(unreachable) };
    case 'unknown-outcome':
      return { outcome: 'unknown', ...about, meta: null, ...wordsOf(doubtful) };
    default:
      return failure satisfies never;
  }
};

const unreachable: MetaErrorText = {
  title: 'Meta could not be reached',
  explanation: 'The message was not sent: Meta could not be reached.',
  guidance: 'Send it again.',
  retry: 'now',
};

const doubtful = never(
  'Nobody knows whether it was sent',
  'The connection to Meta broke while the message was being sent. It may have reached the customer.',
  'Do not send it again by itself. If it was sent, its status events tell.',
);

const wordsOf = ({ explanation, guidance, retry }: MetaErrorText) => ({ explanation, guidance, retry });

/** A `failed` out of statuses[], as far as it is read. Older versions have the details one level higher. */
const failedStatus = z.object({
  id: z.string().optional().catch(undefined),
  errors: z
    .array(
      z.object({
        code: z.number(),
        details: z.string().optional().catch(undefined),
        error_data: z.object({ details: z.string().optional() }).optional().catch(undefined),
      }),
    )
    .min(1)
    .optional()
    .catch(undefined),
});

/** A message that Meta took and could not deliver, of what its status says. */
export const failureOfStatus = (reply: FailedReply, status: Readonly<Record<string, unknown>>): MessageFailure => {
  const { id, errors } = failedStatus.parse(status);
  const error = errors?.[0];
  const about = { wamid: id ?? null, inReplyTo: reply.inReplyTo, index: reply.index };
  if (error === undefined || !Number.isSafeInteger(error.code))
    return { outcome: 'failed', ...about, meta: null, ...wordsOf(unknownError) };
  const details = quotable(error.error_data?.details ?? error.details);
  return {
    outcome: 'failed',
    ...about,
    meta: { code: error.code, ...(details === undefined ? {} : { details }) },
    ...wordsOf(explainMetaError(error.code)),
  };
};

/** Meta's words are short; whatever is longer is something else. */
const longestDetails = 300;

/** A run of characters that no word has, as tokens and proofs are. */
const opaque = /[\w+/=.-]{32,}/g;

const quotable = (details: string | undefined): string | undefined => {
  const text = details?.replace(opaque, '…').trim().slice(0, longestDetails);
  return text === undefined || text === '' ? undefined : text;
};
