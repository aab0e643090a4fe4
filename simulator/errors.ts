import { randomBytes } from 'node:crypto';

export interface GraphErrorFacts {
  readonly status: number;
  readonly type: string;
  readonly code: number;
  readonly message: string;
  readonly subcode?: number | undefined;
  readonly details?: string | undefined;
  readonly isTransient?: boolean | undefined;
}

/** What the Graph API refuses a call with; the router turns it into Meta's envelope. */
export class GraphError extends Error {
  readonly facts: GraphErrorFacts;

  constructor(facts: GraphErrorFacts) {
    super(facts.message);
    this.name = 'GraphError';
    this.facts = facts;
  }
}

export function newTraceId(): string {
  return `A${randomBytes(16).toString('base64url')}`;
}

/** Meta's error envelope. Cloud API errors carry `error_data`, Graph errors may carry `error_subcode`. */
export function errorEnvelope(facts: GraphErrorFacts, traceId: string): { readonly error: Record<string, unknown> } {
  return {
    error: {
      message: facts.message,
      type: facts.type,
      code: facts.code,
      ...(facts.subcode === undefined ? {} : { error_subcode: facts.subcode }),
      ...(facts.isTransient === undefined ? {} : { is_transient: facts.isTransient }),
      ...(facts.details === undefined ? {} : { error_data: { messaging_product: 'whatsapp', details: facts.details } }),
      fbtrace_id: traceId,
    },
  };
}

const FIRST_CLOUD_API_CODE = 130_000;

type CatalogueEntry = {
  readonly title: string;
  readonly status?: number;
  readonly details?: string;
  readonly isTransient?: boolean;
};

/**
 * The error codes of the Graph and Cloud API by number. Statuses are those the live API is reported to answer:
 * mostly 400, throttling included; a fault may ask for another one.
 */
export const errorCatalogue: Readonly<Record<number, CatalogueEntry>> = {
  0: { title: 'AuthException', status: 401 },
  1: { title: 'An unknown error occurred', status: 500, isTransient: true },
  2: { title: 'Service temporarily unavailable', status: 503, isTransient: true },
  3: { title: 'Application does not have the capability to make this API call.' },
  4: { title: 'Application request limit reached', isTransient: true },
  10: { title: 'Application does not have permission for this action', status: 403 },
  17: { title: 'User request limit reached', isTransient: true },
  32: { title: 'Page request limit reached', isTransient: true },
  33: { title: 'This object does not exist or does not support this action' },
  100: { title: 'Invalid parameter' },
  101: { title: 'Error validating application. Cannot get application info due to a system error.' },
  104: { title: 'An access token is required to request this resource.' },
  190: { title: 'Invalid OAuth access token.', status: 401 },
  200: { title: 'You do not have the necessary permissions required to perform this action.', status: 403 },
  368: { title: 'The action attempted has been deemed abusive or is otherwise disallowed', status: 403 },
  613: { title: 'Calls to this api have exceeded the rate limit.' },
  803: { title: 'Some of the aliases you requested do not exist', status: 404 },
  2200: { title: 'Callback verification failed' },
  80007: { title: 'There have been too many calls to this WhatsApp Business account.', isTransient: true },
  80008: { title: 'There have been too many calls to this WhatsApp Business account.', isTransient: true },
  130403: { title: 'User is blocked by the business' },
  130429: {
    title: 'Rate limit hit',
    details:
      'Message failed to send because there were too many messages sent from this phone number in a short period of time',
  },
  130472: {
    title: "User's number is part of an experiment",
    details: "Failed to send message because this user's phone number is part of an experiment",
  },
  130497: { title: 'Business account is restricted from messaging users in this country.', status: 403 },
  131000: { title: 'Something went wrong', status: 500, details: 'Message failed to send due to an unknown error.' },
  131005: { title: 'Access denied', status: 403 },
  131008: { title: 'Required parameter is missing' },
  131009: { title: 'Parameter value is not valid' },
  131016: { title: 'Service unavailable', status: 500 },
  131021: { title: 'Recipient cannot be sender' },
  131026: {
    title: 'Message undeliverable',
    details:
      'Unable to deliver the message. The recipient may not use WhatsApp, or may not have accepted the new terms.',
  },
  131030: {
    title: 'Recipient phone number not in allowed list',
    details: 'Recipient phone number not in allowed list: Add recipient phone number to recipient list and try again.',
  },
  131031: {
    title: 'Business Account locked',
    status: 403,
    details:
      'The WhatsApp Business Account associated with the app has been restricted or disabled for violating a platform policy.',
  },
  131037: { title: 'WhatsApp provided number needs display name approval before message can be sent' },
  131042: {
    title: 'Business eligibility payment issue',
    details: 'Message failed to send because there were one or more errors related to your payment method.',
  },
  131044: { title: 'Business eligibility payment issue' },
  131045: { title: 'Incorrect certificate', status: 500 },
  131047: {
    title: 'Re-engagement message',
    details:
      'Message failed to send because more than 24 hours have passed since the customer last replied to this number.',
  },
  131048: {
    title: 'Spam rate limit hit',
    details:
      'Message failed to send because there are restrictions on how many messages can be sent from this phone number.',
  },
  131049: { title: 'This message was not delivered to maintain healthy ecosystem engagement.' },
  131050: { title: 'User has stopped receiving marketing messages' },
  131051: { title: 'Unsupported message type', details: 'Message type is not currently supported.' },
  131052: { title: 'Media download error' },
  131053: { title: 'Media upload error' },
  131055: { title: 'Method not allowed' },
  131056: {
    title: '(Business Account, Consumer Account) pair rate limit hit',
    details: 'Too many messages were sent to this recipient in a short period of time.',
  },
  131057: { title: 'Account in maintenance mode', status: 500 },
  131062: { title: 'Recipient by user id is not supported for this message' },
  131063: { title: 'Marketing messages are not available' },
  131064: { title: 'Template misclassification limit reached' },
  132000: { title: 'Number of parameters does not match the expected number of params' },
  132001: { title: 'Template name does not exist in the translation', status: 404 },
  132005: { title: 'Translated text too long' },
  132007: { title: 'Template content violates a policy' },
  132008: { title: 'Parameter format does not match' },
  132012: { title: 'Parameter format does not match format in the created template' },
  132015: { title: 'Template is paused due to low quality' },
  132016: { title: 'Template is disabled' },
  132018: { title: 'Template parameters are not valid' },
  132068: { title: 'Flow is blocked' },
  132069: { title: 'Flow is throttled' },
  133000: { title: 'Incomplete deregistration', status: 500 },
  133004: { title: 'Server temporarily unavailable', status: 503 },
  133005: { title: 'Two-step verification PIN mismatch' },
  133006: { title: 'Phone number re-verification needed' },
  133008: { title: 'Too many two-step verification PIN guesses' },
  133009: { title: 'Two-step verification PIN guessed too fast' },
  133010: {
    title: 'Phone number not registered',
    details: 'Account does not exist in Cloud API, please use /register API to create an account first',
  },
  133015: { title: 'Please wait a few minutes before attempting to register this phone number' },
  133016: { title: 'Account register deregister rate limit exceeded' },
  134011: { title: 'WhatsApp Payments terms of service has not been accepted' },
  134100: { title: 'Only marketing messages are supported' },
  134101: { title: 'Template is syncing' },
  134102: { title: 'Template is unavailable' },
  135000: { title: 'Generic user error' },
  137000: { title: 'Identity key hash does not match' },
};

