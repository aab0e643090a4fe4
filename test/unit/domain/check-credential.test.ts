import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { packParts } from '../../../shared/crypto/secret-parts.ts';
import { type CheckRecord, type CheckWork, checkCredential } from '../../../shared/domain/check-credential.ts';
import { newHealth } from '../../../shared/domain/examine-credential.ts';
import type { Graph, GraphFailure, GraphResult, TokenFacts } from '../../../shared/domain/graph.ts';
import type {
  CredentialHealth,
  CredentialRecord,
  Finding,
  MetaAppRecord,
  NumberRecord,
  Verdict,
} from '../../../shared/domain/records.ts';
import { afterRefusal, isPaused } from '../../../shared/domain/sending-doubt.ts';
import {
  failing,
  goodToken,
  memoryVault,
  ok,
  recordingJournal,
  refusedBy,
  scriptedGraph,
  secretOf,
  silentUsage,
} from '../../support/fakes.ts';
import { appRecord, credentialRecordOf, ids, numberRecordOf } from '../../support/records.ts';

const asked = new Date('2026-11-26T10:00:00.000Z');
const work: CheckWork = {
  kind: 'check-credential',
  tenantId: ids.tenant,
  credentialId: ids.credential,
  secretVersion: 1,
  phoneNumberId: ids.number,
  askedAt: asked.toISOString(),
};
const revoked: GraphFailure = { kind: 'refused', refusal: 'token-invalid', code: 190 };
const goodGraph = {
  inspectToken: () => ok(goodToken),
  readBusinessAccount: () => ok({ name: 'Shop' }),
  listPhoneNumbers: () => ok(credentialRecordOf().phoneNumbers),
} satisfies Partial<Graph>;
const token = (change: Partial<TokenFacts>): Partial<Graph> => ({
  inspectToken: () => ok({ ...goodToken, ...change }),
});

interface World {
  readonly credential?: Partial<CredentialRecord> | null;
  readonly app?: Partial<MetaAppRecord> | null;
  readonly graph?: Partial<Graph>;
  readonly number?: Partial<NumberRecord>;
  /** Milliseconds since it was asked for. */
  readonly later?: number;
  readonly isChangedMeanwhile?: boolean;
  readonly health?: CredentialHealth;
  /** Its entry in the line is leased: it is being checked at this moment. */
  readonly isLeased?: boolean;
  readonly hasSecrets?: boolean;
  /** From the second look on it has other secrets. */
  readonly isReplacedMeanwhile?: boolean;
}

const world = ({ later = 1_000, hasSecrets = true, ...given }: World = {}) => {
  const now = new Date(asked.getTime() + later);
  const doubted = numberRecordOf({ doubt: afterRefusal(numberRecordOf(), revoked, asked) ?? null });
  let number: NumberRecord = { ...doubted, ...given.number };
  const disabled: { readonly credential: CredentialRecord; readonly app: MetaAppRecord; readonly verdict: Verdict }[] =
    [];
  const journal = recordingJournal();
  const graphCalls: string[] = [];
  const recorded: {
    readonly after: CredentialRecord;
    readonly nextCheckAt: string | null;
    readonly moved: CheckRecord['moved'] | undefined;
  }[] = [];
  const vault = memoryVault(
    hasSecrets
      ? {
          [`shared/app_${ids.app}/app-access/1`]: secretOf('the app token'),
          'acme/cred_01J0000000000000000000000A/graph-api/1': () =>
            packParts(SecretBytes.fromText('the token'), SecretBytes.fromText('the proof')),
        }
      : {},
  );
  let looks = 0;
  const script = { ...goodGraph, ...given.graph };
  const run = (change: Partial<CheckWork> = {}) =>
    checkCredential(
      { ...work, ...change },
      {
        credentials: {
          find: () => {
            const isNew = given.isReplacedMeanwhile === true && looks++ > 0;
            const change = isNew ? { secretVersion: 2 } : given.credential;
            return Promise.resolve(change === null ? undefined : credentialRecordOf(change));
          },
          findApp: () => Promise.resolve(given.app === null ? undefined : appRecord(given.app)),
          findHealth: () => Promise.resolve(given.health),
          findNumber: () => Promise.resolve(number),
        },
        verdicts: {
          record: ({ before, after, app, health, moved }) => {
            if (given.isChangedMeanwhile) return Promise.resolve('overtaken');
            if (moved?.from != null && given.isLeased) return Promise.resolve('gone');
            recorded.push({ nextCheckAt: health.nextCheckAt, moved, after });
            if (after.verdict !== null) disabled.push({ credential: before, app, verdict: after.verdict });
            return Promise.resolve('recorded');
          },
        },
        releases: { send: () => Promise.resolve() },
        traffic: { ofNumbers: () => Promise.resolve(new Map()) },
        publicUrl: 'https://switchboard.example',
        sleep: () => Promise.resolve(),
        timeLeft: () => 30_000,
        random: () => 0.5,
        doubts: {
          change: (_was, after, tickets) => {
            expect(tickets).toEqual([]);
            number = { ...number, doubt: after };
            return Promise.resolve(true);
          },
        },
        opener: vault,
        usage: { ...silentUsage, find: () => Promise.resolve(undefined) },
        graph: scriptedGraph({
          ...script,
          inspectToken: (appToken, accessToken) => {
            expect([appToken.revealText(), accessToken.revealText()]).toEqual(['the app token', 'the token']);
            graphCalls.push('inspectToken');
            return script.inspectToken(appToken, accessToken);
          },
        }),
        journal,
        now: () => now,
      },
    );
  return {
    run,
    disabled,
    recorded,
    journal,
    vault,
    graphCalls,
    codes: () => disabled.map(({ verdict }) => verdict.reason.code),
    isPaused: () => isPaused(number, now),
    isAskedAgain: (failure: GraphFailure, milliseconds: number) =>
      afterRefusal(number, failure, new Date(now.getTime() + milliseconds)) !== undefined,
  };
};

