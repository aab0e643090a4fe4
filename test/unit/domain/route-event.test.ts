import { describe, expect, test, vi } from 'vitest';
import type { AgentEvent, Customer, Reply } from '../../../shared/contracts/agent-event.ts';
import { conversationId, eventId } from '../../../shared/contracts/ids.ts';
import type { QueuedEvent, QueuedEvents } from '../../../shared/contracts/queued-events.ts';
import type { ClaimProgress } from '../../../shared/domain/claim.ts';
import { erased, newConversation } from '../../../shared/domain/conversation.ts';
import type { DispatchOutcome } from '../../../shared/domain/dispatch.ts';
import type { RouteEventPorts } from '../../../shared/domain/event-on-its-way.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import type { GraphFailure } from '../../../shared/domain/graph.ts';
import type { NumberRecord } from '../../../shared/domain/records.ts';
import { routeEvent } from '../../../shared/domain/route-event.ts';
import { failing, memoryVault, ok, scriptedGraph, secretOf, textReply } from '../../support/fakes.ts';
import { bindingOf, ids, numberRecordOf } from '../../support/records.ts';
import { memoryRouter, openableVault } from '../../support/routing-fakes.ts';

const evt = eventId.parse(`evt_${'e'.repeat(43)}`);
const ada: Customer = { waId: '491511', userId: null, groupId: null, name: 'Ada' };

const event = (change: Partial<QueuedEvent> = {}): QueuedEvent => ({
  eventId: evt,
  kind: 'message',
  field: 'messages',
  alsoKnownAs: null,
  customer: ada,
  value: { id: 'wamid.IN', type: 'text', text: { body: 'hi' } },
  ...change,
});
const batchOf = (queued: QueuedEvent): QueuedEvents => ({
  version: 1,
  type: 'events',
  tenantId: ids.tenant,
  credentialId: ids.credential,
  phoneNumberId: ids.number,
  conversationId: conversationId.parse(`conv_${'c'.repeat(43)}`),
  receivedAt: '2026-11-22T10:00:00.000Z',
  events: [queued],
});

interface World {
  readonly number?: NumberRecord | null;
  readonly claim?: ClaimProgress | 'finished' | 'busy';
  readonly answers?: readonly DispatchOutcome[];
  readonly sends?: readonly (GraphFailure | 'ok')[];
  readonly timeLeft?: number;
  /** When Meta takes the read receipt. */
  readonly receipt?: Promise<void>;
  readonly vault?: ReturnType<typeof memoryVault>;
}

const answered = (...replies: readonly Reply[]): DispatchOutcome => ({ outcome: 'answered', replies });
const failed: DispatchOutcome = { outcome: 'failed', reason: 'http-500' };

const world = ({ number, claim, answers = [answered()], sends = [], timeLeft = 25_000, ...rest }: World = {}) => {
  const dispatched: AgentEvent[] = [];
  const sent: Readonly<Record<string, unknown>>[] = [];
  const read: { readonly messageId: string; readonly typing: boolean }[] = [];
  const pauses: number[] = [];
  const alongside: Promise<void>[] = [];
  const vault = rest.vault ?? openableVault();
  const router = memoryRouter(number === null ? undefined : (number ?? numberRecordOf()), {
    ...(claim === undefined ? {} : { claim }),
    now: () => new Date('2026-11-22T10:00:00Z'),
  });
  const waits: number[] = [];
  const ports: RouteEventPorts = {
    ...router.ports,
    vault,
    dispatcher: {
      dispatch: (_binding, agentEvent) => {
        dispatched.push(agentEvent);
        return Promise.resolve(answers[Math.min(dispatched.length, answers.length) - 1] ?? answered());
      },
    },
    graph: scriptedGraph({
      sendMessage: (access, _number, message) => {
        expect(access.accessToken.revealText()).toBe('the token');
        sent.push(message);
        const result = sends[sent.length - 1] ?? 'ok';
        return result === 'ok' ? ok({ wamid: `wamid.OUT${sent.length}` }) : failing(result);
      },
      markRead: async (_access, _number, messageId, { typing }) => {
        read.push({ messageId, typing });
        await rest.receipt;
        return ok(undefined);
      },
    }),
    sleep: (milliseconds) => {
      pauses.push(milliseconds);
      return Promise.resolve();
    },
    askedToWait: (seconds) => void waits.push(seconds),
    timeLeft: () => timeLeft,
    alongside: (work) => alongside.push(work),
  };
  const route = (queuedEvent = event()) => routeEvent(batchOf(queuedEvent), queuedEvent, ports);
  /** To the end of the invocation. */
  const run = async (queuedEvent = event()) => {
    const outcome = await route(queuedEvent);
    await Promise.all(alongside);
    return outcome;
  };
  return {
    ...router,
    route,
    run,
    ports,
    waits,
    dispatched,
    sent,
    read,
    pauses,
    alongside,
    vault,
  };
};

describe('media of a message', () => {
  const photo = () => event({ value: { id: 'wamid.IN', type: 'image', image: { id: '4711' } } });

  test('are the agent’s to have before it hears of them', async () => {
    const it = world();
    const order: string[] = [];
    const ports: RouteEventPorts = {
      ...it.ports,
      media: { open: (transfer) => Promise.resolve(order.push('open')).then(() => transfer) },
      dispatcher: { dispatch: () => Promise.resolve(order.push('dispatch')).then(() => answered()) },
    };
    expect(await routeEvent(batchOf(photo()), photo(), ports)).toBe('finished');
    expect(order).toEqual(['open', 'dispatch']);
    const other = world();
    await other.run(photo());
    expect(other.admitted).toMatchObject([{ direction: 'inbound', agentId: ids.agent, mediaId: '4711' }]);
  });

  test('that can’t be written down leave the event in the queue, and nothing behind that fails unheard', async () => {
    const it = world();
    const away = () => Promise.reject(new Fault('store-unavailable', { retryable: true }));
    const slowly = () => new Promise<never>((_, fail) => setTimeout(() => fail(new Error('late')), 20));
    for (const open of [away, slowly]) {
      const ports: RouteEventPorts = { ...it.ports, media: { open }, routing: { ...it.ports.routing, save: away } };
      await expect(routeEvent(batchOf(photo()), photo(), ports)).rejects.toThrow();
    }
    expect(it.dispatched).toEqual([]);
    // An unhandled rejection fails the run: it has had the time to be one.
    await new Promise((wake) => setTimeout(wake, 40));
  });
});