/** The facts of a catalogued code in Meta's spelling "(#code) Title"; an unknown code gets a generic title. */
export function catalogued(
  code: number,
  more: { readonly details?: string; readonly subcode?: number } = {},
): GraphErrorFacts {
  const entry: CatalogueEntry = errorCatalogue[code] ?? { title: 'An error occurred' };
  return {
    status: entry.status ?? 400,
    type: 'OAuthException',
    code,
    message: code === 190 ? entry.title : `(#${code}) ${entry.title}`,
    // Cloud API codes always carry details; Graph codes never.
    details: more.details ?? entry.details ?? (code >= FIRST_CLOUD_API_CODE ? entry.title : undefined),
    subcode: more.subcode,
    isTransient: entry.isTransient,
  };
}

export function cloudApiError(code: number, details?: string): GraphError {
  return new GraphError(catalogued(code, details === undefined ? {} : { details }));
}

/** Code 100 with Meta's own sentence about the parameter. */
export function invalidParameter(sentence: string, details?: string): GraphError {
  return new GraphError({ status: 400, type: 'OAuthException', code: 100, message: `(#100) ${sentence}`, details });
}

/** What Meta says of an object that is missing, deleted, or invisible to this token: it does not tell these apart. */
export function invisibleObject(method: string, id: string): GraphError {
  const verb = method === 'GET' ? 'get' : method === 'DELETE' ? 'delete' : 'post';
  return new GraphError({
    status: 400,
    type: 'GraphMethodException',
    code: 100,
    subcode: 33,
    message:
      `Unsupported ${verb} request. Object with ID '${id}' does not exist, cannot be loaded due to missing permissions, ` +
      'or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api',
  });
}

export function unknownPath(path: string): GraphError {
  return new GraphError({
    status: 400,
    type: 'OAuthException',
    code: 2500,
    message: `Unknown path components: ${path}`,
  });
}

export function invalidProof(sentence: string): GraphError {
  return new GraphError({ status: 400, type: 'GraphMethodException', code: 100, message: sentence });
}

export function deadToken(message: string, subcode?: number): GraphError {
  return new GraphError({ status: 401, type: 'OAuthException', code: 190, message, subcode });
}
