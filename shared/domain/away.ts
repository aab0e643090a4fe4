import { type AwayHours, type OpeningHours, weekday } from '../contracts/agent.ts';

const millisecondsPerMinute = 60_000;
const minutesPerDay = 1_440;
const minutesPerWeek = 7 * minutesPerDay;

/** Time zones change their offset only at full quarters of an hour: within one, minutes can be counted. */
const quarter = 15;

/** Two weeks hold every opening twice: even one that the start of summer time swallows is found. */
const searchedMinutes = 2 * minutesPerWeek + quarter;

/** An agent that is always away says so again when a conversation goes on after so long. In minutes. */
const endlessAbsence = minutesPerDay;

/** Whether nobody is there. No away hours: always there; no opening hours at all: never. */
export const isAway = (away: AwayHours | null, at: Date): boolean =>
  away !== null && !isOpen(openings(away), localMinute(away.timeZone, at));

/**
 * When the absence began in which `at` falls; undefined when somebody is there. Who was told since then has been told. An absence
 * without beginning (no opening hours) counts from a day ago: then it is told once a day and conversation.
 */
export const absenceStart = (away: AwayHours | null, at: Date): Date | undefined => {
  if (away === null || !isAway(away, at)) return undefined;
  const open = openings(away);
  const lastMinute = Math.floor(at.getTime() / millisecondsPerMinute);
  const oldest = lastMinute - (open.length === 0 ? 0 : searchedMinutes);
  for (let minute = lastMinute; minute > oldest; ) {
    const block = minute - (minute % quarter);
    const local = localMinute(away.timeZone, new Date(block * millisecondsPerMinute));
    for (; minute >= block; minute--)
      if (isOpen(open, (local + minute - block) % minutesPerWeek))
        return new Date((minute + 1) * millisecondsPerMinute);
  }
  return new Date(at.getTime() - endlessAbsence * millisecondsPerMinute);
};

/** From (inclusive) and to (exclusive), in minutes of the week by local time; `to` may lie in the next week. */
interface Opening {
  readonly from: number;
  readonly to: number;
}

const openings = ({ hours }: AwayHours): readonly Opening[] =>
  hours.flatMap(({ days, from, to }: OpeningHours) =>
    days.map((day) => {
      const midnight = weekday.options.indexOf(day) * minutesPerDay;
      const opens = midnight + minutesOf(from);
      const closes = midnight + minutesOf(to);
      return { from: opens, to: closes > opens ? closes : closes + minutesPerDay };
    }),
  );

const isOpen = (open: readonly Opening[], minute: number): boolean =>
  open.some(
    ({ from, to }) =>
      (minute >= from && minute < to) || (minute + minutesPerWeek >= from && minute + minutesPerWeek < to),
  );

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** The minute of the week that clocks show there. */
const localMinute = (timeZone: string, at: Date): number => {
  const parts = new Map(
    clockOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const day = (weekday.options as readonly string[]).indexOf(parts.get('weekday')?.toLowerCase() ?? '');
  return day * minutesPerDay + Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
};

/** Making a formatter costs far more than using it. There are fewer time zones than this, but they can be spelled in many ways. */
const keptClocks = 500;
const clocks = new Map<string, Intl.DateTimeFormat>();

const clockOf = (timeZone: string): Intl.DateTimeFormat => {
  const known = clocks.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  if (clocks.size >= keptClocks) clocks.clear();
  clocks.set(timeZone, made);
  return made;
};
