import { describe, expect, test } from 'vitest';
import { agentId, conversationId, eventId, tenantId } from '../../../shared/contracts/ids.ts';
import type { QueuedEvent, QueuedEvents, ReleaseHeld } from '../../../shared/contracts/queued-events.ts';
import type { DispatchOutcome } from '../../../shared/domain/dispatch.ts';
import type { RouteEventPorts } from '../../../shared/domain/event-on-its-way.ts';
import type { NumberRecord } from '../../../shared/domain/records.ts';
import { releaseConversation } from '../../../shared/domain/release-conversation.ts';
import { releaseNumbers } from '../../../shared/domain/release-numbers.ts';
import { type ReleaseWork, releaseCredentialTicket } from '../../../shared/domain/release-tickets.ts';
import { routeEvent } from '../../../shared/domain/route-event.ts';
import type { WorkOutcome } from '../../../shared/domain/work.ts';
import { ok, scriptedGraph } from '../../support/fakes.ts';
import { bindingOf, ids, numberRecordOf, releaseWorkOf } from '../../support/records.ts';
import { memoryRouter } from '../../support/routing-fakes.ts';

const conversation = conversationId.parse(`conv_${'c'.repeat(43)}`);
const other = conversationId.parse(`conv_${'d'.repeat(43)}`);
const paused = '2026-11-22T09:00:00.000Z';
const day = 24 * 60 * 60 * 1000;

const event = (name: string, kind: QueuedEvent['kind'] = 'message'): QueuedEvent => ({
  eventId: eventId.parse(`evt_${name.padStart(43, '0')}`),
  kind,
  field: 'messages',
  alsoKnownAs: null,
  customer: { waId: '491511', userId: null, groupId: null, name: 'Ada' },
  value: { id: `wamid.${name}`, type: 'text', text: { body: name } },
});

const world = (number: Partial<NumberRecord> = {}) => {
  const heard: { readonly text: string; readonly replayed: boolean; readonly heldSince: string | null }[] = [];
  const clock = { now: new Date('2026-11-22T10:00:00.000Z'), timeLeft: 25_000 };
  const router = memoryRouter(numberRecordOf(number), { now: () => clock.now });
  const { directory, claims, held, relay, releases, journal, queued } = router;
  let answer: (text: string) => DispatchOutcome = () => ({ outcome: 'answered', replies: [] });
  const ports: RouteEventPorts = {
    ...router.ports,
    dispatcher: {
      dispatch(_binding, { data }) {
        const text = 'message' in data ? String((data.message.text as { body: string }).body) : '';
        const outcome = answer(text);
        if (outcome.outcome === 'answered') heard.push({ text, replayed: data.replayed, heldSince: data.heldSince });
        return Promise.resolve(outcome);
      },
    },
    graph: scriptedGraph({ markRead: () => ok(undefined), sendMessage: () => ok({ wamid: 'wamid.OUT' }) }),
    timeLeft: () => clock.timeLeft,
  };
  const envelope = {
    version: 1,
    tenantId: ids.tenant,
    credentialId: ids.credential,
    phoneNumberId: ids.number,
    receivedAt: '2026-11-22T10:00:00.000Z',
  } as const;
  const route = (
    name: string,
    conversationId = conversation,
    kind: QueuedEvent['kind'] = 'message',
    change: Partial<RouteEventPorts> = {},
  ) => {
    const queuedEvent = event(name, kind);
    const batch: QueuedEvents = { ...envelope, type: 'events', conversationId, events: [queuedEvent] };
    return routeEvent(batch, queuedEvent, { ...ports, ...change });
  };
  const release = (action: ReleaseHeld['action'] = 'replay', change: Partial<ReleaseHeld> = {}) =>
    releaseConversation(
      {
        ...envelope,
        type: 'release-held',
        conversationId: conversation,
        action,
        maxAgeHours: null,
        heldBefore: null,
        ...change,
      },
      ports,
    );
  const setNumber = (change: Partial<NumberRecord>) => {
    const current = directory.numbers.get(ids.number);
    if (current === undefined) throw new Error('The number is gone');
    directory.numbers.set(ids.number, { ...current, ...change, revision: current.revision + 1 });
  };
  const resume = () => setNumber({ bindings: [bindingOf()], stopped: null, circuits: {} });
  const releasePorts = () => ({
    routing: directory.routing,
    held: held.reader,
    queue: ports.queue,
    journal,
    now: ports.now,
    random: () => 0,
    timeLeft: () => clock.timeLeft,
  });
  const releaseAll = (change: Parameters<typeof releaseWorkOf>[0] = {}) =>
    releaseNumbers(releaseWorkOf(change), releasePorts());
  return {
    directory,
    claims,
    held,
    relay,
    releases,
    journal,
    queued,
    heard,
    clock,
    ports,
    route,
    release,
    resume,
    releaseAll,
    releasePorts,
    envelope,
    setNumber,
    texts: () => heard.map(({ text }) => text),
    requests: () => queued.map(({ body }) => JSON.parse(body) as unknown),
    watch: (random = 0, since = '2026-11-22T09:59:00.000Z') => {
      const work = releaseWorkOf({ action: 'probe', watch: { agentId: ids.agent, since } });
      return releaseNumbers(work, { ...releasePorts(), random: () => random });
    },
    answering: (next: typeof answer) => {
      answer = next;
    },
    countOf: (id = conversation) => directory.conversations.get(id)?.heldCount ?? 0,
    asideOf: (id = conversation) => directory.conversations.get(id)?.setAsideCount ?? 0,
  };
};

