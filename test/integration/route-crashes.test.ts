import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, test } from 'vitest';
import { eraseCustomer } from '../../functions/customers/erase-customer.ts';
import { circuitStore } from '../../shared/adapters/circuit-store.ts';
import { claimStore } from '../../shared/adapters/claim-store.ts';
import { customerEraser } from '../../shared/adapters/customer-eraser.ts';
import { directoryKey } from '../../shared/adapters/directory-keys.ts';
import { doubtStore } from '../../shared/adapters/doubt-store.ts';
import { heldReader, heldStore } from '../../shared/adapters/held-store.ts';
import { mediaTransferStore } from '../../shared/adapters/media-transfer-store.ts';
import { messageStore } from '../../shared/adapters/message-store.ts';
import { routingStore } from '../../shared/adapters/routing-store.ts';
import { ticketStore } from '../../shared/adapters/ticket-store.ts';
import { eventId } from '../../shared/contracts/ids.ts';
import { eventsMessage, type QueuedEvent, type QueuedEvents } from '../../shared/contracts/queued-events.ts';
import type { WorkMessage } from '../../shared/contracts/work.ts';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import { packParts } from '../../shared/crypto/secret-parts.ts';
import type { DispatchOutcome } from '../../shared/domain/dispatch.ts';
import { conversationIdOf, customerKeyOf } from '../../shared/domain/event-identity.ts';
import type { RouteEventPorts } from '../../shared/domain/event-on-its-way.ts';
import { Fault } from '../../shared/domain/fault.ts';
import type { ConversationRecord, NumberRecord } from '../../shared/domain/records.ts';
import { releaseConversation } from '../../shared/domain/release-conversation.ts';
import { releaseNumbers } from '../../shared/domain/release-numbers.ts';
import { routeEvent } from '../../shared/domain/route-event.ts';
import { workOff } from '../../shared/domain/work.ts';
import { memoryVault, ok, recordingJournal, scriptedGraph, secretOf, textReply } from '../support/fakes.ts';
import {
  bindingOf,
  claimedEventOf,
  credentialRecordOf,
  ids,
  numberRecordOf,
  releaseWorkOf,
} from '../support/records.ts';
import { memoryRelay } from '../support/routing-fakes.ts';
import { dynamoDbOf, makeTable } from './support/engines.ts';
import { type Interruption, MortalProcess } from './support/mortal-process.ts';
import { rowsOf } from './support/rows.ts';

// The router dies at every single call that it makes to the outside, before the call has an effect and after. Whoever comes next must leave each event dispatched, in order, each reply sent at most once, and nothing behind.

const customer = { waId: '491511', userId: null, groupId: null, name: 'Ada' };
const salt = Buffer.alloc(32, 1);
const conversation = conversationIdOf(ids.tenant, ids.number, customerKeyOf(salt, customer));
const leaseSeconds = 30;
const paused = '2026-11-22T09:00:00.000Z';

const event = (name: string): QueuedEvent => ({
  eventId: eventId.parse(`evt_${name.padStart(43, '0')}`),
  kind: 'message',
  field: 'messages',
  alsoKnownAs: null,
  customer,
  value: { id: `wamid.${name}`, type: 'text', text: { body: name } },
});

const envelope = {
  version: 1,
  tenantId: ids.tenant,
  credentialId: ids.credential,
  phoneNumberId: ids.number,
  conversationId: conversation,
  receivedAt: '2026-11-22T10:00:00.000Z',
} as const;
const erasure = new Date('2026-11-22T11:00:00.000Z');
const afterErasure = '2026-11-22T12:00:00.000Z';

/** Everything outside the router: it survives the router's death. */
class Outside {
  readonly dispatched: string[] = [];
  readonly taken: string[] = [];
  readonly sent: string[] = [];
  readonly relay = memoryRelay();
  readonly queue: string[] = [];
  readonly work: WorkMessage[] = [];
  answer: (text: string) => DispatchOutcome = () => ({ outcome: 'answered', replies: [] });
  ahead = 0;
  readonly tables: { readonly directory: string; readonly events: string };
  readonly #client: DynamoDBDocumentClient = dynamoDbOf('ministack');

