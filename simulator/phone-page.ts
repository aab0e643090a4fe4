import { readFileSync } from 'node:fs';
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import * as z from 'zod';
import { mediaObject } from './chat-media.ts';
import { ControlError, check, readBody } from './control-body.ts';
import { mediumFile } from './control-media.ts';
import { sendCustomerMessage } from './customer-messages.ts';
import { respond } from './http-answer.ts';
import { kindOf, maxBytesOf } from './media-types.ts';
import { customerSchema } from './seed.ts';
import type { Simulation } from './simulation.ts';
import type { Conversation } from './state.ts';

// No inline script or style, nothing from elsewhere, not to be framed.
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
const SECURITY_HEADERS = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
} as const;
const ASSETS = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/_phone/app.js': ['app.js', 'text/javascript; charset=utf-8'],
  '/_phone/style.css': ['style.css', 'text/css; charset=utf-8'],
  '/_phone/icon.svg': ['icon.svg', 'image/svg+xml'],
} as const;
// Proxies close streams that stay silent.
const KEEP_ALIVE_MS = 15_000;
const MAX_TEXT_CHARACTERS = 4096;

const outgoingSchema = z.strictObject({
  phoneNumberId: z.string(),
  waId: z.string(),
  body: z.string().trim().min(1).max(MAX_TEXT_CHARACTERS).optional(),
  /** A tap on a reply button of the message `context`. */
  reply: z.strictObject({ id: z.string(), title: z.string(), context: z.string() }).optional(),
});

/** Beside a file, which is the body: of any length up to Meta's, and of any type. */
const attachmentSchema = z.strictObject({
  phoneNumberId: z.string(),
  waId: z.string(),
  filename: z.string().min(1),
  caption: z.string().max(MAX_TEXT_CHARACTERS).optional(),
});

/** The customer's phone: a static page at / and the little API behind it. */
export function phonePage(simulation: Simulation): Hono<{ Bindings: HttpBindings }> {
  const { state, media } = simulation;
  const page = new Hono<{ Bindings: HttpBindings }>();
  for (const [path, [file, type]] of Object.entries(ASSETS)) {
    const content = readFileSync(new URL(`./phone-page/${file}`, import.meta.url));
    page.get(path, () => new Response(content, { headers: { 'Content-Type': type, ...SECURITY_HEADERS } }));
  }

  page.get('/_phone/contacts', (c) =>
    c.json({
      numbers: [...state.phoneNumbers.values()].map(({ id, displayPhoneNumber, verifiedName, registered, wabaId }) => ({
        id,
        displayPhoneNumber,
        verifiedName,
        registered,
        wabaName: state.wabas.get(wabaId)?.name ?? '',
      })),
      customers: [...state.customers.values()].map(({ waId, name, username, hidesNumber }) => ({
        waId,
        name,
        username,
        hidesNumber,
      })),
    }),
  );
  page.get('/_phone/events', (c) => {
    const { phoneNumberId = '', waId = '' } = c.req.query();
    c.header('X-Accel-Buffering', 'no');
    return streamSSE(c, async (stream) => {
      const send = (conversation: Conversation) =>
        stream.writeSSE({ event: 'chat', data: JSON.stringify(conversation) });
      const listener = (conversation: Conversation) => {
        if (conversation.phoneNumberId === phoneNumberId && conversation.waId === waId) void send(conversation);
      };
      state.on('conversation', listener);
      const ended = new Promise<void>((resolve) => stream.onAbort(resolve));
      const keepAlive = setInterval(() => void stream.write(': still here\n\n'), KEEP_ALIVE_MS);
      try {
        await send(state.conversation(phoneNumberId, waId));
        await ended;
      } finally {
        clearInterval(keepAlive);
        state.off('conversation', listener);
      }
    });
  });
  page.post('/_phone/messages', async (c) => {
    const { phoneNumberId, waId, body, reply } = await readBody(c, outgoingSchema);
    const between = chatOf(simulation, phoneNumberId, waId);
    if (reply !== undefined) {
      const { id, title, context } = reply;
      const content = { context: { id: context }, interactive: { type: 'button_reply', button_reply: { id, title } } };
      return c.json(
        { wamid: sendCustomerMessage(simulation, { ...between, type: 'interactive', content }).wamid },
        201,
      );
    }
    if (body === undefined) throw new ControlError(400, 'Write something first.');
    const { wamid } = sendCustomerMessage(simulation, { ...between, type: 'text', content: { text: { body } } });
    return c.json({ wamid }, 201);
  });
  page.get('/_phone/media/:id', (c) => respond(c, mediumFile(simulation, c.req.param('id'))));
  page.post('/_phone/media', async (c) => {
    const { phoneNumberId, waId, filename, caption } = check(attachmentSchema, c.req.query());
    const between = chatOf(simulation, phoneNumberId, waId);
    // A browser always says how long a file is; what is chunked does not come from one.
    const length = Number(c.req.header('content-length') ?? Number.NaN);
    if (!(length <= maxBytesOf.document)) throw new ControlError(400, 'A file may be 100 MB long at most.');
    const { path, size, sha256 } = await media.store(c.env.incoming);
    const item = media.add({
      phoneNumberId,
      direction: 'inbound',
      mimeType: c.req.header('content-type') ?? 'application/octet-stream',
      filename,
      content: { from: 'file', path },
      size,
      sha256,
    });
    const kind = kindOf(item.mimeType);
    const medium = {
      ...(caption === undefined ? {} : { caption }),
      ...mediaObject(item, media.urlOf(item, state.selfUrl), kind),
    };
    return c.json(
      { wamid: sendCustomerMessage(simulation, { ...between, type: kind, content: { [kind]: medium } }).wamid },
      201,
    );
  });
  page.post('/_phone/customers', async (c) => {
    const customer = await readBody(c, customerSchema);
    state.customers.set(customer.waId, customer);
    state.emit('change');
    return c.json({ success: true }, 201);
  });
  page.onError((error, c) => {
    if (error instanceof ControlError) return c.json({ error: { message: error.message } }, error.status);
    throw error;
  });
  return page;
}

/** @throws ControlError 404 */
function chatOf({ state }: Simulation, phoneNumberId: string, waId: string) {
  const phone = state.phoneNumbers.get(phoneNumberId);
  const waba = phone === undefined ? undefined : state.wabas.get(phone.wabaId);
  const customer = state.customers.get(waId);
  if (phone === undefined || waba === undefined) throw new ControlError(404, 'There is no such business number.');
  if (customer === undefined) throw new ControlError(404, 'There is no such customer.');
  return { phone, waba, customer };
}
