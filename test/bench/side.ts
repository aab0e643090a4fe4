import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import type { Listener } from './listener.ts';

/** A webhook ready to be posted: whatever its sender has to compute is done before the clock starts. */
export interface Webhook {
  readonly wamid: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** One of the two stacks that are measured side by side. */
export interface Side {
  readonly name: 'switchboard' | 'bare';
  /** A new message of the conversation with this number. */
  message(conversation: number): Webhook;
}

/** Milliseconds from the POST to its answer, and to the agent. */
export interface Passage {
  readonly accepted: number;
  readonly heard: number;
}

export const newWamid = (): string => `wamid.${randomBytes(18).toString('base64url')}`;

const connections = new Agent({ keepAlive: true });

/** Posts one webhook and waits until it was heard. @throws Error when it is not accepted or not heard */
export async function passageOf(webhook: Webhook, listener: Listener): Promise<Passage> {
  const startedAt = performance.now();
  await post(webhook);
  const acceptedAt = performance.now();
  return { accepted: acceptedAt - startedAt, heard: (await listener.heard(webhook.wamid)) - startedAt };
}

/** @throws Error for any answer but 200 */
export async function post({ url, headers, body }: Webhook): Promise<void> {
  const outgoing = request(url, {
    method: 'POST',
    agent: connections,
    headers: { ...headers, 'content-type': 'application/json', 'content-length': body.byteLength },
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  await response.resume().toArray();
  if (response.statusCode !== 200) throw new Error(`A webhook was answered with ${response.statusCode}.`);
}

/** Connections that were kept would hold the process. */
export const closeConnections = (): void => connections.destroy();
