import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { agentId, eventId, messageId } from '../../../shared/contracts/ids.ts';
import { eventKind } from '../../../shared/contracts/queued-events.ts';
import {
  countersOf,
  eventView,
  lineStepOf,
  projectActivity,
  type RowChange,
  stepOf,
  sumsOf,
} from '../../../shared/domain/activity.ts';
import { activityContract } from '../../support/activity-contract.ts';
import { memoryActivity } from '../../support/activity-fakes.ts';
import { ids } from '../../support/records.ts';

type Row = Record<string, unknown>;

const receivedAt = '2026-11-22T09:59:58.500Z';
const at = '2026-11-22T10:00:03.000Z';
const now = new Date('2026-11-22T10:30:00.000Z');
const evt = (name: string | number) => eventId.parse(`evt_${String(name).padStart(43, '0')}`);
const msg = (name: string | number) => messageId.parse(`msg_${String(name).padStart(43, '0')}`);

const claim = (change: Row = {}, name: string | number = 'a'): Row => ({
  pk: evt(name),
  sk: 'CLAIM',
  leaseId: 'lease',
  leaseUntil: 1,
  failures: 0,
  claims: 1,
  tenantId: ids.tenant,
  credentialId: ids.credential,
  phoneNumberId: ids.number,
  conversationId: `conv_${'c'.repeat(43)}`,
  agentId: ids.agent,
  kind: 'message',
  receivedAt,
  state: 'leased',
  fates: [],
  expiresAt: 1,
  ...change,
});

const message = (change: Row = {}, name: string | number = 'a'): Row => ({
  pk: msg(name),
  sk: 'MESSAGE',
  messageId: msg(name),
  tenantId: ids.tenant,
  agentId: ids.agent,
  phoneNumberId: ids.number,
  credentialId: ids.credential,
  conversationId: `conv_${'c'.repeat(43)}`,
  sentBy: 'ada',
  status: 'sending',
  wamid: 'wamid.HBgLNDkxNTE=',
  failure: null,
  createdAt: receivedAt,
  updatedAt: at,
  ...change,
});
const failure = (code: number | null) => ({ code, explanation: 'e', guidance: 'g', retry: 'never' });

/** What the stream tells of a row that passes through these states. */
const changesOf = (rows: readonly Row[]): readonly RowChange[] =>
  rows.map((after, index) => ({ before: rows[index - 1], after, at }));
const marksOf = (...rows: readonly Row[]) => changesOf(rows).map((change) => stepOf(change)?.marks ?? []);

const projected = async (changes: readonly RowChange[], batches = 1) => {
  const activity = memoryActivity();
  const size = Math.max(1, Math.ceil(changes.length / batches));
  for (let first = 0; first < changes.length; first += size)
    await projectActivity(changes.slice(first, first + size), activity.store);
  const spans = await activity.reader.counted(ids.tenant, now);
  const { items } = await activity.reader.recent(ids.credential, { limit: 1000 }, now);
  return {
    counts: sumsOf(spans, ({ own }) => own).last24h,
    counters: countersOf(spans, now),
    spans,
    events: items.map(eventView),
    numbers: await activity.reader.numbers(ids.tenant, [ids.number, ids.otherNumber]),
    agents: await activity.reader.agents(ids.tenant, [ids.agent, agentId.parse('other')]),
  };
};

test('a reply that Meta took and could not deliver has failed, once, and for the reason that Meta gives', async () => {
  const late = (change: object) => claim({ kind: 'failure', undelivered: { code: 131_042 }, ...change });
  const { counts, events } = await projected(changesOf([late({}), late({ leaseUntil: 2 }), late({ state: 'done' })]));
  expect(counts).toMatchObject({ failed: 1, in: 0 });
  expect(events).toMatchObject([{ kind: 'failure', outcome: 'failed', meta: { code: 131_042 } }]);
});

describe('activity in memory', () => activityContract(() => Promise.resolve(memoryActivity())));