describe('an event that may not be routed', () => {
  test.each([
    ['of a number that nobody has claimed', null],
    ['of a number of another tenant', numberRecordOf({ tenantId: 'globex' as NumberRecord['tenantId'] })],
    [
      'delivered by a credential that the number does not accept',
      numberRecordOf({ acceptedSources: [ids.otherCredential] }),
    ],
  ])('%s is dropped and counted, without a claim', async (_what, number) => {
    const it = world({ number });
    expect(await it.run()).toBe('finished');
    expect(it.dispatched).toEqual([]);
    expect(it.claims.steps).toEqual([]);
    expect(it.journal.counts.get('EventsForeign')).toBe(1);
  });

  test.each([
    ['no agent is bound', numberRecordOf({ bindings: [] }), event()],
    ['its agent does not want this kind', numberRecordOf(), event({ kind: 'status' })],
  ])('is counted and acknowledged when %s', async (_what, number, queued) => {
    const it = world({ number });
    expect(await it.run(queued)).toBe('finished');
    expect(it.dispatched).toEqual([]);
    expect(it.journal.counts.get('EventsUnwanted')).toBe(1);
  });

  test('is claimed and closed when a customer wrote it, so that it is known that the number is written to', async () => {
    const it = world({ number: numberRecordOf({ bindings: [] }) });
    expect(await it.run()).toBe('finished');
    expect(it.claims.states()).toEqual(['done']);
    expect(await it.run()).toBe('finished');
    expect(it.claims.states()).toEqual(['done']);
  });

  test('is closed as unknown when no agent wants it any more and a reply to it was being sent', async () => {
    const it = world({
      number: numberRecordOf({ bindings: [] }),
      claim: { state: 'sending', replies: [textReply('one')], fates: [], failures: 1, claims: 1 },
    });
    expect(await it.run()).toBe('finished');
    expect(it.claims.steps).toEqual([{ state: 'unknown', replies: null, fates: [{ fate: 'unknown' }] }]);
  });

  test('stays in the queue when no agent wants it and somebody else is closing it', async () => {
    const it = world({ number: numberRecordOf({ bindings: [] }), claim: 'busy' });
    expect(await it.run()).toBe('repeat');
  });

  test('leaves no claim when no agent wants it and no customer did it', async () => {
    const it = world();
    expect(await it.run(event({ kind: 'status' }))).toBe('finished');
    expect(it.claims.claims.size).toBe(0);
  });

  test('is acknowledged when its claim is finished', async () => {
    const it = world({ claim: 'finished' });
    expect(await it.run()).toBe('finished');
    expect(it.dispatched).toEqual([]);
  });

  test('stays in the queue while somebody else holds its claim', async () => {
    const it = world({ claim: 'busy' });
    expect(await it.run()).toBe('repeat');
    expect(it.dispatched).toEqual([]);
  });
});

describe('a dispatch', () => {
  test('carries the stable event id and Meta’s own object', async () => {
    const it = world();
    expect(await it.run()).toBe('finished');
    expect(it.dispatched).toHaveLength(1);
    expect(it.dispatched[0]).toMatchObject({
      type: 'whatsapp.message.received',
      data: {
        eventId: evt,
        tenantId: 'acme',
        agentId: 'support',
        message: { id: 'wamid.IN' },
        conversation: { customer: ada },
      },
    });
    expect(it.claims.states()).toEqual(['done']);
  });

  test.each(['status', 'call', 'echo'] as const)('brings a %s to an agent that asked for it', async (kind) => {
    const behaviour = { ...bindingOf().behaviour, forward: [kind] };
    const it = world({ number: numberRecordOf({ bindings: [bindingOf({ behaviour })] }) });
    await it.run(event({ kind }));
    expect(it.dispatched[0]?.data).toHaveProperty(kind, event().value);
    expect(it.read).toEqual([]);
  });

  test('is repeated twice within the invocation, with the same id, then left to the queue', async () => {
    const it = world({ answers: [failed] });
    expect(await it.run()).toBe('repeat');
    expect(it.dispatched.map(({ data }) => data.eventId)).toEqual([evt, evt, evt]);
    expect(it.pauses).toEqual([500, 2000]);
    expect(it.claims.states()).toEqual([]);
    expect(it.claims.released()).toBe(1);
  });

  test('is not repeated when the time for another one is too short', async () => {
    const it = world({ answers: [failed], timeLeft: 10_400 });
    expect(await it.run()).toBe('repeat');
    expect(it.dispatched).toHaveLength(1);
  });

  test('ends with the agent’s definite no', async () => {
    const it = world({ answers: [{ outcome: 'refused', httpStatus: 400 }] });
    expect(await it.run()).toBe('finished');
    expect(it.dispatched).toHaveLength(1);
    expect(it.claims.states()).toEqual(['done']);
    expect(it.journal.counts.get('EventsRefusedByAgent')).toBe(1);
  });

  test('gives the claim back when the signing secret does not open', async () => {
    const it = world({ vault: memoryVault({}) });
    await expect(it.run()).rejects.toMatchObject({ code: 'secret-missing' });
    expect(it.dispatched).toEqual([]);
    expect(it.claims.released()).toBe(1);
  });

  test('wipes every secret that it opened', async () => {
    const it = world({ answers: [answered(textReply('hello'))] });
    await it.run();
    expect(it.vault.handedOut.length).toBeGreaterThan(1);
    for (const secret of it.vault.handedOut) expect(() => secret.bytes()).toThrow('disposed');
  });

  test('goes on when the read receipt fails', async () => {
    const it = world({ vault: memoryVault({ 'acme/support/agent-signature/1': secretOf('a signing secret') }) });
    expect(await it.run()).toBe('finished');
    expect(it.dispatched).toHaveLength(1);
    expect(it.journal.events()).toContain('read-receipt-failed');
  });

  test('is over before its read receipt, which the invocation waits for', async () => {
    const meta = Promise.withResolvers<undefined>();
    const it = world({ receipt: meta.promise });
    expect(await it.route()).toBe('finished');
    expect(it.claims.states()).toEqual(['done']);
    expect(it.read).toHaveLength(1);
    const over = vi.fn();
    const invocation = Promise.all(it.alongside).then(over);
    await new Promise(setImmediate);
    expect(over).not.toHaveBeenCalled();
    meta.resolve(undefined);
    await invocation;
    expect(over).toHaveBeenCalled();
  });

  test.each([
    [true, true, [{ messageId: 'wamid.IN', typing: true }]],
    [true, false, [{ messageId: 'wamid.IN', typing: false }]],
    [false, true, []],
  ])(
    'marks the message read (%s) with typing (%s) as the agent wants it',
    async (readReceipts, typingIndicator, expected) => {
      const behaviour = { ...bindingOf().behaviour, readReceipts, typingIndicator, forward: ['message' as const] };
      const it = world({ number: numberRecordOf({ bindings: [bindingOf({ behaviour })] }) });
      await it.run();
      expect(it.read).toEqual(expected);
    },
  );
});

