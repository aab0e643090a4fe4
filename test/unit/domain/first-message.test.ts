import { describe, expect, test } from 'vitest';
import { noteAwaiting } from '../../../shared/domain/first-message.ts';
import type { CredentialRecord, Finding, NumberRecord } from '../../../shared/domain/records.ts';
import { credentialRecordOf, ids, numberRecordOf } from '../../support/records.ts';

const now = new Date('2026-11-26T10:00:00.000Z');
const boundAt = '2026-11-26T09:00:00.000Z';
const claimed = { agentIds: [ids.agent], forward: ['message' as const] };
const waiting = (...phoneNumberIds: readonly (typeof ids.number)[]): unknown =>
  expect.objectContaining({
    status: 'connected',
    reason: expect.objectContaining({ code: 'awaiting-first-message', since: boundAt, phoneNumberIds }),
  });
const flagged: Finding = {
  status: 'degraded',
  reason: { code: 'number-flagged', title: '', detail: '', guidance: '', since: boundAt },
};

const world = (
  change: Partial<CredentialRecord> = {},
  numbers: Readonly<Record<string, Partial<NumberRecord>>> = {},
) => {
  let credential = credentialRecordOf(change);
  let races = 0;
  const written: (Finding | null)[] = [];
  const run = () =>
    noteAwaiting(credential, {
      credentials: {
        find: () => Promise.resolve(credential),
        findNumber: (id) => Promise.resolve(numberRecordOf({ phoneNumberId: id, boundAt, ...numbers[id] })),
      },
      findings: {
        change: (_before, finding) => {
          if (races-- > 0) return Promise.resolve(false);
          credential = { ...credential, finding };
          written.push(finding);
          return Promise.resolve(true);
        },
      },
      now: () => now,
    });
  return { run, written, finding: () => credential.finding, race: (times: number) => (races = times) };
};

describe('a number that agents answer', () => {
  test('waits for its first message as soon as it is bound, and is told once', async () => {
    const it = world();
    await it.run();
    await it.run();
    expect(it.written).toEqual([waiting(ids.number)]);
  });

  test('waits no longer once one has come, and those that still wait are named', async () => {
    const both = { claimedNumbers: { [ids.number]: claimed, [ids.otherNumber]: claimed } };
    const it = world(both);
    await it.run();
    expect(it.finding()).toEqual(waiting(ids.number, ids.otherNumber));
    const after = world({ ...both, finding: it.finding() }, { [ids.number]: { deliversSince: boundAt } });
    await after.run();
    expect(after.finding()).toEqual(waiting(ids.otherNumber));
    const all = { [ids.number]: { deliversSince: boundAt }, [ids.otherNumber]: { deliversSince: boundAt } };
    const last = world({ ...both, finding: after.finding() }, all);
    await last.run();
    expect(last.finding()).toBeNull();
  });

  test('that has waited for a day already says so', async () => {
    const it = world({}, { [ids.number]: { boundAt: '2026-11-25T10:00:00.000Z' } });
    await it.run();
    expect(it.finding()).toMatchObject({ status: 'degraded', reason: { code: 'awaiting-first-message' } });
  });
});

describe('nothing is written', () => {
  test.each<[string, Partial<CredentialRecord>]>([
    ['of numbers that nobody answers', { claimedNumbers: { [ids.number]: { agentIds: [], forward: [] } } }],
    ['over what a check has found', { finding: flagged }],
    ['of a credential on its way out', { status: 'removing' }],
    ['of a number that Meta does not list: a check says what that means', { phoneNumbers: [] }],
  ])('%s', async (_what, change) => {
    const it = world(change);
    await it.run();
    expect(it.written).toEqual([]);
  });
});

test('who is overtaken looks again, and gives up after a few times: a check finds it too', async () => {
  const it = world();
  it.race(2);
  await it.run();
  expect(it.written).toHaveLength(1);
  const hopeless = world();
  hopeless.race(100);
  await hopeless.run();
  expect(hopeless.written).toEqual([]);
});