/** What Meta says of the credential itself. */
const proofs: readonly (readonly [string, Partial<Graph>, string])[] = [
  ['a revoked token', token({ valid: false, errorCode: 190, errorSubcode: 467 }), 'token-revoked'],
  ['an expired token', token({ valid: false, errorCode: 190, errorSubcode: 463 }), 'token-expired'],
  ['a token that is no token', token({ valid: false, errorCode: 190 }), 'token-invalid'],
  ['a token that Meta just calls invalid', token({ valid: false }), 'token-invalid'],
  ['a token of another app', token({ appId: '1' }), 'token-of-another-app'],
  [
    'a permission that was taken away',
    token({ permissions: new Set(['whatsapp_business_management']) }),
    'permission-missing',
  ],
  ['an App Secret that is refused', { inspectToken: () => refusedBy('app-secret-wrong', 190) }, 'app-secret-wrong'],
  ['an app that is gone', { inspectToken: () => refusedBy('app-unknown', 101) }, 'app-unknown'],
  [
    'an account that the token may not see',
    { readBusinessAccount: () => refusedBy('object-invisible') },
    'business-account-invisible',
  ],
  [
    'an account that is assigned no more',
    { readBusinessAccount: () => refusedBy('permission-missing', 200) },
    'business-account-invisible',
  ],
  ['a token that dies in between', { readBusinessAccount: () => refusedBy('token-invalid', 190) }, 'token-invalid'],
];

/** What says nothing about it. */
const outages: readonly (() => Promise<GraphResult<never>>)[] = [
  () => failing({ kind: 'unknown-outcome' }),
  () => failing({ kind: 'not-sent' }),
  () => refusedBy('temporary', 2),
  () => refusedBy('temporary', 131_016),
  () => refusedBy('rate-limited', 4),
  () => refusedBy('rate-limited', 80_008),
  () => refusedBy('proof-invalid', 100),
  () => refusedBy('other', 100),
  () => refusedBy('other', 9_999),
];

describe('a credential is disabled', () => {
  test.each(proofs)('by %s', async (_what, graph, code) => {
    const it = world({ graph });
    expect(await it.run()).toBe('done');
    expect(it.codes()).toEqual([code]);
    const { verdict } = it.disabled[0] ?? {};
    expect(verdict).toMatchObject({
      status: 'invalid',
      reason: { guidance: expect.stringMatching(/\w+ \w+.*update the credential/s), since: '2026-11-26T10:00:01.000Z' },
    });
    expect(it.journal.counts.get('CredentialsDisabled')).toBe(1);
    expect(JSON.stringify(it.journal.lines)).not.toMatch(/the token|the proof|the app token/);
  });

  test('for the secrets and the App Secret that Meta was asked about', async () => {
    const it = world({ graph: token({ valid: false }) });
    await it.run();
    expect(it.disabled).toMatchObject([{ credential: { secretVersion: 1 }, app: { secretVersion: 1 } }]);
  });

  test('by no check that was overtaken: what is new is judged anew', async () => {
    const it = world({ graph: token({ valid: false }), isChangedMeanwhile: true });
    expect(await it.run()).toEqual({ outcome: 'later' });
    expect(it.journal.counts.get('CredentialsDisabled')).toBeUndefined();
  });
});

