import { describe, expect, test } from 'vitest';
import { type SendMessagePorts, sendMessage } from '../../../functions/messages/send-message.ts';
import type { Customer } from '../../../shared/contracts/agent-event.ts';
import { type ConversationId, tenantId } from '../../../shared/contracts/ids.ts';
import { sendMessageRequest } from '../../../shared/contracts/message.ts';
import type { Work } from '../../../shared/contracts/work.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { packParts } from '../../../shared/crypto/secret-parts.ts';
import { readMessageMark } from '../../../shared/domain/callback-data.ts';
import { newConversation } from '../../../shared/domain/conversation.ts';
import { conversationOf } from '../../../shared/domain/event-identity.ts';
import type { GraphFailure } from '../../../shared/domain/graph.ts';
import { isRefused } from '../../../shared/domain/outcome.ts';
import type { AgentRecord, ConversationRecord, Doubt, NumberRecord } from '../../../shared/domain/records.ts';
import type { MessageRecord } from '../../../shared/domain/sent-message.ts';
import { failing, memoryVault, ok, recordingJournal, scriptedGraph } from '../../support/fakes.ts';
import { agentRecordOf, ids, numberRecordOf } from '../../support/records.ts';

const now = new Date('2026-11-26T10:00:00.000Z');
const agent = agentRecordOf();
const hello = { to: '+49 151 12345678', type: 'text', text: { body: 'Hello' } };
const caller = { tenantId: ids.tenant, subject: 'key_1', agentId: ids.agent };

interface World {
  readonly agent?: AgentRecord;
  readonly number?: Partial<NumberRecord>;
  readonly answers?: readonly (GraphFailure | 'ok')[];
  readonly timeLeft?: number;
  readonly finishFails?: boolean;
  /** What is known of customers, by the name under which they wrote. */
  readonly known?: readonly (readonly [Partial<Customer>, Partial<ConversationRecord>])[];
  readonly pauseFails?: boolean;
}

const salt = Buffer.alloc(32, 7);
const conversationNamed = (customer: Partial<Customer>): ConversationId =>
  conversationOf(ids.tenant, ids.number, salt, {
    customer: { waId: null, userId: null, groupId: null, name: null, ...customer },
    formerCustomer: null,
  }).conversationId;
const conversationsOf = (known: NonNullable<World['known']>): ReadonlyMap<ConversationId, ConversationRecord> =>
  new Map(
    known.map(([customer, change]) => {
      const conversationId = conversationNamed(customer);
      const key = { tenantId: ids.tenant, phoneNumberId: ids.number, conversationId };
      return [conversationId, { ...newConversation(key, now), ...change }];
    }),
  );

