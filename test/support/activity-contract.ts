import { expect, test } from 'vitest';
import type { ActivityReader } from '../../shared/adapters/activity-store.ts';
import { agentId, credentialId, eventId, phoneNumberId, tenantId } from '../../shared/contracts/ids.ts';
import {
  type ActivityStep,
  type ActivityStore,
  agentSums,
  countersOf,
  eventView,
  type LineStep,
  numberSums,
  sumsOf,
  withoutRepeats,
} from '../../shared/domain/activity.ts';
import { activityStepOf, ids } from './records.ts';

export interface ActivityStores {
  readonly store: ActivityStore;
  readonly reader: ActivityReader;
}

const now = new Date();
const minutesAgo = (minutes: number): string => new Date(now.getTime() - minutes * 60_000).toISOString();
const evt = (name: string | number) => eventId.parse(`evt_${String(name).padStart(43, '0')}`);
const globex = tenantId.parse('globex');

const stepOf = (name: string | number, marks: readonly string[], change: Partial<ActivityStep> = {}): ActivityStep =>
  activityStepOf({ id: evt(name), at: minutesAgo(1), changedAt: minutesAgo(1), marks, ...change });

const lineOf = (name: string, what: 'taken' | 'left', place = 'HELD#0', change: Partial<LineStep> = {}): LineStep => ({
  tenantId: ids.tenant,
  phoneNumberId: ids.number,
  eventId: evt(name),
  mark: `${what}:${place}`,
  by: what === 'taken' ? 1 : -1,
  ...change,
});

