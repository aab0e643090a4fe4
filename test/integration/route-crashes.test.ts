import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, test } from 'vitest';
import { circuitStore } from '../../shared/adapters/circuit-store.ts';
import { claimStore } from '../../shared/adapters/claim-store.ts';
import { directoryKey } from '../../shared/adapters/directory-keys.ts';
import { heldReader, heldStore } from '../../shared/adapters/held-store.ts';
import { routingStore } from '../../shared/adapters/routing-store.ts';
import { ticketStore } from '../../shared/adapters/ticket-store.ts';
import { conversationId, eventId } from '../../shared/contracts/ids.ts';
import { eventsMessage, type QueuedEvent, type QueuedEvents } from '../../shared/contracts/queued-events.ts';
import type { WorkMessage } from '../../shared/contracts/work.ts';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import { packParts } from '../../shared/crypto/secret-parts.ts';
import type { DispatchOutcome } from '../../shared/domain/dispatch.ts';
import type { RouteEventPorts } from '../../shared/domain/event-on-its-way.ts';
import type { NumberRecord } from '../../shared/domain/records.ts';
import { releaseConversation } from '../../shared/domain/release-conversation.ts';
import { releaseNumber } from '../../shared/domain/release-number.ts';
import { routeEvent } from '../../shared/domain/route-event.ts';
import { workOff } from '../../shared/domain/work.ts';
import { memoryVault, ok, recordingJournal, scriptedGraph, secretOf, textReply } from '../support/fakes.ts';
import { bindingOf, ids, numberRecordOf } from '../support/records.ts';
import { memoryRelay } from '../support/routing-fakes.ts';
import { dynamoDbOf, makeTable } from './support/engines.ts';
import { type Interruption, MortalProcess } from './support/mortal-process.ts';
import { rowsOf } from './support/rows.ts';

// The router dies at every single call that it makes to the outside, before the call has an effect and after. Whoever comes next must leave each event dispatched, in order, each reply sent at most once, and nothing behind.

const conversation = conversationId.parse(`conv_${'c'.repeat(43)}`);
const leaseSeconds = 30;
const paused = '2026-11-22T09:00:00.000Z';

const event = (name: string): QueuedEvent => ({
  eventId: eventId.parse(`evt_${name.padStart(43, '0')}`),
  kind: 'message',
  field: 'messages',
  alsoKnownAs: null,
  customer: { waId: '491511', userId: null, groupId: null, name: 'Ada' },
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
      get: (target, name) =>
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
      held: heldStore(client, this.tables),
      circuits: circuitStore(client, this.tables.directory),
      tickets,
      relay: through(this.relay),
      queue: through({
        send: (batch: readonly { readonly body: string }[]) => {
          this.queue.push(...batch.map(({ body }) => body));
          return Promise.resolve(new Set<string>());
        },
      }),
      releases: through({
        send: ({ id, work }: { readonly id: string; readonly work: WorkMessage['work'] }) => {
          this.work.push({ version: 1, ticket: id, work });
          return Promise.resolve();
        },
      }),
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
      alongside: () => undefined,
      timeLeft: () => 25_000,
    };
    const route = async (name: string): Promise<'finished' | 'repeat'> => {
      const queued = event(name);
      const batch: QueuedEvents = { ...envelope, type: 'events', events: [queued] };
      return routeEvent(batch, queued, ports);
    };
    const release = async (message: WorkMessage): Promise<void> => {
      const held = heldReader(client, this.tables.events);
      const releasePorts = { routing: ports.routing, held, queue: ports.queue, journal, now, random: () => 0 };
      await workOff(
        message,
        (work) =>
          work.kind === 'release-held' ? releaseNumber(work, releasePorts) : Promise.reject(new Error('Other work')),
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
    return { process, route, release, serve, tickets, now };
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

const inFirstOrder = (texts: readonly string[]): readonly string[] => [...new Set(texts)];

describe('a router that dies', () => {
  test('over an event whose agent answers with two messages: none is sent twice, the doubtful one is marked', async () => {
    const doubts: string[] = [];
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
        expect(await outside.leftBehind(), label).toEqual([]);
      },
    );
    expect(calls).toBeGreaterThan(8);
    // Between `sending` and the record of what became of it: after the one, around the send, before the other; for each of two replies.
    expect(doubts).toHaveLength(2 * 4);
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
          work: {
            kind: 'release-held',
            tenantId: ids.tenant,
            phoneNumberId: ids.number,
            action: 'replay',
            maxAgeHours: null,
          },
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
        outside.queue.push(JSON.stringify({ ...envelope, type: 'release-held', action: 'replay', maxAgeHours: null }));
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
          work: {
            kind: 'release-held',
            tenantId: ids.tenant,
            phoneNumberId: ids.number,
            action: 'replay',
            maxAgeHours: null,
          },
          attempts: 0,
        });
        outside.queue.push(JSON.stringify({ ...envelope, type: 'release-held', action: 'probe', maxAgeHours: null }));
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