const world = ({
  number,
  answers = ['ok'],
  timeLeft = 29_000,
  finishFails = false,
  known = [],
  pauseFails = false,
  ...rest
}: World = {}) => {
  const sent: Readonly<Record<string, unknown>>[] = [];
  const read: unknown[] = [];
  const pauses: number[] = [];
  const doubts: { readonly version: number; readonly after: Doubt; readonly work: readonly Work[] }[] = [];
  const checks: Work[] = [];
  const rows = new Map<string, MessageRecord>();
  const conversations = new Map(conversationsOf(known));
  const journal = recordingJournal();
  const next = (): GraphFailure | 'ok' => answers[Math.min(sent.length + read.length, answers.length) - 1] ?? 'ok';
  const vault = memoryVault({
    'acme/cred_01J0000000000000000000000A/graph-api/1': () =>
      packParts(SecretBytes.fromText('the token'), SecretBytes.fromText('the proof')),
  });
  const ports: SendMessagePorts = {
    agents: { find: (tenant) => Promise.resolve(tenant === ids.tenant ? (rest.agent ?? agent) : undefined) },
    routing: {
      read: (_number, wanted) =>
        Promise.resolve({
          number: { ...numberRecordOf(number), revision: 1 },
          conversations: new Map([...conversations].filter(([id]) => wanted.includes(id))),
        }),
    },
    salts: { tenantSalt: () => Promise.resolve(salt) },
    messages: {
      begin: (message) => {
        const known = rows.get(message.messageId);
        if (known !== undefined && known.status !== 'refused') return Promise.resolve(known);
        rows.set(message.messageId, message);
        return Promise.resolve(undefined);
      },
      finish: (id, end) => {
        if (finishFails) return Promise.reject(new Error('DynamoDB is away'));
        const row = rows.get(id);
        if (row) rows.set(id, { ...row, ...end });
        return Promise.resolve();
      },
      find: (id) => Promise.resolve(rows.get(id)),
      note: () => Promise.resolve(),
    },
    opener: vault,
    graph: scriptedGraph({
      sendMessage: (access, from, message) => {
        expect([access.accessToken.revealText(), from]).toEqual(['the token', ids.number]);
        sent.push(message);
        const answer = next();
        return answer === 'ok' ? ok({ wamid: `wamid.${sent.length}` }) : failing(answer);
      },
      markRead: (_access, _number, wamid, { typing }) => {
        read.push([wamid, typing]);
        const answer = next();
        return answer === 'ok' ? ok(undefined) : failing(answer);
      },
    }),
    doubts: {
      change: (was, after, tickets) => {
        doubts.push({ version: was.secretVersion, after, work: tickets.map(({ work }) => work) });
        return pauseFails ? Promise.reject(new Error('DynamoDB is away')) : Promise.resolve(true);
      },
    },
    checks: { send: ({ work }) => Promise.resolve(void checks.push(work)) },
    journal,
    now: () => now,
    timeLeft: () => timeLeft,
    sleep: (milliseconds) => Promise.resolve(pauses.push(milliseconds)),
    random: () => 1,
  };
  const send = (request: object = hello, digest: string | null = null, who = caller) =>
    sendMessage(who, ids.agent, sendMessageRequest.parse(request), digest, ports);
  /** The customer writes again. */
  const hear = (customer: Partial<Customer>, lastInboundAt: string) => {
    for (const [id, record] of conversationsOf([[customer, { lastInboundAt }]])) conversations.set(id, record);
  };
  const kept = () => [...rows.values()];
  return { send, hear, sent, read, pauses, doubts, checks, opened: vault.opened, rows: kept, journal };
};
const refused = (code: number, refusal: Extract<GraphFailure, { kind: 'refused' }>['refusal'] = 'other') =>
  ({ kind: 'refused', refusal, code }) as const;

