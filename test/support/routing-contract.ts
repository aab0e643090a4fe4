import { expect, test } from 'vitest';
import { conversationId, eventId, tenantId } from '../../shared/contracts/ids.ts';
import type { CircuitStore } from '../../shared/domain/circuit.ts';
import type { ClaimStore, HeldClaim } from '../../shared/domain/claim.ts';
import { changed, newConversation, type RoutingStore } from '../../shared/domain/conversation.ts';
import type { HeldStore } from '../../shared/domain/hold-event.ts';
import type { ConversationRecord } from '../../shared/domain/records.ts';
import type { ReleaseNumbersPorts } from '../../shared/domain/release-numbers.ts';
import { textReply } from './fakes.ts';
import { claimedEventOf, ids } from './records.ts';

export interface RoutingStores {
  readonly claims: Pick<ClaimStore, 'claim'>;
  readonly held: HeldStore;
  readonly listed: ReleaseNumbersPorts['held'];
  readonly routing: RoutingStore;
  readonly circuits: CircuitStore;
}

const conversation = conversationId.parse(`conv_${'c'.repeat(43)}`);
const other = conversationId.parse(`conv_${'d'.repeat(43)}`);
const evt = (name: string) => eventId.parse(`evt_${name.padStart(43, '0')}`);
const now = new Date();
const key = {
  tenantId: ids.tenant,
  credentialId: ids.credential,
  phoneNumberId: ids.number,
  conversationId: conversation,
};

