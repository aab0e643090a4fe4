import { BatchGetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, test, vi } from 'vitest';
import { circuitStore } from '../../shared/adapters/circuit-store.ts';
import { claimStore } from '../../shared/adapters/claim-store.ts';
import { customerEraser } from '../../shared/adapters/customer-eraser.ts';
import { directoryKey } from '../../shared/adapters/directory-keys.ts';
import { heldReader, heldStore } from '../../shared/adapters/held-store.ts';
import { routingStore } from '../../shared/adapters/routing-store.ts';
import { conversationId, eventId } from '../../shared/contracts/ids.ts';
import { changed, newConversation } from '../../shared/domain/conversation.ts';
import { textReply } from '../support/fakes.ts';
import { claimedEventOf, ids, numberRecordOf } from '../support/records.ts';
import { routingContract } from '../support/routing-contract.ts';
import { memoryRelay } from '../support/routing-fakes.ts';
import { dynamoDbOf, type EngineName, engineNames, makeTable } from './support/engines.ts';
import { rowsOf } from './support/rows.ts';

const leaseSeconds = 30;
const id = (letter: string) => conversationId.parse(`conv_${letter.repeat(43)}`);
const evt = (letter: string) => eventId.parse(`evt_${letter.repeat(43)}`);
const key = { tenantId: ids.tenant, credentialId: ids.credential, phoneNumberId: ids.number, conversationId: id('c') };

const storesOn = async (engine: EngineName, clock = { now: Date.now() }) => {
  const client = dynamoDbOf(engine);
  const tables = { directory: await makeTable(engine), events: await makeTable(engine) };
  const relay = memoryRelay();
  await client.send(
    new PutCommand({
      TableName: tables.directory,
      Item: { ...numberRecordOf(), revision: 1, ...directoryKey.number(ids.number) },
    }),
  );
  return {
    tables,
    client,
    claims: claimStore(client, tables.events, leaseSeconds, () => clock.now),
    held: heldStore(client, tables),
    listed: heldReader(client, tables.events),
    routing: routingStore(client, tables.directory),
    circuits: circuitStore(client, tables.directory),
    relay,
    eraser: customerEraser(client, tables, relay),
  };
};

type Stores = Awaited<ReturnType<typeof storesOn>>;

/** Holds an event of the conversation. */
const holdOne = async ({ claims, held, routing, relay }: Stores, name: string, isSetAside = false) => {
  const one = eventId.parse(`evt_${name.padStart(43, '0')}`);
  const claimed = await claims.claim({ ...claim, eventId: one });
  if (claimed.outcome !== 'claimed') throw new Error('It is free');
  const { conversations } = await routing.read(ids.number, [key.conversationId]);
  const relayKey = `held/${name}`;
  await relay.put(relayKey, name);
  const holding = { envelope: key, eventId: one, agentId: ids.agent, relayKey, isSetAside, now: new Date() };
  const conversation = conversations.get(key.conversationId);
  expect(await held.hold({ ...holding, conversation, leaseId: claimed.held.leaseId })).toBe(true);
};

const conversationOf = async ({ routing }: Stores) =>
  (await routing.read(ids.number, [key.conversationId])).conversations.get(key.conversationId);

const linesOf = async (engine: EngineName, { tables }: Stores) =>
  (await rowsOf(engine, tables.events)).map(({ sk }) => String(sk)).filter((sk) => sk !== 'CLAIM');

const claim = claimedEventOf({ eventId: evt('a'), conversationId: id('c') });

