import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { Webhook } from 'standardwebhooks';
import type { AgentTarget } from '../contracts/agent.ts';
import { type AgentEvent, agentAnswer } from '../contracts/agent-event.ts';
import { type Dispatcher, type DispatchOutcome, dispatchTimeout } from '../domain/dispatch.ts';

/** An agent's answer beyond this is cut off and counts as failed. In bytes. */
const maxAnswerBytes = 256 * 1024;

/** What is kept of it until it is sent must fit into a DynamoDB item (400 KB) together with its claim. In bytes. */
const maxRepliesBytes = 300 * 1024;

export interface TargetRules {
  /** The local stage alone: agents on this machine over plain http. */
  readonly allowLoopback: boolean;
}

/**
 * Why a target URL is not allowed, or undefined: https only, a host name (no address in any spelling), no user or password.
 * Whether its addresses are public is decided at each connection.
 */
export const targetProblem = (target: string, rules: TargetRules): string | undefined => {
  if (!URL.canParse(target)) return 'This is not a URL.';
  const url = new URL(target);
  if (url.username !== '' || url.password !== '') return 'The URL may not hold a user name or password.';
  if (isLoopback(url))
    return rules.allowLoopback ? undefined : 'The URL must name a public host, not an address of this machine.';
  if (url.protocol !== 'https:') return 'The URL must begin with https://.';
  if (ipaddr.isValid(url.hostname.replace(/^\[|\]$/g, ''))) return 'The URL must name a host, not an IP address.';
  if (!url.hostname.includes('.')) return 'The URL must name a public host.';
  return undefined;
};

/** The same with a look at where the host points to now. A host that does not resolve yet is left to the dispatch. */
export const targetRefusal = async (
  agentTarget: AgentTarget,
  rules: TargetRules,
  resolve: Resolver = lookup,
): Promise<string | undefined> => {
  if (agentTarget.type === 'platform') return 'The operator of the platform has set no runtime.';
  const target = agentTarget.url;
  const problem = targetProblem(target, rules);
  if (problem !== undefined || isLoopback(new URL(target))) return problem;
  return new Promise((answer) => {
    publicOnly(resolve)(new URL(target).hostname, { all: true }, (error) =>
      answer(error?.code === notPublic ? 'The host of the URL does not have a public address.' : undefined),
    );
  });
};

/** Sends signed events to agents: https only, every resolved address public and pinned, no redirects, capped answers. */
export const agentDispatcher = (rules: TargetRules, resolve: Resolver = lookup): Dispatcher => {
  const secure = new https.Agent({ keepAlive: true, lookup: publicOnly(resolve) });
  const loopback = new http.Agent({ keepAlive: true });
  return {
    async dispatch(binding, event, signingSecrets) {
      if (binding.target.type === 'platform') return { outcome: 'failed', reason: 'target-refused' };
      const problem = targetProblem(binding.target.url, rules);
      if (problem !== undefined) return { outcome: 'failed', reason: 'target-refused' };
      const url = new URL(binding.target.url);
      const body = JSON.stringify(event);
      const request = url.protocol === 'https:' ? https.request : http.request;
      return new Promise<DispatchOutcome>((finish) => {
        const failed = (reason: string) => finish({ outcome: 'failed', reason });
        const outgoing = request(
          url,
          {
            method: 'POST',
            agent: url.protocol === 'https:' ? secure : loopback,
            headers: { ...signedHeaders(event, body, signingSecrets), 'content-length': Buffer.byteLength(body) },
            signal: AbortSignal.timeout(dispatchTimeout),
          },
          (response) => {
            const chunks: Buffer[] = [];
            let size = 0;
            response.on('data', (chunk: Buffer) => {
              size += chunk.byteLength;
              if (size > maxAnswerBytes) outgoing.destroy(new Error('answer-too-large'));
              else chunks.push(chunk);
            });
            response.on('end', () => finish(outcomeOf(response.statusCode ?? 0, Buffer.concat(chunks))));
            response.on('error', () => failed('answer-cut-short'));
          },
        );
        outgoing.on('error', (error) => failed(reasonOf(error)));
        // An answer of 101 ends a request without error and without response: whatever closes it, the dispatch is over.
        outgoing.on('close', () => failed('connection-closed'));
        outgoing.end(body);
      });
    },
  };
};

/** Standard Webhooks: `webhook-id` is the event id and stays the same over all repeats. */
const signedHeaders = (event: AgentEvent, body: string, signingSecrets: readonly Uint8Array[]) => {
  const timestamp = new Date();
  return {
    'content-type': 'application/json',
    'user-agent': 'Switchboard',
    'webhook-id': event.data.eventId,
    'webhook-timestamp': String(Math.floor(timestamp.getTime() / 1000)),
    'webhook-signature': signingSecrets
      .map((secret) => new Webhook(secret, { format: 'raw' }).sign(event.data.eventId, timestamp, body))
      .join(' '),
  };
};

/** 2xx answers; 429, 5xx and redirects fail and are repeated; any other 4xx is the agent's definite no. */
const outcomeOf = (status: number, body: Buffer): DispatchOutcome => {
  if (status >= 200 && status < 300) {
    if (status !== 200 || body.byteLength === 0) return { outcome: 'answered', replies: [] };
    return answerOf(jsonOf(body));
  }
  if (status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429)
    return { outcome: 'refused', httpStatus: status };
  return { outcome: 'failed', reason: `http-${status}` };
};

/** An answer without messages is the agent's own business (many frameworks answer "ok"): it took the event. */
const answerOf = (body: unknown): DispatchOutcome => {
  const answer = agentAnswer.safeParse(body);
  const replies = answer.success ? (answer.data.messages ?? []) : [];
  const readable = answer.success && Buffer.byteLength(JSON.stringify(replies)) <= maxRepliesBytes;
  if (readable) return { outcome: 'answered', replies };
  const meantToReply = typeof body === 'object' && body !== null && 'messages' in body;
  return { outcome: 'answered', replies: [], ...(meantToReply ? { unreadable: true } : {}) };
};

const jsonOf = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
};

const reasonOf = (error: Error & { readonly code?: string }): string =>
  error.name === 'TimeoutError' || error.name === 'AbortError' ? 'timeout' : (error.code ?? 'connection-failed');

const isLoopback = (url: URL): boolean => ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);

/** `dns.lookup`, as far as it is used here. */
export type Resolver = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

const notPublic = 'address-not-public';

/** A host may resolve to several addresses: all must be public, and the connection goes to one of just these. */
const publicOnly =
  (resolve: Resolver): LookupFunction =>
  (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      if (addresses.length === 0 || !addresses.every(({ address }) => ipaddr.process(address).range() === 'unicast'))
        return callback(Object.assign(new Error(notPublic), { code: notPublic }), []);
      const [first] = addresses;
      if (options.all || first === undefined) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