describe('an event', () => {
  test('comes in, is taken and is answered, each once', () => {
    const sent = { fate: 'sent' };
    expect(
      marksOf(
        claim(),
        claim({ leaseUntil: 2 }),
        claim({ state: 'answered' }),
        claim({ state: 'sending' }),
        claim({ state: 'sent', fates: [sent] }),
        claim({ state: 'sending', fates: [sent] }),
        claim({ state: 'done', fates: [sent, sent] }),
      ),
    ).toEqual([['in'], [], ['dispatched'], [], ['answered:0'], [], ['answered:1']]);
  });

  test.each([
    ['that Meta refused', { fate: 'refused', metaCode: 131_047 }, 'failed:0:131047'],
    ['that did not reach Meta', { fate: 'refused', metaCode: null }, 'failed:0:'],
    ['of which nobody knows', { fate: 'unknown' }, 'lost:0'],
  ])('whose reply is one %s has failed', (_what, fate, mark) => {
    expect(marksOf(claim({ state: 'sending' }), claim({ state: 'unknown', fates: [fate] }))[1]).toEqual([mark]);
  });

  test('that waits is held, and taken when it is let go', () => {
    expect(
      marksOf(claim(), claim({ state: 'held' }), claim({ state: 'held', claims: 2 }), claim({ state: 'done' })),
    ).toEqual([['in'], ['held'], [], ['dispatched']]);
  });

  test('that its agent refuses for good was not taken', () => {
    expect(marksOf(claim(), claim({ state: 'done', isRefused: true }))).toEqual([['in'], ['refused']]);
  });

  test('that no agent gets came in, and nobody took it', () => {
    const nobody = { agentId: null };
    expect(marksOf(claim(nobody), claim({ ...nobody, state: 'done' }))).toEqual([['in'], ['unwanted']]);
  });

  test('whose rounds fail is not counted for that: it is tried again, or held', () => {
    expect(marksOf(claim(), claim({ failures: 1 }), claim({ failures: 2 }))).toEqual([['in'], [], []]);
  });

  test.each(eventKind.options)('of the kind %s is counted by what it is', async (kind) => {
    const { counts } = await projected(changesOf([claim({ kind }), claim({ kind, state: 'done' })]));
    expect(counts).toMatchObject({
      in: kind === 'message' || kind === 'call' ? 1 : 0,
      echoes: kind === 'echo' ? 1 : 0,
      statuses: 0,
      notices: 0,
      dispatched: 1,
    });
  });

  test('of the account alone is a notice', async () => {
    const news = { kind: 'account', phoneNumberId: null, agentId: null };
    const { counts, events, numbers } = await projected(changesOf([claim(news), claim({ ...news, state: 'done' })]));
    expect(counts).toMatchObject({ notices: 1, in: 0, dispatched: 0 });
    expect(events).toMatchObject([{ kind: 'account', phoneNumberId: null, outcome: 'noted' }]);
    expect(numbers.size).toBe(0);
  });

  test('that came in before the hour ended is counted there, and its answer in the next', async () => {
    const sent = [{ fate: 'sent' }];
    const { counters } = await projected(changesOf([claim(), claim({ state: 'done', fates: sent })]));
    expect(counters.hours.at(-2)).toMatchObject({ from: '2026-11-22T09:00:00.000Z', in: 1, answered: 0 });
    expect(counters.hours.at(-1)).toMatchObject({ from: '2026-11-22T10:00:00.000Z', in: 0, answered: 1 });
  });

  test('that was let go to another agent is in for one and dispatched for the other', async () => {
    const other = agentId.parse('other');
    const { spans, agents } = await projected(
      changesOf([claim(), claim({ state: 'held' }), claim({ state: 'done', agentId: other })]),
    );
    const of = (agent: typeof other) => sumsOf(spans, (span) => span.agents.get(agent)).last24h;
    expect(of(ids.agent)).toMatchObject({ in: 1, held: 1, dispatched: 0 });
    expect(of(other)).toMatchObject({ in: 0, held: 0, dispatched: 1 });
    expect([...agents.keys()].sort()).toEqual(['other', ids.agent]);
  });

  test('is never said to have been answered before it came in', async () => {
    const { numbers } = await projected(
      changesOf([
        claim({ receivedAt: '2026-11-22T10:00:03.900Z' }),
        claim({ receivedAt: '2026-11-22T10:00:03.900Z', state: 'done', fates: [{ fate: 'sent' }] }),
      ]),
    );
    const { lastInboundAt, lastOutboundAt } = numbers.get(ids.number) ?? {};
    expect(lastOutboundAt).toBe(lastInboundAt);
  });
});

