import * as z from 'zod';
import { ControlError, check } from './control-body.ts';
import { messageMediaSchema, saidWithMedia } from './control-media.ts';
import { composeCustomerMessage, sendCustomerMessage } from './customer-messages.ts';
import { customerSchema } from './seed.ts';
import type { Simulation } from './simulation.ts';
import type { Delivery } from './webhook-delivery.ts';
import { omittable } from './webhook-payloads.ts';
import { type Place, type Skipped, type Target, targetsOf } from './webhook-targets.ts';

const signing = z.union([z.enum(['good', 'wrong', 'none', 'truncated']), z.strictObject({ secret: z.string() })]);

const deliveryOptions = {
  sign: signing.default('good'),
  /** Rounds after the first one that was not answered 200. */
  retries: z.int().min(0).max(50).default(0),
  headers: z.record(z.string(), z.string()).default({}),
  /** How often the same bytes are delivered, as Meta's duplicates are. */
  times: z.int().min(1).max(1000).default(1),
  /** All copies at once instead of one after the other. */
  parallel: z.boolean().default(false),
  /** false answers before anything is delivered. */
  wait: z.boolean().default(true),
};

export const deliverSchema = z
  .strictObject({
    phoneNumberId: z.string().optional(),
    wabaId: z.string().optional(),
    appId: z.string().optional(),
    /** Left out, the field of the payload's first change, else "messages". */
    field: z.string().optional(),
    /** One of these: the whole body, the value of one change, or bytes as they are. */
    payload: z.unknown().optional(),
    value: z.unknown().optional(),
    rawBody: z.string().optional(),
    rawBodyBase64: z.base64().optional(),
    /** Goes there instead of to the configured targets. */
    url: z.url().optional(),
    escape: z.boolean().optional(),
    /** Delivers to unpublished apps too. */
    testWebhook: z.boolean().default(false),
    ...deliveryOptions,
  })
  .refine(
    ({ payload, value, rawBody, rawBodyBase64 }) =>
      [payload, value, rawBody, rawBodyBase64].filter((given) => given !== undefined).length === 1,
    'expected exactly one of payload, value, rawBody and rawBodyBase64',
  );

export const messageSchema = z.strictObject({
  phoneNumberId: z.string(),
  /** The waId of a known customer, or the customer spelled out. */
  from: z.union([z.string(), customerSchema]),
  /** Left out, the kind of `media`, else text. */
  type: z.string().optional(),
  /** For text: what is said. */
  body: z.string().optional(),
  /** For audio, document, image, sticker and video: what is made and sent. */
  media: messageMediaSchema.optional(),
  /** For other types: what stands beside id, timestamp and type in Meta's message object. */
  content: z.record(z.string(), z.unknown()).optional(),
  wamid: z.string().optional(),
  timestamp: z.string().optional(),
  omit: z.array(z.enum(omittable)).default([]),
  /** true answers with the payload and delivers nothing. */
  dryRun: z.boolean().default(false),
  ...deliveryOptions,
});

export interface DeliverResult {
  readonly deliveries: readonly Delivery[];
  readonly skipped: readonly Skipped[];
}

/** Delivers anything to the targets of a phone number, WABA or app. @throws ControlError 400, 404 */
export async function deliver(
  { state, webhooks }: Simulation,
  request: z.infer<typeof deliverSchema>,
): Promise<DeliverResult> {
  const place = placeOf(state, request);
  const { targets, skipped } = chooseTargets(state, request, place);
  const body = bytesOf(webhooks, request, place);
  const send = () =>
    webhooks.send(body, targets, { sign: request.sign, headers: request.headers, retries: request.retries });
  const deliveries = await repeat(send, request);
  return { deliveries: deliveries.flat(), skipped };
}

/** A customer sends a message to a business number. @throws ControlError 400, 404 */
export async function customerSends(simulation: Simulation, request: z.infer<typeof messageSchema>) {
  const { state, webhooks } = simulation;
  const phone = state.phoneNumbers.get(request.phoneNumberId);
  if (phone === undefined) throw new ControlError(404, `There is no phone number ${request.phoneNumberId}.`);
  const waba = state.wabas.get(phone.wabaId);
  if (waba === undefined) throw new ControlError(404, `There is no WABA ${phone.wabaId}.`);
  const { from, omit, wamid, timestamp } = request;
  const customer =
    typeof from === 'string' ? (state.customers.get(from) ?? check(customerSchema, { waId: from, name: from })) : from;
  const { type, content } = (await saidWithMedia(simulation, phone, request)) ?? plainlySaid(request);
  const message = { phone, waba, customer, type, content, omit, wamid, timestamp };
  if (request.dryRun) {
    const composed = composeCustomerMessage(state, message);
    return { wamid: composed.wamid, payload: payloadOf(waba.id, composed.change), deliveries: [], skipped: [] };
  }
  const options = { sign: request.sign, headers: request.headers, retries: request.retries };
  const first = sendCustomerMessage(simulation, message, options);
  const again = () => webhooks.announce({ wabaId: waba.id, phoneNumberId: phone.id }, first.change, options);
  const copies = { ...request, times: request.times - 1 };
  const delivered = request.parallel
    ? Promise.all([first.delivered, repeat(again, copies)]).then(([one, others]) => [one, ...others])
    : first.delivered.then(async (one) => [one, ...(await repeat(again, copies))]);
  const payload = payloadOf(waba.id, first.change);
  if (!request.wait) return { wamid: first.wamid, payload, deliveries: null, skipped: null };
  const results = await delivered;
  return {
    wamid: first.wamid,
    payload,
    deliveries: results.flatMap(({ deliveries }) => deliveries),
    skipped: results[0]?.skipped ?? [],
  };
}

