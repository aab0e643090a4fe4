import { describe, expect, test } from 'vitest';
import { type CredentialId, credentialId } from '../../../shared/contracts/ids.ts';
import type { DueCheck } from '../../../shared/contracts/work.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { packParts } from '../../../shared/crypto/secret-parts.ts';
import { type CheckRecord, checkDue, checkNow, read } from '../../../shared/domain/check-credential.ts';
import { partitionOf, partitions } from '../../../shared/domain/check-schedule.ts';
import type { Graph } from '../../../shared/domain/graph.ts';
import { judgeOutage } from '../../../shared/domain/meta-outage.ts';
import { planChecks } from '../../../shared/domain/plan-checks.ts';
import type { CredentialHealth, CredentialRecord } from '../../../shared/domain/records.ts';
import type { Ticket } from '../../../shared/domain/work.ts';
import { checkScheduleContract } from '../../support/check-schedule-contract.ts';
import { memorySchedule } from '../../support/check-schedule-fake.ts';
import { failing, goodToken, ok, recordingJournal, scriptedGraph, silentUsage } from '../../support/fakes.ts';
import { memoryOutages } from '../../support/outage-fake.ts';
import { appRecord, credentialRecordOf, ids } from '../../support/records.ts';

describe('the line of checks in memory', () => {
  checkScheduleContract(() => Promise.resolve(memorySchedule()));
});

const minute = 60_000;
const hour = 60 * minute;
const start = Date.parse('2026-11-26T00:00:00.000Z');

/** The same luck in every run. */
const luckOf = (seed: number) => {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
};

const idsOf = (count: number): readonly CredentialId[] => {
  const luck = luckOf(7);
  const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const letter = () => letters[Math.floor(luck() * letters.length)];
  return Array.from({ length: count }, (_, index) =>
    credentialId.parse(`cred_01J${String(index).padStart(19, '0')}${Array.from({ length: 4 }, letter).join('')}`),
  );
};

/** Died: whatever was under way is not done. */
class Death extends Error {}

/**
 * A stack of so many credentials in its own time: a planner every five minutes, a queue that delivers at least once and in any order, workers. `deaths`: how
 * likely either dies at any of its calls, before or after the call took effect.
 */
