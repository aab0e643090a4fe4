import { describe, expect, test } from 'vitest';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { packParts } from '../../../shared/crypto/secret-parts.ts';
import { examineCredential } from '../../../shared/domain/examine-credential.ts';
import type { Graph, GraphResult } from '../../../shared/domain/graph.ts';
import type { NumberActivity } from '../../../shared/domain/number-activity.ts';
import type { CredentialHealth, CredentialRecord } from '../../../shared/domain/records.ts';
import {
  failing,
  goodToken,
  memoryVault,
  ok,
  refusedBy,
  scriptedGraph,
  secretOf,
  silentUsage,
} from '../../support/fakes.ts';
import { appRecord, credentialRecordOf, ids, numberRecordOf } from '../../support/records.ts';

const now = new Date('2026-11-26T10:00:00.000Z');
const publicUrl = 'https://switchboard.example';
const revoked = { ...goodToken, valid: false, errorCode: 190, errorSubcode: 467 };
const ownUrl = `${publicUrl}/webhooks/${ids.webhook}`;
const inOrder = {
  inspectToken: () => ok(goodToken),
  readBusinessAccount: () => ok({ name: 'Shop' }),
  listPhoneNumbers: () => ok(credentialRecordOf().phoneNumbers),
  readAccountHealth: () => ok({ canSend: 'AVAILABLE', problem: null, entity: null }),
  readNumberHealth: () =>
    ok({
      canSend: 'AVAILABLE',
      problem: null,
      platformType: 'CLOUD_API',
      throughput: 'STANDARD',
      nameStatus: 'APPROVED',
    }),
  readAppSubscription: () => ok({ callbackUrl: `${publicUrl}/webhooks/${ids.appWebhook}`, fields: ['messages'] }),
  listSubscribedApps: () => ok([{ appId: ids.app, override: null }]),
  readNumberCallback: () => ok(ownUrl),
} satisfies Partial<Graph>;

/** Written to every few hours on many days. */
const usualTraffic: NumberActivity = {
  firstInboundAt: '2026-10-01T10:00:00.000Z',
  lastInboundAt: '2026-11-26T09:00:00.000Z',
  lastOutboundAt: null,
  longestGapSeconds: 3_600,
  activeDays: 40,
  held: 0,
};

interface World {
  readonly graph?: Partial<Graph>;
  readonly credential?: Partial<CredentialRecord>;
  readonly health?: Partial<CredentialHealth>;
  readonly traffic?: Partial<NumberActivity>;
  readonly timeLeft?: () => number;
}

const healthOf = (change: Partial<CredentialHealth> = {}): CredentialHealth => ({
  tenantId: ids.tenant,
  credentialId: ids.credential,
  triedAt: '2026-11-26T04:00:00.000Z',
  checkedAt: '2026-11-26T04:00:00.000Z',
  misses: 0,
  checks: [{ check: 'app', verdict: 'passed', detail: 'As it was before.' }],
  unanswered: null,
  appSeenAt: '2026-11-26T04:00:00.000Z',
  account: { canSend: 'LIMITED', problem: 'As it was before.', entity: 'WABA' },
  numbers: {
    [ids.number]: { canSend: 'LIMITED', problem: null, platformType: 'CLOUD_API', throughput: null, nameStatus: null },
  },
  nextCheckAt: null,
  ...change,
});

const examine = async ({ graph = {}, credential = {}, health, traffic, timeLeft = () => 30_000 }: World = {}) => {
  const calls: string[] = [];
  const pauses: number[] = [];
  const vault = memoryVault({
    [`shared/app_${ids.app}/app-access/1`]: secretOf('the app token'),
    [`acme/${ids.credential}/graph-api/1`]: () =>
      packParts(SecretBytes.fromText('the token'), SecretBytes.fromText('the proof')),
  });
  const script = scriptedGraph({ ...inOrder, ...graph });
  const counted = new Proxy(script, {
    get:
      (target, name: keyof Graph) =>
      (...args: never[]) => {
        calls.push(name);
        return (target[name] as (...given: never[]) => unknown)(...args);
      },
  });
  const record = credentialRecordOf(credential);
  const examined = {
    credential: record,
    app: appRecord(),
    health: health === undefined ? undefined : healthOf(health),
  };
  const result = await examineCredential(examined, {
    credentials: {
      find: () => Promise.resolve(record),
      findApp: () => Promise.resolve(appRecord()),
      findNumber: () => Promise.resolve(numberRecordOf({ deliversSince: now.toISOString() })),
    },
    traffic: { ofNumbers: () => Promise.resolve(new Map(traffic && [[ids.number, { ...usualTraffic, ...traffic }]])) },
    opener: vault,
    graph: counted,
    usage: silentUsage,
    publicUrl,
    now: () => now,
    sleep: (milliseconds) => Promise.resolve(void pauses.push(milliseconds)),
    timeLeft,
  });
  for (const secret of vault.handedOut) expect(() => secret.bytes()).toThrow('disposed');
  return { ...result, calls, pauses };
};

