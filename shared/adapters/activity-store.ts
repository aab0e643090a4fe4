import { setTimeout as sleep } from 'node:timers/promises';
import { BatchGetCommand, type DynamoDBDocumentClient, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { type ActivityCounts, activityCounter } from '../contracts/activity.ts';
import {
  type AgentId,
  agentId,
  type CredentialId,
  credentialId,
  type PhoneNumberId,
  phoneNumberId,
  type TenantId,
} from '../contracts/ids.ts';
import {
  type ActivityStep,
  type ActivityStore,
  type CountedSpan,
  type CountedSpans,
  dayOf,
  daysUntil,
  hourOf,
  hoursUntil,
  type Increment,
  incrementsOf,
  type RecentEvent,
  recentEvent,
  sourceName,
  timesOf,
} from '../domain/activity.ts';
import { Fault } from '../domain/fault.ts';
import {
  afterInbound,
  afterOutbound,
  type LastTimes,
  lastTimes,
  type NumberActivity,
  numberActivity,
} from '../domain/number-activity.ts';
import { calling, hasName, unavailable } from './aws-errors.ts';
import { type DirectoryKey, directoryReader, keysAtOnce, nameOf, type Page } from './directory-reader.ts';
import { queryRows } from './query-rows.ts';
import { failedItems, type TransactItem } from './transactions.ts';

const daySeconds = 24 * 60 * 60;

/** What is shown goes 30 days back. */
const recentDays = 30;
/** A point is shown for a day, or for 30; the rest is for clocks, and for whoever looks into the table. */
const hourlyDays = 3;
const dailyDays = 40;
/** Whoever asks since when a number is silent may ask after a year. */
const timesDays = 400;
/** An event is not in line for longer than 14 days. */
const lineDays = 30;

const recentPartition = (id: CredentialId): string => `ACTIVITY#${id}`;
const countPartition = (tenant: TenantId): string => `ACTIVITY-COUNT#${tenant}`;
const linePartition = 'ACTIVITY-HELD#';

const hourKey = (tenant: TenantId, hour: string, id: CredentialId) => ({
  pk: countPartition(tenant),
  sk: `H#${hour}#${id}`,
});
const dayKey = (tenant: TenantId, day: string, id: CredentialId) => ({
  pk: countPartition(tenant),
  sk: `D#${day}#${id}`,
});
const numberPrefix = 'NUMBER#';
const agentPrefix = 'AGENT#';
const numberKey = (tenant: TenantId, id: PhoneNumberId) => ({ pk: countPartition(tenant), sk: `${numberPrefix}${id}` });
const agentKey = (tenant: TenantId, id: AgentId) => ({ pk: countPartition(tenant), sk: `${agentPrefix}${id}` });

const normal = (at: string): string => new Date(at).toISOString();
const inDays = (at: string, days: number): number => Math.floor(Date.parse(at) / 1000) + days * daySeconds;

/** A counter that gets more, or less. */
interface Addition {
  readonly key: DirectoryKey;
  readonly name: string;
  readonly by: number;
  /** What the row says beside its counters. */
  readonly row: Readonly<Record<string, unknown>>;
}

const everything = () => true;
/** Not of a number or of an agent. */
const ofAll = ({ name }: Addition) => !name.includes(':');
const nothing = () => false;

const unlessFull = async (attempt: () => Promise<void>, otherwise: () => Promise<void>): Promise<void> => {
  try {
    await attempt();
  } catch (error) {
    if (!(error instanceof Fault && error.code === 'row-full')) throw error;
    await otherwise();
  }
};

/** A row that remembers which marks have been counted, and what each of them adds. */
interface Remembered {
  readonly key: DirectoryKey;
  readonly row: Readonly<Record<string, unknown>>;
  readonly marks: ReadonlyMap<string, readonly Addition[]>;
}

/** Limits of one transaction: 100 items of DynamoDB's own; an expression takes 300 operators and 4 KB, of which a mark needs six names at the most. */
const itemsAtOnce = 100;
const marksAtOnce = 40;

/** How often a transaction is tried again because somebody else counts at the same counters. Pauses in milliseconds. */
const mostTries = 6;
const longestPause = 100;

const rememberedRow = z.object({ pk: z.string(), sk: z.string(), counted: z.set(z.string()) });

/** Activity in the Events table: what was counted is in the same transaction as the counters. @throws {Fault} store-unavailable, row-malformed */
export const activityStore = (client: DynamoDBDocumentClient, table: string): ActivityStore => {
  const countedAlready = async (keys: readonly DirectoryKey[]): Promise<ReadonlyMap<string, ReadonlySet<string>>> => {
    const rows = await rowsAt(client, table, keys);
    return new Map(
      rows.flatMap((row) => {
        const known = rememberedRow.safeParse(row).data;
        return known === undefined ? [] : [[nameOf(known), known.counted] as const];
      }),
    );
  };

  /** All of it at once; what was counted before is found out only where it fails. @throws {Fault} row-full */
  const write = async (
    remembered: readonly Remembered[],
    isCounted: (addition: Addition) => boolean,
  ): Promise<void> => {
    let left = remembered;
    for (let time = 0; left.length > 0; time++) {
      const items = [...left.map((it) => rememberItem(table, it)), ...counterItems(table, left, isCounted)];
      if ((await failedItems(client, items)) === undefined) return;
      if (time >= mostTries) throw new Fault('store-unavailable', { retryable: true });
      const known = await countedAlready(left.map(({ key }) => key));
      left = left.flatMap((it) => without(it, known.get(nameOf(it.key))));
      await sleep(Math.random() * longestPause);
    }
  };

  /** Whoever calls ever more agents into being can fill a row: that costs its own counts, and keeps nobody else's waiting. */
  const writeAll = async (remembered: readonly Remembered[]): Promise<void> => {
    for (const part of partsOf(remembered))
      await unlessFull(
        () => write(part, everything),
        () =>
          unlessFull(
            () => write(part, ofAll),
            () => write(part, nothing),
          ),
      );
  };

  return {
    count: (steps) =>
      writeAll([...Map.groupBy(steps, sourceName).values()].flatMap((ofOne) => rememberedSource(ofOne) ?? [])),

    countLines: (steps) =>
      writeAll(
        [...Map.groupBy(steps, ({ eventId }) => eventId)].map(([eventId, ofOne]) => ({
          key: { pk: `${linePartition}${eventId}`, sk: 'LINE' },
          row: { expiresAt: inDays(new Date().toISOString(), lineDays) },
          marks: new Map(
            ofOne.map(({ mark, by, tenantId, phoneNumberId: number }) => [
              mark,
              [
                {
                  key: numberKey(tenantId, number),
                  name: 'held',
                  by,
                  row: { phoneNumberId: number, expiresAt: inDays(new Date().toISOString(), timesDays) },
                },
              ],
            ]),
          ),
        })),
      ),

    async noteTimes(steps) {
      await Promise.all(timeNotes(steps).map((note) => noteTime(client, table, note)));
    },
  };
};

const rememberedSource = (steps: readonly ActivityStep[]): Remembered | undefined => {
  const last = steps.at(-1);
  if (last === undefined) return undefined;
  const { id, kind, direction, phoneNumberId, agentId, tenantId } = last;
  const at = normal(last.at);
  return {
    key: { pk: recentPartition(last.credentialId), sk: `${at}#${id}` },
    row: { id, at, kind, direction, phoneNumberId, agentId, tenantId, expiresAt: inDays(at, recentDays) },
    marks: new Map(
      steps.flatMap((step) =>
        step.marks.map((mark) => [mark, incrementsOf({ ...step, marks: [mark] }).flatMap(additionsOf)] as const),
      ),
    ),
  };
};

const additionsOf = (increment: Increment): readonly Addition[] => {
  const { tenantId, credentialId: credential, at, counter, phoneNumberId: number, agentId: agent } = increment;
  const names = [
    counter,
    ...(number === null ? [] : [`n:${number}:${counter}`]),
    ...(agent === null ? [] : [`a:${agent}:${counter}`]),
  ];
  const rows = [
    { key: hourKey(tenantId, hourOf(at), credential), row: { expiresAt: inDays(at, hourlyDays) } },
    { key: dayKey(tenantId, dayOf(at), credential), row: { expiresAt: inDays(at, dailyDays) } },
  ];
  return rows.flatMap((of) => names.map((name) => ({ ...of, name, by: 1 })));
};

const without = (remembered: Remembered, known: ReadonlySet<string> | undefined): readonly Remembered[] => {
  const marks = new Map([...remembered.marks].filter(([mark]) => known?.has(mark) !== true));
  return marks.size === 0 ? [] : [{ ...remembered, marks }];
};

/** Greedily: as many rows as fit into one transaction with the counters that they add to. */
const partsOf = (all: readonly Remembered[]): readonly (readonly Remembered[])[] => {
  const parts: Remembered[][] = [];
  let [marks, counters] = [0, new Set<string>()];
  for (const it of all) {
    const own = [...it.marks.values()].flat().map(({ key }) => nameOf(key));
    const together = new Set([...counters, ...own]);
    const part = parts.at(-1);
    const fits =
      part !== undefined && marks + it.marks.size <= marksAtOnce && part.length + 1 + together.size <= itemsAtOnce;
    if (fits) part.push(it);
    else parts.push([it]);
    marks = (fits ? marks : 0) + it.marks.size;
    counters = fits ? together : new Set(own);
  }
  return parts;
};

const rememberItem = (TableName: string, { key, row, marks }: Remembered): TransactItem => {
  const columns = Object.entries(row).map(([name, value], index) => ({
    alias: `#c${index}`,
    name,
    key: `:c${index}`,
    value,
  }));
  const names = [...marks.keys()].map((mark, index) => ({ key: `:m${index}`, mark }));
  return {
    Update: {
      TableName,
      Key: key,
      UpdateExpression: `SET ${columns.map((it) => `${it.alias} = ${it.key}`).join(', ')} ADD #counted :marks`,
      ConditionExpression: names.map((it) => `NOT contains(#counted, ${it.key})`).join(' AND '),
      ExpressionAttributeNames: {
        '#counted': 'counted',
        ...Object.fromEntries(columns.map(({ alias, name }) => [alias, name])),
      },
      ExpressionAttributeValues: {
        ':marks': new Set(marks.keys()),
        ...Object.fromEntries(columns.map(({ key: name, value }) => [name, value])),
        ...Object.fromEntries(names.map(({ key: name, mark }) => [name, mark])),
      },
    },
  };
};

/** One item for each row of counters, whatever adds to it. Every name goes through an alias: an agent may be called as it likes. */
const counterItems = (
  TableName: string,
  remembered: readonly Remembered[],
  isCounted: (addition: Addition) => boolean,
): readonly TransactItem[] => {
  const additions = remembered.flatMap(({ marks }) => [...marks.values()].flat()).filter(isCounted);
  return [...Map.groupBy(additions, ({ key }) => nameOf(key)).values()].flatMap((ofRow) => {
    const [first] = ofRow;
    if (first === undefined) return [];
    const columns = Object.entries(first.row).map(([name, value], index) => ({ index, name, value }));
    const sums = [...Map.groupBy(ofRow, ({ name }) => name)].map(([name, alike], index) => ({
      index,
      name,
      by: alike.reduce((sum, { by }) => sum + by, 0),
    }));
    return [
      {
        Update: {
          TableName,
          Key: first.key,
          UpdateExpression: `SET ${columns.map(({ index }) => `#c${index} = :c${index}`).join(', ')} ADD ${sums.map(({ index }) => `#${index} :${index}`).join(', ')}`,
          ExpressionAttributeNames: Object.fromEntries([
            ...columns.map(({ index, name }) => [`#c${index}`, name]),
            ...sums.map(({ index, name }) => [`#${index}`, name]),
          ]),
          ExpressionAttributeValues: Object.fromEntries([
            ...columns.map(({ index, value }) => [`:c${index}`, value]),
            ...sums.map(({ index, by }) => [`:${index}`, by]),
          ]),
        },
      },
    ];
  });
};

/** What moves the times of one number or one agent. */
interface TimeNote {
  readonly key: DirectoryKey;
  readonly row: Readonly<Record<string, unknown>>;
  readonly isNumber: boolean;
  /** In the order of time. */
  readonly inbound: readonly string[];
  readonly outbound: readonly string[];
}

const timeNotes = (steps: readonly ActivityStep[]): readonly TimeNote[] => {
  const moved = steps.flatMap((step) => {
    const { inboundAt, outboundAt } = timesOf(step);
    if (inboundAt === null && outboundAt === null) return [];
    const { tenantId, credentialId: credential, phoneNumberId: number, agentId: agent } = step;
    const times = { inboundAt, outboundAt };
    return [
      ...(number === null
        ? []
        : [
            {
              ...times,
              key: numberKey(tenantId, number),
              row: { phoneNumberId: number, credentialId: credential },
              isNumber: true,
            },
          ]),
      ...(agent === null
        ? []
        : [{ ...times, key: agentKey(tenantId, agent), row: { agentId: agent }, isNumber: false }]),
    ];
  });
  return [...Map.groupBy(moved, ({ key }) => nameOf(key)).values()].flatMap((ofOne) => {
    const last = ofOne.at(-1);
    if (last === undefined) return [];
    const { key, row, isNumber } = last;
    const inbound = ofOne.flatMap(({ inboundAt }) => inboundAt ?? []).sort();
    const outbound = ofOne.flatMap(({ outboundAt }) => outboundAt ?? []).sort();
    return [{ key, row, isNumber, inbound, outbound }];
  });
};

/** Written on condition that it is still as it was read, so that no time ever goes back. */
const noteTime = async (client: DynamoDBDocumentClient, table: string, note: TimeNote): Promise<void> => {
  const reader = directoryReader(client, table);
  for (let time = 0; time <= mostTries; time++) {
    const read = await reader.get(note.key, numberActivity);
    const before: NumberActivity = read ?? numberActivity.parse({});
    const after = note.outbound.reduce(
      afterOutbound,
      note.inbound.reduce<NumberActivity>((activity, at) => afterInbound(activity, at), before),
    );
    if (after === before) return;
    if (await saveTimes(client, table, note, before, after)) return;
    await sleep(Math.random() * longestPause);
  }
  throw new Fault('store-unavailable', { retryable: true });
};

/** False when somebody else has moved them meanwhile. Nothing that is unknown is written, so that a missing column means what it says. */
const saveTimes = async (
  client: DynamoDBDocumentClient,
  table: string,
  { key, row, isNumber }: TimeNote,
  before: NumberActivity,
  after: NumberActivity,
): Promise<boolean> => {
  const { lastInboundAt, lastOutboundAt, firstInboundAt, longestGapSeconds, activeDays } = after;
  const columns = {
    ...row,
    ...(lastInboundAt === null ? {} : { lastInboundAt }),
    ...(lastOutboundAt === null ? {} : { lastOutboundAt }),
    ...(isNumber && firstInboundAt !== null ? { firstInboundAt, longestGapSeconds, activeDays } : {}),
    expiresAt: inDays(new Date().toISOString(), timesDays),
  };
  const asRead = Object.entries({ lastInboundAt: before.lastInboundAt, lastOutboundAt: before.lastOutboundAt });
  try {
    await client.send(
      new UpdateCommand({
        TableName: table,
        Key: key,
        UpdateExpression: `SET ${Object.keys(columns)
          .map((name) => `${name} = :${name}`)
          .join(', ')}`,
        ConditionExpression: asRead
          .map(([name, value]) => (value === null ? `attribute_not_exists(${name})` : `${name} = :was_${name}`))
          .join(' AND '),
        ExpressionAttributeValues: {
          ...Object.fromEntries(Object.entries(columns).map(([name, value]) => [`:${name}`, value])),
          ...Object.fromEntries(asRead.flatMap(([name, value]) => (value === null ? [] : [[`:was_${name}`, value]]))),
        },
      }),
    );
    return true;
  } catch (error) {
    if (hasName(error, 'ConditionalCheckFailedException')) return false;
    throw unavailable(error);
  }
};

const rowsAt = async (
  client: DynamoDBDocumentClient,
  table: string,
  keys: readonly DirectoryKey[],
): Promise<readonly Record<string, unknown>[]> => {
  const rows: Record<string, unknown>[] = [];
  for (let first = 0; first < keys.length; first += keysAtOnce) {
    const Keys = keys.slice(first, first + keysAtOnce);
    const { Responses, UnprocessedKeys } = await calling('store-unavailable', () =>
      client.send(new BatchGetCommand({ RequestItems: { [table]: { Keys: [...Keys], ConsistentRead: true } } })),
    );
    if (Object.keys(UnprocessedKeys ?? {}).length > 0) throw new Fault('store-unavailable', { retryable: true });
    rows.push(...(Responses?.[table] ?? []));
  }
  return rows;
};

const countRow = z.looseObject({ sk: z.string() });

/** Counters of one row, by what they count; names that nobody knows say nothing. */
const spanOf = (row: unknown): readonly CountedSpan[] => {
  const parsed = countRow.safeParse(row).data;
  const [, span = '', credential = ''] = parsed?.sk.split('#') ?? [];
  const id = credentialId.safeParse(credential).data;
  if (parsed === undefined || id === undefined) return [];
  const own: Partial<Record<string, number>> = {};
  const numbers = new Map<PhoneNumberId, Partial<ActivityCounts>>();
  const agents = new Map<AgentId, Partial<ActivityCounts>>();
  for (const [name, value] of Object.entries(parsed)) {
    const [, of, owner, last = ''] = /^(?:([na]):([^:]+):)?(\w+)$/.exec(name) ?? [];
    const counter = activityCounter.safeParse(last).data;
    if (counter === undefined || typeof value !== 'number') continue;
    const number = of === 'n' ? phoneNumberId.safeParse(owner).data : undefined;
    const agent = of === 'a' ? agentId.safeParse(owner).data : undefined;
    if (of === undefined) own[counter] = value;
    if (number !== undefined) numbers.set(number, { ...numbers.get(number), [counter]: value });
    if (agent !== undefined) agents.set(agent, { ...agents.get(agent), [counter]: value });
  }
  return [{ credentialId: id, span, own, numbers, agents }];
};

const numberRow = numberActivity.extend({ phoneNumberId });
const agentRow = lastTimes.extend({ agentId });

/** Of hours and of days, a megabyte each. */
const mostPages = 10;

/** Reads what `activityStore` wrote. @throws {Fault} store-unavailable, row-malformed */
export const activityReader = (client: DynamoDBDocumentClient, table: string) => {
  const reader = directoryReader(client, table);

  /** One page for each 1 MB. Who calls ever more agents into being fills rows: that must not hold a worker up. */
  const between = async (tenant: TenantId, first: string, last: string) => {
    const rows = queryRows(
      client,
      {
        TableName: table,
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :last',
        ExpressionAttributeValues: { ':pk': countPartition(tenant), ':first': first, ':last': last },
      },
      mostPages,
    );
    const spans: CountedSpan[] = [];
    let row = await rows.next();
    for (; row.done !== true; row = await rows.next()) spans.push(...spanOf(row.value));
    return { spans, isComplete: row.value.isComplete };
  };

  return {
    async numbers(
      tenant: TenantId,
      ids: readonly PhoneNumberId[],
    ): Promise<ReadonlyMap<PhoneNumberId, NumberActivity>> {
      const wanted = [...new Set(ids)].map((id) => ({ key: numberKey(tenant, id), schema: numberRow }));
      const found = await reader.getMany(wanted);
      return new Map(found.flatMap((row) => (row === undefined ? [] : [[row.phoneNumberId, row]])));
    },

    async agents(tenant: TenantId, ids: readonly AgentId[]): Promise<ReadonlyMap<AgentId, LastTimes>> {
      const wanted = [...new Set(ids)].map((id) => ({ key: agentKey(tenant, id), schema: agentRow }));
      const found = await reader.getMany(wanted);
      return new Map(found.flatMap((row) => (row === undefined ? [] : [[row.agentId, row]])));
    },

    /** Of all credentials of a tenant, in one read for each megabyte of hours and of days: ten of each at the most. */
    async counted(tenant: TenantId, now: Date): Promise<CountedSpans & { readonly isComplete: boolean }> {
      const [hour = '', day = ''] = [hoursUntil(now)[0], daysUntil(now)[0]];
      const [hours, days] = await Promise.all([
        between(tenant, `H#${hour}`, `H#${hourOf(now)}#~`),
        between(tenant, `D#${day}`, `D#${dayOf(now)}#~`),
      ]);
      return { hours: hours.spans, days: days.spans, isComplete: hours.isComplete && days.isComplete };
    },

    /** Of one credential, in one read. */
    async countedOf(tenant: TenantId, id: CredentialId, now: Date): Promise<CountedSpans> {
      const hours = hoursUntil(now).map((hour) => hourKey(tenant, hour, id));
      const days = daysUntil(now).map((day) => dayKey(tenant, day, id));
      const rows = await rowsAt(client, table, [...hours, ...days]);
      const isHour = ({ sk }: Record<string, unknown>) => String(sk).startsWith('H#');
      return {
        hours: rows.filter(isHour).flatMap(spanOf),
        days: rows.filter((row) => !isHour(row)).flatMap(spanOf),
      };
    },

    /** The newest first. A cursor that leads nowhere begins nowhere. */
    async recent(
      id: CredentialId,
      page: { readonly limit: number; readonly cursor?: string | undefined },
      now: Date,
    ): Promise<Page<RecentEvent>> {
      const pk = recentPartition(id);
      const after = page.cursor === undefined ? undefined : sortOfCursor(page.cursor);
      if (page.cursor !== undefined && after === undefined) return { items: [], nextCursor: null };
      const { Items = [] } = await calling('store-unavailable', () =>
        client.send(
          new QueryCommand({
            TableName: table,
            // The table forgets late.
            KeyConditionExpression: 'pk = :pk AND sk > :oldest',
            ExpressionAttributeValues: {
              ':pk': pk,
              ':oldest': new Date(now.getTime() - recentDays * daySeconds * 1000).toISOString(),
            },
            ScanIndexForward: false,
            ConsistentRead: true,
            // One more than wanted: a cursor is given only where it leads to something.
            Limit: page.limit + 1,
            ...(after === undefined ? {} : { ExclusiveStartKey: { pk, sk: after } }),
          }),
        ),
      );
      const rows = Items.slice(0, page.limit);
      const last: unknown = Items.length > page.limit ? rows.at(-1)?.sk : undefined;
      return {
        // Rows that nobody can read keep none of the others waiting.
        items: rows.flatMap((row) => recentEvent.safeParse(row).data ?? []),
        nextCursor: typeof last === 'string' ? cursorOfSort(last) : null,
      };
    },
  };
};

export type ActivityReader = ReturnType<typeof activityReader>;

/** A cursor may hold letters, digits, - and _ alone. */
const cursorOfSort = (sort: string): string => {
  const [at = '', id = ''] = sort.split('#');
  return `${Date.parse(at)}_${id}`;
};

const sortOfCursor = (cursor: string): string | undefined => {
  const [, milliseconds, id] = /^(\d{1,14})_((?:evt|msg)_[A-Za-z0-9_-]{43})$/.exec(cursor) ?? [];
  return milliseconds === undefined ? undefined : `${new Date(Number(milliseconds)).toISOString()}#${id}`;
};