/** What routing needs of its stores, whichever keep it: DynamoDB's, and those in memory that the unit tests take for them. A number is there already. */
export const routingContract = (makeStores: () => Promise<RoutingStores>): void => {
  const claimOf = async ({ claims }: RoutingStores, name: string, isReleased = false) =>
    claims.claim(claimedEventOf({ eventId: evt(name), conversationId: conversation, isReleased }));

  const claimed = async (stores: RoutingStores, name: string, isReleased = false): Promise<HeldClaim> => {
    const claim = await claimOf(stores, name, isReleased);
    if (claim.outcome !== 'claimed') throw new Error(`The claim is ${claim.outcome}`);
    return claim.held;
  };

  const find = async ({ routing }: RoutingStores, id = conversation): Promise<ConversationRecord | undefined> =>
    (await routing.read(ids.number, [id])).conversations.get(id);

  const holdAs = async (stores: RoutingStores, name: string, leaseId: string, isSetAside = false) =>
    stores.held.hold({
      conversation: await find(stores),
      envelope: key,
      eventId: evt(name),
      agentId: ids.agent,
      relayKey: `held/${name}`,
      isSetAside,
      leaseId,
      now,
    });

  const hold = async (stores: RoutingStores, name: string, isSetAside = false) =>
    holdAs(stores, name, (await claimed(stores, name)).leaseId, isSetAside);

  const listed = async (stores: RoutingStores) =>
    (await stores.listed.page(ids.tenant, [ids.number], 100, undefined)).items;

  const first = async (stores: RoutingStores, setAside = false) => {
    const event = await stores.held.first(conversation, { setAside, notBefore: null });
    if (event === undefined) throw new Error('Nothing is held');
    return event;
  };

  const known = async (stores: RoutingStores): Promise<ConversationRecord> => {
    const record = await find(stores);
    if (record === undefined) throw new Error('There is no conversation');
    return record;
  };

  test('an event is claimed once at a time, and counts how often the agent or Meta has failed it', async () => {
    const stores = await makeStores();
    const one = await claimOf(stores, 'one');
    expect(one).toMatchObject({ outcome: 'claimed', progress: { state: 'leased', failures: 0, claims: 1, fates: [] } });
    expect(await claimOf(stores, 'one')).toEqual({ outcome: 'busy' });
    if (one.outcome === 'claimed') await one.held.release('failed');
    const again = await claimOf(stores, 'one');
    expect(again).toMatchObject({ outcome: 'claimed', progress: { failures: 1, claims: 2 } });
    if (again.outcome === 'claimed') await again.held.release();
    expect(await claimOf(stores, 'one')).toMatchObject({ outcome: 'claimed', progress: { failures: 1 } });
    expect(await claimOf(stores, 'two')).toMatchObject({ outcome: 'claimed', progress: { failures: 0 } });
  });

  test.each(['done', 'unknown'] as const)(
    'an event that is %s is never claimed again, not even when it is let go',
    async (state) => {
      const stores = await makeStores();
      const claim = await claimed(stores, 'one');
      await claim.record({ state, replies: null, fates: [] });
      await claim.release();
      expect(await claimOf(stores, 'one')).toEqual({ outcome: 'finished' });
      expect((await claimOf(stores, 'one', true)).outcome).not.toBe('claimed');
    },
  );

  test('the replies of an agent are there for whoever takes over', async () => {
    const stores = await makeStores();
    const replies = [textReply('one'), textReply('two')];
    const claim = await claimed(stores, 'one');
    await claim.record({ state: 'answered', replies, fates: [] });
    await claim.record({ state: 'sending', replies, fates: [{ fate: 'sent' }] });
    await claim.release();
    expect(await claimOf(stores, 'one')).toMatchObject({
      outcome: 'claimed',
      progress: { state: 'sending', replies, fates: [{ fate: 'sent' }] },
    });
  });

  test('a claim that has passed on can’t be written by who had it', async () => {
    const stores = await makeStores();
    const claim = await claimed(stores, 'one');
    await claim.release();
    await claimed(stores, 'one');
    await expect(claim.record({ state: 'done', replies: null, fates: [] })).rejects.toMatchObject({
      code: 'claim-lost',
    });
    expect(await holdAs(stores, 'one', claim.leaseId)).toBe(false);
    expect(await find(stores)).toBeUndefined();
  });

  test('a held event is not claimed until it is let go, and begins anew then', async () => {
    const stores = await makeStores();
    await (await claimed(stores, 'one')).release('failed');
    expect(await hold(stores, 'one')).toBe(true);
    expect(await claimOf(stores, 'one')).toEqual({ outcome: 'held' });
    expect(await claimOf(stores, 'one', true)).toMatchObject({
      outcome: 'claimed',
      progress: { state: 'held', failures: 0 },
    });
    expect(await claimOf(stores, 'one', true)).toEqual({ outcome: 'busy' });
  });

  test('a line keeps the order in which events came to it, and the conversation their count', async () => {
    const stores = await makeStores();
    for (const name of ['one', 'two', 'three']) expect(await hold(stores, name)).toBe(true);
    expect(await find(stores)).toMatchObject({ heldCount: 3, heldEver: 3, setAsideCount: 0 });
    const seen: string[] = [];
    for (let time = 0; time < 3; time++) {
      const event = await first(stores);
      seen.push(event.eventId);
      expect(event).toMatchObject({
        agentId: ids.agent,
        relayKey: expect.stringMatching(/^held\//),
        isSetAside: false,
      });
      expect(await stores.held.remove(await known(stores), event)).toMatchObject({ heldCount: 2 - time });
    }
    expect(seen).toEqual(['one', 'two', 'three'].map(evt));
    expect(await stores.held.first(conversation, { setAside: true, notBefore: null })).toBeUndefined();
  });

  test('a conversation is listed as long as something of it is held, with its owner', async () => {
    const stores = await makeStores();
    expect(await listed(stores)).toEqual([]);
    await hold(stores, 'one');
    await hold(stores, 'two', true);
    expect(await listed(stores)).toEqual([
      { ...key, agentId: ids.agent, agentIds: [ids.agent], heldSince: now.toISOString() },
    ]);
    await stores.held.remove(await known(stores), await first(stores));
    expect(await listed(stores)).toHaveLength(1);
    await stores.held.remove(await known(stores), await first(stores, true));
    expect(await listed(stores)).toEqual([]);
  });

  test('what is set aside is out of the line and comes first when it is asked for, as far back as one asks', async () => {
    const stores = await makeStores();
    for (const name of ['one', 'two']) await hold(stores, name);
    expect(await stores.held.setAside(await known(stores), await first(stores))).toMatchObject({
      heldCount: 1,
      setAsideCount: 1,
    });
    expect((await first(stores)).eventId).toBe(evt('two'));
    expect(await first(stores, true)).toMatchObject({ eventId: evt('one'), isSetAside: true });
    const later = new Date(now.getTime() + 1);
    expect(await stores.held.first(conversation, { setAside: true, notBefore: later })).toMatchObject({
      eventId: evt('two'),
    });
    const earlier = new Date(now.getTime() - 1);
    expect(await stores.held.first(conversation, { setAside: true, notAfter: earlier })).toMatchObject({
      eventId: evt('two'),
    });
    await stores.held.remove(await known(stores), await first(stores, true));
    expect(await known(stores)).toMatchObject({ heldCount: 1, setAsideCount: 0 });
  });

  test('nobody changes a line by a conversation that he read before somebody else did', async () => {
    const stores = await makeStores();
    await hold(stores, 'one');
    const stale = await known(stores);
    const event = await first(stores);
    await hold(stores, 'two');
    expect(await stores.held.remove(stale, event)).toBeUndefined();
    expect(await stores.held.setAside(stale, event)).toBeUndefined();
    expect(await known(stores)).toMatchObject({ heldCount: 2 });
    const claim = await claimed(stores, 'three');
    expect(
      await stores.held.hold({
        conversation: stale,
        envelope: key,
        eventId: evt('three'),
        agentId: ids.agent,
        relayKey: 'held/three',
        isSetAside: false,
        leaseId: claim.leaseId,
        now,
      }),
    ).toBe(false);
  });

  test('nobody takes the same event out of the line twice', async () => {
    const stores = await makeStores();
    await hold(stores, 'one');
    await hold(stores, 'two');
    const event = await first(stores);
    await stores.held.remove(await known(stores), event);
    expect(await stores.held.remove(await known(stores), event)).toBeUndefined();
    expect(await known(stores)).toMatchObject({ heldCount: 1 });
  });

  test('a conversation is written by who has read it last, and by nobody else', async () => {
    const stores = await makeStores();
    const fresh = newConversation(key, now);
    const one = changed(fresh, { agentId: ids.agent, agentUntil: now.toISOString() }, now);
    expect(await stores.routing.save(undefined, one)).toBe(true);
    expect(await stores.routing.save(undefined, one)).toBe(false);
    expect(await find(stores)).toEqual(one);
    expect(await stores.routing.save(one, changed(one, { humanAt: now.toISOString() }, now))).toBe(true);
    expect(await stores.routing.save(one, changed(one, { agentId: null }, now))).toBe(false);
    expect(await find(stores)).toMatchObject({ humanAt: now.toISOString(), agentId: ids.agent });
    expect(await find(stores, other)).toBeUndefined();
  });

  test('what comes in is noted in the number, and whoever edits it meanwhile learns of what must not be missed', async () => {
    const { routing } = await makeStores();
    const read = async () => {
      const { number } = await routing.read(ids.number, []);
      if (number === undefined) throw new Error('There is no number');
      return number;
    };
    const before = await read();
    expect(before).toMatchObject({ deliversSince: null, unnumberedAt: null });
    const at = now.toISOString();
    await routing.note(before, { deliversSince: at });
    expect(await read()).toEqual({ ...before, deliversSince: at });
    await routing.note(before, { unnumberedAt: at });
    expect(await read()).toEqual({ ...before, deliversSince: at, unnumberedAt: at, revision: before.revision + 1 });
  });

  test.each([
    ['another tenant', { tenantId: tenantId.parse('globex') }],
    ['another credential', { credentialId: ids.otherCredential }],
    ['nobody', { phoneNumberId: ids.otherNumber }],
  ])('nothing is noted in a number that is of %s by now', async (_whose, change) => {
    const { routing } = await makeStores();
    const state = async () => [ids.number, ids.otherNumber].map(async (id) => (await routing.read(id, [])).number);
    const before = await Promise.all(await state());
    const [number] = before;
    if (number === undefined) throw new Error('There is no number');
    await routing.note({ ...number, ...change }, { deliversSince: now.toISOString(), unnumberedAt: now.toISOString() });
    expect(await Promise.all(await state())).toEqual(before);
  });

  test('what a held event tells of its conversation is written with it', async () => {
    const stores = await makeStores();
    const { leaseId } = await claimed(stores, 'one');
    const lastInboundAt = now.toISOString();
    const event = { eventId: evt('one'), agentId: ids.agent, relayKey: 'held/one', isSetAside: false };
    const holding = { conversation: undefined, envelope: key, leaseId, change: { lastInboundAt }, now, ...event };
    expect(await stores.held.hold(holding)).toBe(true);
    expect(await known(stores)).toMatchObject({ heldCount: 1, lastInboundAt });
    expect(await first(stores)).not.toHaveProperty('change');
  });

  test('the state of a target is written by who has read it last, and by nobody else', async () => {
    const { routing, circuits } = await makeStores();
    const read = async () => {
      const { number } = await routing.read(ids.number, []);
      if (number === undefined) throw new Error('There is no number');
      return number;
    };
    const healthy = await read();
    const failing = { state: 'failing', since: now.toISOString() } as const;
    expect(await circuits.change(healthy, ids.agent, failing, [])).toBe(true);
    expect(await circuits.change(healthy, ids.agent, failing, [])).toBe(false);
    const seen = await read();
    expect(seen.circuits).toEqual({ [ids.agent]: failing });
    expect(await circuits.change(seen, ids.agent, undefined, [])).toBe(true);
    expect(await circuits.change(seen, ids.agent, undefined, [])).toBe(false);
    expect((await read()).circuits).toEqual({});
  });
};