const stackOf = (count: number, luck: () => number, deaths: number, concurrency = 50) => {
  let now = start;
  const line = memorySchedule();
  const all = idsOf(count);
  const credentials = new Map<CredentialId, CredentialRecord>(
    all.map((id) => [id, credentialRecordOf({ credentialId: id, claimedNumbers: {} })]),
  );
  const healths = new Map<CredentialId, CredentialHealth>();
  const queue: DueCheck[] = [];
  const journal = recordingJournal();
  /** When each credential was checked with effect, and by which entry. */
  const effects = new Map<CredentialId, { readonly at: number; readonly entry: string }[]>(all.map((id) => [id, []]));
  const isAnswering = { yes: true };
  const outages = memoryOutages();
  const told: string[] = [];
  const telling = {
    send: ({ work }: Pick<Ticket, 'work'>) => {
      if (work.kind === 'tell-operators') told.push(work.notice.kind);
      return Promise.resolve();
    },
  };

  /** Once it is dead nothing of it takes effect any more. */
  const newProcess = () => {
    let isDead = false;
    const live = () => {
      isDead ||= luck() < deaths;
      if (isDead) throw new Death();
    };
    return async <T>(call: () => Promise<T>): Promise<T> => {
      live();
      const result = await call();
      live();
      return result;
    };
  };
  const record = ({ before, after, health, appointed, moved }: CheckRecord, isOfClock: boolean) => {
    const { credentialId } = before;
    const known = healths.get(credentialId);
    const isInOrder = known === undefined || (known.triedAt < health.triedAt && known.nextCheckAt === appointed);
    const entry = moved?.from == null ? undefined : line.entries.get(moved.from);
    if (moved !== undefined && entry === undefined) return 'gone' as const;
    if (!isInOrder) return 'overtaken' as const;
    if (moved !== undefined && entry !== undefined) line.move(entry, moved.to);
    credentials.set(credentialId, after);
    healths.set(credentialId, health);
    if (isOfClock) effects.get(credentialId)?.push({ at: now, entry: moved?.from ?? '' });
    return 'recorded' as const;
  };
  const graph: Graph = scriptedGraph({
    inspectToken: () => (isAnswering.yes ? ok(goodToken) : failing({ kind: 'unknown-outcome' })),
    readBusinessAccount: () => ok({ name: 'Shop' }),
    listPhoneNumbers: () => ok([]),
    readAccountHealth: () => ok({ canSend: 'AVAILABLE', problem: null, entity: null }),
    listSubscribedApps: () => ok([{ appId: ids.app, override: null }]),
    readAppSubscription: () =>
      ok({ callbackUrl: `https://switchboard.example/webhooks/${ids.appWebhook}`, fields: ['messages'] }),
  });
  const workerPorts = (mortal: ReturnType<typeof newProcess>, isOfClock = true) => ({
    credentials: {
      find: (_tenant: unknown, id: CredentialId) => Promise.resolve(credentials.get(id)),
      findApp: () => Promise.resolve(appRecord()),
      findHealth: (_tenant: unknown, id: CredentialId) => Promise.resolve(healths.get(id)),
      findNumber: () => Promise.resolve(undefined),
    },
    verdicts: { record: (change: CheckRecord) => mortal(() => Promise.resolve(record(change, isOfClock))) },
    outages,
    doubts: { change: () => Promise.reject(new Error('No number is doubted here')) },
    releases: { send: () => Promise.resolve() },
    traffic: { ofNumbers: () => Promise.resolve(new Map()) },
    opener: {
      open: ({ purpose }: { readonly purpose: string }) =>
        mortal(() =>
          Promise.resolve(
            purpose === 'graph-api'
              ? packParts(SecretBytes.fromText('the token'), SecretBytes.fromText('the proof'))
              : SecretBytes.fromText('the app token'),
          ),
        ),
    },
    graph,
    usage: { ...silentUsage, find: () => Promise.resolve(undefined) },
    journal,
    publicUrl: 'https://switchboard.example',
    now: () => new Date(now),
    sleep: () => Promise.resolve(),
    timeLeft: () => 25_000,
    random: luck,
    schedule: { ...line, stands: (check: DueCheck) => mortal(() => line.stands(check)) },
  });

  const plan = (mortal = newProcess()) =>
    planChecks({
      schedule: { ...line, lease: (check, until) => mortal(() => line.lease(check, until)) },
      queue: { send: (checks) => mortal(() => Promise.resolve(void queue.push(...checks))) },
      journal,
      concurrency,
      now: () => new Date(now),
      timeLeft: () => 25_000,
    }).catch((error: unknown) => {
      const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
      for (const one of errors) if (!(one instanceof Death)) throw one;
    });

  /** Works the queue off. A message of a worker that died comes again, some others do too, and some of them at the same time. */
  const work = async () => {
    const messages = queue.splice(0);
    for (const message of messages) {
      const copies = luck() < 0.1 ? [message, message] : [message];
      const ended = await Promise.allSettled(copies.map((copy) => checkDue(copy, workerPorts(newProcess()))));
      for (const result of ended)
        if (result.status === 'rejected') {
          if (!(result.reason instanceof Death)) throw result.reason;
          queue.push(message);
        }
      if (luck() < 0.02) queue.push(message);
    }
  };

  return {
    all,
    line,
    credentials,
    effects,
    healths,
    journal,
    told,
    isAnswering,
    queue,
    plan: () => plan(),
    work,
    /** A user asks, who may give up half-way. */
    async ask(credentialId: CredentialId) {
      const examined = await read({ tenantId: ids.tenant, credentialId }, workerPorts(newProcess()));
      if (examined === undefined) throw new Error('It is there');
      await checkNow(examined, workerPorts(newProcess(), false)).catch((error: unknown) => {
        if (!(error instanceof Death)) throw error;
      });
    },
    async run(hours: number, meanwhile: () => Promise<unknown> = () => Promise.resolve()) {
      for (const end = now + hours * hour; now < end; now += 5 * minute) {
        // Twice at once, as a schedule may start it.
        await (luck() < 0.1 ? Promise.all([plan(), plan()]) : plan());
        const judge = () => judgeOutage({ outages, telling, journal, now: () => new Date(now) });
        await Promise.all([judge(), judge()]);
        await Promise.all([work(), meanwhile()]);
      }
    },
    now: () => now,
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
  };
};