  private constructor(tables: Outside['tables']) {
    this.tables = tables;
  }

  static async make(number: Partial<NumberRecord> = {}): Promise<Outside> {
    const outside = new Outside({ directory: await makeTable('ministack'), events: await makeTable('ministack') });
    await outside.setNumber(number);
    return outside;
  }

  async setNumber(change: Partial<NumberRecord>): Promise<void> {
    const Item = { ...numberRecordOf(change), revision: 1, ...directoryKey.number(ids.number) };
    await this.#client.send(new PutCommand({ TableName: this.tables.directory, Item }));
  }

  router(interruption?: Interruption) {
    const process = new MortalProcess(interruption);
    const client = new Proxy(this.#client, {
      get: (target, name): unknown =>
        name === 'send'
          ? (command: never) => process.call(() => target.send(command))
          : Reflect.get(target, name, target),
    });
    const through = <T extends object>(port: T): T =>
      new Proxy(port, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name);
          if (typeof method !== 'function') return method;
          return (...args: unknown[]) => process.call(() => method.apply(target, args) as Promise<unknown>);
        },
      });
    const now = () => new Date(Date.now() + this.ahead);
    const journal = recordingJournal();
    const tickets = ticketStore(client, this.tables.directory);
    const ports: RouteEventPorts = {
      routing: routingStore(client, this.tables.directory),
      claims: claimStore(client, this.tables.events, leaseSeconds, () => now().getTime()),
      messages: messageStore(client, this.tables.events),
      media: mediaTransferStore(client, this.tables.events),
      held: heldStore(client, this.tables),
      circuits: circuitStore(client, this.tables.directory),
      relay: through(this.relay),
      queue: through({
        send: (batch: readonly { readonly body: string }[]) => {
          this.queue.push(...batch.map(({ body }) => body));
          return Promise.resolve(new Set<string>());
        },
      }),
      noteFirstMessage: () => Promise.resolve(),
      pace: { turn: () => Promise.resolve(true), heard: () => undefined },
      releases: through({
        send: ({ id, work }: { readonly id: string; readonly work: WorkMessage['work'] }) => {
          this.work.push({ version: 1, ticket: id, work });
          return Promise.resolve();
        },
      }),
      doubts: doubtStore(client, this.tables.directory),
      checks: { send: () => Promise.reject(new Error('Nothing is refused here')) },
      vault: memoryVault({
        'acme/support/agent-signature/1': secretOf('a signing secret of an agent..32'),
        'acme/cred_01J0000000000000000000000A/graph-api/1': () =>
          packParts(SecretBytes.fromText('the token'), SecretBytes.fromText('the proof')),
      }),
      dispatcher: through({
        dispatch: (_binding: unknown, { data }: { readonly data: object }) => {
          const text = 'message' in data ? (data.message as { text: { body: string } }).text.body : 'not a message';
          const outcome = this.answer(text);
          this.dispatched.push(text);
          if (outcome.outcome === 'answered') this.taken.push(text);
          return Promise.resolve(outcome);
        },
      }),
      graph: through(
        scriptedGraph({
          sendMessage: (_access, _number, message) => {
            this.sent.push((message.text as { body: string }).body);
            return ok({ wamid: 'wamid.OUT' });
          },
          markRead: () => ok(undefined),
        }),
      ),
      journal,
      now,
      sleep: () => Promise.resolve(),
      isOverdue: false,
      isLastReceive: false,
      askedToWait: () => undefined,
      alongside: () => undefined,
      timeLeft: () => 25_000,
    };
    const route = async (name: string, receivedAt: string = envelope.receivedAt): Promise<'finished' | 'repeat'> => {
      const queued = event(name);
      const batch: QueuedEvents = { ...envelope, receivedAt, type: 'events', events: [queued] };
      return routeEvent(batch, queued, ports);
    };
    const release = async (message: WorkMessage): Promise<void> => {
      const held = heldReader(client, this.tables.events);
      const { routing, queue, timeLeft } = ports;
      const releasePorts = { routing, held, queue, journal, now, timeLeft, random: () => 0 };
      await workOff(
        message,
        (work) =>
          work.kind === 'release-held' ? releaseNumbers(work, releasePorts) : Promise.reject(new Error('Other work')),
        { tickets, queues: ports.releases, now },
      );
    };
    /** What lies in the queue of events: requests to let go, and failures of replies. */
    const serve = async (body: string): Promise<'finished' | 'repeat'> => {
      const message = eventsMessage.parse(JSON.parse(body));
      if (message.type === 'release-held') return releaseConversation(message, ports);
      if (message.type !== 'events') throw new Error('Nobody sends that here');
      const [queued] = message.events;
      return queued === undefined ? 'finished' : routeEvent(message, queued, ports);
    };
    const erase = async (): Promise<unknown> => {
      const phoneNumbers = credentialRecordOf().phoneNumbers.slice(0, 1);
      const items = [credentialRecordOf({ phoneNumbers })];
      const answer = await eraseCustomer({ tenantId: ids.tenant, subject: 'ada' }, '+49 1511', {
        credentials: { list: () => Promise.resolve({ items, nextCursor: null }) },
        webhooks: { tenantSalt: () => Promise.resolve(salt) },
        conversations: customerEraser(client, this.tables, through(this.relay)),
        now: () => erasure,
      });
      return 'body' in answer ? answer.body : answer;
    };
    return { process, route, release, serve, erase, tickets, now, ports };
  }

  /** The queue shows a message again until somebody has dealt with it; a claim of the dead passes on in the meantime. */
  async untilFinished(
    attempt: (router: ReturnType<Outside['router']>) => Promise<'finished' | 'repeat'>,
  ): Promise<void> {
    for (let time = 0; time < 10; time++) {
      this.ahead += (leaseSeconds + 1) * 1000;
      if ((await attempt(this.router()).catch(() => 'repeat')) === 'finished') return;
    }
    throw new Error('It never ends');
  }

  /** What the sweeper and the workers do, until nothing is left to do. */
  async settle(): Promise<void> {
    for (let round = 0; round < 20; round++) {
      const { tickets } = this.router();
      this.ahead += 10 * 60 * 1000;
      for (const ticket of await tickets.due(new Date(Date.now() + this.ahead), 25))
        await this.router().release({ version: 1, ticket: ticket.id, work: ticket.work });
      this.work.length = 0;
      for (let body = this.queue.shift(); body !== undefined; body = this.queue.shift()) {
        const message = body;
        await this.untilFinished((router) => router.serve(message));
      }
      if ((await tickets.due(new Date(Date.now() + this.ahead + 60 * 60 * 1000), 25)).length === 0) return;
    }
    throw new Error('It never settles');
  }

  async claimOf(name: string): Promise<Record<string, unknown> | undefined> {
    return (await rowsOf('ministack', this.tables.events)).find(
      ({ pk, sk }) => pk === event(name).eventId && sk === 'CLAIM',
    );
  }

  /** The conversation as it is. */
  async conversation(): Promise<ConversationRecord | undefined> {
    const { conversations } = await this.router().ports.routing.read(ids.number, [conversation]);
    return conversations.get(conversation);
  }

  /** What stands in line, what waits for a choice, and whether the conversation is in the list: as counted, and as it is. */
  async counts() {
    const record = await this.conversation();
    const lines = await this.leftBehind();
    const startingWith = (prefix: string) => lines.filter((sk) => sk.startsWith(prefix)).length;
    const [heldCount, setAsideCount] = [record?.heldCount ?? 0, record?.setAsideCount ?? 0];
    return {
      counted: { heldCount, setAsideCount, listed: heldCount + setAsideCount > 0 ? 1 : 0 },
      found: { heldCount: startingWith('HELD#'), setAsideCount: startingWith('ASIDE#'), listed: startingWith('conv_') },
    };
  }

  /** Lines, lists and replies that somebody has left behind. */
  async leftBehind(): Promise<readonly string[]> {
    const rows = await rowsOf('ministack', this.tables.events);
    return rows.map(({ sk }) => String(sk)).filter((sk) => sk !== 'CLAIM');
  }
}