const isPaused = { bindings: [bindingOf({ pausedAt: paused })] };
const failed: DispatchOutcome = { outcome: 'failed', reason: 'http-503' };

describe('an event is held', () => {
  test.each<[string, Partial<NumberRecord>]>([
    ['while its agent is paused', isPaused],
    ['while the account is disabled', { stopped: { code: 'account-disabled', since: paused } }],
    ['while the circuit of its target is open', { circuits: { [ids.agent]: { state: 'open', since: paused } } }],
    ['once its target has answered 410', { circuits: { [ids.agent]: { state: 'gone', since: paused } } }],
  ])('%s: acknowledged, not dispatched, its body in the relay', async (_when, number) => {
    const it = world(number);
    expect(await it.route('one')).toBe('finished');
    expect(it.heard).toEqual([]);
    expect(it.countOf()).toBe(1);
    expect([...it.relay.bodies.values()].map((body) => JSON.parse(body) as unknown)).toMatchObject([
      { event: event('one') },
    ]);
    expect(it.claims.claims.get(event('one').eventId)).toMatchObject({ state: 'held', leaseId: null });
  });

  test('behind others of its conversation, although nothing else is in the way', async () => {
    const it = world(isPaused);
    await it.route('one');
    it.resume();
    expect(await it.route('two')).toBe('finished');
    expect(it.heard).toEqual([]);
    expect(it.countOf()).toBe(2);
  });

  test('once, however often Meta repeats it', async () => {
    const it = world(isPaused);
    await it.route('one');
    await it.route('one');
    expect(it.countOf()).toBe(1);
    expect(it.held.rows()).toHaveLength(1);
  });

  test('but not when another conversation is', async () => {
    const it = world(isPaused);
    await it.route('one');
    it.resume();
    await it.route('two', other);
    expect(it.texts()).toEqual(['two']);
  });

  test('but not the news that the account is disabled: the agent is told at once', async () => {
    const behaviour = { ...bindingOf().behaviour, forward: ['message' as const, 'account' as const] };
    const it = world({ bindings: [bindingOf({ behaviour })], stopped: { code: 'account-disabled', since: paused } });
    expect(await it.route('news', other, 'account')).toBe('finished');
    await it.route('one');
    expect(it.heard).toHaveLength(1);
    expect(it.countOf()).toBe(1);
  });

  test('not at all when its number has no agent: it is counted without its body', async () => {
    const it = world({ bindings: [], stopped: { code: 'account-disabled', since: paused } });
    expect(await it.route('one')).toBe('finished');
    expect(it.relay.bodies.size).toBe(0);
    expect(it.journal.counts.get('EventsUnwanted')).toBe(1);
  });

  test('and looked after again when the router did not know that nothing holds it any more', async () => {
    const it = world(isPaused);
    it.directory.afterNextRead(it.resume);
    expect(await it.route('one')).toBe('finished');
    expect(it.countOf()).toBe(1);
    expect(it.requests()).toMatchObject([{ type: 'release-held', action: 'replay', conversationId: conversation }]);
  });

  test('behind others by asking for them once more in five minutes: they may have been forgotten', async () => {
    const it = world(isPaused);
    await it.route('one');
    it.resume();
    for (let count = 0; count < 20; count++) await it.route(`behind-${count}`);
    expect(it.countOf()).toBe(21);
    // SQS takes the same name once in five minutes.
    expect(new Set(it.queued.map(({ deduplicationId }) => deduplicationId)).size).toBe(1);
    expect(it.releases.asked).toEqual([]);
  });

  test('behind a line that has expired, which nobody who repairs something can find: it is let go all the same', async () => {
    const it = world(isPaused);
    await it.route('one');
    it.held.expire();
    it.resume();
    await it.releaseAll();
    expect(it.requests()).toEqual([]);
    await it.route('two');
    expect(it.requests()).toMatchObject([{ type: 'release-held', action: 'replay', conversationId: conversation }]);
    await it.release();
    await it.route('three');
    expect(it.texts()).toEqual(['two', 'three']);
    expect(it.countOf()).toBe(0);
  });

  test('when the queue has shown it so often that it would soon be a dead letter, and comes back afresh', async () => {
    const it = world();
    expect(await it.route('slow', conversation, 'message', { isOverdue: true })).toBe('finished');
    expect(it.heard).toEqual([]);
    expect(it.countOf()).toBe(1);
    expect(it.requests()).toHaveLength(1);
    await it.release();
    expect(it.texts()).toEqual(['slow']);
  });

  test('and looked after again when the router died between holding it and that look', async () => {
    const it = world(isPaused);
    await it.route('one');
    it.resume();
    expect(it.requests()).toEqual([]);
    expect(await it.route('one')).toBe('finished');
    expect(it.requests()).toHaveLength(1);
  });

  test('by one router, and another that comes to itself later takes nothing of it away', async () => {
    const it = world(isPaused);
    const { eventId } = event('one');
    const relay = {
      ...it.ports.relay,
      async put(key: string, body: string) {
        await it.ports.relay.put(key, body);
        // So long that its lease is over, and the queue has shown the event to another.
        const claim = it.claims.claims.get(eventId);
        if (claim) it.claims.claims.set(eventId, { ...claim, leaseId: null });
        await it.route('one');
      },
    };
    await expect(it.route('one', conversation, 'message', { relay })).rejects.toMatchObject({ code: 'claim-lost' });
    expect(it.countOf()).toBe(1);
    it.resume();
    await it.release();
    expect(it.texts()).toEqual(['one']);
    expect(it.relay.bodies.size).toBe(0);
  });

  test.each([
    ['held', isPaused, 1],
    ['dispatched', {}, 0],
  ])('and is %s by the next one when a router died over it, without what that one left', async (_how, number, left) => {
    const it = world(number);
    const { eventId } = event('one');
    const dying = { ...it.ports.held, hold: () => Promise.reject(new Error('It died here')) };
    await it.route('one', conversation, 'message', { held: dying, isOverdue: true }).catch(() => undefined);
    expect(it.relay.bodies.size).toBe(1);
    await it.relay.put(`held/acme/${event('other').eventId}/lease-0`, 'of another event');
    expect(await it.route('one')).toBe('finished');
    expect([...it.relay.bodies.keys()].filter((key) => key.includes(eventId))).toHaveLength(left);
    expect(it.relay.bodies.size).toBe(left + 1);
    it.resume();
    await it.release();
    expect(it.texts()).toEqual(['one']);
  });

  test('is dispatched after all when its conversation was emptied meanwhile', async () => {
    const it = world(isPaused);
    await it.route('one');
    it.resume();
    it.directory.afterNextRead(() => {
      const current = it.directory.conversations.get(conversation);
      if (current)
        it.directory.conversations.set(conversation, { ...current, heldCount: 0, revision: current.revision + 1 });
    });
    await it.route('two');
    expect(it.texts()).toEqual(['two']);
    expect([...it.relay.bodies.keys()]).toEqual([expect.stringContaining(event('one').eventId)]);
  });
});

