import { expect, test } from 'vitest';
import type { OutageStore } from '../../shared/domain/meta-outage.ts';
import { newTicket } from '../../shared/domain/work.ts';
import { ids } from './records.ts';

const now = new Date('2026-11-26T10:04:00.000Z');
const minutes = (count: number) => new Date(now.getTime() + count * 60_000);

/** What the store of outages promises, whatever holds it. */
export const outageContract = (open: () => Promise<OutageStore>): void => {
  test('counts what was answered and what was not within the last ten minutes or so', async () => {
    const store = await open();
    expect(await store.recent(now)).toEqual({ answered: 0, unanswered: 0 });
    await store.count(true, now);
    await store.count(true, now);
    await store.count(false, minutes(-8));
    await store.count(true, minutes(-20));
    expect(await store.recent(now)).toEqual({ answered: 1, unanswered: 2 });
    expect(await store.recent(minutes(20))).toEqual({ answered: 0, unanswered: 0 });
  });

  test('lets one of several say that an outage has begun, and one that it is over', async () => {
    const store = await open();
    const ticket = () => newTicket({ kind: 'subscribe', tenantId: ids.tenant }, now);
    expect(await store.find()).toBeNull();
    const begun = await Promise.all([1, 2, 3].map(() => store.change(null, now, ticket())));
    expect(begun.filter(Boolean)).toHaveLength(1);
    expect(await store.find()).toEqual(now);
    expect(await store.change(null, minutes(1), ticket())).toBe(false);
    expect(await store.change(minutes(1), null, ticket())).toBe(false);
    const ended = await Promise.all([1, 2].map(() => store.change(now, null, ticket())));
    expect(ended.filter(Boolean)).toHaveLength(1);
    expect(await store.find()).toBeNull();
    expect(await store.change(null, minutes(2), ticket())).toBe(true);
  });
};