describe('a reply', () => {
  test('goes through every state of its claim', async () => {
    const it = world({ answers: [answered(textReply('one'), textReply('two'))] });
    expect(await it.run()).toBe('finished');
    expect(it.claims.states()).toEqual(['answered', 'sending', 'sent', 'sending', 'done']);
    expect(it.claims.steps.at(-1)).toEqual({
      state: 'done',
      replies: null,
      fates: [{ fate: 'sent' }, { fate: 'sent' }],
    });
  });

  test('comes after the typing indicator, which would stay otherwise', async () => {
    const meta = Promise.withResolvers<undefined>();
    const it = world({ answers: [answered(textReply('one'))], receipt: meta.promise });
    const routing = it.route();
    await vi.waitFor(() => expect(it.claims.states()).toEqual(['answered']));
    await new Promise(setImmediate);
    expect(it.sent).toEqual([]);
    meta.resolve(undefined);
    expect(await routing).toBe('finished');
    expect(it.sent).toHaveLength(1);
  });

  test('is stored before anything is sent', async () => {
    const it = world({ answers: [answered(textReply('one'))] });
    it.claims.failOn('answered');
    await expect(it.run()).rejects.toMatchObject({ code: 'claim-lost' });
    expect(it.sent).toEqual([]);
  });

  test('is not sent by a router that has lost its claim', async () => {
    const it = world({ answers: [answered(textReply('one'))] });
    it.claims.failOn('sending');
    await expect(it.run()).rejects.toMatchObject({ code: 'claim-lost' });
    expect(it.sent).toEqual([]);
  });

  test.each([
    ['a WhatsApp id', ada, { to: '491511', recipient_type: 'individual' }],
    ['a user id alone', { ...ada, waId: null, userId: 'US.1' }, { recipient: 'US.1', recipient_type: 'individual' }],
    ['a group', { ...ada, groupId: 'group-1' }, { to: 'group-1', recipient_type: 'group' }],
  ])('is addressed to %s', async (_what, customer, expected) => {
    const it = world({ answers: [answered(textReply('hello'))] });
    await it.run(event({ customer }));
    expect(it.sent[0]).toEqual({
      type: 'text',
      text: { body: 'hello' },
      messaging_product: 'whatsapp',
      biz_opaque_callback_data: `sb1:${evt}:0`,
      ...expected,
    });
  });

  test('can’t address somebody else, pass for a read receipt or fake our mark', async () => {
    const hostile = {
      ...textReply('hello'),
      to: '499999',
      recipient: 'US.2',
      recipient_type: 'group',
      status: 'read',
      messaging_product: 'other',
      biz_opaque_callback_data: 'sb1:forged',
      access_token: 'stolen',
      method: 'delete',
    };
    const it = world({ answers: [answered(hostile)] });
    await it.run();
    expect(it.sent[0]).toMatchObject({ to: '491511', recipient_type: 'individual', messaging_product: 'whatsapp' });
    expect(it.sent[0]).not.toHaveProperty('recipient');
    for (const field of ['status', 'access_token', 'method']) expect(it.sent[0]).not.toHaveProperty(field);
    expect(it.sent[0]?.biz_opaque_callback_data).toBe(`sb1:${evt}:0`);
  });

  test('that Meta refuses is recorded, and the next one is still sent', async () => {
    const it = world({
      answers: [answered(textReply('one'), textReply('two'))],
      sends: [{ kind: 'refused', refusal: 'other', code: 131047 }],
    });
    expect(await it.run()).toBe('finished');
    expect(it.claims.steps.at(-1)).toMatchObject({
      state: 'done',
      fates: [{ fate: 'refused', metaCode: 131047 }, { fate: 'sent' }],
    });
  });

  test.each<[string, GraphFailure]>([
    ['never left', { kind: 'not-sent' }],
    ['met a rate limit', { kind: 'refused', refusal: 'rate-limited', code: 130429 }],
    ['met a passing fault', { kind: 'refused', refusal: 'temporary', code: 131000 }],
  ])('that %s goes back to where it may be repeated', async (_what, failure) => {
    const it = world({ answers: [answered(textReply('one'))], sends: [failure] });
    expect(await it.run()).toBe('repeat');
    expect(it.claims.states()).toEqual(['answered', 'sending', 'answered']);
    expect(it.claims.released()).toBe(1);
  });

  test.each([
    [0, 1],
    [1, 4],
    [2, 16],
    [3, 64],
    [4, 256],
    [8, 256],
  ])('to a customer who has had too many waits, after %d failures %d seconds', async (failures, seconds) => {
    const claim: ClaimProgress = { state: 'answered', replies: [textReply('one')], fates: [], failures, claims: 1 };
    const pair: GraphFailure = { kind: 'refused', refusal: 'rate-limited', code: 131_056 };
    const it = world({ claim, sends: [pair] });
    expect(await it.run()).toBe('repeat');
    expect(it.waits).toEqual([seconds]);
    const throughput = world({ claim, sends: [{ ...pair, code: 130_429 }] });
    expect(await throughput.run()).toBe('repeat');
    expect(throughput.waits).toEqual([]);
  });

  test('is given up, and the agent told, when the queue shows it for the last time', async () => {
    const claim: ClaimProgress = { state: 'answered', replies: [textReply('one')], fates: [], failures: 2, claims: 1 };
    const it = world({ claim, sends: [{ kind: 'not-sent' }] });
    expect(await routeEvent(batchOf(event()), event(), { ...it.ports, isLastReceive: true })).toBe('finished');
    expect(it.claims.steps.at(-1)).toMatchObject({ state: 'done', fates: [{ fate: 'refused' }] });
    expect(it.queued).toHaveLength(1);
  });

  test('waits for the turn of its number, and is sent later when that does not come in time', async () => {
    const it = world({ answers: [answered(textReply('one'), textReply('two'))] });
    const asked: [string, number][] = [];
    const heard: unknown[] = [];
    const pace: RouteEventPorts['pace'] = {
      turn: (number, patience) => Promise.resolve(asked.push([number, patience]) === 1),
      heard: (_number, sent) => void heard.push(sent.ok),
    };
    expect(await routeEvent(batchOf(event()), event(), { ...it.ports, pace })).toBe('repeat');
    expect(asked).toEqual([
      [ids.number, 3_000],
      [ids.number, 3_000],
    ]);
    expect(heard).toEqual([true]);
    expect(it.sent).toHaveLength(1);
    expect(it.claims.states()).toEqual(['answered', 'sending', 'sent', 'sent']);
  });

  test('that Meta has not taken in ten rounds is given up, and the agent told: the queue must not give it up instead', async () => {
    const claim: ClaimProgress = { state: 'answered', replies: [textReply('one')], fates: [], failures: 8, claims: 1 };
    const failure: GraphFailure = { kind: 'refused', refusal: 'rate-limited', code: 80007 };
    const soon = world({ claim, sends: [failure] });
    expect(await soon.run()).toBe('repeat');
    const it = world({ claim: { ...claim, failures: 9 }, sends: [failure] });
    expect(await it.run()).toBe('finished');
    expect(it.claims.steps.at(-1)).toMatchObject({ state: 'done', fates: [{ fate: 'refused', metaCode: 80007 }] });
    expect(JSON.parse(it.queued[0]?.body ?? '')).toMatchObject({
      events: [{ kind: 'failure', value: { outcome: 'refused' } }],
    });
  });

  test('that is kept no more is given up, and the agent told', async () => {
    const it = world({ claim: { state: 'answered', replies: null, fates: [], failures: 1, claims: 1 } });
    expect(await it.run()).toBe('finished');
    expect(it.sent).toEqual([]);
    expect(it.claims.steps.at(-1)).toMatchObject({ state: 'unknown' });
    expect(JSON.parse(it.queued[0]?.body ?? '')).toMatchObject({
      events: [{ kind: 'failure', value: { outcome: 'unknown' } }],
    });
  });

  test('without an answer from Meta is unknown and never sent again', async () => {
    const it = world({ answers: [answered(textReply('one'))], sends: [{ kind: 'unknown-outcome' }] });
    expect(await it.run()).toBe('finished');
    expect(it.sent).toHaveLength(1);
    expect(it.claims.steps.at(-1)).toEqual({ state: 'unknown', replies: null, fates: [{ fate: 'unknown' }] });
    expect(it.journal.events()).toContain('reply-unknown');
  });

  test('waits for the next invocation when the time for a send is too short', async () => {
    const it = world({ answers: [answered(textReply('one'))], timeLeft: 4_000 });
    expect(await it.run()).toBe('repeat');
    expect(it.sent).toEqual([]);
    expect(it.claims.steps.at(-1)).toMatchObject({ state: 'answered', replies: [textReply('one')] });
  });
});

