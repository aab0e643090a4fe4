import type { DispatchOutcome } from './dispatch.ts';

/** What came of a dispatch, in plain words for whoever owns the agent. Nothing of the agent's answer is repeated. */
export interface DispatchReport {
  readonly httpStatus: number | null;
  readonly replies: number;
  readonly detail: string;
  readonly guidance: string;
}

export const reportOf = (outcome: DispatchOutcome): DispatchReport => {
  switch (outcome.outcome) {
    case 'answered':
      return { httpStatus: outcome.httpStatus ?? null, replies: outcome.replies.length, ...answeredWith(outcome) };
    case 'refused':
      return { httpStatus: outcome.httpStatus, replies: 0, ...refusedWith(outcome.httpStatus) };
    case 'gone':
      return {
        httpStatus: 410,
        replies: 0,
        detail: 'The agent answered 410: it takes no events any more.',
        guidance: 'A real event would now be held until you resume the agent or change its target.',
      };
    case 'failed':
      return { httpStatus: outcome.httpStatus ?? null, replies: 0, ...failedBy(outcome.reason) };
    default:
      return outcome satisfies never;
  }
};

type Words = Pick<DispatchReport, 'detail' | 'guidance'>;

const answeredWith = ({
  httpStatus,
  unreadable,
  replies,
}: Extract<DispatchOutcome, { readonly outcome: 'answered' }>): Words => {
  if (unreadable === true)
    return {
      detail: 'The agent took the event, and its answer holds messages that cannot be sent.',
      guidance:
        'Answer 200 with uncompressed JSON: {"messages": […]}, at most 10 Cloud API message objects, 256 KB in all. None of these would have been sent.',
    };
  if (httpStatus === undefined)
    return {
      detail: "The event is in the platform's queue.",
      guidance: 'Whether the agent takes it from there is to be seen in the platform.',
    };
  if (replies.length > 0)
    return {
      detail: 'The agent took the event and answered with messages. Nothing of it was sent: this is a test.',
      guidance: 'Nothing to do.',
    };
  return {
    detail: 'The agent took the event, without messages in its answer.',
    guidance:
      httpStatus === 202
        ? 'Nothing to do. What comes later is sent by POST /v1/agents/{agentId}/messages.'
        : 'Nothing to do. To reply at once, answer 200 with {"messages": […]}.',
  };
};

const refusedWith = (httpStatus: number): Words => {
  const detail = `The agent refused the event with ${httpStatus}: a real one would not be repeated.`;
  switch (httpStatus) {
    case 401:
    case 403:
      return {
        detail,
        guidance:
          'Check that the agent verifies the signature over the raw body, with the signing secret that was shown last. If it is lost, make a new one.',
      };
    case 404:
    case 405:
      return { detail, guidance: 'Check the path of the target URL: it must take POST requests.' };
    case 413:
      return { detail, guidance: 'Let the agent take bodies of 1 MB at least.' };
    default:
      return { detail, guidance: 'Look into the log of the agent. It should answer 2xx to what it has taken.' };
  }
};

const failedBy = (reason: string): Words =>
  reasons.get(reason) ?? kinds.find(([pattern]) => pattern.test(reason))?.[1] ?? unreachable;

const unreachable: Words = {
  detail: 'The agent could not be reached.',
  guidance: 'Check that the host of the target URL answers HTTPS requests from the internet.',
};
const certificate: Words = {
  detail: 'The certificate of the agent is not acceptable.',
  guidance: 'Use a certificate of a public authority that is valid now and names the host of the target URL.',
};
const cutShort: Words = {
  detail: 'The agent closed the connection before its answer was complete.',
  guidance: 'Look into the log of the agent and of what stands before it.',
};
const runtime = (detail: string): Words => ({ detail, guidance: 'Tell the operator of the platform.' });

const reasons = new Map<string, Words>(
  Object.entries({
    timeout: {
      detail: 'The agent gave no complete answer within 10 seconds.',
      guidance: 'Answer 202 at once, work afterwards, and send the reply by the API.',
    },
    'answer-too-large': {
      detail: 'The answer of the agent is larger than 256 KB.',
      guidance: 'Answer with the messages alone; send media by link or id.',
    },
    'answer-cut-short': cutShort,
    'connection-closed': cutShort,
    ECONNRESET: cutShort,
    'too-many-interim-answers': {
      detail: 'The agent sent one interim answer (1xx) after the other.',
      guidance: 'Answer with the final status.',
    },
    'address-not-public': {
      detail: 'The host of the target URL does not have a public address, or not only public ones.',
      guidance: 'Correct its DNS records: every address must be one of the public internet.',
    },
    'target-refused': {
      detail: 'The target URL is not allowed.',
      guidance: 'Enter the public https URL of your agent, on port 443 or 8443.',
    },
    ECONNREFUSED: {
      detail: 'Nobody listens at the target URL.',
      guidance: 'Start the agent, or correct host and port of the target URL.',
    },
    'no-runtime': runtime('The platform has no runtime for agents.'),
    'runtime-unavailable': runtime("The platform's runtime for agents could not be reached."),
    'runtime-busy': {
      detail: "The platform's runtime for agents is busy.",
      guidance: 'Try again in a minute. If it stays so, tell the operator of the platform.',
    },
    'function-error': {
      detail: 'The function ended with an error.',
      guidance: 'Look into its log.',
    },
    'answer-malformed': {
      detail: 'The function did not answer in the agreed form.',
      guidance: 'Let it answer {"statusCode": 200, "body": "…"}, the body being a string.',
    },
  }),
);

/** Codes that come in families. */
const kinds: readonly (readonly [RegExp, Words])[] = [
  [
    /^http-3/,
    {
      detail: 'The agent redirects elsewhere: redirects are not followed.',
      guidance: 'Enter the URL that it redirects to.',
    },
  ],
  [
    /^http-(408|425|429|503)$/,
    {
      detail: 'The agent is busy: a real event would be repeated.',
      guidance: 'Answer 202 at once and work afterwards, or give the agent more room.',
    },
  ],
  [
    /^http-/,
    { detail: 'The agent failed: a real event would be repeated.', guidance: 'Look into the log of the agent.' },
  ],
  [
    /^(ENOTFOUND|ENODATA|EAI_AGAIN|ESERVFAIL|ETIMEOUT|EREFUSED)$/,
    {
      detail: 'The host of the target URL has no address.',
      guidance: 'Correct the host of the target URL, or its DNS records.',
    },
  ],
  [/^(CERT_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/, certificate],
  [
    /^(HPE_|EPROTO|ERR_SSL_)/,
    {
      detail: 'What listens at the target URL does not speak HTTPS as it should.',
      guidance: 'Check host and port of the target URL.',
    },
  ],
];
