import type { DueCheck } from '../../shared/contracts/work.ts';
import { type CheckSchedule, entryOf, type NewCheck, partitionOf } from '../../shared/domain/check-schedule.ts';

/** The line of checks as the Directory would hold it: check-schedule-contract.ts holds both to the same promises. */
export const memorySchedule = () => {
  const entries = new Map<string, DueCheck>();
  const put = (check: NewCheck, at: Date, dueAt = at.toISOString()): DueCheck => {
    const entry = entryOf(at, check.credentialId);
    const added = { tenantId: check.tenantId, credentialId: check.credentialId, entry, dueAt };
    entries.set(entry, added);
    return added;
  };
  /** False when it does not stand there any more. */
  const move = (check: DueCheck, to: Date, dueAt?: string): boolean => {
    if (!entries.delete(check.entry)) return false;
    put(check, to, dueAt);
    return true;
  };
  const schedule: CheckSchedule = {
    due: (partition, now, limit) =>
      Promise.resolve(
        [...entries.values()]
          .filter(({ entry, credentialId }) => partitionOf(credentialId) === partition && entry < now.toISOString())
          .sort((one, other) => (one.entry < other.entry ? -1 : 1))
          .slice(0, limit),
      ),
    lease: (check, until) =>
      Promise.resolve(
        move(check, until, check.dueAt) ? { ...check, entry: entryOf(until, check.credentialId) } : undefined,
      ),
    stands: ({ entry }) => Promise.resolve(entries.has(entry)),
    end: ({ entry }) => Promise.resolve(void entries.delete(entry)),
  };
  return { ...schedule, add: (check: NewCheck, at: Date) => Promise.resolve(put(check, at)), move, entries };
};