/** Answers these, one after the other, and the last for ever. */
const inTurn = <T>(...answers: readonly (() => Promise<GraphResult<T>>)[]) => {
  let turn = 0;
  return () => (answers[Math.min(turn++, answers.length - 1)] ?? (() => failing({ kind: 'not-sent' })))();
};
const away = () => failing({ kind: 'unknown-outcome' });

describe('a credential that is in order', () => {
  test('is vouched for by seven calls, and one for the app once a day', async () => {
    const first = await examine();
    expect(first.evidence).toMatchObject({
      evidence: 'vouched',
      seen: { findings: [], drift: null, isAccountAvailable: true },
    });
    expect(first.calls).toEqual([
      'inspectToken',
      'readBusinessAccount',
      'listPhoneNumbers',
      'readAccountHealth',
      'readNumberHealth',
      'readAppSubscription',
      'listSubscribedApps',
      'readNumberCallback',
    ]);
    expect(first.health).toMatchObject({ triedAt: now.toISOString(), appSeenAt: now.toISOString(), misses: 0 });
    const again = await examine({ health: {} });
    expect(again.calls).toHaveLength(7);
    expect(again.health.appSeenAt).toBe('2026-11-26T04:00:00.000Z');
    expect((await examine({ health: { appSeenAt: '2026-11-25T10:00:00.000Z' } })).calls).toHaveLength(8);
  });

  test('whose webhook was changed is looked at on all levels', async () => {
    const { calls } = await examine({ health: {}, credential: { webhookState: 'drifted' } });
    expect(calls).toContain('readAppSubscription');
  });
});

describe('one bad answer', () => {
  test('does not refute a credential that works: Meta has to say it twice', async () => {
    const once = await examine({
      graph: {
        inspectToken: inTurn(
          () => ok(revoked),
          () => ok(goodToken),
        ),
      },
    });
    expect([once.evidence.evidence, once.pauses]).toEqual(['vouched', [1_500]]);
    const twice = await examine({ graph: { inspectToken: () => ok(revoked) } });
    expect(twice.evidence.evidence).toBe('refuted');
    const between = await examine({ graph: { inspectToken: inTurn(() => ok(revoked), away) } });
    expect(between.evidence.evidence).toBe('none');
  });

  test('does not make Meta unreachable', async () => {
    const { evidence, isOutage } = await examine({
      graph: { readBusinessAccount: inTurn(away, () => ok({ name: null })) },
    });
    expect([evidence.evidence, isOutage]).toEqual(['vouched', false]);
  });

  test('of a credential that is disabled already is enough', async () => {
    const reason = { code: 'token-revoked', title: '', detail: '', guidance: '', since: now.toISOString() };
    const it = await examine({
      graph: { inspectToken: () => ok(revoked) },
      credential: { verdict: { status: 'invalid', reason } },
    });
    expect([it.evidence.evidence, it.pauses]).toEqual(['refuted', []]);
  });

  test('is all there is where nobody waits for a second', async () => {
    const it = await examine({ graph: { inspectToken: () => ok(revoked) }, timeLeft: () => 17_000 });
    expect([it.evidence.evidence, it.pauses]).toEqual(['refuted', []]);
  });
});

describe('no verdict', () => {
  test.each([
    ['no answer', away, true],
    ['an error of Meta', () => refusedBy('temporary', 2), true],
    ['a limit', () => refusedBy('rate-limited', 80_008), false],
    ['a code that nobody knows', () => refusedBy('other', 9_999), false],
    ['a proof that is being made anew', () => refusedBy('proof-invalid', 100), false],
  ] as const)('is %s, twice; what was seen before stays', async (_what, answer, isOutage) => {
    const it = await examine({ graph: { readBusinessAccount: answer }, health: { misses: 2 } });
    expect(it.evidence).toEqual({ evidence: 'none', isVouchedFor: false, misses: 3 });
    expect(it.isOutage).toBe(isOutage);
    const { triedAt, misses, unanswered: _, ...kept } = it.health;
    expect([triedAt, misses]).toEqual([now.toISOString(), 3]);
    expect(healthOf()).toMatchObject(kept);
  });

  test.each([
    ['2026-11-26T09:45:00.000Z', true],
    ['2026-11-26T09:44:59.999Z', false],
    [null, false],
  ])('is made up for by what Meta took from a number within 15 minutes: %s', async (lastOutboundAt, isVouchedFor) => {
    const it = await examine({
      graph: { inspectToken: away },
      traffic: { lastOutboundAt },
    });
    expect(it.evidence).toEqual({ evidence: 'none', isVouchedFor, misses: 1 });
  });
});

