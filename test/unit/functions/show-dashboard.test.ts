import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, test } from 'vitest';
import { showDashboard } from '../../../functions/activity/show-dashboard.ts';
import { activityReader } from '../../../shared/adapters/activity-store.ts';
import { agentReader } from '../../../shared/adapters/agent-store.ts';
import { credentialReader } from '../../../shared/adapters/credential-store.ts';
import { directoryKey } from '../../../shared/adapters/directory-keys.ts';
import { metaUsageStore } from '../../../shared/adapters/meta-usage-store.ts';
import { dashboard } from '../../../shared/contracts/dashboard.ts';
import { agentId, credentialId, phoneNumberId, tenantId } from '../../../shared/contracts/ids.ts';
import { hoursUntil } from '../../../shared/domain/activity.ts';
import { agentRecordOf, credentialRecordOf, ids, numberRecordOf } from '../../support/records.ts';

const now = new Date('2026-11-26T15:30:00.000Z');
const caller = { tenantId: ids.tenant, subject: 'ada' };

interface Row {
  readonly pk: string;
  readonly sk: string;
}
interface Condition {
  readonly ':pk': string;
  readonly ':prefix'?: string;
  readonly ':first'?: string;
  readonly ':last'?: string;
}

/** Both tables behind a client that counts what it is asked: with the real adapters, so that the requests are those of the system. */
const tablesOf = (rows: readonly Row[]) => {
  const asked: string[] = [];
  const ordered = [...rows].sort((one, other) => (one.sk < other.sk ? -1 : 1));
  const send = (command: unknown) => {
    if (command instanceof BatchGetCommand) {
      const [[table = '', { Keys = [] } = {}] = []] = Object.entries(command.input.RequestItems ?? {});
      asked.push(`BatchGet ${table}`);
      const found = Keys.flatMap((key) => rows.filter(({ pk, sk }) => pk === key.pk && sk === key.sk));
      return Promise.resolve({ Responses: { [table]: found } });
    }
    if (!(command instanceof QueryCommand)) throw new Error('Nothing else is read');
    const { ExpressionAttributeValues, ExclusiveStartKey, Limit = 1_000_000, TableName } = command.input;
    asked.push(`Query ${TableName}`);
    const {
      ':pk': pk,
      ':prefix': prefix = '',
      ':first': first = '',
      ':last': last = '~',
    } = ExpressionAttributeValues as unknown as Condition;
    const after = String(ExclusiveStartKey?.sk ?? '');
    const found = ordered.filter(
      (row) => row.pk === pk && row.sk.startsWith(prefix) && row.sk >= first && row.sk <= last && row.sk > after,
    );
    const Items = found.slice(0, Limit);
    return Promise.resolve({ Items, ...(Items.length === Limit ? { LastEvaluatedKey: Items.at(-1) } : {}) });
  };
  const client = Object.assign(DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'eu-central-1' })), { send });
  const ports = {
    credentials: credentialReader(client, 'directory'),
    agents: agentReader(client, 'directory'),
    usage: metaUsageStore(client, 'directory'),
    activity: activityReader(client, 'events'),
    now: () => now,
  };
  return { asked, ports };
};

const credentialOf = (index: number) => credentialId.parse(`cred_${String(index).padStart(26, '0')}`);
const numberOf = (index: number) => phoneNumberId.parse(String(10 ** 12 + index));
const countRow = (sk: string, counts: object) => ({ pk: `ACTIVITY-COUNT#${ids.tenant}`, sk, ...counts });

/** So many credentials with four numbers each, and so many agents, with traffic in every hour and on every day. */
const rowsOf = (credentials: number, agents: number): readonly Row[] => [
  ...Array.from({ length: credentials }, (_, index) => {
    const id = credentialOf(index);
    const phoneNumbers = [0, 1, 2, 3].map((place) => ({
      ...(credentialRecordOf().phoneNumbers[0] as ReturnType<typeof credentialRecordOf>['phoneNumbers'][number]),
      phoneNumberId: numberOf(index * 4 + place),
    }));
    return [
      { ...directoryKey.credential(ids.tenant, id), ...credentialRecordOf({ credentialId: id, phoneNumbers }) },
      ...hoursUntil(now).map((hour) => countRow(`H#${hour}#${id}`, { in: 1, [`n:${numberOf(index * 4)}:in`]: 1 })),
    ];
  }).flat(),
  ...Array.from({ length: agents }, (_, index) => {
    const id = agentId.parse(`agent-${String(index).padStart(4, '0')}`);
    const number = numberOf(index % (credentials * 4));
    const whatsapp = { ...agentRecordOf().whatsapp, enabled: true, phoneNumberId: number } as never;
    return [
      { ...directoryKey.agent(ids.tenant, id), ...agentRecordOf({ agentId: id, whatsapp }) },
      { ...directoryKey.number(number), ...numberRecordOf({ phoneNumberId: number }), revision: 1 },
      countRow(`AGENT#${id}`, { agentId: id, lastInboundAt: now.toISOString() }),
      countRow(`NUMBER#${number}`, { phoneNumberId: number, lastInboundAt: now.toISOString() }),
    ];
  }).flat(),
];

const shown = async (rows: readonly Row[], as = caller) => {
  const { asked, ports } = tablesOf(rows);
  const { body } = await showDashboard(as, ports);
  return { asked, body: dashboard.parse(body) };
};