describe('after a crash', () => {
  const replies = [textReply('one'), textReply('two')];
  const sentOne = { fate: 'sent' } as const;

  test('an answered event is not dispatched again; its replies are sent', async () => {
    const it = world({ claim: { state: 'answered', replies, fates: [], failures: 1, claims: 1 } });
    expect(await it.run()).toBe('finished');
    expect(it.dispatched).toEqual([]);
    expect(it.sent).toHaveLength(2);
  });

  test('a reply that was being sent is never sent again: it is unknown, the next one is sent', async () => {
    const it = world({ claim: { state: 'sending', replies, fates: [], failures: 1, claims: 1 } });
    expect(await it.run()).toBe('finished');
    expect(it.dispatched).toEqual([]);
    expect(it.sent.map((message) => message.text)).toEqual([{ body: 'two' }]);
    expect(it.claims.steps.at(-1)).toMatchObject({ state: 'unknown', fates: [{ fate: 'unknown' }, { fate: 'sent' }] });
    expect(it.journal.lines).toContainEqual(expect.objectContaining({ level: 'error', event: 'reply-unknown' }));
  });

  test('a sent reply is not sent again', async () => {
    const it = world({ claim: { state: 'sent', replies, fates: [sentOne], failures: 1, claims: 1 } });
    await it.run();
    expect(it.sent.map((message) => message.text)).toEqual([{ body: 'two' }]);
    expect(it.claims.steps.at(-1)).toMatchObject({ state: 'done', fates: [sentOne, { fate: 'sent' }] });
  });

  test('a leased event is dispatched again with the same id', async () => {
    const it = world({ claim: { state: 'leased', replies: null, fates: [], failures: 1, claims: 1 } });
    await it.run();
    expect(it.dispatched[0]?.data.eventId).toBe(evt);
  });
});

