import { createHmac, timingSafeEqual } from 'node:crypto';
import { createWhatsAppAdapter, type WhatsAppAdapter } from '@chat-adapter/whatsapp';
import { Client } from '@great-detail/whatsapp';
import { normalizeWebhook, verifySignature } from '@kapso/whatsapp-cloud-api/server';
import { WhatsAppAPI } from 'whatsapp-api-js';
import type { OnMessageArgs } from 'whatsapp-api-js/emitters';
import type { PostData } from 'whatsapp-api-js/types';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import { claimedSignature, signedWith } from '../../shared/crypto/webhook-signature.ts';
import { parseDelivery, type ReportedEvent } from '../../shared/domain/webhook-delivery.ts';

/** One thing that was heard of a delivery: a message with the number that it is for, or a notice of a field. */
export interface Heard {
  readonly field: string;
  readonly id?: string | undefined;
  readonly phoneNumberId?: string | undefined;
  readonly text?: string | undefined;
}

/** Somebody who takes deliveries, each begun as its documentation begins. All get the bytes as they come from the wire. */
export interface Contender {
  readonly name: string;
  /** Takes a delivery as far as it goes: verify, parse, split. @throws as it pleases; for a missing signature that is a refusal */
  receive(body: Buffer, signature: string | undefined): unknown;
  /** What `receive` has made of it; undefined where it has refused; `unsplit` where it hands over the JSON as it is. */
  heard(received: unknown): readonly Heard[] | 'unsplit' | undefined;
}

export const appSecret = 'facade00facade00facade00facadebe';

const secret = SecretBytes.fromText(appSecret);

const textOf = (value: unknown): string | undefined =>
  (value as { readonly text?: { readonly body?: string } }).text?.body;

export const switchboard: Contender = {
  name: 'switchboard',
  receive(body, signature) {
    const claimed = claimedSignature(signature);
    return claimed !== undefined && signedWith(secret, body, claimed) ? parseDelivery(body) : undefined;
  },
  heard: (received) =>
    (received as readonly ReportedEvent[] | undefined)?.map(({ field, metaId, phoneNumberId, value }) => ({
      field,
      id: metaId ?? undefined,
      phoneNumberId: phoneNumberId ?? undefined,
      text: textOf(value),
    })),
};

/** The least that is safe: HMAC over the bytes, a comparison in constant time, JSON.parse. */
export const floor: Contender = {
  name: 'floor',
  receive(body, signature = '') {
    const expected = createHmac('sha256', appSecret).update(body).digest();
    const claimed = Buffer.from(signature.slice('sha256='.length), 'hex');
    if (claimed.byteLength !== expected.byteLength || !timingSafeEqual(expected, claimed)) return undefined;
    return JSON.parse(body.toString()) as unknown;
  },
  heard: (received) => (received === undefined ? undefined : 'unsplit'),
};

const kapso: Contender = {
  name: '@kapso/whatsapp-cloud-api',
  receive(rawBody, signatureHeader) {
    const signed = verifySignature({
      appSecret,
      rawBody,
      ...(signatureHeader === undefined ? {} : { signatureHeader }),
    });
    return signed ? normalizeWebhook(JSON.parse(rawBody.toString())) : undefined;
  },
  heard(received) {
    if (received === undefined) return undefined;
    const { phoneNumberId, messages, raw } = received as ReturnType<typeof normalizeWebhook>;
    const notices = Object.keys(raw).filter((field) => field !== 'messages');
    return [
      // Of which number a message is, is said once for the whole delivery.
      ...messages.map((message) => ({ field: 'messages', id: message.id, phoneNumberId, text: textOf(message) })),
      ...notices.map((field) => ({ field: field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) })),
    ];
  },
};

const whatsappApiJs = (): Contender => {
  let heard: OnMessageArgs[] = [];
  const api = new WhatsAppAPI({ token: 'none', appSecret, v: 'v25.0' });
  api.on.message = (message) => {
    heard.push(message);
  };
  return {
    name: 'whatsapp-api-js',
    async receive(body, signature) {
      heard = [];
      const text = body.toString();
      await api.post(JSON.parse(text) as PostData, text, signature as string);
      return heard;
    },
    heard: (received) =>
      (received as readonly OnMessageArgs[]).map(({ phoneID, message }) => ({
        field: 'messages',
        id: message.id,
        phoneNumberId: phoneID,
        text: textOf(message),
      })),
  };
};

const greatDetail = (): Contender => {
  const { webhook } = new Client();
  return {
    name: '@great-detail/whatsapp',
    async receive(body, signature) {
      const headers = signature === undefined ? {} : { 'x-hub-signature-256': signature };
      const event = await webhook.eventNotification({ method: 'POST', query: {}, body: body.toString(), headers });
      await event.verifySignature(appSecret);
      return event.eventNotification;
    },
    heard: () => 'unsplit',
  };
};

type Processed = Pick<Heard, 'id' | 'text'> & { readonly threadId: string };

const chatAdapter = async (): Promise<Contender> => {
  let heard: Processed[] = [];
  const silent = { child: () => silent, debug() {}, error() {}, info() {}, warn() {} };
  const adapter: WhatsAppAdapter = createWhatsAppAdapter({
    accessToken: 'none',
    appSecret,
    phoneNumberId: '900400000000001',
    verifyToken: 'none',
    logger: silent,
  });
  const state = new Map<string, unknown>();
  // Of the chat just what the adapter calls: its own work is measured, not that of a chat.
  const chat = {
    getState: () => ({
      get: (key: string) => Promise.resolve(state.get(key)),
      set: (key: string, value: unknown) => Promise.resolve(void state.set(key, value)),
    }),
    processMessage: (_adapter: unknown, threadId: string, { id, text }: Processed) =>
      void heard.push({ id, text, threadId }),
  };
  await adapter.initialize(chat as never);
  return {
    name: '@chat-adapter/whatsapp',
    async receive(body, signature) {
      heard = [];
      const headers = signature === undefined ? {} : { 'x-hub-signature-256': signature };
      const request = new Request('http://localhost/', { method: 'POST', body: new Uint8Array(body), headers });
      return (await adapter.handleWebhook(request)).status === 200 ? heard : undefined;
    },
    heard: (received) =>
      (received as readonly Processed[] | undefined)?.map(({ id, text, threadId }) => ({
        field: 'messages',
        id,
        text,
        phoneNumberId: adapter.decodeThreadId(threadId).phoneNumberId,
      })),
  };
};

/** Packages that receive WhatsApp's webhooks, each with what its documentation calls for. */
export const packages = async (): Promise<readonly Contender[]> => [
  kapso,
  whatsappApiJs(),
  greatDetail(),
  await chatAdapter(),
];