function plainlySaid({ type = 'text', body, content }: z.infer<typeof messageSchema>) {
  if (type === 'text' && body === undefined && content === undefined) {
    throw new ControlError(400, 'body: expected what the customer says');
  }
  return { type, content: content ?? (body === undefined ? {} : { text: { body } }) };
}

function payloadOf(wabaId: string, change: unknown) {
  return { object: 'whatsapp_business_account', entry: [{ id: wabaId, changes: [change] }] };
}

async function repeat<T>(
  action: () => Promise<T>,
  { times, parallel }: { readonly times: number; readonly parallel: boolean },
): Promise<T[]> {
  if (parallel) return Promise.all(Array.from({ length: times }, action));
  const results: T[] = [];
  for (let copy = 0; copy < times; copy += 1) results.push(await action());
  return results;
}

// The little of a webhook body that says where it belongs.
const placedChange = z.looseObject({
  field: z.string(),
  value: z
    .looseObject({ metadata: z.looseObject({ phone_number_id: z.string() }) })
    .optional()
    .catch(undefined),
});
const placedPayload = z.looseObject({
  entry: z
    .array(
      z.looseObject({
        id: z.string(),
        changes: z.array(placedChange).min(1).optional().catch(undefined),
      }),
    )
    .min(1),
});

/** The named phone number or WABA, else the one that the payload names first. */
function placeOf(state: Simulation['state'], request: z.infer<typeof deliverSchema>): Place | null {
  const { phoneNumberId, wabaId, payload } = request;
  if (phoneNumberId !== undefined) {
    const phone = state.phoneNumbers.get(phoneNumberId);
    if (phone === undefined) throw new ControlError(404, `There is no phone number ${phoneNumberId}.`);
    return { wabaId: wabaId ?? phone.wabaId, phoneNumberId };
  }
  if (wabaId !== undefined) return { wabaId };
  const entry = firstEntry(payload);
  if (entry === undefined) return null;
  return { wabaId: entry.id, phoneNumberId: entry.changes?.[0]?.value?.metadata.phone_number_id };
}

function firstEntry(payload: unknown) {
  const placed = placedPayload.safeParse(payload);
  return placed.success ? placed.data.entry[0] : undefined;
}

function chooseTargets(
  state: Simulation['state'],
  { appId, url, field, testWebhook, payload }: z.infer<typeof deliverSchema>,
  place: Place | null,
): { readonly targets: readonly Target[]; readonly skipped: readonly Skipped[] } {
  if (appId !== undefined && !state.apps.has(appId)) throw new ControlError(404, `There is no app ${appId}.`);
  const app = appId === undefined ? undefined : state.apps.get(appId);
  if (url !== undefined && app !== undefined) return { targets: [{ app, url, level: 'given' }], skipped: [] };
  if (place === null) {
    throw new ControlError(400, 'Name a phoneNumberId or a wabaId, or an appId together with a url.');
  }
  const eventField = field ?? firstEntry(payload)?.changes?.[0]?.field ?? 'messages';
  const found = targetsOf(state, place, eventField, testWebhook);
  const targets = found.targets
    .filter((target) => app === undefined || target.app.id === app.id)
    .map((target): Target => (url === undefined ? target : { ...target, url, level: 'given' }));
  return { targets, skipped: found.skipped };
}

function bytesOf(
  webhooks: Simulation['webhooks'],
  { payload, value, rawBody, rawBodyBase64, field = 'messages', escape: escaped }: z.infer<typeof deliverSchema>,
  place: Place | null,
): Uint8Array<ArrayBuffer> {
  if (rawBody !== undefined) return new Uint8Array(Buffer.from(rawBody, 'utf8'));
  if (rawBodyBase64 !== undefined) return new Uint8Array(Buffer.from(rawBodyBase64, 'base64'));
  return webhooks.encode(value === undefined ? payload : payloadOf(place?.wabaId ?? '0', { field, value }), escaped);
}