type Router = ReturnType<Outside['router']>;

/** Lets the router die at each of its calls, on either side of it. `disturbed` gets a router that dies. */
const atEveryCall = async (
  undisturbed: (router: Router, outside: Outside) => Promise<unknown>,
  make: () => Promise<Outside>,
  afterwards: (outside: Outside, died: Interruption | undefined) => Promise<void>,
): Promise<number> => {
  const first = await make();
  const healthy = first.router();
  await undisturbed(healthy, first);
  const { calls } = healthy.process;
  await afterwards(first, undefined);
  for (let at = 1; at <= calls; at++)
    for (const when of ['before', 'after'] as const) {
      const outside = await make();
      const router = outside.router({ at, when });
      await router.process.live(async () => void (await undisturbed(router, outside)));
      await afterwards(outside, { at, when });
    }
  return calls;
};

/** Lets somebody else act at each call of the router, on either side of it. */
const whileAtEveryCall = async (
  undisturbed: (router: Router, outside: Outside) => Promise<unknown>,
  make: () => Promise<Outside>,
  meanwhile: (outside: Outside) => Promise<unknown>,
  afterwards: (outside: Outside, label: string) => Promise<void>,
): Promise<void> => {
  const first = await make();
  const healthy = first.router();
  await undisturbed(healthy, first);
  for (let at = 1; at <= healthy.process.calls; at++)
    for (const when of ['before', 'after'] as const) {
      const outside = await make();
      const router = outside.router({ at, when, meanwhile: async () => void (await meanwhile(outside)) });
      // Whoever finds that its claim or its line is gone leaves the rest to the next one.
      await undisturbed(router, outside).catch((error: unknown) => expect(error).toBeInstanceOf(Fault));
      await afterwards(outside, JSON.stringify({ at, when }));
    }
};

