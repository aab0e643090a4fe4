// An example agent to copy: verifies the Standard Webhooks signature, answers each event once, says hello or repeats. With a key of its own it
// takes an event with 202 and answers by the API, a photo with the same photo.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Webhook } from 'standardwebhooks';

const { port, host } = parseArgs({
  options: { port: { type: 'string', default: '8791' }, host: { type: 'string', default: '127.0.0.1' } },
}).values;
const MAX_BODY_BYTES = 1_000_000;
const REMEMBERED_IDS = 10_000;
const MAX_DIRECT_BYTES = 4 * 1024 * 1024;
const MEDIA_TYPES: ReadonlySet<string> = new Set(['image', 'audio', 'video', 'document', 'sticker']);
// The secrets by which events are signed: from the environment, or told at POST /signing-secret and remembered in a file.
const secretFile = process.env.AGENT_SECRET_FILE;
const known = secretFile !== undefined && existsSync(secretFile) ? readFileSync(secretFile, 'utf8').split('\n') : [];
const secrets = new Set([process.env.AGENT_SIGNING_SECRET ?? '', ...known].filter((line) => line.startsWith('whsec_')));
// Keys for the API, by agent: told at POST /api-key/AGENT and remembered in the same file.
const apiUrl = process.env.AGENT_API_URL;
const apiKeys = new Map(
  known.map((line) => line.split(' ') as [string, string]).filter(([, key]) => key !== undefined),
);
const answers = new Map<string, { readonly messages: readonly object[] }>();

interface Customer {
  readonly name?: string | null;
  readonly waId?: string | null;
  readonly userId?: string | null;
  readonly groupId?: string | null;
}

interface ReceivedEvent {
  readonly type: string;
  readonly data: {
    readonly agentId?: string;
    readonly conversation?: { readonly customer?: Customer };
    readonly message?: {
      readonly type?: string;
      readonly text?: { readonly body?: string };
      /** Media lie under the name of the type. */
      readonly [kind: string]: unknown;
    };
  };
}

/** The event, when one of the secrets signed exactly these bytes a short while ago; null otherwise. */
function verify(rawBody: Buffer, headers: IncomingMessage['headers']): ReceivedEvent | null {
  const signed = Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('webhook-')));
  for (const secret of secrets) {
    try {
      return new Webhook(secret).verify(rawBody, signed as Record<string, string>) as ReceivedEvent;
    } catch {}
  }
  return null;
}

/** This is the agent: what it says to an event. */
function answerTo({ type, data }: ReceivedEvent): { readonly messages: readonly object[] } {
  if (type !== 'whatsapp.message.received') return { messages: [] };
  const said = data.message?.text?.body;
  const name = data.conversation?.customer?.name ?? 'there';
  const reply =
    said === undefined
      ? `I can only read text, not ${data.message?.type ?? 'this'}.`
      : /^\s*hello\b/i.test(said)
        ? `Hello ${name}, how can I help you?`
        : `You said: ${said}`;
  return { messages: [{ type: 'text', text: { body: reply } }] };
}

/** Sends by the API what it has to say. Under the event's own name a repeat of the event sends nothing twice. */
async function sendLater(
  id: string,
  { data }: Pick<ReceivedEvent, 'data'>,
  key: string,
  messages: readonly object[],
): Promise<void> {
  const { waId, userId, groupId } = data.conversation?.customer ?? {};
  const addressee = groupId ? { to: groupId, recipient_type: 'group' } : waId ? { to: waId } : { recipient: userId };
  const returned = await mediaReturned({ data }, key);
  for (const [index, message] of (returned === null ? messages : [returned]).entries()) {
    const { ok, status } = await fetch(`${apiUrl}/v1/agents/${data.agentId}/messages`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'idempotency-key': `${id}-${index}`,
      },
      body: JSON.stringify({ ...addressee, ...message }),
    });
    if (!ok) console.error(`The API answered ${status} to the reply to ${id}`);
  }
}

/** What a customer has sent, got by the API and brought back by it; null when it is no file, or one that does not go both ways. */
async function mediaReturned({ data }: Pick<ReceivedEvent, 'data'>, key: string): Promise<object | null> {
  const type = data.message?.type ?? '';
  const { id } = (data.message?.[type] ?? {}) as { readonly id?: unknown };
  if (!MEDIA_TYPES.has(type) || typeof id !== 'string') return null;
  const media = `${apiUrl}/v1/agents/${data.agentId}/media`;
  const ask = callsWith(key);
  // The answer leads elsewhere; the key does not go there.
  const got = await ask('GET', `${media}/${id}`);
  if (got.status !== 200) return refused(got);
  const file = await got.blob();
  const isSmall = file.size <= MAX_DIRECT_BYTES && !file.type.startsWith('text/');
  const taken = isSmall ? await ask('POST', media, file) : await broughtByForm(media, file, ask);
  if (taken.status !== 201) return refused(taken);
  const own = (await taken.json()) as { readonly id: string };
  return { type, [type]: { id: own.id } };
}