describe('a message of the API', () => {
  test.each([
    [
      'is sent, delivered and read',
      ['accepted', 'sent', 'delivered', 'read'],
      { sent: 1, statuses: 2, failed: 0 },
      'read',
    ],
    ['is read before anybody says that it was delivered', ['accepted', 'read'], { sent: 1, statuses: 1 }, 'read'],
    ['is refused', ['refused'], { sent: 0, failed: 1 }, 'failed'],
    ['is taken and fails later', ['accepted', 'failed'], { sent: 1, failed: 1 }, 'failed'],
    ['fails before its sender is told', ['failed'], { sent: 1, failed: 1 }, 'failed'],
    ['is lost', ['unknown'], { sent: 0, failed: 0 }, 'unknown'],
    ['is lost and found', ['unknown', 'delivered'], { sent: 1, statuses: 1, failed: 0 }, 'delivered'],
  ])('that %s', async (_what, statuses, counts, outcome) => {
    const rows = ['sending', ...statuses].map((status) =>
      message({ status, failure: ['refused', 'failed'].includes(status) ? failure(131_026) : null }),
    );
    const { counts: counted, events } = await projected(changesOf(rows));
    expect(counted).toMatchObject({ in: 0, ...counts });
    expect(events).toMatchObject([{ direction: 'out', outcome, at: receivedAt }]);
    expect(events[0]?.meta?.code).toBe(outcome === 'failed' ? 131_026 : undefined);
  });

  test('that is refused says why, in plain words', async () => {
    const { events } = await projected(
      changesOf([message(), message({ status: 'refused', failure: failure(131_047) })]),
    );
    expect(events[0]?.meta).toEqual({
      code: 131_047,
      title: expect.stringMatching(/\w+ \w+/),
      explanation: expect.stringMatching(/\w+ \w+/),
      guidance: expect.stringMatching(/template/),
    });
  });

  test('that did not reach Meta has no code', async () => {
    const { events } = await projected(changesOf([message(), message({ status: 'refused', failure: failure(null) })]));
    expect(events).toMatchObject([{ outcome: 'failed', meta: null }]);
  });

  test('that is begun again counts again', async () => {
    const later = { createdAt: '2026-11-22T10:00:01.000Z' };
    const { counts, events } = await projected(
      changesOf([
        message(),
        message({ status: 'refused', failure: failure(4) }),
        message(later),
        message({ ...later, status: 'accepted' }),
      ]),
    );
    expect(counts).toMatchObject({ failed: 1, sent: 1 });
    expect(events.map(({ outcome }) => outcome)).toEqual(['sent', 'failed']);
  });
});

describe('what counts nothing', () => {
  const nothing: Readonly<Record<string, RowChange>> = {
    'a claim of before': { before: undefined, after: (({ credentialId: _, ...row }) => row)(claim()), at },
    'a message of before': { before: undefined, after: (({ credentialId: _, ...row }) => row)(message()), at },
    'a claim that expires': { before: claim({ state: 'done' }), after: undefined, at },
    'a message that is erased with its customer': { before: message({ status: 'read' }), after: undefined, at },
    'an answer that waits': {
      before: undefined,
      after: { pk: claim().conversationId, sk: `ANSWER#${evt('a')}`, replies: '[]' },
      at,
    },
    'a conversation that is listed': {
      before: undefined,
      after: { pk: 'HELD#acme#1#2', sk: claim().conversationId },
      at,
    },
    'a count': {
      before: undefined,
      after: { pk: 'ACTIVITY-COUNT#acme', sk: `H#2026-11-22T10#${ids.credential}`, in: 1 },
      at,
    },
    'a recent event': {
      before: undefined,
      after: { ...claim(), pk: `ACTIVITY#${ids.credential}`, sk: `${at}#${evt('a')}` },
      at,
    },
    'a claim whose key is something else': { before: undefined, after: claim({ pk: 'evt_short' }), at },
    'a row that nobody can read': { before: undefined, after: { pk: 1, sk: 'CLAIM', state: [] }, at },
    'no row at all': { before: undefined, after: undefined, at },
  };
  test.each(Object.entries(nothing))('%s', async (_what, change) => {
    expect([stepOf(change), lineStepOf(change)]).toEqual([undefined, undefined]);
    expect(await projected([change])).toMatchObject({ events: [] });
  });

  test('and what is said of a row hides no other', async () => {
    const { counts } = await projected([...Object.values(nothing), ...changesOf([claim()])]);
    expect(counts.in).toBe(1);
  });
});