describe('held events are let go', () => {
  test('in the order in which they came, each once, marked as replayed, their bodies deleted', async () => {
    const it = world(isPaused);
    for (const name of ['one', 'two', 'three']) await it.route(name);
    it.resume();
    expect(await it.release()).toBe('finished');
    expect(it.heard).toEqual(
      ['one', 'two', 'three'].map((text) => ({ text, replayed: true, heldSince: '2026-11-22T10:00:00.000Z' })),
    );
    expect(it.countOf()).toBe(0);
    expect(it.relay.bodies.size).toBe(0);
    expect(it.held.rows()).toEqual([]);
    await it.release();
    expect(it.heard).toHaveLength(3);
  });

  test('and what comes afterwards goes its usual way', async () => {
    const it = world(isPaused);
    await it.route('one');
    it.resume();
    await it.release();
    await it.route('two');
    expect(it.heard.at(-1)).toEqual({ text: 'two', replayed: false, heldSince: null });
  });

  test('without what the customer has no use for any more: read receipt, greeting, away message', async () => {
    const behaviour = {
      ...bindingOf().behaviour,
      greeting: 'Welcome',
      away: { message: 'Nobody here', timeZone: 'UTC', hours: [] },
    };
    const it = world({ bindings: [bindingOf({ behaviour, pausedAt: paused })] });
    await it.route('one');
    it.setNumber({ bindings: [bindingOf({ behaviour })] });
    it.ports.graph.markRead = () => Promise.reject(new Error('A read receipt'));
    it.ports.graph.sendMessage = () => Promise.reject(new Error('A greeting'));
    await it.release();
    expect(it.texts()).toEqual(['one']);
    expect(it.journal.events()).not.toContain('read-receipt-failed');
  });

  test('not while something still holds them', async () => {
    const it = world(isPaused);
    await it.route('one');
    expect(await it.release()).toBe('finished');
    expect(it.heard).toEqual([]);
    expect(it.countOf()).toBe(1);
  });

  test('the rest later when the time is over', async () => {
    const it = world(isPaused);
    await it.route('one');
    it.resume();
    it.clock.timeLeft = 9_000;
    expect(await it.release()).toBe('finished');
    expect(it.heard).toEqual([]);
    const [again] = it.queued;
    expect(JSON.parse(again?.body ?? '')).toMatchObject({
      type: 'release-held',
      action: 'replay',
      conversationId: conversation,
    });
  });

  test('from where a router died: what was dispatched is not dispatched again', async () => {
    const it = world(isPaused);
    for (const name of ['one', 'two']) await it.route(name);
    it.resume();
    const { remove } = it.held;
    const ports = { ...it.ports, held: { ...it.held, remove: () => Promise.reject(new Error('killed')) } };
    const request: ReleaseHeld = {
      version: 1,
      type: 'release-held',
      tenantId: ids.tenant,
      credentialId: ids.credential,
      phoneNumberId: ids.number,
      conversationId: conversation,
      receivedAt: paused,
      action: 'replay',
      maxAgeHours: null,
      heldBefore: null,
    };
    await expect(releaseConversation(request, ports)).rejects.toThrow('killed');
    expect(it.texts()).toEqual(['one']);
    await releaseConversation(request, { ...ports, held: { ...it.held, remove } });
    expect(it.texts()).toEqual(['one', 'two']);
    expect(it.countOf()).toBe(0);
  });

  test('those older than a day only when the user says so; later ones do not wait for them', async () => {
    const it = world(isPaused);
    await it.route('old');
    it.held.age(day + 1000);
    await it.route('new');
    it.resume();
    await it.release();
    expect(it.texts()).toEqual(['new']);
    expect([it.countOf(), it.asideOf()]).toEqual([0, 1]);
    await it.route('later');
    expect(it.texts()).toEqual(['new', 'later']);
    await it.release('replay-all');
    expect(it.texts()).toEqual(['new', 'later', 'old']);
    expect([it.countOf(), it.asideOf()]).toEqual([0, 0]);
  });

  test('boundary: what is exactly a day old is still replayed unasked', async () => {
    const it = world(isPaused);
    await it.route('old');
    it.held.age(day);
    it.resume();
    await it.release();
    expect(it.texts()).toEqual(['old']);
  });

  test('only as far back as the user says, and nothing older is lost', async () => {
    const it = world(isPaused);
    await it.route('oldest');
    it.held.age(3 * day);
    await it.route('old');
    it.held.age(2 * day);
    it.resume();
    await it.release('replay-all', { maxAgeHours: 72 });
    expect(it.texts()).toEqual(['old']);
    expect(it.asideOf()).toBe(1);
    await it.release('replay-all');
    expect(it.texts()).toEqual(['old', 'oldest']);
  });

  test('or discarded when the user says so, with their bodies', async () => {
    const it = world(isPaused);
    for (const name of ['one', 'two']) await it.route(name);
    await it.release('discard');
    expect(it.heard).toEqual([]);
    expect([it.countOf(), it.relay.bodies.size]).toEqual([0, 0]);
    expect(it.journal.counts.get('EventsDiscarded')).toBe(2);
    await it.route('one');
    expect(it.heard).toEqual([]);
  });

  test('or discarded as far as they were held when the user said so: nobody has decided about what came later', async () => {
    const it = world(isPaused);
    await it.route('one');
    await it.route('two');
    const heldBefore = it.clock.now.toISOString();
    it.clock.now = new Date(it.clock.now.getTime() + 1);
    await it.route('three');
    for (let time = 0; time < 2; time++) await it.release('discard', { heldBefore });
    expect([it.countOf(), it.journal.counts.get('EventsDiscarded')]).toEqual([1, 2]);
    it.resume();
    await it.release();
    expect(it.texts()).toEqual(['three']);
  });

  test('or discarded by a request that ends although what was set aside is younger than the decision', async () => {
    const it = world(isPaused);
    await it.route('one');
    const heldBefore = it.clock.now.toISOString();
    it.clock.now = new Date(it.clock.now.getTime() + 1);
    await it.route('two');
    const [, second] = it.held.rows();
    const record = it.directory.conversations.get(conversation);
    if (second && record) await it.held.setAside(record, second);
    await it.release('discard', { heldBefore });
    expect([it.countOf(), it.asideOf()]).toEqual([0, 1]);
  });

  test('by a request that begins anew before it becomes a dead letter: an agent or Meta may put it off at every event', async () => {
    const it = world(isPaused);
    await it.route('one');
    it.resume();
    it.answering(() => ({ ...failed, retryAfterSeconds: 10 }));
    const request = { ...it.envelope, type: 'release-held', conversationId: conversation, heldBefore: null } as const;
    const asked = { ...request, action: 'replay-all', maxAgeHours: 24 } as const;
    expect(await releaseConversation(asked, it.ports)).toBe('repeat');
    expect(it.requests()).toEqual([]);
    expect(await releaseConversation(asked, { ...it.ports, isOverdue: true })).toBe('finished');
    expect(it.requests()).toEqual([asked]);
    expect(it.countOf()).toBe(1);
  });

  test('or dropped when the customer was erased meanwhile', async () => {
    const it = world(isPaused);
    await it.route('one');
    const current = it.directory.conversations.get(conversation);
    if (current) it.directory.conversations.set(conversation, { ...current, erasedAt: '2026-11-22T10:00:01.000Z' });
    it.resume();
    await it.release();
    expect(it.heard).toEqual([]);
    expect(it.countOf()).toBe(0);
    expect(it.relay.bodies.size).toBe(0);
    // Nor when Meta repeats it: it was received before.
    await it.route('one');
    expect(it.heard).toEqual([]);
  });

  test('or forgotten when they have expired: nothing waits for them for ever', async () => {
    const it = world(isPaused);
    await it.route('one');
    it.held.expire();
    it.resume();
    await it.release();
    await it.route('two');
    expect(it.texts()).toEqual(['two']);
  });

  test('or forgotten by a later try, when the conversation changes at that moment', async () => {
    const it = world(isPaused);
    await it.route('one');
    it.held.expire();
    it.resume();
    it.directory.afterNextRead(() => {
      const current = it.directory.conversations.get(conversation);
      if (current) it.directory.conversations.set(conversation, { ...current, revision: current.revision + 1 });
    });
    expect([await it.release(), it.countOf()]).toEqual(['repeat', 1]);
    expect([await it.release(), it.countOf()]).toEqual(['finished', 0]);
  });
});