describe('what a dashboard reads', () => {
  test.each([
    ['nothing is there', 0, 0, 7],
    ['there are 25 credentials and 100 agents', 25, 100, 10],
    ['there are 100 credentials and 400 agents', 100, 400, 20],
  ])('when %s: %d credentials, %d agents, at most %d requests', async (_what, credentials, agents, most) => {
    const { asked, body } = await shown(credentials === 0 ? [] : rowsOf(credentials, agents));
    expect(body).toMatchObject({ isComplete: true });
    expect([body.credentials.length, body.agents.length]).toEqual([credentials, agents]);
    expect(asked.length).toBeLessThanOrEqual(most);
  });

  test('ends at ten megabytes of counts, and says so', async () => {
    const { ports } = tablesOf(rowsOf(1, 1));
    const whole = { hours: [], days: [], isComplete: false };
    const activity = { ...ports.activity, counted: () => Promise.resolve(whole) };
    const { body } = await showDashboard(caller, { ...ports, activity });
    expect(dashboard.parse(body).isComplete).toBe(false);
  });

  test('ends at 500 agents, and says so', async () => {
    const { asked, body } = await shown(rowsOf(3, 501));
    expect(body).toMatchObject({ isComplete: false, agents: { length: 500 } });
    expect(asked.length).toBeLessThanOrEqual(17);
  });
});

describe('a dashboard', () => {
  const times = { lastInboundAt: '2026-11-26T15:00:00.000Z', lastOutboundAt: '2026-11-26T15:01:00.000Z' };
  const own = [
    { ...directoryKey.credential(ids.tenant, ids.credential), ...credentialRecordOf() },
    { ...directoryKey.agent(ids.tenant, ids.agent), ...agentRecordOf() },
    {
      ...directoryKey.number(ids.number),
      ...numberRecordOf({ circuits: { [ids.agent]: { state: 'open', since: times.lastInboundAt } } }),
      revision: 1,
    },
    {
      ...directoryKey.metaUsage(ids.tenant, ids.credential),
      appPercent: 60,
      managementPercent: 10,
      regainMinutes: 0,
      notedAt: now.toISOString(),
    },
    {
      ...directoryKey.health(ids.tenant, ids.credential),
      triedAt: '2026-11-26T15:20:00.000Z',
      checkedAt: '2026-11-26T12:00:00.000Z',
    },
    countRow(`NUMBER#${ids.number}`, { phoneNumberId: ids.number, ...times, held: 3 }),
    countRow(`AGENT#${ids.agent}`, { agentId: ids.agent, ...times }),
    countRow(`D#2026-11-25#${ids.credential}`, {
      in: 4,
      held: 5,
      [`n:${ids.number}:held`]: 5,
      [`a:${ids.agent}:in`]: 4,
    }),
  ];

  test('says how everything is, and what went through it', async () => {
    const { body } = await shown(own);
    expect(body).toMatchObject({
      generatedAt: now.toISOString(),
      held: 3,
      totals: { last24h: { in: 0 }, last30d: { in: 4, held: 5 } },
      credentials: [
        {
          id: ids.credential,
          metaUsage: { appPercent: 60 },
          triedAt: '2026-11-26T15:20:00.000Z',
          checkedAt: '2026-11-26T12:00:00.000Z',
          held: 3,
          phoneNumbers: [
            { phoneNumberId: ids.number, ...times, agentIds: [ids.agent], held: 3, activity: { last30d: { held: 5 } } },
            { phoneNumberId: ids.otherNumber, lastInboundAt: null, lastOutboundAt: null, agentIds: [], held: 0 },
          ],
        },
      ],
      agents: [
        {
          id: ids.agent,
          connection: { status: 'connected', ...times },
          dispatch: { state: 'suspended' },
          activity: { last30d: { in: 4 } },
        },
      ],
    });
  });

  test('holds no secret, not even the end of one', async () => {
    const { body } = await shown(own);
    expect(JSON.stringify(body)).not.toMatch(/lastFour|wxyz|webhooks\/wh_|secret/i);
  });

  test('of somebody else shows nothing of it', async () => {
    const { body } = await shown(own, { ...caller, tenantId: tenantId.parse('globex') });
    expect(body).toMatchObject({ credentials: [], agents: [], held: 0, totals: { last30d: { in: 0 } } });
  });

  test('says nothing of circuits that are another tenant’s by now', async () => {
    const taken = own.map((row) => (row.pk === `NUMBER#${ids.number}` ? { ...row, tenantId: 'globex' } : row));
    expect((await shown(taken)).body.agents).toMatchObject([{ dispatch: { state: 'active' } }]);
  });

  test('never shows more waiting than can be there still, nor less than nothing', async () => {
    const heldOf = async (held: number, day: string) =>
      (
        await shown(
          own
            .filter(({ sk }) => !sk.startsWith('D#') && !sk.startsWith('NUMBER#'))
            .concat(
              countRow(`NUMBER#${ids.number}`, { phoneNumberId: ids.number, held }) as never,
              countRow(`D#${day}#${ids.credential}`, { [`n:${ids.number}:held`]: 5 }) as never,
            ),
        )
      ).body.held;
    expect(await heldOf(9, '2026-11-25')).toBe(5);
    expect(await heldOf(9, '2026-11-12')).toBe(5);
    expect(await heldOf(9, '2026-11-11')).toBe(0);
    expect(await heldOf(-2, '2026-11-25')).toBe(0);
  });

  test('tells an agent that is bound nowhere apart', async () => {
    const off = agentRecordOf({ whatsapp: { enabled: false } });
    const { body } = await shown([{ ...directoryKey.agent(ids.tenant, ids.agent), ...off }]);
    expect(body.agents).toMatchObject([
      { credentialId: null, phoneNumberId: null, connection: { status: 'disabled', lastInboundAt: null } },
    ]);
  });
});