describe('a place in line', () => {
  const line = (sk: string, change: Row = {}): Row => ({
    pk: `conv_${'c'.repeat(43)}`,
    sk,
    tenantId: ids.tenant,
    phoneNumberId: ids.number,
    eventId: evt('a'),
    ...change,
  });

  test('counts while somebody stands there', () => {
    const step = { tenantId: ids.tenant, phoneNumberId: ids.number, eventId: evt('a') };
    expect(lineStepOf({ before: undefined, after: line('HELD#0'), at })).toEqual({
      ...step,
      mark: 'taken:HELD#0',
      by: 1,
    });
    expect(lineStepOf({ before: line('ASIDE#0'), after: undefined, at })).toEqual({
      ...step,
      mark: 'left:ASIDE#0',
      by: -1,
    });
  });

  test('that is rewritten, or of before, says nothing', () => {
    expect(lineStepOf({ before: line('HELD#0'), after: line('HELD#0'), at })).toBeUndefined();
    expect(lineStepOf({ before: undefined, after: line('HELD#0', { phoneNumberId: undefined }), at })).toBeUndefined();
  });
});

describe('however the stream tells it', () => {
  const sent = { fate: 'sent' };
  const refused = { fate: 'refused', metaCode: 131_026 };
  const lives: readonly ((name: number) => readonly Row[])[] = [
    (name) => [
      claim({}, name),
      claim({ state: 'answered' }, name),
      claim({ state: 'done', fates: [sent, refused] }, name),
    ],
    (name) => [claim({}, name), claim({ state: 'held' }, name), claim({ state: 'done' }, name)],
    (name) => [claim({ agentId: null }, name), claim({ agentId: null, state: 'done' }, name)],
    (name) => [claim({ kind: 'echo' }, name), claim({ kind: 'echo', state: 'done' }, name)],
    (name) => [claim({}, name), claim({ state: 'done', isRefused: true }, name)],
    (name) => [message({}, name), message({ status: 'accepted' }, name), message({ status: 'read' }, name)],
    (name) => [message({}, name), message({ status: 'refused', failure: failure(4) }, name)],
  ];
  const streamed = fc
    .array(fc.nat({ max: lives.length - 1 }), { minLength: 1, maxLength: 12 })
    .map((kinds) => kinds.flatMap((kind, name) => changesOf(lives[kind]?.(name) ?? [])));

  test('twice, in parts, in another order: the counts and what became of each event are the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        streamed.chain((changes) =>
          fc.record({
            changes: fc.constant(changes),
            told: fc
              .array(fc.constantFrom(...changes), { maxLength: 20 })
              .chain((repeats) =>
                fc.shuffledSubarray([...changes, ...repeats], { minLength: changes.length + repeats.length }),
              ),
            batches: fc.integer({ min: 1, max: 10 }),
          }),
        ),
        async ({ changes, told, batches }) => {
          const [once, often] = await Promise.all([projected(changes), projected(told, batches)]);
          expect(often.counters).toEqual(once.counters);
          expect(often.events).toEqual(once.events);
          expect(often.spans.days.map(({ numbers }) => numbers)).toEqual(once.spans.days.map(({ numbers }) => numbers));
          expect(often.agents).toEqual(once.agents);
        },
      ),
    );
  });
});

test('nothing of a customer is kept: no conversation, no id of Meta’s, no word', async () => {
  const steps = [
    stepOf({ before: undefined, after: claim(), at }),
    stepOf({ before: message(), after: message({ status: 'read' }), at }),
  ];
  expect(steps).not.toContain(undefined);
  expect(JSON.stringify(steps)).not.toMatch(/conv_|wamid|ada/);
});