describe('a target that fails', () => {
  test('is noted after the first round, and its event stays in the queue', async () => {
    const it = world();
    it.answering(() => failed);
    expect(await it.route('one')).toBe('repeat');
    expect(it.directory.circuitOf(ids.number, ids.agent)).toMatchObject({ state: 'failing' });
    expect(it.countOf()).toBe(0);
  });

  test('in three rounds of one event opens its circuit: the event is held and the target looked after', async () => {
    const it = world();
    it.answering(() => failed);
    for (const expected of ['repeat', 'repeat', 'finished']) expect(await it.route('one')).toBe(expected);
    expect(it.directory.circuitOf(ids.number, ids.agent)).toMatchObject({ state: 'open' });
    expect(it.countOf()).toBe(1);
    expect(it.releases.asked).toMatchObject([{ work: { kind: 'release-held' }, delay: 30_000 }]);
    expect(it.journal.counts.get('TargetsSuspended')).toBe(1);
  });

  test('with every event for two minutes opens it, too', async () => {
    const it = world();
    it.answering(() => failed);
    await it.route('one');
    it.clock.now = new Date(it.clock.now.getTime() + 119_000);
    expect(await it.route('two')).toBe('repeat');
    it.clock.now = new Date(it.clock.now.getTime() + 1_000);
    expect(await it.route('three', other)).toBe('finished');
    expect(it.countOf(other)).toBe(1);
  });

  test('is in order again with its first success', async () => {
    const it = world();
    it.answering(() => failed);
    await it.route('one');
    it.answering(() => ({ outcome: 'answered', replies: [] }));
    await it.route('one');
    expect(it.directory.circuitOf(ids.number, ids.agent)).toBeUndefined();
  });

  test('is not to blame when others got through: the event alone waits for the user’s choice', async () => {
    const it = world();
    it.answering((text) => (text === 'poison' ? failed : { outcome: 'answered', replies: [] }));
    await it.route('poison');
    await it.route('fine', other);
    await it.route('poison');
    await it.route('fine-too', other);
    expect(await it.route('poison')).toBe('finished');
    expect(it.directory.circuitOf(ids.number, ids.agent)).toBeUndefined();
    expect([it.countOf(), it.asideOf()]).toEqual([0, 1]);
    await it.route('after');
    expect(it.texts()).toEqual(['fine', 'fine-too', 'after']);
  });

  test('is not judged by what went wrong with ourselves: its event has failed once, not four times', async () => {
    const it = world();
    it.answering(() => failed);
    const vault = { ...it.ports.vault, open: () => Promise.reject(new Error('KMS is away')) };
    for (let round = 0; round < 3; round++)
      await expect(it.route('one', conversation, 'message', { vault })).rejects.toThrow();
    expect(await it.route('one')).toBe('repeat');
    expect(it.asideOf()).toBe(0);
    expect(it.directory.circuitOf(ids.number, ids.agent)?.state).toBe('failing');
  });

  test('that answers 410 gets nothing more until its user says otherwise', async () => {
    const it = world();
    it.answering(() => ({ outcome: 'gone' }));
    expect(await it.route('one')).toBe('finished');
    expect(it.directory.circuitOf(ids.number, ids.agent)).toMatchObject({ state: 'gone' });
    expect(it.releases.asked).toEqual([]);
    await it.releaseAll();
    expect(it.queued).toEqual([]);
  });

  test('does not concern a neighbour’s agent on the same number', async () => {
    const neighbour = bindingOf({
      agentId: agentId.parse('neighbour'),
      routing: { priority: 1, conditions: { keywords: ['order'] }, conversationMinutes: 1440 },
      secretVersion: 1,
    });
    const it = world({
      bindings: [bindingOf(), neighbour],
      circuits: { [ids.agent]: { state: 'open', since: paused } },
    });
    await it.route('one');
    expect(it.countOf()).toBe(1);
    await expect(it.route('order', other)).rejects.toMatchObject({ code: 'secret-missing' });
  });
});