describe('a message', () => {
  test('is sent from the agent’s number, with our mark, and the answer names it', async () => {
    const it = world();
    const answer = await it.send({ ...hello, biz_opaque_callback_data: 'order 7' });
    expect(answer).toMatchObject({
      kind: 'created',
      body: { id: expect.stringMatching(/^msg_/), wamid: 'wamid.1', status: 'accepted', failure: null },
      location: expect.stringMatching(/^\/v1\/agents\/support\/messages\/msg_/),
    });
    const [message] = it.sent;
    expect(message).toMatchObject({ messaging_product: 'whatsapp', recipient_type: 'individual', ...hello });
    const [row] = it.rows();
    expect(readMessageMark(message?.biz_opaque_callback_data)).toEqual({ messageId: row?.messageId, own: 'order 7' });
    expect(row).toMatchObject({
      status: 'accepted',
      wamid: 'wamid.1',
      sentBy: 'key_1',
      conversationId: expect.stringMatching(/^conv_/),
    });
    expect(JSON.stringify([row, it.journal.lines])).not.toMatch(/Hello|4915112345678|order 7/);
  });

  test('is passed on whole, also what is not described here, but for what is ours to say', async () => {
    const it = world();
    await it.send({ ...hello, preview: { new: true }, messaging_product: 'other', context: { message_id: 'wamid.0' } });
    expect(it.sent[0]).toMatchObject({
      preview: { new: true },
      messaging_product: 'whatsapp',
      context: { message_id: 'wamid.0' },
    });
    expect(it.sent[0]).not.toHaveProperty('status');
  });

  test('has the conversation of its customer, however the number is written', async () => {
    const it = world();
    for (const to of ['+49 151 12345678', '4915112345678', '0049 (151) 12345678']) await it.send({ ...hello, to });
    await it.send({ ...hello, to: '4915187654321' });
    expect(new Set(it.rows().map(({ conversationId }) => conversationId)).size).toBe(2);
  });

  test('is sent once under one Idempotency-Key, whatever becomes of the answer', async () => {
    const it = world();
    const first = await it.send(hello, 'request-1');
    expect(await it.send(hello, 'request-1')).toEqual(first);
    expect(it.sent).toHaveLength(1);
    await it.send(hello, 'request-2');
    await it.send(hello);
    await it.send(hello);
    expect(it.sent).toHaveLength(4);
  });

  test('of which nobody knows is named, and a repeat sends nothing', async () => {
    const it = world({ answers: [{ kind: 'unknown-outcome' }] });
    const first = await it.send(hello, 'request-1');
    expect(first).toMatchObject({
      refused: 'outcome-unknown',
      details: {
        instance: expect.stringMatching(/^\/v1\/agents\/support\/messages\/msg_/),
        detail: expect.stringMatching(/unknown/),
      },
    });
    expect(await it.send(hello, 'request-1')).toEqual(first);
    expect(it.sent).toHaveLength(1);
    expect(it.rows()).toMatchObject([{ status: 'unknown' }]);
  });

  test('over which the sender died is one of which nobody knows', async () => {
    const it = world({ finishFails: true, answers: [{ kind: 'unknown-outcome' }] });
    await it.send(hello, 'request-1');
    expect(it.rows()).toMatchObject([{ status: 'sending' }]);
    expect(await it.send(hello, 'request-1')).toMatchObject({ refused: 'outcome-unknown' });
    expect(it.sent).toHaveLength(1);
  });

  test('that was sent is answered so, though it can’t be written down', async () => {
    const it = world({ finishFails: true });
    expect(await it.send()).toMatchObject({ kind: 'created', body: { wamid: 'wamid.1' } });
    expect(it.journal.events()).toContain('message-not-recorded');
  });

  test('that Meta refuses is explained, and may be sent again', async () => {
    const it = world({ answers: [refused(131_047), 'ok'] });
    expect(await it.send(hello, 'request-1')).toMatchObject({
      refused: 'message-refused',
      details: { meta: { code: 131_047 }, guidance: expect.stringMatching(/template/) },
    });
    expect(it.rows()).toMatchObject([{ status: 'refused', failure: { code: 131_047 } }]);
    expect(await it.send(hello, 'request-1')).toMatchObject({ kind: 'created' });
    expect(it.sent).toHaveLength(2);
  });
});

describe('Meta is asked again', () => {
  test('after a pause where it may succeed at once, three times in all', async () => {
    const it = world({ answers: [refused(131_000, 'temporary')] });
    expect(await it.send()).toMatchObject({ refused: 'meta-unreachable', details: { retryAfterSeconds: 5 } });
    expect(it.sent).toHaveLength(3);
    expect(it.pauses).toEqual([500, 2000]);
    expect(new Set(it.sent.map(({ biz_opaque_callback_data: mark }) => mark)).size).toBe(1);
  });

  test('until it takes the message', async () => {
    const it = world({ answers: [{ kind: 'not-sent' }, 'ok'] });
    expect(await it.send()).toMatchObject({ kind: 'created' });
    expect(it.sent).toHaveLength(2);
  });

  test.each<[string, World]>([
    ['when it says that nothing will change', { answers: [refused(131_047)] }],
    ['when it says later', { answers: [refused(131_056, 'rate-limited')] }],
    ['when nobody knows whether it was sent', { answers: [{ kind: 'unknown-outcome' }] }],
    ['when the caller waits no longer', { answers: [{ kind: 'not-sent' }], timeLeft: 7_000 }],
  ])('not %s', async (_when, given) => {
    const it = world(given);
    expect(isRefused(await it.send())).toBe(true);
    expect(it.sent).toHaveLength(1);
  });
});

