import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AwayHours, type OpeningHours, weekday } from '../../../shared/contracts/agent.ts';
import { absenceStart, isAway } from '../../../shared/domain/away.ts';

const minute = 60_000;
const hours = (timeZone: string, ...openings: OpeningHours[]): AwayHours => ({
  message: 'We are back tomorrow.',
  timeZone,
  hours: openings,
});
const workdays: OpeningHours['days'] = ['mon', 'tue', 'wed', 'thu', 'fri'];
const office = hours('Europe/Berlin', { days: workdays, from: '09:00', to: '17:00' });
const at = (time: string) => new Date(time);

describe('somebody is there', () => {
  test.each<[string, AwayHours | null, string]>([
    ['without away hours', null, '2026-11-21T03:00:00Z'],
    ['from the first minute', office, '2026-11-23T08:00:00.000Z'],
    ['to the last millisecond', office, '2026-11-23T15:59:59.999Z'],
    ['in summer an hour earlier by the world’s clock', office, '2026-07-20T07:00:00Z'],
    [
      'after midnight, where the hours reach into the next day',
      hours('UTC', { days: ['fri'], from: '22:00', to: '02:00' }),
      '2026-11-21T01:59:59Z',
    ],
    ['from Sunday into Monday', hours('UTC', { days: ['sun'], from: '22:00', to: '06:00' }), '2026-11-23T05:59:00Z'],
    ['all day', hours('UTC', { days: ['sat'], from: '00:00', to: '24:00' }), '2026-11-21T23:59:59Z'],
    [
      'round the clock, where both times are the same',
      hours('UTC', { days: ['sat'], from: '09:00', to: '09:00' }),
      '2026-11-22T08:59:00Z',
    ],
    [
      'in another half-hour zone',
      hours('Asia/Kolkata', { days: ['mon'], from: '09:00', to: '10:00' }),
      '2026-11-23T03:30:00Z',
    ],
    [
      'in one of several openings',
      hours('UTC', { days: ['mon'], from: '09:00', to: '12:00' }, { days: ['mon'], from: '13:00', to: '17:00' }),
      '2026-11-23T13:00:00Z',
    ],
  ])('%s', (_what, away, time) => {
    expect(isAway(away, at(time))).toBe(false);
    expect(absenceStart(away, at(time))).toBeUndefined();
  });
});

describe('nobody is there', () => {
  test.each<[string, AwayHours, string, string]>([
    ['before the first minute', office, '2026-11-23T07:59:59.999Z', '2026-11-20T16:00:00.000Z'],
    ['from the closing minute', office, '2026-11-23T16:00:00.000Z', '2026-11-23T16:00:00.000Z'],
    ['at the weekend, since Friday', office, '2026-11-22T12:00:00Z', '2026-11-20T16:00:00.000Z'],
    [
      'on another day than the hours begin on',
      hours('UTC', { days: ['fri'], from: '22:00', to: '02:00' }),
      '2026-11-20T01:00:00Z',
      '2026-11-14T02:00:00.000Z',
    ],
    [
      'after midnight of a whole day',
      hours('UTC', { days: ['sat'], from: '00:00', to: '24:00' }),
      '2026-11-22T00:00:00Z',
      '2026-11-22T00:00:00.000Z',
    ],
    [
      'in the break between two openings',
      hours('UTC', { days: ['mon'], from: '09:00', to: '12:00' }, { days: ['mon'], from: '13:00', to: '17:00' }),
      '2026-11-23T12:30:00Z',
      '2026-11-23T12:00:00.000Z',
    ],
    ['after a weekend in which the clocks went back', office, '2026-10-26T07:00:00Z', '2026-10-23T15:00:00.000Z'],
    ['after a weekend in which they went forward', office, '2026-03-30T06:00:00Z', '2026-03-27T16:00:00.000Z'],
    // 02:30 does not exist on 29 March in Berlin: at 01:00 UTC clocks show 03:00.
    [
      'from the hour that summer time skips',
      hours('Europe/Berlin', { days: ['sun'], from: '01:00', to: '02:30' }),
      '2026-03-29T04:00:00Z',
      '2026-03-29T01:00:00.000Z',
    ],
    // 02:30 comes twice on 25 October: at 00:30 and at 01:30 UTC.
    [
      'since the second time that an hour came',
      hours('Europe/Berlin', { days: ['sun'], from: '01:00', to: '02:30' }),
      '2026-10-25T04:00:00Z',
      '2026-10-25T01:30:00.000Z',
    ],
    // The only opening of the week falls into the hour that is skipped: the week before counts.
    [
      'since the week before, when summer time swallows the opening',
      hours('Europe/Berlin', { days: ['sun'], from: '02:00', to: '03:00' }),
      '2026-04-04T12:00:00Z',
      '2026-03-22T02:00:00.000Z',
    ],
    [
      'where clocks are put back by half an hour',
      hours('Australia/Lord_Howe', { days: ['sun'], from: '01:00', to: '01:45' }),
      '2026-04-04T16:00:00Z',
      '2026-04-04T15:15:00.000Z',
    ],
  ])('%s', (_what, away, time, since) => {
    expect(isAway(away, at(time))).toBe(true);
    expect(absenceStart(away, at(time))?.toISOString()).toBe(since);
  });
});