describe('when Meta refuses for a reason that may be the credential’s', () => {
  const revoked: GraphFailure = { kind: 'refused', refusal: 'token-invalid', code: 190 };
  const pausedUntil = (time: string) =>
    numberRecordOf({
      bindings: [bindingOf({ behaviour: { ...bindingOf().behaviour, greeting: 'Welcome' } })],
      doubt: { code: 190, since: '2026-11-22T09:59:59.999Z', pausedUntil: time, quietUntil: time },
    });
  const isPaused = pausedUntil('2026-11-22T10:00:00.001Z');
  const checksOf = (it: ReturnType<typeof world>) => it.releases.asked.map(({ work }) => work);

  test('a reply, the agent is told, the credential is checked, and the replies behind it wait', async () => {
    const it = world({ answers: [answered(textReply('one'), textReply('two'))], sends: [revoked] });
    expect(await it.run()).toBe('repeat');
    expect(it.sent).toHaveLength(1);
    expect(checksOf(it)).toMatchObject([{ kind: 'check-credential', secretVersion: 1, phoneNumberId: ids.number }]);
    expect(JSON.parse(it.queued[0]?.body ?? '')).toMatchObject({ events: [{ kind: 'failure' }] });
    expect(it.claims.steps.at(-1)).toMatchObject({ state: 'sent', fates: [{ fate: 'refused', metaCode: 190 }] });
    expect(it.waits).toEqual([expect.any(Number)]);

    // Still paused: nothing is sent, and it does not count as a failure.
    expect(await it.run()).toBe('repeat');
    expect(it.sent).toHaveLength(1);
    const number = it.directory.numbers.get(ids.number);
    if (number) it.directory.numbers.set(ids.number, { ...number, doubt: null });
    expect(await it.run()).toBe('finished');
    expect(it.sent.map(({ text }) => text)).toEqual([{ body: 'one' }, { body: 'two' }]);
    expect(it.claims.claims.get(evt)?.failures).toBe(0);
    expect(it.dispatched).toHaveLength(1);
  });

  test('the last reply, the event is done with', async () => {
    const it = world({ answers: [answered(textReply('one'))], sends: [revoked] });
    expect(await it.run()).toBe('finished');
    expect(checksOf(it)).toHaveLength(1);
  });

  test('a greeting or a read receipt, it is checked as well', async () => {
    const greeting = world({
      number: numberRecordOf({
        bindings: [bindingOf({ behaviour: { ...bindingOf().behaviour, readReceipts: false, greeting: 'Welcome' } })],
      }),
      sends: [revoked],
    });
    await greeting.run();
    const receipt = world();
    receipt.ports.graph.markRead = () => failing(revoked);
    await receipt.run();
    for (const it of [greeting, receipt]) expect(checksOf(it)).toMatchObject([{ kind: 'check-credential' }]);
  });

  test('events go on to their agents while it is being checked; nothing is said to the customer, and no secret of Meta’s is opened', async () => {
    const it = world({ number: isPaused, answers: [answered(textReply('one'))] });
    expect(await it.run()).toBe('repeat');
    expect(it.dispatched).toHaveLength(1);
    expect([it.sent, it.read]).toEqual([[], []]);
    expect(it.vault.opened.map(({ identity }) => identity.purpose)).not.toContain('graph-api');
    expect(it.claims.steps.at(-1)).toMatchObject({ state: 'answered', fates: [] });
  });

  test('what is over is over', async () => {
    const it = world({ number: pausedUntil('2026-11-22T10:00:00.000Z'), answers: [answered(textReply('one'))] });
    expect(await it.run()).toBe('finished');
    expect(it.sent.map(({ text }) => text)).toEqual([{ body: 'Welcome' }, { body: 'one' }]);
  });
});

describe('what we say ourselves', () => {
  const speaking = (change: object, pausedAt: string | null = null) =>
    numberRecordOf({ bindings: [bindingOf({ behaviour: { ...bindingOf().behaviour, ...change }, pausedAt })] });
  const texts = (it: ReturnType<typeof world>) =>
    it.sent.map((message) => (message.text as { readonly body: string }).body);
  const another = (letter: string) => event({ eventId: eventId.parse(`evt_${letter.repeat(43)}`) });
  const nobodyThere = { message: 'Nobody is there', timeZone: 'UTC', hours: [] };

  test('greets a conversation once, before the agent answers', async () => {
    const it = world({ number: speaking({ greeting: 'Welcome' }), answers: [answered(textReply('from the agent'))] });
    await it.run();
    await it.run(another('f'));
    expect(texts(it)).toEqual(['Welcome', 'from the agent', 'from the agent']);
  });

  test('greets again when the conversation has expired', async () => {
    const it = world({ number: speaking({ greeting: 'Welcome' }) });
    await it.run();
    const [record] = it.directory.conversations.values();
    if (record)
      it.directory.conversations.set(record.conversationId, { ...record, agentUntil: '2026-11-22T09:59:59.000Z' });
    await it.run(another('f'));
    expect(texts(it)).toEqual(['Welcome', 'Welcome']);
  });

  test('says nothing that is not written down before', async () => {
    const it = world({ number: speaking({ greeting: 'Welcome', away: nobodyThere }) });
    vi.spyOn(it.ports.routing, 'save').mockResolvedValueOnce(false);
    expect(await it.run()).toBe('finished');
    expect(it.sent).toEqual([]);
    expect(it.dispatched).toHaveLength(1);
  });

  test('says once per absence that nobody is there, and tells the agent each time', async () => {
    const it = world({ number: speaking({ away: nobodyThere }) });
    await it.run();
    await it.run(another('f'));
    expect(texts(it)).toEqual(['Nobody is there']);
    expect(it.dispatched.map(({ data }) => data.away)).toEqual([true, true]);
  });

  test('says nothing of the kind while somebody is there', async () => {
    const hours = [{ days: ['sun'], from: '00:00', to: '24:00' }];
    const it = world({ number: speaking({ away: { ...nobodyThere, hours } }) });
    await it.run();
    expect(texts(it)).toEqual([]);
    expect(it.dispatched[0]?.data.away).toBe(false);
  });

  test.each([
    ['a group', event({ customer: { ...ada, groupId: 'group-1' } })],
    ['a status', event({ kind: 'status' })],
  ])('does not greet %s', async (_what, queued) => {
    const it = world({ number: speaking({ greeting: 'Welcome', away: nobodyThere, forward: ['message', 'status'] }) });
    await it.run(queued);
    expect(it.sent).toEqual([]);
  });

  test('goes on when the greeting is refused', async () => {
    const it = world({
      number: speaking({ greeting: 'Welcome' }),
      sends: [{ kind: 'refused', refusal: 'other', code: 131047 }],
    });
    expect(await it.run()).toBe('finished');
    expect(it.dispatched).toHaveLength(1);
    expect(it.journal.events()).toContain('greeting-failed');
  });
});