describe.each(engineNames)('on %s', (engine) => {
  routingContract(() => storesOn(engine));

  test('a claim passes on when its lease is over, and not before', async () => {
    const clock = { now: Date.now() };
    const { claims } = await storesOn(engine, clock);
    expect(await claims.claim(claim)).toMatchObject({ outcome: 'claimed' });
    clock.now += leaseSeconds * 1000;
    expect(await claims.claim(claim)).toEqual({ outcome: 'busy' });
    clock.now += 1;
    expect(await claims.claim(claim)).toMatchObject({ outcome: 'claimed', progress: { failures: 0 } });
  });

  test('replies are kept apart from the claim, and only until they have a fate', async () => {
    const { claims, tables } = await storesOn(engine);
    const claimed = await claims.claim(claim);
    if (claimed.outcome !== 'claimed') throw new Error('It is free');
    await claimed.held.record({ state: 'answered', replies: [textReply('a secret of theirs')], fates: [] });
    const during = await rowsOf(engine, tables.events);
    expect(during.filter((row) => JSON.stringify(row).includes('a secret of theirs'))).toMatchObject([
      { pk: id('c'), expiresAt: expect.any(Number) },
    ]);
    await claimed.held.record({ state: 'done', replies: null, fates: [{ fate: 'sent' }] });
    expect(JSON.stringify(await rowsOf(engine, tables.events))).not.toContain('a secret of theirs');
  });

  test('replies that were erased are not sent', async () => {
    const { claims, routing, eraser } = await storesOn(engine);
    await routing.save(undefined, changed(newConversation(key, new Date()), {}, new Date()));
    const claimed = await claims.claim(claim);
    if (claimed.outcome !== 'claimed') throw new Error('It is free');
    await claimed.held.record({ state: 'answered', replies: [textReply('hello')], fates: [] });
    await claimed.held.release();
    const { conversations } = await routing.read(ids.number, [id('c')]);
    await eraser.erase(key, conversations.get(id('c')), new Date());
    expect(await claims.claim(claim)).toMatchObject({ progress: { state: 'answered', replies: null } });
  });

  test('erasing a conversation takes its line, its replies, its place in the list, and the bodies that were held', async () => {
    const stores = await storesOn(engine);
    const { eraser, listed, relay, claims } = stores;
    await holdOne(stores, 'a');
    await holdOne(stores, 'b', true);
    const answered = await claims.claim({ ...claim, eventId: evt('z') });
    if (answered.outcome !== 'claimed') throw new Error('It is free');
    await answered.held.record({ state: 'answered', replies: [textReply('hello')], fates: [] });
    await relay.put('held/of another customer', 'stays');
    expect(await eraser.erase(key, await conversationOf(stores), new Date())).toEqual({ wasKnown: true, events: 2 });
    expect(await linesOf(engine, stores)).toEqual([]);
    expect([...relay.bodies.keys()]).toEqual(['held/of another customer']);
    expect((await listed.page(ids.tenant, [ids.number], 10, undefined)).items).toEqual([]);
    expect(await conversationOf(stores)).toMatchObject({
      heldCount: 0,
      setAsideCount: 0,
      agentId: null,
      erasedAt: expect.any(String),
    });
    expect(await eraser.erase(key, await conversationOf(stores), new Date())).toEqual({ wasKnown: false, events: 0 });
  });

  test('one that nobody has heard of is marked: what is queued of it will not be dispatched, nor held', async () => {
    const stores = await storesOn(engine);
    const now = new Date();
    expect(await stores.eraser.erase(key, undefined, now)).toEqual({ wasKnown: false, events: 0 });
    expect(await conversationOf(stores)).toMatchObject({
      tenantId: ids.tenant,
      phoneNumberId: ids.number,
      erasedAt: now.toISOString(),
    });
    const claimed = await stores.claims.claim(claim);
    if (claimed.outcome !== 'claimed') throw new Error('It is free');
    // By a router that read before.
    const holding = {
      envelope: key,
      eventId: evt('a'),
      agentId: ids.agent,
      relayKey: 'held/a',
      isSetAside: false,
      now,
    };
    const { leaseId } = claimed.held;
    expect(await stores.held.hold({ ...holding, conversation: undefined, leaseId })).toBe(false);
    expect(await linesOf(engine, stores)).toEqual([]);
  });

  test('a long line goes in parts, its counts with it', async () => {
    const stores = await storesOn(engine);
    for (let index = 0; index < 95; index++) await holdOne(stores, `n${index}`);
    const counts: (number | undefined)[] = [];
    const relay = {
      ...stores.relay,
      delete: async (keys: readonly string[]) => {
        counts.push((await conversationOf(stores))?.heldCount);
        await stores.relay.delete(keys);
      },
    };
    const eraser = customerEraser(stores.client, stores.tables, relay);
    expect(await eraser.erase(key, await conversationOf(stores), new Date())).toEqual({ wasKnown: true, events: 95 });
    expect(counts).toEqual([95, 5]);
    expect(stores.relay.bodies.size).toBe(0);
    expect(await linesOf(engine, stores)).toEqual([]);
    expect((await conversationOf(stores))?.heldCount).toBe(0);
  });

  test('what is held after it was asked for stays, in a list that names it', async () => {
    const stores = await storesOn(engine);
    await holdOne(stores, 'old');
    const relay = {
      ...stores.relay,
      delete: async (keys: readonly string[]) => {
        if (!stores.relay.bodies.has('held/new')) await holdOne(stores, 'new');
        await stores.relay.delete(keys);
      },
    };
    const eraser = customerEraser(stores.client, stores.tables, relay);
    expect(await eraser.erase(key, await conversationOf(stores), new Date())).toEqual({ wasKnown: true, events: 1 });
    expect([...stores.relay.bodies.keys()]).toEqual(['held/new']);
    expect(await conversationOf(stores)).toMatchObject({ heldCount: 1, setAsideCount: 0 });
    expect(await stores.held.first(key.conversationId, { setAside: false, notBefore: null })).toMatchObject({
      relayKey: 'held/new',
    });
    const { items } = await stores.listed.page(ids.tenant, [ids.number], 10, undefined);
    for (const { conversationId: listed } of items) expect(listed).toBe(key.conversationId);
    expect((await linesOf(engine, stores)).length).toBe(2);
  });

  test.each(['remove', 'setAside'] as const)(
    'who lets an event go meanwhile (%s) does not count twice',
    async (how) => {
      const stores = await storesOn(engine);
      await holdOne(stores, 'one');
      await holdOne(stores, 'two');
      let isOver = false;
      const relay = {
        ...stores.relay,
        delete: async (keys: readonly string[]) => {
          const conversation = await conversationOf(stores);
          const first = await stores.held.first(key.conversationId, { setAside: false, notBefore: null });
          if (!isOver && conversation && first) await stores.held[how](conversation, first);
          isOver = true;
          await stores.relay.delete(keys);
        },
      };
      const eraser = customerEraser(stores.client, stores.tables, relay);
      await eraser.erase(key, await conversationOf(stores), new Date());
      expect(await linesOf(engine, stores)).toEqual([]);
      expect(stores.relay.bodies.size).toBe(0);
      expect(await conversationOf(stores)).toMatchObject({ heldCount: 0, setAsideCount: 0 });
    },
  );

  test('of what nobody has heard of there is no record; a name says whom it is joined to', async () => {
    const { routing, eraser } = await storesOn(engine);
    const now = new Date();
    await routing.save(undefined, {
      ...newConversation({ ...key, conversationId: id('j') }, now),
      joinedTo: id('c'),
      revision: 1,
    });
    expect(await eraser.known([id('j'), id('x')])).toMatchObject([{ conversationId: id('j'), joinedTo: id('c') }]);
  });

  test('a conversation whose time is up counts as unknown and may be begun anew', async () => {
    const { routing } = await storesOn(engine);
    const past = { ...newConversation(key, new Date()), revision: 7, expiresAt: Math.floor(Date.now() / 1000) - 1 };
    expect(await routing.save(undefined, past)).toBe(true);
    expect((await routing.read(ids.number, [id('c')])).conversations.size).toBe(0);
    expect(await routing.save(undefined, { ...past, revision: 1, expiresAt: past.expiresAt + 1000 })).toBe(true);
  });

  test('what the events of a batch ask for at once is read by one request', async () => {
    const { client, routing } = await storesOn(engine);
    const send = vi.spyOn(client, 'send');
    const letters = [...'abcdefghij'];
    const states = await Promise.all(letters.map((letter) => routing.read(ids.number, [id(letter)])));
    expect(states.map(({ number }) => number?.phoneNumberId)).toEqual(letters.map(() => ids.number));
    expect(send.mock.calls.filter(([command]) => command instanceof BatchGetCommand)).toHaveLength(1);
    send.mockRestore();
  });

  test('what DynamoDB leaves out is asked for again, and fails nobody else’s events when it stays away', async () => {
    const { client, routing, tables } = await storesOn(engine);
    const send = client.send.bind(client) as (command: unknown) => Promise<{ Responses?: object }>;
    const without = (times: number) => {
      let left = times;
      const answering = async (command: unknown) => {
        const answer = await send(command);
        if (!(command instanceof BatchGetCommand) || left-- <= 0) return answer;
        const Keys = [directoryKey.conversation(id('c'))];
        return { ...answer, UnprocessedKeys: { [tables.directory]: { Keys } } };
      };
      return vi.spyOn(client, 'send').mockImplementation(answering as never);
    };
    const once = without(1);
    expect((await routing.read(ids.number, [id('c')])).number).toBeDefined();
    expect(once.mock.calls.filter(([command]) => command instanceof BatchGetCommand)).toHaveLength(2);
    once.mockRestore();
    const always = without(Number.POSITIVE_INFINITY);
    const [busy, other] = await Promise.allSettled([
      routing.read(ids.number, [id('c')]),
      routing.read(ids.number, [id('d')]),
    ]);
    always.mockRestore();
    expect(busy).toMatchObject({ status: 'rejected', reason: { code: 'store-unavailable' } });
    expect(other.status).toBe('fulfilled');
  });

  test('the answer to an event is found where it was put, also when its conversation has been joined to another since', async () => {
    const { claims } = await storesOn(engine);
    const claimed = await claims.claim(claim);
    if (claimed.outcome !== 'claimed') throw new Error('It is free');
    await claimed.held.record({ state: 'answered', replies: [textReply('hello')], fates: [] });
    await claimed.held.release();
    expect(await claims.claim({ ...claim, conversationId: id('j') })).toMatchObject({
      progress: { state: 'answered', replies: [textReply('hello')] },
    });
  });

  test('more than a hundred keys at once are read in several requests', async () => {
    const { routing } = await storesOn(engine);
    const many = Array.from({ length: 150 }, (_, index) =>
      conversationId.parse(`conv_${String(index).padStart(43, '0')}`),
    );
    await routing.save(
      undefined,
      changed(newConversation({ ...key, conversationId: many[149] ?? id('c') }, new Date()), {}, new Date()),
    );
    const { conversations } = await routing.read(ids.number, many);
    expect([...conversations.keys()]).toEqual([many[149]]);
  });

  test('a list of what is held goes on where the page before ended, over numbers and partitions', async () => {
    const { claims, held, listed } = await storesOn(engine);
    const letters = [...'abcdefgh'];
    for (const letter of letters) {
      const claimed = await claims.claim({ ...claim, eventId: evt(letter), conversationId: id(letter) });
      if (claimed.outcome !== 'claimed') throw new Error('It is free');
      await held.hold({
        conversation: undefined,
        envelope: { ...key, conversationId: id(letter) },
        eventId: evt(letter),
        agentId: ids.agent,
        relayKey: `held/${letter}`,
        isSetAside: false,
        leaseId: claimed.held.leaseId,
        now: new Date(),
      });
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listed.page(ids.tenant, [ids.otherNumber, ids.number], 3, cursor);
      expect(page.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.items.map(({ conversationId }) => conversationId));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen.sort()).toEqual(letters.map(id));
  });
});