test('without any opening hours nobody is ever there, and who was told a day ago is told again', () => {
  const never = hours('UTC');
  expect(isAway(never, at('2026-11-23T12:00:00Z'))).toBe(true);
  expect(absenceStart(never, at('2026-11-23T12:00:00Z'))?.toISOString()).toBe('2026-11-22T12:00:00.000Z');
});

describe('whatever the hours, also around every change of the clocks', () => {
  const timeOfDay = fc.integer({ min: 0, max: 1440 }).map((minutes) => {
    const two = (part: number) => String(part).padStart(2, '0');
    return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  });
  const opening = fc.record({
    days: fc.uniqueArray(fc.constantFrom(...weekday.options), { minLength: 1 }),
    from: timeOfDay,
    to: timeOfDay,
  });
  const away = fc.record({
    message: fc.constant('away'),
    timeZone: fc.constantFrom(
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'Africa/Casablanca',
      'Antarctica/Troll',
      'UTC',
    ),
    hours: fc.array(opening, { minLength: 1, maxLength: 4 }),
  });
  const changes = [
    '2026-03-08T07:00Z',
    '2026-03-29T01:00Z',
    '2026-04-04T15:00Z',
    '2026-10-03T15:30Z',
    '2026-10-25T01:00Z',
    '2026-11-01T06:00Z',
    '2026-02-15T02:00Z',
    '2026-03-22T02:00Z',
  ];
  const instant = fc
    .tuple(fc.constantFrom(...changes), fc.integer({ min: -3 * 1440, max: 3 * 1440 }))
    .map(([change, minutes]) => new Date(Date.parse(change) + minutes * minute));

  test('an absence begins right after somebody was there and lasts until now', () => {
    fc.assert(
      fc.property(away, instant, (when, now) => {
        const start = absenceStart(when, now);
        expect(start === undefined).toBe(!isAway(when, now));
        if (start === undefined) return;
        expect(isAway(when, new Date(start.getTime() - 1))).toBe(false);
        for (let time = start.getTime(); time <= now.getTime(); time += 5 * minute)
          expect(isAway(when, new Date(time))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('all that fall into one absence find the same beginning', () => {
    fc.assert(
      fc.property(away, instant, fc.double({ min: 0, max: 1, noNaN: true }), (when, now, part) => {
        const start = absenceStart(when, now);
        if (start === undefined) return;
        const between = new Date(start.getTime() + Math.floor(part * (now.getTime() - start.getTime())));
        expect(absenceStart(when, between)).toEqual(start);
      }),
      { numRuns: 300 },
    );
  });

  test('the clocks on the wall decide', () => {
    fc.assert(
      fc.property(away, instant, (when, now) => {
        const wall = new Date(`${now.toLocaleString('sv-SE', { timeZone: when.timeZone }).replace(' ', 'T')}Z`);
        const elsewhere = { ...when, timeZone: 'UTC' };
        expect(isAway(when, now)).toBe(isAway(elsewhere, wall));
      }),
    );
  });
});