const inFirstOrder = (texts: readonly string[]): readonly string[] => [...new Set(texts)];

describe('a router that dies', () => {
  test('over an event whose agent answers with two messages: none is sent twice, the doubtful one is marked', async () => {
    const doubts: string[] = [];
    const counts = { deaths: 0, dispatches: 0, replies: 0, unknown: 0 };
    const calls = await atEveryCall(
      (router) => router.route('one'),
      async () => {
        const outside = await Outside.make();
        outside.answer = () => ({ outcome: 'answered', replies: [textReply('first'), textReply('second')] });
        return outside;
      },
      async (outside, died) => {
        await outside.untilFinished((router) => router.route('one'));
        await outside.settle();
        const label = JSON.stringify(died);
        expect(outside.taken.length, label).toBeGreaterThan(0);
        expect(outside.sent.length, `${label} sent twice`).toBe(new Set(outside.sent).size);
        const claim = await outside.claimOf('one');
        const fates = claim?.fates as { fate: string }[];
        expect(fates, label).toHaveLength(2);
        const unknown = fates.filter(({ fate }) => fate === 'unknown').length;
        expect(claim?.state, label).toBe(unknown > 0 ? 'unknown' : 'done');
        // What is not said to be doubtful has been sent; what is doubtful may have been.
        expect(outside.sent.length, label).toBeGreaterThanOrEqual(2 - unknown);
        if (unknown > 0) doubts.push(label);
        counts.deaths += died === undefined ? 0 : 1;
        counts.dispatches += outside.dispatched.length;
        counts.replies += outside.sent.length;
        counts.unknown += unknown;
        expect(await outside.leftBehind(), label).toEqual([]);
      },
    );
    expect(calls).toBeGreaterThan(8);
    // Between `sending` and the record of what became of it: after the one, around the send, before the other; for each of two replies.
    expect(doubts).toHaveLength(2 * 4);
    console.log(
      `router killed ${counts.deaths} times at ${calls} calls: ${counts.dispatches} dispatches, ${counts.replies} replies, ` +
        `${counts.unknown} unknown, none sent twice`,
    );
  });

  test('over an event that is to be held: it is held once, and replayed in order with those behind it', async () => {
    await atEveryCall(
      (router) => router.route('one'),
      () => Outside.make({ bindings: [bindingOf({ pausedAt: paused })] }),
      async (outside, died) => {
        await outside.untilFinished((router) => router.route('one'));
        await outside.untilFinished((router) => router.route('two'));
        await outside.setNumber({});
        await outside.router().tickets.open({
          id: `${new Date().toISOString()}#resume`,
          work: releaseWorkOf(),
          attempts: 0,
        });
        await outside.settle();
        expect(inFirstOrder(outside.taken), JSON.stringify(died)).toEqual(['one', 'two']);
        expect(await outside.leftBehind(), JSON.stringify(died)).toEqual([]);
        expect(outside.relay.bodies.size, JSON.stringify(died)).toBe(0);
      },
    );
  });

  test('while it holds what somebody is just releasing: nothing is stranded, wherever it dies', async () => {
    await atEveryCall(
      async (router, outside) => {
        // It has read that the agent is paused; before it holds anything the agent is resumed and what is held released: nothing yet.
        const putBeforeHold = outside.relay.put;
        outside.relay.put = async (key, body) => {
          outside.relay.put = putBeforeHold;
          await outside.setNumber({});
          await outside.settle();
          return putBeforeHold(key, body);
        };
        await router.route('one');
      },
      () => Outside.make({ bindings: [bindingOf({ pausedAt: paused })] }),
      async (outside, died) => {
        await outside.setNumber({});
        await outside.untilFinished((router) => router.route('one'));
        await outside.settle();
        expect(inFirstOrder(outside.taken), JSON.stringify(died)).toEqual(['one']);
        expect(await outside.leftBehind(), JSON.stringify(died)).toEqual([]);
      },
    );
  });

  test('while it lets held events go: each is dispatched, in order, and nothing stays in line', async () => {
    await atEveryCall(
      async (router, outside) => {
        const request = outside.queue.shift();
        if (request === undefined) throw new Error('Nobody asked');
        outside.queue.unshift(request);
        await router.serve(request);
      },
      async () => {
        const outside = await Outside.make({ bindings: [bindingOf({ pausedAt: paused })] });
        for (const name of ['one', 'two', 'three']) await outside.untilFinished((router) => router.route(name));
        await outside.setNumber({});
        outside.queue.push(
          JSON.stringify({ ...envelope, type: 'release-held', action: 'replay', maxAgeHours: null, heldBefore: null }),
        );
        return outside;
      },
      async (outside, died) => {
        await outside.settle();
        expect(inFirstOrder(outside.taken), JSON.stringify(died)).toEqual(['one', 'two', 'three']);
        expect(await outside.leftBehind(), JSON.stringify(died)).toEqual([]);
      },
    );
  });

  test('while it finds out that a target is in order again: what waits for it follows', async () => {
    await atEveryCall(
      async (router, outside) => {
        const request = outside.queue[0];
        if (request === undefined) throw new Error('Nobody asked');
        await router.serve(request);
      },
      async () => {
        const open = { [ids.agent]: { state: 'open', since: paused } } as const;
        const outside = await Outside.make({ circuits: open });
        for (const name of ['one', 'two']) await outside.untilFinished((router) => router.route(name));
        // The ticket that was opened with the circuit.
        await outside.router().tickets.open({
          id: `${new Date().toISOString()}#probe`,
          work: releaseWorkOf({ action: 'probe', watch: { agentId: ids.agent, since: paused } }),
          attempts: 0,
        });
        outside.queue.push(
          JSON.stringify({ ...envelope, type: 'release-held', action: 'probe', maxAgeHours: null, heldBefore: null }),
        );
        return outside;
      },
      async (outside, died) => {
        await outside.settle();
        expect(inFirstOrder(outside.taken), JSON.stringify(died)).toEqual(['one', 'two']);
        expect(await outside.leftBehind(), JSON.stringify(died)).toEqual([]);
      },
    );
  });

  test('while it suspends a target that fails: the event is held, and dispatched when the target is in order', async () => {
    await atEveryCall(
      (router) => router.route('one'),
      async () => {
        const outside = await Outside.make();
        outside.answer = () => ({ outcome: 'failed', reason: 'http-503' });
        for (let round = 0; round < 2; round++) await outside.router().route('one');
        return outside;
      },
      async (outside, died) => {
        await outside.untilFinished((router) => router.route('one'));
        outside.answer = () => ({ outcome: 'answered', replies: [] });
        await outside.settle();
        expect(inFirstOrder(outside.taken), JSON.stringify(died)).toEqual(['one']);
        expect(await outside.leftBehind(), JSON.stringify(died)).toEqual([]);
      },
    );
  });
});

