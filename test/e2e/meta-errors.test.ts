import { writeFileSync } from 'node:fs';
import pMap from 'p-map';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AgentEvent } from '../../shared/contracts/agent-event.ts';
import type { SentMessage } from '../../shared/contracts/message.ts';
import {
  invisible,
  type MetaErrorText,
  metaErrorFamilies,
  metaErrorLinks,
  metaErrors,
  tokenErrors,
  unknownMetaError,
} from '../../shared/contracts/meta-errors.ts';
import { AgentHost, type TestAgent } from './support/agent-host.ts';
import type { Answer, Api } from './support/api.ts';
import { newCustomer } from './support/business.ts';
import { agentRequest, newConnection, newConversationPartner, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';
import { rowsOf } from './support/tables.ts';

// Every code of the catalogue as whoever sends sees it. As a table: META_ERRORS_TABLE=/path/of/a/file npm test -- --project e2e test/e2e/meta-errors.test.ts

/** One error of Meta, with the HTTP status that it usually comes with, or another one. */
interface Case {
  readonly code: number;
  readonly subcode?: number;
  readonly status?: number;
  readonly text: MetaErrorText;
}

/** Limits that older versions of the API report with 429, and today's with 400. */
const throttling = [4, 80_007, 80_008, 130_429, 131_048, 131_056];

const catalogued: readonly Case[] = [
  ...metaErrors.flatMap(([codes, text]) => codes.map((code) => ({ code, text }))),
  ...metaErrorFamilies.flatMap(([from, to, text]) => [from, to].map((code) => ({ code, text }))),
  { code: 999_999, text: unknownMetaError },
];
const cases: readonly Case[] = [
  ...catalogued,
  ...[...tokenErrors].map(([subcode, text]) => ({ code: 190, subcode, text })),
  { code: 100, subcode: 33, text: invisible },
  ...catalogued.filter(({ code }) => throttling.includes(code)).map((it) => ({ ...it, status: 429 })),
];
const nameOf = ({ code, subcode, status }: Case): string =>
  `${code}${subcode === undefined ? '' : `/${subcode}`}${status === undefined ? '' : ` with HTTP ${status}`}`;

/** Codes that mean that Meta is out of order, and not that the caller has to slow down. */
const outage = [1, 2, 131_000, 131_016, 131_057, 133_004];

/** Codes that may keep a number from sending until its credential has been checked: each comes to a credential of its own. */
const isAboutCredential = ({ code }: Case): boolean =>
  [0, 3, 10, 190, 131_005].includes(code) || (code >= 200 && code <= 299);

/** What the caller is told, by what the catalogue says of a repeat. */
const expectedOf = ({ code, text }: Case) => {
  const seconds = text.retryAfterSeconds;
  if (outage.includes(code)) return { status: 503, code: 'meta-unreachable', retryAfter: seconds ?? 5 };
  return text.retry === 'later'
    ? { status: 429, code: 'message-limited', retryAfter: seconds }
    : { status: 422, code: 'message-refused', retryAfter: undefined };
};

interface Sender {
  readonly api: Api;
  readonly agent: Pick<TestAgent, 'id'>;
  readonly number: string;
}

interface Told {
  readonly answer: Answer;
  readonly calls: number;
  readonly httpStatuses: readonly (number | null)[];
  readonly sender: Sender;
}

type Failed = Extract<AgentEvent, { type: 'whatsapp.message.failed' }>;

interface Late {
  readonly id: string;
  readonly message: SentMessage;
  readonly event: Failed['data']['failure'];
}

/** What else is done at the same time, at most: the machine has few processors, and workers that start cost most. */
const atOnce = 6;

const told = new Map<string, Told>();
const late = new Map<number, Late>();
let host: AgentHost;
/** Rows of messages, as they are in the end. */
let rows: readonly Readonly<Record<string, unknown>>[] = [];

beforeAll(async () => {
  host = await AgentHost.open();
  const partner = await newConversationPartner(host, 'meta-errors', quiet);
  const once = async (it: Case) => void told.set(nameOf(it), await provoked(it, await senderOf(it, partner)));
  const later = async ({ code }: Case) => void late.set(code, await failing(code, partner));
  await pMap(cases, once, { concurrency: atOnce });
  await pMap(catalogued, later, { concurrency: atOnce });
  rows = (await rowsOf('Events')).filter(({ sk }) => sk === 'MESSAGE');
});
afterAll(async () => {
  if (process.env.META_ERRORS_TABLE !== undefined) writeFileSync(process.env.META_ERRORS_TABLE, asTable());
  await host[Symbol.asyncDispose]();
});

const senderOf = async (it: Case, shared: Sender): Promise<Sender> => {
  if (!isAboutCredential(it)) return shared;
  const connection = await newConnection('meta-error');
  const number = connection.numbers[0] ?? '';
  const agent = host.place(`meta-error-${number}`);
  const answer = await connection.api.putAgent(agent.id, agentRequest(agent, connection, number, quiet));
  expect(answer.status, answer.text).toBe(201);
  return { ...connection, agent, number };
};

const send = ({ api, agent }: Sender, to: string) =>
  api.call<SentMessage>('POST', `/v1/agents/${agent.id}/messages`, {
    body: { to, type: 'text', text: { body: 'Hello' } },
  });

/** Meta refuses a message with it. */
const provoked = async ({ code, subcode, status }: Case, sender: Sender): Promise<Told> => {
  const { waId } = newCustomer();
  await using fault = await meta.fault({
    method: 'POST',
    path: `/${sender.number}/messages$`,
    body: waId,
    times: null,
    code,
    ...(subcode === undefined ? {} : { subcode }),
    ...(status === undefined ? {} : { status }),
  });
  const answer = await send(sender, waId);
  const calls = (await meta.calls(`/${sender.number}/messages$`)).filter((call) => call.fault === fault.id);
  return { answer, calls: calls.length, httpStatuses: calls.map((call) => call.status), sender };
};

/** Meta takes a message, and reports with it that it could not deliver it. */
const failing = async (code: number, sender: Sender & { readonly agent: TestAgent }): Promise<Late> => {
  const { waId } = newCustomer();
  await meta.outcome({ phoneNumberId: sender.number, body: waId, statuses: ['failed'], errorCode: code });
  const { status, text, body } = await send(sender, waId);
  expect(status, text).toBe(201);
  const event = await eventually(() => {
    const heard = sender.agent.heard.map((it) => it.body).find((it) => isFailureOf(it, body.id));
    if (heard?.type !== 'whatsapp.message.failed')
      throw new Error(`The agent has not heard of the failure of ${body.id} yet`);
    return heard.data.failure;
  });
  const message = await sender.api.get<SentMessage>(`/v1/agents/${sender.agent.id}/messages/${body.id}`);
  return { id: body.id, message: message.body, event };
};

const isFailureOf = (event: AgentEvent, id: string): boolean =>
  event.type === 'whatsapp.message.failed' && event.data.failure.messageId === id;

const words = expect.stringMatching(/\w+ \w+/) as string;

describe('a message that Meta refuses', () => {
  test.each(cases.map((it) => [nameOf(it), it] as const))(
    'with %s is explained, and repeated only where that helps',
    (name, it) => {
      const seen = told.get(name);
      if (seen === undefined) throw new Error(`Nothing is known of ${name}`);
      const { retryAfter, ...expected } = expectedOf(it);
      const problem = expectProblem(seen.answer, expected);
      expect(problem).toMatchObject({
        detail: it.text.explanation,
        guidance: it.text.guidance,
        link: metaErrorLinks[it.text.category],
        meta: {
          code: it.code,
          fbtraceId: expect.stringMatching(/^A[\w-]+$/),
          ...(it.subcode === undefined ? {} : { subcode: it.subcode }),
        },
      });
      expect(problem.guidance).toEqual(words);
      expect(problem.retryAfterSeconds).toBe(retryAfter);
      expect(seen.answer.headers.get('retry-after')).toBe(retryAfter === undefined ? null : String(retryAfter));
      expect(seen.calls).toBe(it.text.retry === 'now' ? 3 : 1);
      if (it.status !== undefined) expect(seen.httpStatuses).toEqual([it.status]);
    },
  );

  test('is on record as refused, with its code', () => {
    for (const it of cases) {
      const sender = told.get(nameOf(it))?.sender;
      const own = rows.filter(({ phoneNumberId, status }) => phoneNumberId === sender?.number && status === 'refused');
      const { explanation, guidance, retry } = it.text;
      expect(own, nameOf(it)).toContainEqual(
        expect.objectContaining({ wamid: null, failure: { code: it.code, explanation, guidance, retry } }),
      );
    }
    const refused = rows.filter(({ status, phoneNumberId }) => status === 'refused' && isOurs(phoneNumberId));
    expect(refused).toHaveLength(cases.length);
  });
});

const isOurs = (number: unknown): boolean => [...told.values()].some(({ sender }) => sender.number === number);

describe('a message that Meta took and could not deliver', () => {
  test.each(catalogued.map((it) => [it.code, it] as const))(
    'with %d comes back to its agent, explained',
    (code, { text }) => {
      const seen = late.get(code);
      if (seen === undefined) throw new Error(`Nothing is known of ${code}`);
      const { explanation, guidance, retry } = text;
      expect(seen.event).toMatchObject({
        outcome: 'failed',
        messageId: seen.id,
        meta: { code },
        explanation,
        guidance,
        retry,
      });
      expect(seen.message).toMatchObject({ status: 'failed', failure: { code, explanation, guidance, retry } });
    },
  );
});

/** For people: what came of each. */
const asTable = (): string => {
  const head = ['code', 'category', 'HTTP at Meta', 'problem', 'Retry-After', 'retry', 'calls', 'failed later'];
  const lines = cases.map((it) => {
    const { answer, calls, httpStatuses } = told.get(nameOf(it)) ?? {};
    const problem = answer?.body as { readonly code?: string } | undefined;
    const event = it.subcode === undefined && it.status === undefined ? late.get(it.code) : undefined;
    return [
      `${it.code}${it.subcode === undefined ? '' : `/${it.subcode}`}`,
      it.text.category,
      httpStatuses?.[0] ?? '',
      `${answer?.status ?? ''} ${problem?.code ?? ''}`,
      answer?.headers.get('retry-after') ?? '',
      it.text.retry,
      calls ?? '',
      event === undefined ? '' : `${event.message.status}, agent told`,
    ];
  });
  return `${[head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
};