describe('an answer that nobody asked for', () => {
  test.each(['echo', 'status', 'failure', 'account'] as const)('to a %s is not sent', async (kind) => {
    const behaviour = { ...bindingOf().behaviour, forward: ['echo' as const, 'status' as const, 'account' as const] };
    const value = {
      outcome: 'refused',
      wamid: null,
      inReplyTo: null,
      index: null,
      meta: null,
      explanation: 'e',
      guidance: 'g',
      retry: 'never',
    };
    const it = world({
      number: numberRecordOf({ bindings: [bindingOf({ behaviour })] }),
      answers: [answered(textReply('hello'))],
    });
    await it.run(event({ kind, ...(kind === 'failure' ? { value } : {}) }));
    expect(it.dispatched).toHaveLength(1);
    expect(it.sent).toEqual([]);
  });

  test('by a human marks the conversation, for what comes later', async () => {
    const behaviour = { ...bindingOf().behaviour, forward: ['message' as const, 'echo' as const] };
    const it = world({ number: numberRecordOf({ bindings: [bindingOf({ behaviour })] }) });
    await it.run(event({ kind: 'message', eventId: eventId.parse(`evt_${'1'.repeat(43)}`) }));
    await it.run(event({ kind: 'echo', eventId: eventId.parse(`evt_${'2'.repeat(43)}`) }));
    await it.run(event({ kind: 'message', eventId: eventId.parse(`evt_${'3'.repeat(43)}`) }));
    expect(it.dispatched.map(({ data }) => data.conversation?.handledBy)).toEqual(['agent', 'human', 'human']);
  });
});

describe('an event that no agent wants', () => {
  test('still tells that a human answers', async () => {
    const it = world();
    await it.run(event({ kind: 'echo' }));
    expect(it.dispatched).toEqual([]);
    await it.run(event({ eventId: eventId.parse(`evt_${'1'.repeat(43)}`) }));
    expect(it.dispatched[0]?.data.conversation?.handledBy).toBe('human');
  });

  test('still tells who else the customer is', async () => {
    const it = world();
    const former = conversationId.parse(`conv_${'f'.repeat(43)}`);
    await it.run(event({ kind: 'account', alsoKnownAs: former }));
    expect(it.dispatched).toEqual([]);
    expect(it.directory.conversations.get(former)).toMatchObject({ joinedTo: `conv_${'c'.repeat(43)}` });
  });
});

test('an agent that says when it wants to be asked again is left alone until then', async () => {
  const it = world({ answers: [{ outcome: 'failed', reason: 'http-429', retryAfterSeconds: 3 }] });
  expect(await it.run()).toBe('repeat');
  expect(it.dispatched).toHaveLength(1);
  expect(it.waits).toEqual([3]);
  const soon = world({ answers: [{ outcome: 'failed', reason: 'http-429', retryAfterSeconds: 0.5 }] });
  await soon.run();
  expect(soon.dispatched).toHaveLength(3);
});

describe('a reply that does not get through', () => {
  test('comes back to the agent behind what is queued, as the same event however often it is told', async () => {
    const refusal: GraphFailure = { kind: 'refused', refusal: 'other', code: 131047 };
    const told = async () => {
      const it = world({ answers: [answered(textReply('one'))], sends: [refusal] });
      await it.run();
      return it.queued;
    };
    const [[first], [second]] = [await told(), await told()];
    expect(first?.deduplicationId).toBe(second?.deduplicationId);
    expect(JSON.parse(first?.body ?? '')).toMatchObject({
      type: 'events',
      conversationId: `conv_${'c'.repeat(43)}`,
      events: [
        {
          kind: 'failure',
          eventId: first?.deduplicationId,
          value: { outcome: 'refused', inReplyTo: evt, index: 0, meta: { code: 131047 } },
        },
      ],
    });
  });

  test('is told as unknown when nobody knows', async () => {
    const it = world({ answers: [answered(textReply('one'))], sends: [{ kind: 'unknown-outcome' }] });
    await it.run();
    expect(JSON.parse(it.queued[0]?.body ?? '')).toMatchObject({
      events: [{ kind: 'failure', value: { outcome: 'unknown' } }],
    });
  });
});