test.each<[string, Graph['readBusinessAccount'], unknown]>([
  ['a limit', () => refusedBy('rate-limited', 80_008), { code: 80_008 }],
  ['a code that nobody knows', () => refusedBy('other', 9_999), { code: 9_999 }],
  ['nothing', () => failing({ kind: 'not-sent' }), null],
])(
  'what Meta answers instead of a verdict is kept until there is one: %s',
  async (_what, readBusinessAccount, kept) => {
    const silent = await examine({ graph: { readBusinessAccount } });
    expect(silent.health.unanswered).toEqual(kept);
    expect((await examine({ health: { unanswered: { code: 1 } } })).health.unanswered).toBeNull();
  },
);

describe('what is not needed for the verdict', () => {
  test.each(['readAccountHealth', 'readNumberHealth', 'listSubscribedApps'] as const)(
    'may fail (%s): what was known stays known',
    async (call) => {
      const it = await examine({ graph: { [call]: away }, health: {} });
      expect(it.evidence.evidence).toBe('vouched');
      if (call === 'readAccountHealth') expect(it.health.account).toEqual(healthOf().account);
      if (call === 'readNumberHealth') expect(it.health.numbers).toEqual(healthOf().numbers);
      if (call === 'listSubscribedApps') expect(it.evidence).toMatchObject({ seen: { drift: undefined } });
    },
  );

  test('that does not speak of the account itself lifts no stop of it', async () => {
    const it = await examine({
      graph: { readAccountHealth: () => ok({ canSend: null, problem: null, entity: null }) },
    });
    expect(it.evidence).toMatchObject({ seen: { isAccountAvailable: false } });
  });

  test('is not begun without time for it, and not waited for beyond that: the verdict is there', async () => {
    const late = await examine({ timeLeft: () => 6_000 });
    expect(late.calls).toEqual(['inspectToken', 'readBusinessAccount', 'listPhoneNumbers']);
    expect(late.evidence.evidence).toBe('vouched');
    const never = new Promise<never>(() => undefined);
    const hangs = await examine({ graph: { listSubscribedApps: () => never }, timeLeft: () => 6_050 });
    expect(hangs.evidence).toMatchObject({ evidence: 'vouched', seen: { drift: undefined } });
  }, 20_000);
});

test.each([
  ['a number that nobody has seen', { readNumberCallback: () => refusedBy('object-invisible') }, 'webhook-drifted'],
  ['a number of others', { readNumberCallback: () => refusedBy('permission-missing', 200) }, 'webhook-drifted'],
  ['a number that Meta does not show for the moment', { readNumberCallback: away }, undefined],
  ['a limit', { readNumberCallback: () => refusedBy('rate-limited', 80_008) }, undefined],
] satisfies [string, Partial<Graph>, string | undefined][])('the callback of %s', async (_what, graph, code) => {
  const it = await examine({ graph });
  const seen = it.evidence.evidence === 'vouched' ? it.evidence.seen : undefined;
  expect(seen?.drift?.code).toBe(code);
  // Neither has it been repaired.
  expect(seen?.drift).not.toBeNull();
});

describe('a number that used to be written to', () => {
  const silent = { lastInboundAt: '2026-11-20T10:00:00.000Z' };

  test.each<[string, Partial<CredentialRecord>]>([
    ['since its webhook was repaired', { webhookConfiguredAt: '2026-11-26T04:00:00.000Z' }],
    [
      'while the credential was of no use',
      {
        verdict: {
          status: 'invalid',
          reason: { code: 'app-secret-wrong', title: '', detail: '', guidance: '', since: '2026-11-21T10:00:00.000Z' },
        },
      },
    ],
  ])('is not called silent for what was missed: %s', async (_what, credential) => {
    expect(await examine({ traffic: silent, credential })).toMatchObject({ evidence: { seen: { findings: [] } } });
  });
});

test('a number that is silent is found by its traffic', async () => {
  const it = await examine({
    traffic: { lastInboundAt: '2026-11-20T10:00:00.000Z' },
    credential: { webhookConfiguredAt: '2026-11-01T10:00:00.000Z' },
  });
  expect(it.evidence).toMatchObject({
    seen: {
      findings: [{ status: 'degraded', reason: { code: 'number-silent', since: '2026-11-20T10:00:00.000Z' } }],
    },
  });
});