describe('a target whose circuit is open', () => {
  const suspended = async (...names: readonly string[]) => {
    const it = world({ circuits: { [ids.agent]: { state: 'open', since: '2026-11-22T09:59:00.000Z' } } });
    for (const name of names) await it.route(name);
    return it;
  };

  test('is tried with one event, and everything follows when it takes that', async () => {
    const it = await suspended('one', 'two');
    expect(await it.watch()).toEqual({ outcome: 'later', pause: 30_000 });
    expect(it.requests()).toMatchObject([{ action: 'probe' }]);
    expect(await it.release('probe')).toBe('finished');
    expect(it.texts()).toEqual(['one', 'two']);
    expect(it.directory.circuitOf(ids.number, ids.agent)).toBeUndefined();
    expect(it.releases.asked).toMatchObject([{ work: { kind: 'release-held', watch: null } }]);
    expect(await it.watch()).toBe('done');
  });

  test('is watched while nothing is held for it, too: what comes next is held and tried', async () => {
    const it = await suspended('one');
    await it.release('discard');
    expect(it.countOf()).toBe(0);
    expect(await it.watch()).toEqual({ outcome: 'later', pause: 30_000 });
    await it.route('two');
    await it.watch();
    expect(it.requests().at(-1)).toMatchObject({ action: 'probe' });
  });

  test('is closed before its event leaves the line: who dies in between leaves nothing shut', async () => {
    const it = await suspended('one');
    const ports = { ...it.ports, held: { ...it.held, remove: () => Promise.reject(new Error('killed')) } };
    const request = {
      ...it.envelope,
      type: 'release-held',
      action: 'probe',
      maxAgeHours: null,
      heldBefore: null,
    } as const;
    await expect(releaseConversation({ ...request, conversationId: conversation }, ports)).rejects.toThrow('killed');
    expect(it.directory.circuitOf(ids.number, ids.agent)).toBeUndefined();
    expect(it.releases.asked).toHaveLength(1);
  });

  test('has one watch for each time that it was suspended', async () => {
    const it = await suspended('one');
    expect(await it.watch(0, '2026-11-22T08:00:00.000Z')).toBe('done');
    expect(it.requests()).toEqual([]);
  });

  test('is not tried by whoever releases the rest of the number', async () => {
    const it = await suspended('one');
    expect(await it.releaseAll()).toBe('done');
    expect(it.requests()).toEqual([]);
  });

  test('stays shut when it fails again, after a single try', async () => {
    const it = await suspended('one');
    let tries = 0;
    it.answering(() => {
      tries++;
      return failed;
    });
    expect(await it.release('probe')).toBe('finished');
    expect(tries).toBe(1);
    expect(it.directory.circuitOf(ids.number, ids.agent)).toMatchObject({ state: 'open' });
    expect(it.countOf()).toBe(1);
  });

  test('is tried less often after five minutes', async () => {
    const it = await suspended('one');
    it.clock.now = new Date('2026-11-22T10:04:00.000Z');
    expect(await it.watch()).toEqual({ outcome: 'later', pause: 5 * 60_000 });
  });

  test('is tried with another conversation from time to time: one bad event must not keep it shut', async () => {
    const it = await suspended('one');
    await it.route('two', other);
    const tried = new Set<string>();
    for (const random of [0, 0.9]) {
      it.queued.length = 0;
      await it.watch(random);
      expect(it.queued).toHaveLength(1);
      tried.add((JSON.parse(it.queued[0]?.body ?? '') as ReleaseHeld).conversationId);
    }
    expect([...tried].sort()).toEqual([conversation, other]);
  });
});