describe('who erases a customer', () => {
  const isPaused = { bindings: [bindingOf({ pausedAt: paused })] };

  /** Of the customer two events are held, one waits for a choice, and a router died with an answer that was not sent yet. */
  const withCustomer = async (): Promise<Outside> => {
    const outside = await Outside.make(isPaused);
    for (const name of ['one', 'two', 'three']) await outside.untilFinished((router) => router.route(name));
    const { ports } = outside.router();
    const first = await ports.held.first(conversation, { setAside: false, notBefore: null });
    const record = await outside.conversation();
    if (first === undefined || record === undefined) throw new Error('Nothing is held');
    await ports.held.setAside(record, first);
    const { eventId } = event('answered');
    const claim = await ports.claims.claim(claimedEventOf({ eventId, conversationId: conversation }));
    if (claim.outcome !== 'claimed') throw new Error('It is free');
    await claim.held.record({ state: 'answered', replies: [textReply('Dear Ada')], fates: [] });
    return outside;
  };

  /** The agent is back: whatever may be dispatched is. */
  const resumed = async (outside: Outside): Promise<void> => {
    await outside.setNumber({});
    await outside.router().tickets.open({
      id: `${new Date().toISOString()}#resume`,
      work: releaseWorkOf(),
      attempts: 0,
    });
    await outside.settle();
  };

  test('and dies is followed by a repeat that leaves nothing, and what the customer says next arrives', async () => {
    const calls = await atEveryCall(
      (router) => router.erase(),
      withCustomer,
      async (outside, died) => {
        const label = JSON.stringify(died);
        await outside.router().erase();
        expect(await outside.leftBehind(), label).toEqual([]);
        expect(outside.relay.bodies.size, label).toBe(0);
        expect(await outside.conversation(), label).toMatchObject({ heldCount: 0, setAsideCount: 0 });
        await outside.untilFinished((router) => router.route('answered'));
        await outside.untilFinished((router) => router.route('new', afterErasure));
        await resumed(outside);
        expect(outside.dispatched, label).toEqual(['new']);
        expect(outside.sent, label).toEqual([]);
        expect(await outside.leftBehind(), label).toEqual([]);
      },
    );
    expect(calls).toBeGreaterThan(10);
  });

  test('and dies leaves nothing that is stranded, also when nobody repeats it', async () => {
    await atEveryCall(
      (router) => router.erase(),
      withCustomer,
      async (outside, died) => {
        const label = JSON.stringify(died);
        const { counted, found } = await outside.counts();
        expect(counted, label).toEqual(found);
        await outside.untilFinished((router) => router.route('new', afterErasure));
        // Its router died; the queue shows it again.
        await outside.untilFinished((router) => router.route('answered'));
        const isMarked = (await outside.conversation())?.erasedAt != null;
        await resumed(outside);
        // What the user has to decide about is in the list until it is: here, in vain.
        outside.queue.push(
          JSON.stringify({
            ...envelope,
            type: 'release-held',
            action: 'replay-all',
            maxAgeHours: null,
            heldBefore: null,
          }),
        );
        await outside.settle();
        const kept = isMarked ? [] : ['two', 'three'];
        expect(
          outside.taken.filter((text) => text !== 'one'),
          label,
        ).toEqual([...kept, 'new']);
        if (isMarked) expect(outside.taken, label).not.toContain('one');
        expect(outside.sent, label).toEqual(isMarked ? [] : ['Dear Ada']);
        expect(await outside.leftBehind(), label).toEqual([]);
        expect(outside.relay.bodies.size, label).toBe(0);
        expect(await outside.conversation(), label).toMatchObject({ heldCount: 0, setAsideCount: 0 });
      },
    );
  });

  test('after a router died over an event of theirs leaves nothing of it', async () => {
    await atEveryCall(
      (router) => router.route('one'),
      () => Outside.make(isPaused),
      async (outside, died) => {
        const label = JSON.stringify(died);
        await outside.router().erase();
        await outside.untilFinished((router) => router.route('one'));
        await resumed(outside);
        expect(outside.dispatched, label).toEqual([]);
        expect(await outside.leftBehind(), label).toEqual([]);
        expect(outside.relay.bodies.size, label).toBe(0);
      },
    );
  });

  test.each<[string, Partial<NumberRecord>, 0 | 1]>([
    ['holds', isPaused, 0],
    // It was under way to the agent when the customer was erased.
    ['dispatches', {}, 1],
  ])('while a router %s an event of theirs leaves nothing of it', async (_what, number, mostDispatches) => {
    await whileAtEveryCall(
      (router) => router.route('one'),
      async () => {
        const outside = await Outside.make(number);
        outside.answer = () => ({ outcome: 'answered', replies: [textReply('Dear Ada')] });
        return outside;
      },
      (outside) => outside.router().erase(),
      async (outside, label) => {
        await outside.untilFinished((router) => router.route('one'));
        expect(await outside.leftBehind(), label).toEqual([]);
        expect(outside.relay.bodies.size, label).toBe(0);
        await resumed(outside);
        expect(outside.dispatched.length, label).toBeLessThanOrEqual(mostDispatches);
        expect(outside.sent.length, label).toBeLessThanOrEqual(mostDispatches);
        expect(await outside.conversation(), label).toMatchObject({ heldCount: 0, setAsideCount: 0, agentId: null });
        // A repeat of Meta's is not dispatched either.
        const before = outside.dispatched.length;
        await outside.untilFinished((router) => router.route('one', afterErasure));
        await outside.settle();
        expect(outside.dispatched.length, label).toBe(before);
      },
    );
  });

  test('while a router lets their held events go: no count is wrong, and none is dispatched twice', async () => {
    await whileAtEveryCall(
      async (router, outside) => {
        const [request = ''] = outside.queue;
        if ((await router.serve(request)) === 'finished') outside.queue.shift();
      },
      async () => {
        const outside = await withCustomer();
        await outside.setNumber({});
        outside.queue.push(
          JSON.stringify({
            ...envelope,
            type: 'release-held',
            action: 'replay-all',
            maxAgeHours: null,
            heldBefore: null,
          }),
        );
        return outside;
      },
      (outside) => outside.router().erase(),
      async (outside, label) => {
        await outside.settle();
        expect(new Set(outside.taken).size, label).toBe(outside.taken.length);
        expect(await outside.leftBehind(), label).toEqual([]);
        expect(outside.relay.bodies.size, label).toBe(0);
        expect(await outside.conversation(), label).toMatchObject({ heldCount: 0, setAsideCount: 0 });
        await outside.untilFinished((router) => router.route('new', afterErasure));
        await outside.settle();
        expect(outside.taken.at(-1), label).toBe('new');
      },
    );
  });
});