/** One that was skipped would have waited for two pauses, each shorter by a tenth at the most. */
const longestGap = 2 * 5.4 * hour;

test('5,000 credentials: none is skipped and none is checked twice in effect, while planners and workers die and messages come twice', {
  timeout: 120_000,
}, async () => {
  const luck = luckOf(42);
  const stack = stackOf(5_000, luck, 0.005);
  for (const id of stack.all)
    await stack.line.add({ tenantId: ids.tenant, credentialId: id }, new Date(start + luck() * 6 * hour));
  const hours = 26;
  await stack.run(hours);

  // One entry each, whatever has died.
  expect(stack.line.entries.size).toBe(5_000);
  expect(new Set([...stack.line.entries.values()].map((it) => it.credentialId)).size).toBe(5_000);
  let checks = 0;
  for (const [id, done] of stack.effects) {
    checks += done.length;
    expect(new Set(done.map(({ entry }) => entry)).size, id).toBe(done.length);
    const times = [start, ...done.map(({ at }) => at), start + hours * hour];
    for (const [index, at] of times.entries()) expect(at - (times[index - 1] ?? at), id).toBeLessThan(longestGap);
    // By chance no sooner than the shortest pause.
    for (const [index, { at }] of done.entries())
      if (index > 0) expect(at - (done[index - 1]?.at ?? 0), id).toBeGreaterThanOrEqual(5.4 * hour);
  }
  // Four a day, and one more or less for where the day was cut.
  expect(checks / 5_000).toBeGreaterThan(3.5);
  expect(checks / 5_000).toBeLessThan(5);
});

test('users who ask at any time, and die half-way, make no second entry, put none off, and bring the next look at a trouble forward', async () => {
  const luck = luckOf(11);
  const stack = stackOf(200, luck, 0.01);
  for (const id of stack.all)
    await stack.line.add({ tenantId: ids.tenant, credentialId: id }, new Date(start + luck() * 6 * hour));
  const askSome = () =>
    Promise.all(stack.all.filter(() => luck() < 0.05).flatMap((id) => [stack.ask(id), stack.ask(id)]));
  const placeOf = (id: CredentialId) =>
    [...stack.line.entries.values()].filter(({ credentialId: its }) => its === id).map(({ entry }) => entry);
  await stack.run(14, askSome);
  for (const id of stack.all) expect(placeOf(id)).toHaveLength(1);
  for (const done of stack.effects.values()) expect(done.length).toBeGreaterThanOrEqual(2);

  stack.isAnswering.yes = false;
  const quiet = stack.all.filter((id) => stack.healths.get(id)?.misses === 0);
  const places = new Map(quiet.map((id) => [id, placeOf(id)[0] ?? '']));
  stack.pass(1);
  for (const id of quiet) await stack.ask(id);
  const forward = quiet.filter((id) => (placeOf(id)[0] ?? '') < (places.get(id) ?? ''));
  for (const id of quiet) expect(placeOf(id)).toHaveLength(1);
  // All but those that were due within minutes, were being checked, or whose user died.
  expect(forward.length).toBeGreaterThan(0.8 * quiet.length);
  for (const id of forward) {
    const at = stack.healths.get(id)?.nextCheckAt;
    expect(placeOf(id)).toEqual([`${at}#${id}`]);
    expect(Date.parse(at ?? '') - stack.now()).toBeLessThan(6 * minute);
  }
  stack.isAnswering.yes = true;
  await stack.run(2);
  expect([...stack.credentials.values()].every((it) => it.unreachableSince === null)).toBe(true);
});

test('who asks impatiently while Meta is away has the clock come back as soon as who asks once', async () => {
  const stack = stackOf(1, luckOf(5), 0);
  const [id] = stack.all as [CredentialId];
  await stack.line.add({ tenantId: ids.tenant, credentialId: id }, new Date(start));
  await stack.run(0.1);
  stack.isAnswering.yes = false;
  for (let time = 0; time < 5; time++) {
    stack.pass(1_000);
    await stack.ask(id);
  }
  expect(stack.healths.get(id)?.misses).toBe(1);
  stack.pass(6 * minute);
  stack.isAnswering.yes = true;
  await stack.run(0.1);
  expect(stack.credentials.get(id)?.unreachableSince).toBeNull();
});