type Ask = (method: string, url: string, body?: Blob) => Promise<Response>;

/** Calls with the key; what is still on its way is asked for again when the API says so. */
const callsWith =
  (key: string): Ask =>
  async (method, url, body) => {
    for (;;) {
      const headers = { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': body.type }) };
      const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
      if (response.status !== 202) return response;
      await sleep(1000 * Number(response.headers.get('retry-after') ?? 5));
    }
  };

/** A file that is too large for a request goes to its place by a form, without the key, and is then taken to WhatsApp. */
async function broughtByForm(media: string, file: Blob, ask: Ask): Promise<Response> {
  const wish = new Blob([JSON.stringify({ contentType: file.type })], { type: 'application/json' });
  const offered = await ask('POST', media, wish);
  if (offered.status !== 201) return offered;
  const { id, url, fields } = (await offered.json()) as { id: string; url: string; fields: Record<string, string> };
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('file', file);
  const put = await fetch(url, { method: 'POST', body: form });
  return put.ok ? ask('POST', `${media}/${id}/complete`) : put;
}

async function refused(response: Response): Promise<null> {
  console.error(`A file did not go both ways, ${response.status}: ${(await response.text()).slice(0, 300)}`);
  return null;
}

async function handle(request: IncomingMessage): Promise<{ readonly status: number; readonly body: unknown }> {
  const route = `${request.method} ${request.url}`;
  if (route === 'GET /health') return { status: 200, body: { status: 'ok', ready: secrets.size > 0 } };
  if (request.method !== 'POST') return { status: 404, body: { error: 'not found' } };
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return { status: 413, body: { error: 'too large' } };
  }
  const rawBody = Buffer.concat(chunks);
  if (route === 'POST /signing-secret' || route.startsWith('POST /api-key/')) return learn(rawBody, request);
  const event = verify(rawBody, request.headers);
  if (event === null) return { status: 401, body: { error: 'not signed with a known secret' } };
  // Events come at least once: the same webhook-id gets the same answer, and is not thought about twice.
  const id = String(request.headers['webhook-id']);
  const answer = answers.get(id) ?? answerTo(event);
  answers.set(id, answer);
  if (answers.size > REMEMBERED_IDS) answers.clear();
  const key = apiKeys.get(event.data.agentId ?? '');
  if (key === undefined || apiUrl === undefined) return { status: 200, body: answer };
  sendLater(id, event, key, answer.messages).catch(({ message }) => console.error(`A reply was not sent: ${message}`));
  return { status: 202, body: {} };
}

/** For local use: only this machine, and no web page, may add a secret or a key. */
function learn(rawBody: Buffer, { socket, headers, url = '' }: IncomingMessage) {
  if (!/^(::1|(::ffff:)?127\.0\.0\.1)$/.test(socket.remoteAddress ?? '') || headers.origin !== undefined)
    return { status: 403, body: { error: 'only from this machine' } };
  const text = rawBody.toString('utf8');
  const secret = /"signingSecret"\s*:\s*"(whsec_[A-Za-z0-9+/=]{16,})"/.exec(text)?.[1];
  const key = /"key"\s*:\s*"(sbk_[A-Za-z0-9_-]{43})"/.exec(text)?.[1];
  const agentId = /^\/api-key\/([A-Za-z0-9_-]{1,64})$/.exec(url)?.[1];
  if (agentId === undefined && secret !== undefined) secrets.add(secret);
  else if (agentId !== undefined && key !== undefined) apiKeys.set(agentId, key);
  else
    return {
      status: 400,
      body: { error: 'expected {"signingSecret":"whsec_…"}, or {"key":"sbk_…"} at /api-key/AGENT' },
    };
  const lines = [...secrets, ...[...apiKeys].map((entry) => entry.join(' '))];
  if (secretFile !== undefined) writeFileSync(secretFile, lines.join('\n'), { mode: 0o600 });
  return { status: 200, body: { secrets: secrets.size, keys: apiKeys.size } };
}

const server = createServer((request, response) => {
  handle(request)
    .catch(() => ({ status: 500, body: { error: 'failed' } }))
    .then(({ status, body }) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
    )
    .catch(() => response.destroy());
});
server.on('error', ({ message }) => process.exit(console.error(`The demo agent cannot run: ${message}`) ?? 1));
server.listen(Number(port), host, () => {
  const address = server.address();
  console.log(`Demo agent on http://${host}:${typeof address === 'object' ? address?.port : port}/`);
});
process.on('SIGINT', () => process.exit(0)).on('SIGTERM', () => process.exit(0));