describe('a customer with two forms of identity', () => {
  const asUser = conversationId.parse(`conv_${'u'.repeat(43)}`);
  const asNumber = conversationId.parse(`conv_${'n'.repeat(43)}`);
  const heardIn = async (
    it: ReturnType<typeof world>,
    letter: string,
    own: typeof asUser,
    other: typeof asUser | null,
  ) => {
    const queued = event({ eventId: eventId.parse(`evt_${letter.repeat(43)}`), alsoKnownAs: other });
    await routeEvent({ ...batchOf(queued), conversationId: own }, queued, it.ports);
    return it.dispatched.at(-1)?.data.conversation?.id;
  };

  test('stays in the conversation that began under the phone number', async () => {
    const it = world();
    expect(await heardIn(it, '1', asNumber, null)).toBe(asNumber);
    expect(await heardIn(it, '2', asUser, asNumber)).toBe(asNumber);
    expect(await heardIn(it, '3', asUser, null)).toBe(asNumber);
  });

  test('stays in the conversation that began under both', async () => {
    const it = world();
    expect(await heardIn(it, '1', asUser, asNumber)).toBe(asUser);
    expect(await heardIn(it, '2', asNumber, null)).toBe(asUser);
    expect(await heardIn(it, '3', asUser, null)).toBe(asUser);
  });

  test('gets both under one roof when the two began apart', async () => {
    const it = world();
    expect(await heardIn(it, '1', asNumber, null)).toBe(asNumber);
    expect(await heardIn(it, '2', asUser, null)).toBe(asUser);
    expect(await heardIn(it, '3', asUser, asNumber)).toBe(asUser);
    expect(await heardIn(it, '4', asNumber, null)).toBe(asUser);
  });

  test('is given an agent by the event that joins them, whichever form the conversation is', async () => {
    const it = world();
    await heardIn(it, '1', asUser, asNumber);
    expect(it.directory.conversations.get(asUser)).toMatchObject({ agentId: ids.agent, joinedBy: asNumber });
    const that = world();
    await heardIn(that, '1', asNumber, null);
    const first = that.directory.conversations.get(asNumber)?.revision ?? 0;
    await heardIn(that, '2', asUser, asNumber);
    expect(that.directory.conversations.get(asNumber)).toMatchObject({ agentId: ids.agent, joinedBy: asUser });
    expect(that.directory.conversations.get(asNumber)?.revision).toBeGreaterThan(first);
  });

  test('is another customer than the one who had the phone number before', async () => {
    const it = world();
    const another = conversationId.parse(`conv_${'v'.repeat(43)}`);
    expect(await heardIn(it, '1', asUser, asNumber)).toBe(asUser);
    expect(await heardIn(it, '2', another, asNumber)).toBe(another);
    expect(await heardIn(it, '3', asNumber, null)).toBe(another);
    expect(await heardIn(it, '4', asUser, null)).toBe(asUser);
  });

  test('gets its event again when somebody else takes the phone number at the same moment', async () => {
    const it = world();
    const another = conversationId.parse(`conv_${'v'.repeat(43)}`);
    await heardIn(it, '1', asNumber, null);
    it.directory.afterNextRead(() => {
      const record = it.directory.conversations.get(asNumber);
      if (record === undefined) throw new Error('It was heard');
      const taken = { ...record, joinedBy: another, revision: record.revision + 1 };
      it.directory.conversations.set(asNumber, taken);
    });
    const queued = event({ eventId: eventId.parse(`evt_${'2'.repeat(43)}`), alsoKnownAs: asNumber });
    const once = () => routeEvent({ ...batchOf(queued), conversationId: asUser }, queued, it.ports);
    expect(await once()).toBe('repeat');
    expect(it.dispatched).toHaveLength(1);
    expect(await once()).toBe('finished');
    expect(it.dispatched.map(({ data }) => data.conversation?.id)).toEqual([asNumber, asUser]);
  });

  test('is not joined while something is held under the other form: it must come out there first', async () => {
    const it = world();
    await heardIn(it, '1', asNumber, null);
    const record = it.directory.conversations.get(asNumber);
    if (record) it.directory.conversations.set(asNumber, { ...record, heldCount: 1 });
    await heardIn(it, '2', asUser, null);
    await heardIn(it, '3', asUser, asNumber);
    expect(it.directory.conversations.get(asNumber)?.joinedTo).toBeNull();
  });
});

describe('that a customer wrote is noted', () => {
  const own = conversationId.parse(`conv_${'c'.repeat(43)}`);
  const number = conversationId.parse(`conv_${'n'.repeat(43)}`);
  const third = conversationId.parse(`conv_${'t'.repeat(43)}`);
  const said = '2026-11-22T09:30:00.000Z';
  const timestamp = String(Date.parse(said) / 1000);
  const message = (letter: string, change: Partial<QueuedEvent> = {}, at = timestamp) =>
    event({
      eventId: eventId.parse(`evt_${letter.repeat(43)}`),
      value: { ...event().value, timestamp: at },
      ...change,
    });
  const noted = (it: ReturnType<typeof world>, id = own) => it.directory.conversations.get(id)?.lastInboundAt ?? null;
  const put = (it: ReturnType<typeof world>, id: typeof own, change: object = {}) => {
    const key = { tenantId: ids.tenant, phoneNumberId: ids.number, conversationId: id };
    it.directory.conversations.set(id, { ...newConversation(key, new Date(said)), ...change });
  };
  const without = (kind: 'message' | 'call') =>
    numberRecordOf({
      bindings: [
        bindingOf({ behaviour: { ...bindingOf().behaviour, forward: kind === 'call' ? ['message'] : ['status'] } }),
      ],
    });

  test.each<[string, NumberRecord, Partial<QueuedEvent>]>([
    ['with the write that begins the conversation', numberRecordOf(), {}],
    ['where no agent is bound', numberRecordOf({ bindings: [] }), {}],
    ['where the agent wants no messages', without('message'), {}],
    ['where the agent wants no calls', without('call'), { kind: 'call' }],
    ['where the event is held', numberRecordOf({ stopped: { code: 'account-disabled', since: said } }), {}],
  ])('by one write, %s', async (_where, given, change) => {
    const it = world({ number: given });
    expect(await it.run(message('1', change))).toBe('finished');
    expect(noted(it)).toBe(said);
    expect(it.directory.conversations.get(own)?.revision).toBe(1);
    expect(it.directory.numbers.get(ids.number)).toMatchObject({
      deliversSince: '2026-11-22T10:00:00.000Z',
      unnumberedAt: null,
      revision: 1,
    });
  });

  test('once an hour, and never backwards', async () => {
    const it = world();
    const minutesLater = (minutes: number) => String(Number(timestamp) - 3 * 3600 + minutes * 60);
    const writes = async (letter: string, at: string) => {
      const before = it.directory.writes.length;
      await it.run(message(letter, {}, at));
      return it.directory.writes.length - before;
    };
    expect(await writes('1', minutesLater(0))).toBe(1);
    expect(await writes('2', minutesLater(59))).toBe(0);
    expect(await writes('3', minutesLater(60))).toBe(1);
    expect(await writes('4', minutesLater(1))).toBe(0);
    expect(noted(it)).toBe('2026-11-22T07:30:00.000Z');
  });

  test.each([
    ['a status', event({ kind: 'status' })],
    ['a human’s answer', event({ kind: 'echo' })],
    ['a notice', event({ kind: 'account' })],
    ['a group', event({ customer: { ...ada, groupId: 'g' } })],
  ])('but not by %s', async (_what, queued) => {
    const it = world({ number: numberRecordOf({ bindings: [] }) });
    await it.run(queued);
    expect(noted(it)).toBeNull();
    expect(it.directory.numbers.get(ids.number)).toMatchObject({ deliversSince: null, unnumberedAt: null });
  });

  test('not by a repeat of what was handled, nor by what was received before the customer was erased', async () => {
    const repeated = world({ claim: 'finished' });
    await repeated.run(message('1'));
    const it = world();
    put(it, own, { erasedAt: '2026-11-22T10:00:00.000Z' });
    await it.run(message('1'));
    for (const one of [repeated, it]) {
      expect(noted(one)).toBeNull();
      expect(one.directory.numbers.get(ids.number)?.deliversSince).toBeNull();
    }
  });

  test('although somebody else writes the conversation at the same moment', async () => {
    for (const given of [numberRecordOf(), numberRecordOf({ bindings: [] })]) {
      const it = world({ number: given });
      it.directory.afterNextRead(() => put(it, own, { humanAt: said, revision: 7 }));
      const outcome = await it.run(message('1'));
      if (outcome === 'repeat') await it.run(message('1'));
      expect(it.directory.conversations.get(own)).toMatchObject({ humanAt: said, lastInboundAt: said });
    }
  });

  test('not when the customer is erased at the same moment', async () => {
    const it = world();
    it.directory.afterNextRead(() => put(it, own, { erasedAt: '2026-11-22T10:00:00.000Z', revision: 7 }));
    await it.run(message('1'));
    expect(noted(it)).toBeNull();
  });

  test('and that nobody can be found by phone number who has written without one', async () => {
    const it = world();
    const hidden = { customer: { ...ada, waId: null, userId: 'DE.1' } };
    await it.run(message('1', hidden));
    await it.run(message('2', hidden));
    expect(it.directory.numbers.get(ids.number)).toMatchObject({ unnumberedAt: said, revision: 2 });
    await it.run(message('3', hidden, String(Number(timestamp) - 3600)));
    expect(it.directory.numbers.get(ids.number)).toMatchObject({ unnumberedAt: said, revision: 2 });
  });

  test('under the phone number too, where it is not joined to the conversation', async () => {
    const it = world();
    const both = { alsoKnownAs: number, customer: { ...ada, userId: 'DE.1' } };
    put(it, own, { joinedTo: third });
    await it.run(message('1', both));
    expect([noted(it, third), noted(it, number)]).toEqual([said, said]);
    const writes = it.directory.writes.length;
    await it.run(message('2', both));
    expect(it.directory.writes).toHaveLength(writes);
  });

  test('under one name where the two are joined', async () => {
    const it = world();
    await it.run(message('1', { alsoKnownAs: number, customer: { ...ada, userId: 'DE.1' } }));
    expect([noted(it), noted(it, number)]).toEqual([said, null]);
    expect(it.directory.conversations.get(number)).toMatchObject({ joinedTo: own });
  });
});

