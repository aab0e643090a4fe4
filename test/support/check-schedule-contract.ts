import { expect, test } from 'vitest';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { type CheckSchedule, type NewCheck, partitionOf, partitions } from '../../shared/domain/check-schedule.ts';
import { ids } from './records.ts';

interface Line extends CheckSchedule {
  add(check: NewCheck, at: Date): Promise<unknown>;
}

const now = new Date('2026-11-26T10:00:00.000Z');
const minutes = (count: number) => new Date(now.getTime() + count * 60_000);

/** Ids of one partition. */
const alike = (count: number): readonly CredentialId[] =>
  Array.from({ length: count }, (_, index) => credentialId.parse(`cred_01J00000000000000000000${index}7A`));

const checkOf = (id: CredentialId): NewCheck => ({ tenantId: ids.tenant, credentialId: id });

/** What the line of checks promises, whatever holds it. */
export const checkScheduleContract = (open: () => Promise<Line>): void => {
  const [first, second, third] = alike(3) as [CredentialId, CredentialId, CredentialId];
  const partition = partitionOf(first);

  const lineOf = async (...entries: readonly (readonly [CredentialId, Date])[]) => {
    const line = await open();
    for (const [id, at] of entries) await line.add(checkOf(id), at);
    return line;
  };

  test('hands out what is due, the longest overdue first, and no more than was asked for', async () => {
    const line = await lineOf([second, minutes(-1)], [first, minutes(-2)], [third, minutes(1)]);
    const due = await line.due(partition, now, 10);
    expect(due).toMatchObject([
      { tenantId: ids.tenant, credentialId: first, dueAt: minutes(-2).toISOString() },
      { credentialId: second },
    ]);
    expect(await line.due(partition, now, 1)).toEqual(due.slice(0, 1));
    expect(await line.due((partition + 1) % partitions, now, 10)).toEqual([]);
  });

  test('lets one of two lease an entry, which is due again when the lease is over, as long overdue as ever', async () => {
    const line = await lineOf([first, minutes(-1)]);
    const [check] = await line.due(partition, now, 10);
    if (check === undefined) throw new Error('It is due');
    const leased = await Promise.all([line.lease(check, minutes(15)), line.lease(check, minutes(16))]);
    const own = leased.filter((it) => it !== undefined);
    expect(own).toMatchObject([{ credentialId: first, dueAt: check.dueAt }]);
    expect(await line.due(partition, now, 10)).toEqual([]);
    expect(await line.due(partition, minutes(20), 10)).toEqual(own);
    expect(await line.stands(check)).toBe(false);
    expect(own[0] && (await line.stands(own[0]))).toBe(true);
  });

  test('forgets what has ended, once and for all', async () => {
    const line = await lineOf([first, minutes(-1)]);
    const [check] = await line.due(partition, now, 10);
    if (check === undefined) throw new Error('It is due');
    await line.end(check);
    await line.end(check);
    expect(await line.stands(check)).toBe(false);
    expect(await line.lease(check, minutes(15))).toBeUndefined();
    expect(await line.due(partition, minutes(60), 10)).toEqual([]);
  });
};