describe('a line in which several agents stand', () => {
  const orders = bindingOf({
    agentId: agentId.parse('orders'),
    routing: { priority: 1, conditions: { keywords: ['order'] }, conversationMinutes: 60 },
  });
  const actions = ({ requests }: ReturnType<typeof world>) =>
    requests().map((request) => (request as ReleaseHeld).action);

  test('is what a suspended one of them is tried with, whoever the latest event is for', async () => {
    const since = '2026-11-22T09:59:00.000Z';
    const it = world({ bindings: [bindingOf(), orders], circuits: { [orders.agentId]: { state: 'open', since } } });
    await it.route('order');
    await it.route('hello');
    it.queued.length = 0;
    const work = releaseWorkOf({ action: 'probe', watch: { agentId: orders.agentId, since } });
    await releaseNumbers(work, it.releasePorts());
    expect(actions(it)).toEqual(['probe']);
  });

  test.each([
    ['the first', { pausedAt: null }, { pausedAt: paused }],
    ['the last', { pausedAt: paused }, { pausedAt: null }],
  ])('is asked for when %s of them is free', async (_which, first, last) => {
    const it = world({ bindings: [bindingOf({ pausedAt: paused }), { ...orders, pausedAt: paused }] });
    await it.route('order');
    await it.route('hello');
    it.setNumber({ bindings: [bindingOf(last), { ...orders, ...first }] });
    await it.releaseAll();
    expect(actions(it)).toEqual(['replay']);
  });

  test('is left alone while none of them is', async () => {
    const it = world({ bindings: [bindingOf({ pausedAt: paused }), { ...orders, pausedAt: paused }] });
    await it.route('order');
    await it.route('hello');
    await it.releaseAll();
    expect(it.requests()).toEqual([]);
  });
});