describe('an event whose customer was erased', () => {
  const own = conversationId.parse(`conv_${'c'.repeat(43)}`);
  const other = conversationId.parse(`conv_${'d'.repeat(43)}`);
  const received = '2026-11-22T10:00:00.000Z';
  const earlier = '2026-11-22T09:59:59.999Z';
  const erasedAt = (it: ReturnType<typeof world>, at: string, id = own, change: object = {}) => {
    const key = { tenantId: ids.tenant, phoneNumberId: ids.number, conversationId: id };
    const fresh = it.directory.conversations.get(id) ?? newConversation(key, new Date(at));
    it.directory.conversations.set(id, { ...erased(fresh, new Date(at)), ...change });
  };

  test('after it was received is not dispatched, nor when Meta repeats it', async () => {
    const it = world();
    erasedAt(it, received);
    expect(await it.run()).toBe('finished');
    expect(it.dispatched).toEqual([]);
    expect(it.claims.states()).toEqual(['done']);
    erasedAt(it, earlier);
    expect(await it.run()).toBe('finished');
    expect(it.dispatched).toEqual([]);
    expect(it.journal.counts.get('EventsUnwanted')).toBe(1);
  });

  test('before it was received is dispatched, in a conversation that nobody remembers', async () => {
    const it = world();
    await it.run();
    erasedAt(it, earlier);
    expect(it.directory.conversations.get(own)).toMatchObject({ agentId: null });
    await it.run(event({ eventId: eventId.parse(`evt_${'2'.repeat(43)}`) }));
    expect(it.dispatched).toHaveLength(2);
    expect(it.directory.conversations.get(own)).toMatchObject({ agentId: ids.agent });
  });

  test('under another of its names is not dispatched, and joins nothing', async () => {
    for (const [id, change] of [
      [other, {}],
      [own, { joinedTo: other }],
    ] as const) {
      const it = world();
      erasedAt(it, received, id, change);
      await it.run(event({ alsoKnownAs: other }));
      expect(it.dispatched).toEqual([]);
      expect(it.directory.writes).toEqual([]);
    }
  });

  test('under the name that this one is joined to is not dispatched', async () => {
    const it = world();
    const key = { tenantId: ids.tenant, phoneNumberId: ids.number, conversationId: own };
    it.directory.conversations.set(own, { ...newConversation(key, new Date(earlier)), joinedTo: other });
    erasedAt(it, received, other);
    await it.run();
    expect(it.dispatched).toEqual([]);
  });

  test('is not sent an answer that a router which died had got for it', async () => {
    const it = world({
      claim: { state: 'answered', replies: [textReply('hello')], fates: [], failures: 1, claims: 1 },
    });
    erasedAt(it, received);
    expect(await it.run()).toBe('finished');
    expect(it.sent).toEqual([]);
    expect(it.claims.steps).toEqual([{ state: 'done', replies: null, fates: [] }]);
  });

  test('leaves no body behind that a router which died was about to hold', async () => {
    const it = world();
    await it.relay.put(`held/acme/${evt}/of-one-who-died`, 'what Ada said');
    erasedAt(it, received);
    await it.run();
    expect(it.relay.bodies.size).toBe(0);
  });

  test('while it is being held is not held: nothing of it is kept', async () => {
    const it = world({ number: numberRecordOf({ stopped: { code: 'account-disabled', since: earlier } }) });
    it.directory.afterNextRead(() => erasedAt(it, received, own, { revision: 1 }));
    expect(await it.run()).toBe('repeat');
    expect(await it.run()).toBe('finished');
    expect(it.held.rows()).toEqual([]);
    expect(it.relay.bodies.size).toBe(0);
    expect(it.claims.states()).toEqual(['done']);
  });

  test('waits while somebody else is at it', async () => {
    const it = world({ claim: 'busy' });
    erasedAt(it, received);
    await it.relay.put(`held/acme/${evt}/of-one-who-died`, 'what Ada said');
    expect(await it.run()).toBe('repeat');
    expect(it.relay.bodies.size).toBe(1);
  });
});
