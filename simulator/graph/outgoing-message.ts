import { cloudApiError, type GraphError, invalidParameter } from '../errors.ts';
import { mediaKinds } from '../media-types.ts';
import { type GraphCall, isObject } from './graph-call.ts';
import { requireMessagingProduct } from './phone-number.ts';

const MAX_TEXT_CHARACTERS = 4096;
const MAX_OPAQUE_CHARACTERS = 512;
const MAX_REPLY_BUTTONS = 3;
const MEDIA_TYPES: ReadonlySet<string> = new Set(mediaKinds);
const TYPES: ReadonlySet<string> = new Set([
  ...MEDIA_TYPES,
  'contacts',
  'interactive',
  'location',
  'reaction',
  'template',
  'text',
]);

/** What a body posted to /messages asks for, after validation. */
export type Outgoing =
  | { readonly kind: 'read'; readonly messageId: string; readonly typing: boolean }
  | {
      readonly kind: 'message';
      readonly recipientType: 'individual' | 'group';
      /** `to` wins when both are given. */
      readonly recipient: { readonly by: 'to' | 'user-id'; readonly input: string };
      readonly type: string;
      readonly opaqueCallbackData: string | undefined;
      /** Of the message itself, and of the headers of templates and interactive messages. */
      readonly mediaIds: readonly MediaReference[];
    };

interface MediaReference {
  /** In Meta's spelling: image['id']. */
  readonly parameter: string;
  readonly id: string;
}

/** Checks a body the way Meta does. @throws GraphError 100, 131008, 131009, 131051 */
export function parseOutgoing(call: GraphCall): Outgoing {
  requireMessagingProduct(call);
  const { params } = call;
  return params.text('status') === undefined ? parseMessage(call) : parseRead(call);
}

function parseRead({ params }: GraphCall): Outgoing {
  if (params.text('status') !== 'read') throw invalidParameter('Param status must be one of {READ}');
  const messageId = params.text('message_id');
  if (messageId === undefined || messageId === '') throw invalidParameter('The parameter message_id is required.');
  const indicator = params.value('typing_indicator');
  if (indicator === undefined) return { kind: 'read', messageId, typing: false };
  if (!isObject(indicator) || indicator.type !== 'text') {
    throw invalidParameter("Param typing_indicator['type'] must be one of {TEXT}");
  }
  return { kind: 'read', messageId, typing: true };
}

function parseMessage({ params }: GraphCall): Outgoing {
  const recipientType = params.text('recipient_type') ?? 'individual';
  if (recipientType !== 'individual' && recipientType !== 'group') {
    throw invalidParameter('Param recipient_type must be one of {INDIVIDUAL, GROUP}');
  }
  const to = params.text('to');
  const userId = params.text('recipient');
  if (to === undefined && userId === undefined) throw invalidParameter('The parameter to is required.');
  if (recipientType === 'individual' && to !== undefined && !/^\+?[\d ()-]{5,25}$/.test(to)) {
    throw cloudApiError(131009, 'Param to is not a valid WhatsApp phone number');
  }
  if (to === undefined && userId !== undefined && !/^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/.test(userId)) {
    throw cloudApiError(131009, 'Param recipient is not a valid user id');
  }
  const type = params.text('type') ?? 'text';
  if (!TYPES.has(type)) {
    throw invalidParameter(
      `Param type must be one of {${[...TYPES].map((name) => name.toUpperCase()).join(', ')}} - got "${type}".`,
    );
  }
  const content = params.value(type);
  refuseBadContent(type, content);
  const opaqueCallbackData = params.text('biz_opaque_callback_data');
  if (opaqueCallbackData !== undefined && opaqueCallbackData.length > MAX_OPAQUE_CHARACTERS) {
    throw invalidParameter(`Param biz_opaque_callback_data must be at most ${MAX_OPAQUE_CHARACTERS} characters long.`);
  }
  const context = params.value('context');
  if (context !== undefined && (!isObject(context) || typeof context.message_id !== 'string')) {
    throw invalidParameter("The parameter context['message_id'] is required.");
  }
  const recipient =
    to === undefined ? ({ by: 'user-id', input: userId ?? '' } as const) : ({ by: 'to', input: to } as const);
  return {
    kind: 'message',
    recipientType,
    recipient,
    type,
    opaqueCallbackData,
    mediaIds: [...mediaIdsIn(content, type, type)],
  };
}

function* mediaIdsIn(value: unknown, place: string, name: string): Generator<MediaReference> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* mediaIdsIn(item, `${place}[${index}]`, name);
  } else if (isObject(value)) {
    if (MEDIA_TYPES.has(name) && typeof value.id === 'string') yield { parameter: `${place}['id']`, id: value.id };
    for (const [key, item] of Object.entries(value)) yield* mediaIdsIn(item, `${place}['${key}']`, key);
  }
}

function refuseBadContent(type: string, content: unknown): void {
  if (type === 'contacts') {
    if (!Array.isArray(content) || content.length === 0) throw missing('contacts');
    return;
  }
  if (!isObject(content)) throw missing(type);
  const needs = (name: string, test: (value: unknown) => boolean) => {
    if (!test(content[name])) throw missing(`${type}['${name}']`);
  };
  const text = (value: unknown) => typeof value === 'string' && value !== '';
  const anyText = (value: unknown) => typeof value === 'string';
  const number = (value: unknown) => value !== '' && value !== null && Number.isFinite(Number(value));
  if (type === 'text') {
    needs('body', text);
    if (String(content.body).length > MAX_TEXT_CHARACTERS) {
      throw invalidParameter(`Param text['body'] must be at most ${MAX_TEXT_CHARACTERS} characters long.`);
    }
  } else if (MEDIA_TYPES.has(type)) {
    if (!text(content.id) && !text(content.link)) throw missing(`${type}['id'] or ${type}['link']`);
  } else if (type === 'template') {
    needs('name', text);
    needs('language', (language) => isObject(language) && text(language.code));
  } else if (type === 'interactive') {
    needs('type', text);
    needs('action', isObject);
    refuseTooManyButtons(content.action);
  } else if (type === 'reaction') {
    needs('message_id', text);
    needs('emoji', anyText);
  } else if (type === 'location') {
    needs('latitude', number);
    needs('longitude', number);
  }
}

function refuseTooManyButtons(action: unknown): void {
  const buttons = isObject(action) ? action.buttons : undefined;
  if (Array.isArray(buttons) && buttons.length > MAX_REPLY_BUTTONS) {
    throw cloudApiError(
      131009,
      `Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: ${MAX_REPLY_BUTTONS}`,
    );
  }
}

function missing(parameter: string): GraphError {
  return cloudApiError(131008, `The parameter ${parameter} is required.`);
}