describe('outside the customer service window', () => {
  const hour = 60 * 60 * 1000;
  const timeAgo = (hours: number) => new Date(now.getTime() - hours * hour).toISOString();
  const ada = { waId: '4915112345678' };
  const adaAsUser = { userId: 'DE.1' };
  const number = { deliversSince: timeAgo(100) };
  const long: World = { number, known: [[ada, { lastInboundAt: timeAgo(26) }]] };

  test.each<[string, World, object]>([
    ['after the customer wrote long ago', long, hello],
    ['where the customer never wrote', { number }, hello],
    [
      'by user id',
      { number, known: [[adaAsUser, { lastInboundAt: timeAgo(26) }]] },
      { recipient: 'DE.1', type: 'text', text: { body: 'Hello' } },
    ],
    [
      'by phone number, where the customer is known by user id',
      {
        number: { ...number, unnumberedAt: timeAgo(1) },
        known: [
          [ada, { joinedTo: conversationNamed(adaAsUser) }],
          [adaAsUser, { lastInboundAt: timeAgo(26) }],
        ],
      },
      hello,
    ],
    ['whatever its type', long, { ...hello, type: 'reaction', reaction: { message_id: 'wamid.1', emoji: '' } }],
  ])(
    'a message is refused without asking Meta, with the advice to send a template: %s',
    async (_when, given, request) => {
      const it = world(given);
      expect(await it.send(request, 'request-1')).toEqual({
        refused: 'message-refused',
        details: {
          detail: expect.stringMatching(/24 hours/),
          guidance: expect.stringMatching(/template/),
          link: expect.objectContaining({ href: expect.stringMatching(/^https:/) }),
        },
        isJudgedAnew: true,
      });
      expect([it.sent, it.rows(), it.opened]).toEqual([[], [], []]);
      expect(it.journal.counts.get('MessagesRefused')).toBe(1);
      expect(JSON.stringify(it.journal.lines)).not.toMatch(/Hello|4915112345678|DE\.1/);
    },
  );

  test.each<[string, World, object]>([
    ['a template', long, { ...hello, type: 'template', template: { name: 'x', language: { code: 'de' } } }],
    ['a message after the customer wrote', { number, known: [[ada, { lastInboundAt: timeAgo(24) }]] }, hello],
    ['a message from a number that is new to us', { known: long.known ?? [] }, hello],
    [
      'a message to a phone number whose owner wrote under a user id',
      {
        number,
        known: [
          [ada, { joinedTo: conversationNamed(adaAsUser), lastInboundAt: timeAgo(100) }],
          [adaAsUser, { lastInboundAt: timeAgo(1) }],
        ],
      },
      hello,
    ],
    [
      'a message with both names, of which one wrote',
      { number, known: [[ada, { lastInboundAt: timeAgo(1) }]] },
      { ...hello, recipient: 'DE.1' },
    ],
    [
      'a message where somebody writes without a phone number',
      { ...long, number: { ...number, unnumberedAt: timeAgo(1) } },
      hello,
    ],
    ['a message to a group', { number }, { ...hello, to: '4915112345678', recipient_type: 'group' }],
  ])('Meta is asked with %s', async (_what, given, request) => {
    const it = world(given);
    expect(await it.send(request)).toMatchObject({ kind: 'created' });
    expect(it.sent).toHaveLength(1);
  });

  test('a message of the customer is marked as read', async () => {
    expect(await world(long).send({ status: 'read', message_id: 'wamid.IN' })).toMatchObject({ kind: 'ok' });
  });

  test('the same request is sent once the customer has written again', async () => {
    const it = world(long);
    expect(await it.send(hello, 'request-1')).toMatchObject({ refused: 'message-refused' });
    it.hear(ada, timeAgo(0));
    expect(await it.send(hello, 'request-1')).toMatchObject({ kind: 'created' });
    expect(it.sent).toHaveLength(1);
  });

  test.each<[string, GraphFailure | 'ok', object]>([
    ['that was sent', 'ok', { kind: 'created', body: { wamid: 'wamid.1' } }],
    ['of which nobody knows', { kind: 'unknown-outcome' }, { refused: 'outcome-unknown' }],
    ['that Meta refused', refused(131_047), { refused: 'message-refused', isJudgedAnew: true }],
  ])('a repeat of one %s is answered as before', async (_what, first, again) => {
    const it = world({ number, known: [[ada, { lastInboundAt: timeAgo(24) }]], answers: [first] });
    await it.send(hello, 'request-1');
    it.hear(ada, timeAgo(26));
    expect(await it.send(hello, 'request-1')).toMatchObject(again);
    expect(it.sent).toHaveLength(1);
  });
});