describe('the clock, after what a refused send has found,', () => {
  const inMinutes = (minutes: number) => new Date(asked.getTime() + minutes * 60_000).toISOString();
  const healthWith = (nextCheckAt: string | null): CredentialHealth => ({
    ...newHealth(credentialRecordOf(), new Date(inMinutes(-60))),
    nextCheckAt,
  });
  const createdAt = inMinutes(-60 * 24);
  const dead = token({ valid: false, errorCode: 190 });
  /** An hour after the check, and that was a second after it was asked for. */
  const soon = new Date(Date.parse(inMinutes(60)) + 1_000);

  test('comes within the hour rather than in six, so that its end is seen soon', async () => {
    const it = world({ graph: dead, health: healthWith(inMinutes(300)), credential: { createdAt } });
    await it.run();
    const from = `${inMinutes(300)}#${ids.credential}`;
    expect(it.recorded).toMatchObject([{ nextCheckAt: soon.toISOString(), moved: { from, to: soon } }]);
  });

  test('comes when it was to come where that is sooner', async () => {
    const it = world({ graph: dead, health: healthWith(inMinutes(30)) });
    await it.run();
    expect(it.recorded).toMatchObject([{ nextCheckAt: inMinutes(30), moved: undefined }]);
  });

  test('is set up anew where its entry has been lost for a day', async () => {
    const it = world({ graph: dead, health: healthWith(inMinutes(-24 * 60 - 1)), isLeased: true });
    await it.run();
    expect(it.recorded).toMatchObject([{ nextCheckAt: soon.toISOString(), moved: { from: null, to: soon } }]);
  });

  test('that is a day late is put right', async () => {
    const it = world({ graph: dead, health: healthWith(inMinutes(-24 * 60 - 1)) });
    await it.run();
    const from = `${inMinutes(-24 * 60 - 1)}#${ids.credential}`;
    expect(it.recorded).toMatchObject([{ nextCheckAt: soon.toISOString(), moved: { from, to: soon } }]);
  });

  test('is left alone while it has the credential in hand, and the verdict is written all the same', async () => {
    const it = world({ graph: dead, health: healthWith(inMinutes(300)), isLeased: true });
    expect(await it.run()).toBe('done');
    expect(it.recorded).toMatchObject([{ nextCheckAt: inMinutes(300), moved: undefined }]);
    expect(it.codes()).toEqual(['token-invalid']);
  });
});

describe('nothing is asked, opened or written', () => {
  test.each<[string, World]>([
    ['for secrets that were replaced: a late 190 of the old token', { credential: { secretVersion: 2 } }],
    ['for a credential on its way out', { credential: { status: 'removing' } }],
    ['for one that is gone', { credential: null }],
    ['for one whose app is gone', { app: null }],
    [
      'for one that is disabled already',
      {
        credential: {
          verdict: {
            status: 'invalid',
            reason: { code: 'token-revoked', title: '', detail: '', guidance: '', since: asked.toISOString() },
          },
        },
      },
    ],
  ])('%s', async (_what, given) => {
    const it = world({ graph: token({ valid: false, errorCode: 190 }), ...given });
    expect(await it.run()).toBe('done');
    expect([it.disabled, it.graphCalls, it.vault.opened]).toEqual([[], [], []]);
  });
});