/** What counting needs of its store, whichever keeps it: DynamoDB's, and the one in memory that the unit tests take for it. */
export const activityContract = (
  makeStores: () => Promise<ActivityStores>,
  { isolatesTransactions = true }: { readonly isolatesTransactions?: boolean } = {},
): void => {
  const countsOf = async ({ reader }: ActivityStores, credential = ids.credential) =>
    sumsOf(await reader.countedOf(ids.tenant, credential, now), ({ own }) => own).last30d;
  const heldOf = async ({ reader }: ActivityStores) =>
    (await reader.numbers(ids.tenant, [ids.number])).get(ids.number)?.held;

  test('a mark counts once for its credential, its number and its agent, by hour and by day', async () => {
    const stores = await makeStores();
    await stores.store.count([stepOf('a', ['in', 'dispatched', 'answered:0', 'answered:1'])]);
    const spans = await stores.reader.counted(ids.tenant, now);
    const expected = { in: 1, dispatched: 1, answered: 2, failed: 0, held: 0 };
    for (const sums of [sumsOf(spans, ({ own }) => own), numberSums(spans, ids.number), agentSums(spans, ids.agent)])
      expect(sums).toMatchObject({ last24h: expected, last30d: expected });
    const { hours, days } = countersOf(spans, now);
    expect([hours.length, days.length]).toEqual([24, 30]);
    expect(days.at(-1)).toMatchObject({ in: 1, answered: 2 });
  });

  test('what is told again does not count again, alone or among others', async () => {
    const stores = await makeStores();
    const first = stepOf('a', ['in']);
    await stores.store.count([first]);
    await stores.store.count([first]);
    await stores.store.count([stepOf('b', ['in']), first, stepOf('c', ['in'])]);
    await stores.store.count(withoutRepeats([first, stepOf('a', ['in', 'dispatched'])]));
    expect(await countsOf(stores)).toMatchObject({ in: 3, dispatched: 1 });
    const { items } = await stores.reader.recent(ids.credential, { limit: 10 }, now);
    expect(items).toHaveLength(3);
  });

  test.runIf(isolatesTransactions)('several at the same counters at the same time lose nothing', async () => {
    const stores = await makeStores();
    const each = Array.from({ length: 6 }, (_, index) => stepOf(index, ['in']));
    await Promise.all(each.map((step) => stores.store.count([step])));
    await Promise.all(each.map((step) => stores.store.count([step, stepOf('all', ['in'])])));
    expect(await countsOf(stores)).toMatchObject({ in: 7 });
  });

  test('more than a transaction takes is counted as well, and for many credentials at once', async () => {
    const stores = await makeStores();
    const many = Array.from({ length: 130 }, (_, index) =>
      stepOf(index, ['in', 'dispatched'], {
        credentialId: credentialId.parse(`cred_${String(index % 60).padStart(26, '0')}`),
        agentId: agentId.parse(`agent-${index}`),
        phoneNumberId: phoneNumberId.parse(String(10 ** 12 + index)),
      }),
    );
    await stores.store.count(many);
    await stores.store.count(many);
    const spans = await stores.reader.counted(ids.tenant, now);
    expect(sumsOf(spans, ({ own }) => own).last24h).toMatchObject({ in: 130, dispatched: 130 });
    expect(agentSums(spans, agentId.parse('agent-77')).last24h).toMatchObject({ in: 1 });
  });

  test('an agent may be called like a word of the database, or have the longest name that there is', async () => {
    const stores = await makeStores();
    for (const name of ['count', 'in', 'n', '_-', 'x'.repeat(64)]) {
      const agent = agentId.parse(name);
      await stores.store.count([stepOf(`of${name.length}${name[0]}`.replace(/\W/g, ''), ['in'], { agentId: agent })]);
      expect(agentSums(await stores.reader.counted(ids.tenant, now), agent).last24h.in).toBe(1);
    }
  });

  test('what is older than a month, or another tenant’s, is not among it', async () => {
    const stores = await makeStores();
    await stores.store.count([stepOf('old', ['in'], { at: minutesAgo(32 * 24 * 60), changedAt: minutesAgo(0) })]);
    await stores.store.count([stepOf('globex', ['in'], { tenantId: globex, credentialId: ids.otherCredential })]);
    expect(await countsOf(stores)).toMatchObject({ in: 0 });
    expect(await stores.reader.counted(ids.tenant, now)).toEqual({ hours: [], days: [], isComplete: true });
    expect(await countsOf(stores, ids.otherCredential)).toMatchObject({ in: 0 });
    expect((await stores.reader.numbers(ids.tenant, [ids.number])).size).toBe(0);
  });

  test('recent events come page by page, the newest first, each with what became of it', async () => {
    const stores = await makeStores();
    for (let index = 0; index < 5; index++)
      await stores.store.count([stepOf(index, ['in', 'dispatched'], { at: minutesAgo(10 - index) })]);
    await stores.store.count([stepOf(2, ['failed:0:131047'], { at: minutesAgo(8), changedAt: minutesAgo(1) })]);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await stores.reader.recent(ids.credential, { limit: 2, cursor }, now);
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map(eventView).map(({ id, outcome, meta }) => `${id.at(-1)} ${outcome} ${meta?.code}`));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual([
      '4 dispatched undefined',
      '3 dispatched undefined',
      '2 failed 131047',
      '1 dispatched undefined',
      '0 dispatched undefined',
    ]);
  });

  test('a cursor that is none leads nowhere', async () => {
    const stores = await makeStores();
    await stores.store.count([stepOf('a', ['in'])]);
    expect(await stores.reader.recent(ids.credential, { limit: 2, cursor: 'elsewhere' }, now)).toEqual({
      items: [],
      nextCursor: null,
    });
  });

  test('last times move forward and never back, for number and agent', async () => {
    const stores = await makeStores();
    const late = stepOf('late', ['in', 'answered:0'], { at: minutesAgo(3), changedAt: minutesAgo(2) });
    const early = stepOf('early', ['in', 'answered:0'], { at: minutesAgo(30), changedAt: minutesAgo(29) });
    for (const steps of [[late], [early], [late, early], [early, late]]) {
      await stores.store.noteTimes(steps);
      const times = { lastInboundAt: minutesAgo(3), lastOutboundAt: minutesAgo(2) };
      expect((await stores.reader.numbers(ids.tenant, [ids.number])).get(ids.number)).toMatchObject(times);
      expect((await stores.reader.agents(ids.tenant, [ids.agent])).get(ids.agent)).toMatchObject(times);
    }
  });

  test('what is sent does not count as heard, what comes in not as said', async () => {
    const stores = await makeStores();
    await stores.store.noteTimes([stepOf('sent', ['sent'], { direction: 'out' })]);
    const { lastInboundAt, lastOutboundAt } =
      (await stores.reader.numbers(ids.tenant, [ids.number])).get(ids.number) ?? {};
    expect([lastInboundAt, lastOutboundAt]).toEqual([null, minutesAgo(1)]);
    await stores.store.noteTimes([stepOf('in', ['in'], { agentId: null })]);
    const after = (await stores.reader.numbers(ids.tenant, [ids.number])).get(ids.number);
    expect(after).toMatchObject({ lastInboundAt: minutesAgo(1), firstInboundAt: minutesAgo(1), activeDays: 1 });
    expect((await stores.reader.agents(ids.tenant, [ids.agent])).get(ids.agent)?.lastInboundAt).toBeNull();
  });

  test('of a number that nobody has heard of there is nothing', async () => {
    const { reader } = await makeStores();
    expect((await reader.numbers(ids.tenant, [ids.number])).size).toBe(0);
    expect((await reader.numbers(ids.tenant, [])).size).toBe(0);
    expect((await reader.agents(ids.tenant, [])).size).toBe(0);
  });

  test('places in line are counted as they are taken and left, each once, in whatever order it is told', async () => {
    const stores = await makeStores();
    await stores.store.countLines([lineOf('a', 'taken'), lineOf('b', 'taken', 'HELD#1')]);
    await stores.store.countLines([lineOf('a', 'taken')]);
    expect(await heldOf(stores)).toBe(2);
    await stores.store.countLines([lineOf('a', 'left'), lineOf('a', 'taken', 'ASIDE#0')]);
    expect(await heldOf(stores)).toBe(2);
    await stores.store.countLines([lineOf('c', 'left', 'HELD#2')]);
    await stores.store.countLines([lineOf('c', 'taken', 'HELD#2')]);
    expect(await heldOf(stores)).toBe(2);
    await stores.store.countLines([lineOf('b', 'left', 'HELD#1'), lineOf('a', 'left', 'ASIDE#0')]);
    expect(await heldOf(stores)).toBe(0);
  });

  test('that something waits says nothing of when the number was last written to', async () => {
    const stores = await makeStores();
    await stores.store.countLines([lineOf('a', 'taken')]);
    await stores.store.noteTimes([stepOf('a', ['in'])]);
    await stores.store.countLines([lineOf('b', 'taken', 'HELD#1')]);
    expect((await stores.reader.numbers(ids.tenant, [ids.number])).get(ids.number)).toMatchObject({
      held: 2,
      lastInboundAt: minutesAgo(1),
      activeDays: 1,
    });
  });
};