describe('nothing is sent', () => {
  test.each<[string, World, string]>([
    ['for an agent without a number', { agent: { ...agent, whatsapp: { enabled: false } } }, 'whatsapp-off'],
    ['from a number that the agent is bound to no more', { number: { bindings: [] } }, 'whatsapp-off'],
    ['from a number that another tenant has', { number: { tenantId: tenantId.parse('globex') } }, 'whatsapp-off'],
    [
      'while Meta has disabled the account',
      { number: { stopped: { code: 'account-disabled', since: now.toISOString() } } },
      'integration-stopped',
    ],
  ])('%s', async (_what, given, code) => {
    const it = world(given);
    expect(await it.send()).toMatchObject({ refused: code, details: { guidance: expect.stringMatching(/\w/) } });
    expect([it.sent, it.rows()]).toEqual([[], []]);
  });

  test('with a secret that does not open, and no doubt is left about the message', async () => {
    const it = world({ number: { secretVersion: 2 } });
    await expect(it.send(hello, 'request-1')).rejects.toMatchObject({ code: 'secret-missing' });
    expect([it.sent, it.rows()]).toEqual([[], []]);
  });

  test('for an agent of another tenant', async () => {
    const it = world();
    const stranger = { tenantId: tenantId.parse('globex'), subject: 'eve', agentId: ids.agent };
    expect(await it.send(hello, null, stranger)).toMatchObject({ refused: 'not-found' });
    expect(it.sent).toEqual([]);
  });
});

describe('what may be the fault of the credential', () => {
  const sentBy = numberRecordOf();
  const paused = {
    doubt: {
      code: 190,
      since: now.toISOString(),
      pausedUntil: new Date(now.getTime() + 1).toISOString(),
      quietUntil: new Date(now.getTime() + 1).toISOString(),
    },
  };
  const read = { status: 'read', message_id: 'wamid.IN' };

  test.each<[number, Extract<GraphFailure, { kind: 'refused' }>['refusal'], object]>([
    [190, 'token-invalid', hello],
    [10, 'permission-missing', hello],
    [190, 'token-invalid', read],
  ])('%d is answered at once, pauses the number and has the credential checked: %s', async (code, refusal, request) => {
    const it = world({ answers: [refused(code, refusal)] });
    expect(await it.send(request, 'request-1')).toMatchObject({
      refused: 'message-refused',
      details: { meta: { code } },
    });
    expect(it.doubts).toMatchObject([{ version: sentBy.secretVersion, after: { code }, work: it.checks }]);
    expect(it.checks).toMatchObject([{ kind: 'check-credential', secretVersion: 1, phoneNumberId: ids.number }]);
  });

  test.each([hello, read])(
    'is not asked about while the number is paused: the caller comes back in a moment',
    async (request) => {
      const it = world({ number: paused });
      expect(await it.send(request)).toMatchObject({
        refused: 'sending-paused',
        details: { guidance: expect.stringMatching(/\w/), retryAfterSeconds: expect.any(Number) },
      });
      expect([it.sent, it.read, it.rows(), it.doubts, it.opened]).toEqual([[], [], [], [], []]);
    },
  );

  test('that the integration is disabled comes first', async () => {
    const it = world({ number: { ...paused, stopped: { code: 'token-revoked', since: now.toISOString() } } });
    expect(await it.send()).toMatchObject({ refused: 'integration-stopped' });
  });

  test('is explained to the caller although the pause could not be written down', async () => {
    const it = world({ answers: [refused(190, 'token-invalid')], pauseFails: true });
    expect(await it.send()).toMatchObject({ refused: 'message-refused', details: { meta: { code: 190 } } });
    expect(it.journal.events()).toContain('sending-not-paused');
  });

  test.each<GraphFailure>([refused(131_047), { kind: 'unknown-outcome' }, refused(131_000, 'temporary')])(
    'is nothing else: %j',
    async (failure) => {
      const it = world({ answers: [failure] });
      await it.send();
      expect([it.doubts, it.checks]).toEqual([[], []]);
    },
  );
});

