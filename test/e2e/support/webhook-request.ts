import { createHmac } from 'node:crypto';
import { recordAnswer } from './record.ts';

export interface WebhookAnswer {
  readonly status: number;
  readonly text: string;
  readonly contentType: string | null;
}

/** `X-Hub-Signature-256` as Meta makes it. */
export const signatureOf = (body: string | Uint8Array, appSecret: string): string =>
  `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;

/** A POST on a webhook URL, by whomever. */
export function postWebhook(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): Promise<WebhookAnswer> {
  return answerOf(url, { method: 'POST', body, headers });
}

/** Meta's handshake on a webhook URL, by whomever; undefined leaves a parameter out. */
export function getWebhook(url: string, query: Readonly<Record<string, string | undefined>>): Promise<WebhookAnswer> {
  const target = new URL(url);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) target.searchParams.set(name, value);
  return answerOf(target.href, { method: 'GET' });
}

async function answerOf(url: string, request: RequestInit): Promise<WebhookAnswer> {
  const response = await fetch(url, request);
  const text = await response.text();
  recordAnswer({ request: `${request.method} ${new URL(url).pathname}`, status: response.status, text });
  return { status: response.status, text, contentType: response.headers.get('content-type') };
}