describe('what the check does not confirm', () => {
  test('lets the number send at once, and leaves it alone for a while', async () => {
    const it = world();
    expect(await it.run()).toBe('done');
    expect([it.disabled, it.isPaused(), it.isAskedAgain(revoked, 14_999), it.isAskedAgain(revoked, 15_000)]).toEqual([
      [],
      false,
      false,
      true,
    ]);
  });

  test.each(outages.map((answer, index) => [index, answer] as const))(
    'because Meta says nothing of use (%d) lets it send too, and is asked again later, but not for ever',
    async (_index, answer) => {
      for (const call of ['inspectToken', 'readBusinessAccount', 'listPhoneNumbers'] as const) {
        const it = world({ graph: { [call]: answer } });
        expect(await it.run()).toEqual({ outcome: 'later' });
        expect([it.disabled, it.isPaused(), it.isAskedAgain(revoked, 9 * 60_000)]).toEqual([[], false, false]);
        const last = world({ graph: { [call]: answer }, later: 10 * 60_000 });
        expect(await last.run()).toBe('done');
      }
    },
  );

  test('because the secrets were replaced since they were looked up is asked again', async () => {
    const it = world({ hasSecrets: false, isReplacedMeanwhile: true });
    expect(await it.run()).toEqual({ outcome: 'later' });
    expect([it.disabled, it.isPaused()]).toEqual([[], false]);
  });

  test('because a secret was taken away is no matter of Meta’s: it fails, and rings', async () => {
    await expect(world({ hasSecrets: false }).run()).rejects.toMatchObject({ code: 'secret-missing' });
  });

  test('changes nothing of a number that has other secrets or another owner by now', async () => {
    for (const number of [{ secretVersion: 2 }, { credentialId: ids.otherCredential }]) {
      const it = world({ number });
      await it.run();
      expect(it.isPaused()).toBe(true);
    }
  });

  test('by our clock alone: a token that Meta calls valid has not expired', async () => {
    const it = world({ graph: token({ expiresAt: asked }) });
    await it.run();
    expect(it.disabled).toEqual([]);
  });

  test('by a token that Meta could not look at', async () => {
    const it = world({ graph: token({ valid: false, errorCode: 2 }) });
    await it.run();
    expect(it.disabled).toEqual([]);
  });
});

describe('a number from which Meta takes nothing, though the check finds its credential in order,', () => {
  const longDoubted = {
    doubt: {
      code: 10,
      since: asked.toISOString(),
      refusals: 3,
      refusedSince: new Date(asked.getTime() - 31 * 60_000).toISOString(),
      pausedUntil: new Date(asked.getTime() + 60_000).toISOString(),
      quietUntil: asked.toISOString(),
    },
  };
  const sendsRefused: Finding = {
    status: 'degraded',
    reason: { code: 'sends-refused', title: '', detail: '', guidance: '', since: asked.toISOString() },
  };

  test('has a whole check find and tell so, and goes on sending', async () => {
    const it = world({ number: longDoubted });
    expect(await it.run()).toBe('done');
    expect(it.recorded.map(({ after }) => after.finding?.reason.code)).toEqual(['sends-refused']);
    expect([it.disabled, it.isPaused()]).toEqual([[], false]);
  });

  test('once', async () => {
    for (const known of [{ finding: sendsRefused }, { furtherFindings: [sendsRefused] }]) {
      const it = world({ number: longDoubted, credential: known });
      await it.run();
      expect(it.recorded).toEqual([]);
    }
  });

  test('and not where Meta gives no verdict', async () => {
    const it = world({ number: longDoubted, graph: { inspectToken: () => failing({ kind: 'not-sent' }) } });
    expect(await it.run()).toEqual({ outcome: 'later' });
    expect(it.recorded).toEqual([]);
  });
});

test('no sequence of outages and limits disables, and a proof does whatever came before it', async () => {
  const anOutage = fc.record({
    call: fc.constantFrom('inspectToken', 'readBusinessAccount', 'listPhoneNumbers'),
    answer: fc.constantFrom(...outages),
    later: fc.integer({ min: 0, max: 20 * 60_000 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(anOutage, { maxLength: 20 }),
      fc.constantFrom(...proofs),
      async (before, [, graph, code]) => {
        for (const { call, answer, later } of before) {
          const it = world({ graph: { [call]: answer }, later });
          await it.run();
          expect(it.disabled).toEqual([]);
          expect(it.isPaused()).toBe(false);
        }
        const it = world({ graph });
        expect(await it.run()).toBe('done');
        expect(it.codes()).toEqual([code]);
      },
    ),
    { numRuns: 50 },
  );
});

test('whatever comes of it, what was opened is wiped and stands in the user’s list', async () => {
  for (const graph of [{}, token({ valid: false }), { inspectToken: outages[0] ?? goodGraph.inspectToken }]) {
    const it = world({ graph });
    await it.run();
    expect(it.vault.opened.map(({ identity, openedFor }) => [identity.purpose, openedFor])).toEqual([
      ['app-access', { tenantId: ids.tenant, subjectId: ids.credential }],
      ['graph-api', { tenantId: ids.tenant, subjectId: ids.credential }],
    ]);
    for (const secret of it.vault.handedOut) expect(() => secret.bytes()).toThrow('disposed');
  }
});
