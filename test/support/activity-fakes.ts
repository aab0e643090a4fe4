import { activityCounts } from '../../shared/contracts/activity.ts';
import type { AgentId, CredentialId, PhoneNumberId, TenantId } from '../../shared/contracts/ids.ts';
import {
  type ActivityStore,
  type CountedSpan,
  dayOf,
  daysUntil,
  hourOf,
  hoursUntil,
  incrementsOf,
  type RecentEvent,
  sourceName,
  timesOf,
} from '../../shared/domain/activity.ts';
import {
  afterInbound,
  afterOutbound,
  type LastTimes,
  type NumberActivity,
  numberActivity,
} from '../../shared/domain/number-activity.ts';
import type { ActivityStores } from './activity-contract.ts';

/** Activity as the Events table would hold it. */
export const memoryActivity = () => {
  const sources = new Map<string, RecentEvent & { readonly credentialId: CredentialId }>();
  const lines = new Map<string, Set<string>>();
  const counters = new Map<string, number>();
  const numbers = new Map<string, NumberActivity>();
  const agents = new Map<string, LastTimes>();
  const add = (name: string, by: number) => void counters.set(name, (counters.get(name) ?? 0) + by);

  const store: ActivityStore = {
    count(steps) {
      for (const step of steps) {
        const known = sources.get(sourceName(step))?.counted ?? [];
        const marks = step.marks.filter((mark) => !known.includes(mark));
        if (marks.length === 0) continue;
        const { id, kind, direction, agentId, phoneNumberId, credentialId, at } = step;
        sources.set(sourceName(step), {
          ...{ id, kind, direction, agentId, phoneNumberId, credentialId, at },
          counted: [...known, ...marks],
        });
        for (const { tenantId, at: when, counter, ...of } of incrementsOf({ ...step, marks }))
          for (const span of [`H ${hourOf(when)}`, `D ${dayOf(when)}`]) {
            const place = `${tenantId} ${span} ${credentialId}`;
            add(`${place} own ${counter}`, 1);
            if (of.phoneNumberId !== null) add(`${place} n:${of.phoneNumberId} ${counter}`, 1);
            if (of.agentId !== null) add(`${place} a:${of.agentId} ${counter}`, 1);
          }
      }
      return Promise.resolve();
    },
    countLines(steps) {
      for (const { eventId, mark, by, tenantId, phoneNumberId } of steps) {
        const known = lines.get(eventId) ?? new Set();
        if (!known.has(mark)) add(`${tenantId} held ${phoneNumberId}`, by);
        lines.set(eventId, known.add(mark));
      }
      return Promise.resolve();
    },
    noteTimes(steps) {
      const inOrder = [...steps].sort((one, other) => (one.at < other.at ? -1 : 1));
      for (const step of inOrder) {
        const { inboundAt, outboundAt } = timesOf(step);
        for (const [times, id] of [
          [numbers, step.phoneNumberId],
          [agents, step.agentId],
        ] as const) {
          if (id === null || (inboundAt === null && outboundAt === null)) continue;
          const name = `${step.tenantId} ${id}`;
          const before = (times as Map<string, NumberActivity>).get(name) ?? numberActivity.parse({});
          const heard = inboundAt === null ? before : afterInbound(before, inboundAt);
          (times as Map<string, NumberActivity>).set(
            name,
            outboundAt === null ? heard : afterOutbound(heard, outboundAt),
          );
        }
      }
      return Promise.resolve();
    },
  };

  const spansOf = (tenant: TenantId, letter: 'H' | 'D', shown: readonly string[]): readonly CountedSpan[] => {
    const names = [...counters.keys()].map((name) => name.split(' '));
    const places = new Set(
      names.flatMap(([of, kind, span, credential]) =>
        of === tenant && kind === letter && shown.includes(span ?? '') ? [`${span} ${credential}`] : [],
      ),
    );
    return [...places].map((place) => {
      const [span = '', credential = ''] = place.split(' ');
      const countsOf = (owner: string) =>
        Object.fromEntries(
          Object.keys(activityCounts.shape).flatMap((counter) => {
            const count = counters.get(`${tenant} ${letter} ${place} ${owner} ${counter}`);
            return count === undefined ? [] : [[counter, count]];
          }),
        );
      const owners = (prefix: string) => [
        ...new Set(
          names.flatMap(([of, kind, when, id, owner = '']) =>
            of === tenant && kind === letter && when === span && id === credential && owner.startsWith(prefix)
              ? [owner.slice(prefix.length)]
              : [],
          ),
        ),
      ];
      return {
        credentialId: credential as CredentialId,
        span,
        own: countsOf('own'),
        numbers: new Map(owners('n:').map((id) => [id as PhoneNumberId, countsOf(`n:${id}`)])),
        agents: new Map(owners('a:').map((id) => [id as AgentId, countsOf(`a:${id}`)])),
      };
    });
  };

  const numberOf = (tenant: TenantId, id: string): NumberActivity | undefined => {
    const held = counters.get(`${tenant} held ${id}`);
    const times = numbers.get(`${tenant} ${id}`);
    return times === undefined && held === undefined
      ? undefined
      : { ...(times ?? numberActivity.parse({})), held: Math.max(0, held ?? 0) };
  };
  const found = <Id extends string, T>(ids: readonly string[], find: (id: string) => T | undefined) =>
    new Map(
      ids.flatMap((id) => {
        const one = find(id);
        return one === undefined ? [] : [[id as Id, one] as const];
      }),
    );
  const agentOf = (tenant: TenantId, id: string): LastTimes | undefined => {
    const times = agents.get(`${tenant} ${id}`);
    return times && { lastInboundAt: times.lastInboundAt, lastOutboundAt: times.lastOutboundAt };
  };

  const reader: ActivityStores['reader'] = {
    numbers: (tenant, ids) => Promise.resolve(found<PhoneNumberId, NumberActivity>(ids, (id) => numberOf(tenant, id))),
    agents: (tenant, ids) => Promise.resolve(found<AgentId, LastTimes>(ids, (id) => agentOf(tenant, id))),
    counted: (tenant, now) =>
      Promise.resolve({
        hours: spansOf(tenant, 'H', hoursUntil(now)),
        days: spansOf(tenant, 'D', daysUntil(now)),
        isComplete: true,
      }),
    async countedOf(tenant, id, now) {
      const { hours, days } = await reader.counted(tenant, now);
      const isOwn = ({ credentialId }: CountedSpan) => credentialId === id;
      return { hours: hours.filter(isOwn), days: days.filter(isOwn) };
    },
    recent(id, { limit, cursor }) {
      const own = [...sources.values()]
        .filter(({ credentialId }) => credentialId === id)
        .sort((one, other) => (`${one.at}${one.id}` < `${other.at}${other.id}` ? 1 : -1))
        .map(({ credentialId: _, ...event }) => event);
      const begin = cursor === undefined ? 0 : Number(cursor);
      if (!Number.isInteger(begin)) return Promise.resolve({ items: [], nextCursor: null });
      const end = begin + limit;
      return Promise.resolve({ items: own.slice(begin, end), nextCursor: end < own.length ? String(end) : null });
    },
  };
  return { store, reader };
};