describe('a message of a customer is marked as read', () => {
  test.each([
    [false, {}],
    [true, { typing_indicator: { type: 'text' } }],
  ])('with a typing indicator: %s', async (typing, change) => {
    const it = world();
    expect(await it.send({ status: 'read', message_id: 'wamid.IN', ...change })).toEqual({
      kind: 'ok',
      body: { status: 'read' },
    });
    expect(it.read).toEqual([['wamid.IN', typing]]);
    expect([it.sent, it.rows()]).toEqual([[], []]);
  });

  test.each<[GraphFailure, string]>([
    [refused(100), 'message-refused'],
    [{ kind: 'unknown-outcome' }, 'meta-unreachable'],
  ])('or it is said why not: %j', async (failure, code) => {
    const it = world({ answers: [failure] });
    expect(await it.send({ status: 'read', message_id: 'wamid.IN' })).toMatchObject({ refused: code });
  });
});

describe('a request is refused with a pointer', () => {
  test.each<[string, object, string]>([
    ['without an addressee', { type: 'text', text: { body: 'x' } }, 'to'],
    ['without a type', { to: '49151', text: { body: 'x' } }, 'type'],
    ['of an unknown type', { to: '49151', type: 'fax', fax: {} }, 'type'],
    ['without its content', { to: '49151', type: 'text' }, 'text'],
    ['with the content of another type', { to: '49151', type: 'image', text: { body: 'x' } }, 'image'],
    ['with an empty text', { to: '49151', type: 'text', text: { body: '' } }, 'text/body'],
    ['with a text that is too long', { to: '49151', type: 'text', text: { body: 'x'.repeat(4097) } }, 'text/body'],
    ['with a file twice', { to: '49151', type: 'image', image: { id: '1', link: 'https://a.example/x' } }, 'image'],
    ['with a file from nowhere', { to: '49151', type: 'document', document: {} }, 'document'],
    [
      'with a template that has no language',
      { to: '49151', type: 'template', template: { name: 'x' } },
      'template/language',
    ],
    [
      'with a place beyond the pole',
      { to: '49151', type: 'location', location: { latitude: 91, longitude: 0 } },
      'location/latitude',
    ],
    [
      'with callback data that leaves no room for ours',
      { ...hello, biz_opaque_callback_data: 'x'.repeat(401) },
      'biz_opaque_callback_data',
    ],
    ['to read nothing', { status: 'read' }, 'message_id'],
    ['to read and send', { status: 'read', message_id: 'm', to: '49151' }, ''],
    ['with another status', { status: 'sent', message_id: 'm' }, 'status'],
  ])('%s', (_what, request, pointer) => {
    const { error } = sendMessageRequest.safeParse(request);
    expect(error?.issues.map(({ path }) => path.join('/'))).toContain(pointer);
  });

  test.each<[string, object]>([
    ['a text', hello],
    ['to a user id', { recipient: 'DE.1', type: 'text', text: { body: 'x' } }],
    ['to a group', { to: 'group', recipient_type: 'group', type: 'text', text: { body: 'x' } }],
    ['a file by link', { to: '49151', type: 'image', image: { link: 'https://a.example/x.png', caption: 'x' } }],
    ['a template', { to: '49151', type: 'template', template: { name: 'x', language: { code: 'de' } } }],
    [
      'a reaction that is taken back',
      { to: '49151', type: 'reaction', reaction: { message_id: 'wamid.1', emoji: '' } },
    ],
    ['buttons', { to: '49151', type: 'interactive', interactive: { type: 'button', action: { buttons: [] } } }],
    ['a contact', { to: '49151', type: 'contacts', contacts: [{ name: { formatted_name: 'Ada' } }] }],
    ['a place', { to: '49151', type: 'location', location: { latitude: '52.5', longitude: 13.4 } }],
  ])('but not %s', (_what, request) => {
    expect(sendMessageRequest.safeParse(request).error).toBeUndefined();
  });
});

test.each(['access_token', 'appsecret_proof', 'method', 'suppress_http_code', 'batch', 'fields', 'Access_Token'])(
  'a message that would steer the call itself by %s is refused, and the field named',
  (name) => {
    const parsed = sendMessageRequest.safeParse({ ...hello, [name]: 'x' });
    expect(parsed.error?.issues).toMatchObject([{ path: [name], message: 'Is no part of a message' }]);
    expect(sendMessageRequest.safeParse({ ...hello, text: { body: 'Hello', [name]: 'x' } }).success).toBe(true);
  },
);
