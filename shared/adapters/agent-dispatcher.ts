import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { maxAnswerBytes, outcomeOf } from '../domain/agent-answer.ts';
import { type Dispatcher, type DispatchOutcome, dispatchTimeout } from '../domain/dispatch.ts';
import { nameServers, publicOnly, type Resolver, type TargetRules, targetProblem } from './public-host.ts';
import { type SignedEvent, signedEvent } from './signed-event.ts';

/**
 * How long a connection waits for the next event. A busy agent's comes sooner; and a worker that serves thousands of hosts stays far
 * below the 1,024 files that Lambda lets it open. In milliseconds.
 */
const idleTimeout = 3_000;
const idlePerHost = 10;

/** The address of a connection was judged when it was opened: that holds for so long. In milliseconds. */
const longestUse = 60_000;

/** What Node gives all headers of an answer by default, spelled out: in bytes. */
const maxHeaderBytes = 16 * 1024;

/** Interim answers (1xx) that an agent may send before it answers. */
const maxInterimAnswers = 5;

/**
 * Sends signed events to agents: https only, every resolved address public and pinned, no redirects, nothing unpacked, answers capped,
 * 10 s for the whole exchange however slowly it drips.
 */
export const agentDispatcher = (rules: TargetRules, resolve: Resolver = nameServers()): Dispatcher => {
  const secure = new PinningAgent({
    keepAlive: true,
    timeout: idleTimeout,
    maxFreeSockets: idlePerHost,
    lookup: publicOnly(resolve),
    // Whatever the environment says.
    rejectUnauthorized: true,
  });
  const loopback = new http.Agent({ keepAlive: true, timeout: idleTimeout });
  return {
    async dispatch({ target }, event, signingSecrets) {
      if (target.type !== 'https' || targetProblem(target.url, rules) !== undefined)
        return { outcome: 'failed', reason: 'target-refused' };
      const url = new URL(target.url);
      const signed = signedEvent(event, signingSecrets);
      const signal = AbortSignal.timeout(dispatchTimeout);
      const once = () =>
        url.protocol === 'https:'
          ? exchange(https.request, url, signed, { agent: secure, signal })
          : exchange(http.request, url, signed, { agent: loopback, signal });
      let outcome = await once();
      // A connection that was kept and has ended meanwhile says nothing about the agent. Each try takes one out of the pool.
      while (outcome === 'connection-was-over') outcome = await once();
      return outcome;
    },
  };
};

/** Keeps a connection for further events, but not for long: what a host points to is judged only when one is opened. */
class PinningAgent extends https.Agent {
  readonly #firstUse = new WeakMap<Duplex, number>();

  override keepSocketAlive(socket: Duplex): boolean {
    const now = Date.now();
    const since = this.#firstUse.get(socket) ?? now;
    this.#firstUse.set(socket, since);
    // The types say that it answers nothing; the documentation, and the agent that asks, say otherwise.
    const isKept = super.keepSocketAlive(socket) as unknown as boolean;
    return isKept && now - since < longestUse;
  }
}

const exchange = (
  request: typeof https.request,
  url: URL,
  { headers, body }: SignedEvent,
  connection: { readonly agent: http.Agent; readonly signal: AbortSignal },
): Promise<DispatchOutcome | 'connection-was-over'> =>
  new Promise((finish) => {
    const failed = (reason: string) => finish({ outcome: 'failed', reason });
    let isAnswered = false;
    const outgoing = request(
      url,
      {
        ...connection,
        method: 'POST',
        maxHeaderSize: maxHeaderBytes,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': 'Switchboard',
          ...headers,
        },
      },
      (response) => {
        isAnswered = true;
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.byteLength;
          if (size <= maxAnswerBytes) return chunks.push(chunk);
          failed('answer-too-large');
          return outgoing.destroy();
        });
        response.on('error', () => undefined);
        // After `end`, where there is one: whatever ends an answer before, it is not whole.
        response.on('close', () => failed(connection.signal.aborted ? 'timeout' : 'answer-cut-short'));
        response.on('end', () =>
          finish(
            outcomeOf({
              httpStatus: response.statusCode ?? 0,
              body: Buffer.concat(chunks),
              isEncoded: !['', 'identity'].includes(response.headers['content-encoding'] ?? ''),
              retryAfter: response.headers['retry-after'],
            }),
          ),
        );
      },
    );
    let interim = 0;
    outgoing.on('information', () => {
      if (++interim <= maxInterimAnswers) return;
      failed('too-many-interim-answers');
      outgoing.destroy();
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (connection.signal.aborted) failed('timeout');
      else if (outgoing.reusedSocket && overCodes.has(error.code ?? '')) finish('connection-was-over');
      else failed(error.code ?? 'connection-failed');
    });
    outgoing.on('close', () => {
      // An answer of 101 ends a request without error and without response. One that lasts until the connection ends is not read yet.
      if (!isAnswered) failed('connection-closed');
    });
    outgoing.end(body);
  });

/** What writing to a connection comes to that the other side has ended. */
const overCodes = new Set(['ECONNRESET', 'EPIPE']);