describe('what is held on a number', () => {
  test('is asked for completely, and each conversation once, however often the time is over', async () => {
    const it = world(isPaused);
    const all = Array.from({ length: 250 }, (_, index) =>
      conversationId.parse(`conv_${String(index).padStart(43, '0')}`),
    );
    for (const [index, id] of all.entries()) await it.route(`${index}`, id);
    it.resume();
    it.clock.timeLeft = 1000;
    let work: ReleaseWork | undefined = releaseWorkOf();
    let times = 0;
    for (; work !== undefined; times++) {
      const outcome: WorkOutcome = await releaseNumbers(work, it.releasePorts());
      work = typeof outcome === 'object' && outcome.outcome === 'again' ? (outcome.work as ReleaseWork) : undefined;
    }
    expect(times).toBe(3);
    expect(it.requests().map((request) => (request as ReleaseHeld).conversationId)).toEqual(all);
  });

  test('is asked for on all numbers that its credential had, also when the credential is gone', async () => {
    const it = world(isPaused);
    await it.route('one');
    const { work } = releaseCredentialTicket(
      { tenantId: ids.tenant, phoneNumbers: [], claimedNumbers: { [ids.number]: { agentIds: [], forward: [] } } },
      it.clock.now,
    );
    it.directory.numbers.delete(ids.number);
    await releaseNumbers(work as ReleaseWork, it.releasePorts());
    expect(it.requests()).toMatchObject([{ action: 'discard', phoneNumberId: ids.number }]);
  });

  test('is discarded when the number is nobody’s any more', async () => {
    const it = world(isPaused);
    await it.route('one');
    it.directory.numbers.delete(ids.number);
    await it.releaseAll();
    expect(it.queued.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([{ action: 'discard' }]);
  });

  test('is not touched by work of another tenant', async () => {
    const it = world(isPaused);
    await it.route('one');
    await it.releaseAll({ tenantId: tenantId.parse('globex'), action: 'discard' });
    expect(it.requests()).toEqual([]);
  });

  test('is asked for in the group of its own conversation, each request anew', async () => {
    const it = world(isPaused);
    await it.route('one');
    it.resume();
    await it.releaseAll();
    await it.releaseAll();
    const [first, second] = it.queued;
    expect(first?.groupId).toBe(second?.groupId);
    expect(first?.deduplicationId).not.toBe(second?.deduplicationId);
  });
});