test('what began together comes apart: after a day no five minutes have more than a fair share of the checks', async () => {
  const stack = stackOf(1_000, luckOf(1), 0);
  for (const id of stack.all) await stack.line.add({ tenantId: ids.tenant, credentialId: id }, new Date(start));
  await stack.run(48);
  const perRun = new Map<number, number>();
  for (const done of stack.effects.values())
    for (const { at } of done.slice(-1)) perRun.set(at, (perRun.get(at) ?? 0) + 1);
  expect(Math.max(...perRun.values())).toBeLessThan(100);
});

test('an outage of an hour with 1,000 credentials disables nobody, is asked about with growing pauses, is told operators once, and is over for all within an hour', async () => {
  const stack = stackOf(1_000, luckOf(3), 0);
  for (const id of stack.all) await stack.line.add({ tenantId: ids.tenant, credentialId: id }, new Date(start));
  stack.isAnswering.yes = false;
  await stack.run(1);
  expect([...stack.credentials.values()].every((it) => it.unreachableSince !== null && it.verdict === null)).toBe(true);
  for (const done of stack.effects.values()) expect(done.length).toBeLessThan(6);
  expect(stack.told).toEqual(['meta.outage']);
  stack.isAnswering.yes = true;
  await stack.run(1.2);
  expect([...stack.credentials.values()].every((it) => it.unreachableSince === null && it.verdict === null)).toBe(true);
  expect(stack.told).toEqual(['meta.outage', 'meta.outage-over']);
});

test('what has waited for an hour is counted as overdue, once by each planner that finds it so', async () => {
  const stack = stackOf(3, luckOf(5), 0);
  for (const id of stack.all) await stack.line.add({ tenantId: ids.tenant, credentialId: id }, new Date(start));
  stack.pass(hour + minute);
  await stack.plan();
  expect(stack.journal.counts.get('ChecksOverdue')).toBe(3);
  expect(stack.journal.counts.get('ChecksPlanned')).toBe(3);
  await stack.plan();
  expect(stack.queue).toHaveLength(3);
  await stack.work();
  await stack.plan();
  expect(stack.journal.counts.get('ChecksOverdue')).toBe(3);
});

test('a planner queues no more than the workers can do until it starts again: the rest is due still', async () => {
  const stack = stackOf(1_000, luckOf(5), 0, 2);
  for (const id of stack.all) await stack.line.add({ tenantId: ids.tenant, credentialId: id }, new Date(start));
  stack.pass(minute);
  await stack.plan();
  expect(stack.queue.length).toBeGreaterThan(250);
  expect(stack.queue.length).toBeLessThanOrEqual(16 * 19);
  for (let run = 0; run < 6; run++) {
    await stack.work();
    await stack.plan();
  }
  await stack.work();
  expect([...stack.effects.values()].every((done) => done.length === 1)).toBe(true);
});

test('a planner that has no time left begins nothing', async () => {
  const stack = stackOf(3, luckOf(5), 0);
  for (const id of stack.all) await stack.line.add({ tenantId: ids.tenant, credentialId: id }, new Date(start));
  stack.pass(minute);
  await planChecks({
    schedule: stack.line,
    queue: { send: () => Promise.reject(new Error('Nothing is to be queued')) },
    journal: stack.journal,
    now: () => new Date(start + minute),
    concurrency: 10,
    timeLeft: () => 5_000,
  });
  expect(stack.line.entries.size).toBe(3);
});

test('a credential that is gone or on its way out leaves the line', async () => {
  const stack = stackOf(2, luckOf(5), 0);
  for (const id of stack.all) await stack.line.add({ tenantId: ids.tenant, credentialId: id }, new Date(start));
  const [gone, leaving] = stack.all as [CredentialId, CredentialId];
  stack.credentials.delete(gone);
  stack.credentials.set(leaving, credentialRecordOf({ credentialId: leaving, status: 'removing' }));
  stack.pass(minute);
  await stack.plan();
  await stack.work();
  expect(stack.line.entries.size).toBe(0);
});

test('credentials are spread over all partitions', () => {
  const counts = Map.groupBy(idsOf(5_000), partitionOf);
  expect(counts.size).toBe(partitions);
  for (const members of counts.values()) expect(members.length).toBeLessThan((3 * 5_000) / partitions);
});
