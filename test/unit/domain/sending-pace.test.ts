import { describe, expect, test } from 'vitest';
import type { GraphFailure, GraphResult } from '../../../shared/domain/graph.ts';
import { sendingPace } from '../../../shared/domain/sending-pace.ts';
import { ids } from '../../support/records.ts';

const taken: GraphResult<unknown> = { ok: true, value: undefined };
const no = (failure: GraphFailure): GraphResult<unknown> => ({ ok: false, failure });
const tooFast = no({ kind: 'refused', refusal: 'rate-limited', code: 130_429 });

const world = () => {
  let clock = 1_000_000;
  const pace = sendingPace(
    () => clock,
    (milliseconds) => {
      clock += milliseconds;
      return Promise.resolve();
    },
  );
  /** When each of so many messages goes out, in milliseconds from the first. */
  const send = async (count: number, heard: GraphResult<unknown> = taken, number = ids.number) => {
    const start = clock;
    const times: number[] = [];
    for (let index = 0; index < count; index++) {
      expect(await pace.turn(number, 60_000)).toBe(true);
      times.push(clock - start);
      pace.heard(number, heard);
    }
    return times;
  };
  const pass = (milliseconds: number) => {
    clock += milliseconds;
  };
  return { pace, send, pass };
};

describe('a worker', () => {
  test('sends at once what comes alone, and no more than 80 messages a second from a number', async () => {
    const it = world();
    expect(await it.send(1)).toEqual([0]);
    it.pass(1_000);
    const times = await it.send(81);
    expect(times[0]).toBe(0);
    expect(times.at(-1)).toBe(1_000);
  });

  test('lets one number not wait for another', async () => {
    const it = world();
    await it.send(80);
    expect(await it.send(1, taken, ids.otherNumber)).toEqual([0]);
  });

  test('halves its pace each time that Meta says it is too much, to one in two seconds', async () => {
    const it = world();
    await it.send(1, tooFast);
    const gapAfter = async () => {
      it.pass(10_000);
      const [, second = 0] = await it.send(2, no({ kind: 'not-sent' }));
      return second;
    };
    expect(await gapAfter()).toBe(25);
    it.pace.heard(ids.number, tooFast);
    expect(await gapAfter()).toBe(50);
    for (let index = 0; index < 20; index++) it.pace.heard(ids.number, tooFast);
    expect(await gapAfter()).toBe(2_000);
  });

  test('comes back to full speed while Meta takes what it sends', async () => {
    const it = world();
    for (let index = 0; index < 3; index++) it.pace.heard(ids.number, tooFast);
    for (let index = 0; index < 300; index++) it.pace.heard(ids.number, taken);
    it.pass(10_000);
    expect(await it.send(2)).toEqual([0, 12.5]);
  });

  test.each<[string, GraphFailure]>([
    ['another limit', { kind: 'refused', refusal: 'rate-limited', code: 131_056 }],
    ['no answer', { kind: 'unknown-outcome' }],
    ['no connection', { kind: 'not-sent' }],
  ])('is not slowed down by %s', async (_what, failure) => {
    const it = world();
    for (let index = 0; index < 5; index++) it.pace.heard(ids.number, no(failure));
    it.pass(10_000);
    expect(await it.send(2)).toEqual([0, 12.5]);
  });

  test('who has no time to wait is told at once, and keeps nobody’s place', async () => {
    const it = world();
    await it.send(1);
    expect(await it.pace.turn(ids.number, 12)).toBe(false);
    expect(await it.pace.turn(ids.number, -1)).toBe(false);
    expect(await it.pace.turn(ids.number, 13)).toBe(true);
    it.pass(1_000);
    expect(await it.pace.turn(ids.number, -1)).toBe(false);
  });
});
