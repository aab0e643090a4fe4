import { describe, expect, test } from 'vitest';
import { describeActivity } from '../../../functions/activity/describe-activity.ts';
import { credentialActivity } from '../../../shared/contracts/activity.ts';
import { tenantId } from '../../../shared/contracts/ids.ts';
import type { ActivityStep } from '../../../shared/domain/activity.ts';
import { isRefused } from '../../../shared/domain/outcome.ts';
import { memoryActivity } from '../../support/activity-fakes.ts';
import { activityStepOf, credentialRecordOf, ids } from '../../support/records.ts';

const now = new Date('2026-11-22T10:30:00.000Z');
const at = '2026-11-22T10:00:00.000Z';
const caller = { tenantId: ids.tenant, subject: 'ada' };

const step = (change: Partial<ActivityStep> = {}): ActivityStep =>
  activityStepOf({ at, changedAt: at, marks: ['in', 'dispatched', 'failed:0:131026'], ...change });

const world = async (...steps: readonly ActivityStep[]) => {
  const { store, reader } = memoryActivity();
  await store.count(steps);
  const own = credentialRecordOf();
  const find = (tenant: typeof own.tenantId, id: typeof own.credentialId) =>
    Promise.resolve(tenant === own.tenantId && id === own.credentialId ? own : undefined);
  return { credentials: { find }, activity: reader, now: () => now };
};
const described = async (ports: Awaited<ReturnType<typeof world>>) => {
  const answer = await describeActivity(caller, ids.credential, { limit: 10 }, ports);
  if (isRefused(answer)) throw new Error('It is there');
  return credentialActivity.parse(answer.body);
};

describe('the activity of a credential', () => {
  test('has counters for it, its numbers and its agents, and what happened', async () => {
    const activity = await described(await world(step()));
    const counts = { in: 1, dispatched: 1, failed: 1, answered: 0 };
    expect(activity).toMatchObject({
      counters: { last24h: counts, last30d: counts, hours: { length: 24 }, days: { length: 30 } },
      phoneNumbers: [{ phoneNumberId: ids.number, last24h: counts }],
      agents: [{ agentId: ids.agent, last24h: counts }],
      items: [{ outcome: 'failed', meta: { code: 131_026 } }],
      nextCursor: null,
    });
    expect(activity.counters.hours.at(-1)).toMatchObject({ from: at, ...counts });
  });

  test('of which there is none has counters all the same, and nothing else', async () => {
    expect(await described(await world())).toMatchObject({
      counters: { last24h: { in: 0 }, hours: { length: 24 } },
      phoneNumbers: [],
      agents: [],
      items: [],
    });
  });

  test('has nothing of another credential of the tenant', async () => {
    const activity = await described(await world(step({ credentialId: ids.otherCredential })));
    expect(activity).toMatchObject({ counters: { last30d: { in: 0 } }, items: [] });
  });

  test.each([
    ['somebody else’s', { ...caller, tenantId: tenantId.parse('globex') }, ids.credential],
    ['one that does not exist', caller, ids.otherCredential],
  ])('does not exist for %s', async (_what, who, id) => {
    expect(await describeActivity(who, id, { limit: 10 }, await world(step()))).toMatchObject({ refused: 'not-found' });
  });
});
