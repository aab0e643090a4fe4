import { agentAnswer, maxRepliesPerAnswer } from '../contracts/agent-event.ts';
import type { DispatchOutcome } from './dispatch.ts';
import { jsonOf } from './json.ts';

/** What an agent has answered, by whatever way it was asked. Nothing of it is believed yet. */
export interface UnverifiedAnswer {
  readonly httpStatus: number;
  readonly body: Uint8Array;
  /** Compressed or encoded: it was not asked for, and nothing is unpacked that may be a thousand times its size. */
  readonly isEncoded?: boolean;
  readonly retryAfter?: string | undefined;
}

/** An agent's answer beyond this is cut off and counts as failed. In bytes. */
export const maxAnswerBytes = 256 * 1024;

/** What is kept of it until it is sent must fit into a DynamoDB item (400 KB) together with its claim. In bytes. */
const maxRepliesBytes = 300 * 1024;

/** No message of the Cloud API is nested half as deep. What is nested a hundred thousand times overflows the stack of who writes it down. */
const maxDepth = 16;

/** The longest pause that an agent is granted. Whoever is away for longer has its events held anyway. In seconds. */
const longestPause = 300;

/** Statuses of the 4xx that say "not now" rather than "never". */
const passing = [408, 425, 429];

/**
 * What an answer comes to: 2xx has taken the event, 200 may hold messages; 410 takes no event any more; 408, 425, 429, 5xx, redirects and
 * what is no status are repeated; any other 4xx is a definite no.
 */
export const outcomeOf = (answer: UnverifiedAnswer): DispatchOutcome => {
  const { httpStatus, retryAfter } = answer;
  if (httpStatus >= 200 && httpStatus < 300) return takenBy(answer);
  if (httpStatus === 410) return { outcome: 'gone' };
  if (httpStatus >= 400 && httpStatus < 500 && !passing.includes(httpStatus)) return { outcome: 'refused', httpStatus };
  const retryAfterSeconds = pauseOf(retryAfter);
  return {
    outcome: 'failed',
    reason: `http-${httpStatus}`,
    httpStatus,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
};

/** An answer without messages is the agent's own business (many frameworks answer "ok"): it took the event. */
const takenBy = ({ httpStatus, body, isEncoded }: UnverifiedAnswer): DispatchOutcome => {
  const taken = { outcome: 'answered', httpStatus } as const;
  if (httpStatus !== 200 || body.byteLength === 0) return { ...taken, replies: [] };
  if (isEncoded === true) return { ...taken, replies: [], unreadable: true };
  const said = jsonOf(body);
  const messages = typeof said === 'object' && said !== null && 'messages' in said ? said.messages : undefined;
  if (messages === undefined) return { ...taken, replies: [] };
  // Counted before it is judged one by one: a list may have a hundred thousand entries.
  const isAcceptable =
    Array.isArray(messages) && messages.length <= maxRepliesPerAnswer && canBeWrittenDown(messages, maxDepth);
  const answer = isAcceptable ? agentAnswer.safeParse({ messages }) : undefined;
  const replies = answer?.data?.messages ?? [];
  if (answer?.success !== true || Buffer.byteLength(JSON.stringify(replies)) > maxRepliesBytes)
    return { ...taken, replies: [], unreadable: true };
  return { ...taken, replies };
};

/** Nested no deeper, and without numbers that JSON reads but can't write (1e999). */
const canBeWrittenDown = (value: unknown, depth: number): boolean => {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((inner) => canBeWrittenDown(inner, depth - 1));
};

/** Seconds in digits (RFC 9110, delay-seconds). Why no date: it would be judged by the agent's clock. */
const pauseOf = (retryAfter: string | undefined): number | undefined => {
  const digits = /^\d{1,10}$/.exec(retryAfter ?? '');
  const seconds = Math.min(longestPause, Number(digits?.[0] ?? 0));
  return seconds > 0 ? seconds : undefined;
};
