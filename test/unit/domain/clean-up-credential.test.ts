import { beforeEach, describe, expect, test } from 'vitest';
import type { LeftAtMeta } from '../../../shared/contracts/credential.ts';
import { tenantId, wabaId } from '../../../shared/contracts/ids.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { packParts } from '../../../shared/crypto/secret-parts.ts';
import { cleanUpCredential } from '../../../shared/domain/clean-up-credential.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import type { AppSubscription, Graph } from '../../../shared/domain/graph.ts';
import type { CredentialRecord, MetaAppRecord } from '../../../shared/domain/records.ts';
import { failing, memoryVault, ok, recordingJournal, refusedBy, scriptedGraph } from '../../support/fakes.ts';
import { appRecord, credentialRecordOf, ids } from '../../support/records.ts';

const ours = `https://switchboard.example/webhooks/${ids.webhook}`;
const ourApp = `https://switchboard.example/webhooks/${ids.appWebhook}`;
const former = 'https://former.example/hook?key=theirs';
const now = new Date('2026-11-22T10:00:00Z');

const meta = {
  subscription: null as AppSubscription | null,
  account: null as { override: string | null } | null,
  callbacks: {} as Record<string, string>,
  calls: [] as string[],
};
let finished: readonly LeftAtMeta[] | undefined;
let removedApps: number;
let handedOver: string[];
let setUps: string[];
let unbound: string[];
let forgotten: string[];

beforeEach(() => {
  meta.subscription = { callbackUrl: ourApp, fields: ['messages'] };
  meta.account = { override: null };
  meta.callbacks = { [ids.number]: ours };
  meta.calls = [];
  finished = undefined;
  removedApps = 0;
  handedOver = [];
  setUps = [];
  unbound = [];
  forgotten = [];
});

const graph = (change: Partial<Graph> = {}): Graph =>
  scriptedGraph({
    readNumberCallback: (_access, number) => ok(meta.callbacks[number] ?? null),
    overrideNumberCallback: (_access, number, url, verifyToken) => {
      meta.calls.push(`restore ${number} with ${verifyToken}`);
      meta.callbacks[number] = url;
      return ok(undefined);
    },
    clearNumberCallback: (_access, number) => {
      meta.calls.push(`clear ${number}`);
      delete meta.callbacks[number];
      return ok(undefined);
    },
    listSubscribedApps: () => ok(meta.account === null ? [] : [{ appId: ids.app, override: meta.account.override }]),
    unsubscribeBusinessAccount: () => {
      meta.calls.push('unsubscribe account');
      meta.account = null;
      return ok(undefined);
    },
    readAppSubscription: () => ok(meta.subscription),
    unsubscribeApp: () => {
      meta.calls.push('unsubscribe app');
      meta.subscription = null;
      return ok(undefined);
    },
    ...change,
  });

const removing = (change: Partial<CredentialRecord> = {}): CredentialRecord =>
  credentialRecordOf({
    status: 'removing',
    claimedNumbers: {},
    madeAtMeta: { account: 'made', numbers: { [ids.number]: { formerCallback: null } } },
    removal: {
      requestedAt: '2026-11-22T09:59:00Z',
      shredAt: '2026-11-25T08:59:00Z',
      agentIds: [ids.agent],
      finishedAt: null,
    },
    ...change,
  });

interface Scene {
  readonly credential?: CredentialRecord;
  readonly app?: Partial<MetaAppRecord>;
  readonly others?: readonly CredentialRecord[];
  readonly inUse?: () => readonly CredentialRecord[];
  readonly graph?: Partial<Graph>;
  readonly at?: Date;
  readonly without?: 'clean-up';
  readonly finishes?: boolean;
  readonly refusing?: boolean;
  /** False: the other one is being removed itself. */
  readonly takesOver?: boolean;
  /** False: the app changed at the same moment. */
  readonly removesApp?: boolean;
}

const cleanUp = async (scene: Scene = {}) => {
  const vault = memoryVault({
    ...(scene.without === 'clean-up'
      ? {}
      : {
          [`acme/${ids.credential}/clean-up/1`]: () =>
            packParts(...['token', 'proof', 'app|secret'].map((text) => SecretBytes.fromText(text))),
        }),
    [`acme/${ids.credential}/former-callback/1`]: () => SecretBytes.fromText('their verify token'),
  });
  const outcome = await cleanUpCredential(
    { tenantId: ids.tenant, credentialId: ids.credential },
    {
      credentials: {
        find: () => Promise.resolve(scene.credential ?? removing()),
        findApp: () => Promise.resolve(appRecord({ credentialCount: 0, subscriptionMade: true, ...scene.app })),
        inUse: () => Promise.resolve(scene.inUse?.() ?? scene.others ?? []),
      },
      removals: {
        unbindAgent: (_credential, agentId) => Promise.resolve(void unbound.push(agentId)),
        handOver: ({ credentialId }) => {
          handedOver.push(credentialId);
          return Promise.resolve(scene.takesOver ?? true);
        },
        removeApp: () => {
          removedApps++;
          return Promise.resolve(scene.removesApp ?? true);
        },
        forgetProof: ({ tenantId }) => Promise.resolve(void forgotten.push(tenantId)),
        finish: (_credential, left) => {
          finished = left;
          return Promise.resolve(scene.finishes ?? true);
        },
      },
      requestSetUp: ({ credentialId }) => Promise.resolve(void setUps.push(credentialId)),
      vault: scene.refusing ? { open: () => Promise.reject(new Fault('secret-refused', { retryable: false })) } : vault,
      graph: graph(scene.graph),
      journal: recordingJournal(),
      now: () => scene.at ?? now,
    },
  );
  for (const secret of vault.handedOut) expect(() => secret.bytes()).toThrow('disposed');
  return outcome;
};

const withFormer = (change: Partial<CredentialRecord> = {}) =>
  removing({ madeAtMeta: { account: 'found', numbers: { [ids.number]: { formerCallback: former } } }, ...change });
const other = credentialRecordOf({ credentialId: ids.otherCredential });

test('the last credential of an app takes everything along that was made for it', async () => {
  expect(await cleanUp()).toBe('done');
  expect(meta.calls).toEqual([`clear ${ids.number}`, 'unsubscribe account', 'unsubscribe app']);
  expect(finished).toEqual([]);
  expect(removedApps).toBe(1);
  expect(unbound).toEqual([ids.agent]);
});

test('a second run finds nothing to do at Meta', async () => {
  await cleanUp();
  meta.calls = [];
  await cleanUp();
  expect(meta.calls).toEqual([]);
});

test('what was there before us stays', async () => {
  await cleanUp({
    credential: removing({ madeAtMeta: { account: 'found', numbers: {} } }),
    app: { subscriptionMade: false },
  });
  expect(meta.calls).toEqual([]);
  expect(finished).toEqual([]);
});

test('what somebody has changed since is theirs', async () => {
  meta.callbacks[ids.number] = 'https://later.example/hook';
  meta.subscription = { callbackUrl: 'https://later.example/hook', fields: ['messages'] };
  meta.account = { override: 'https://later.example/hook' };
  await cleanUp();
  expect(meta.calls).toEqual([]);
  expect(finished).toMatchObject([{ level: 'account', id: ids.waba }]);
});

describe('another credential of the app', () => {
  test('keeps the app’s subscription and its record', async () => {
    await cleanUp({
      app: { credentialCount: 1 },
      others: [credentialRecordOf({ credentialId: ids.otherCredential, wabaId: wabaId.parse('2099999999') })],
    });
    expect(meta.calls).toEqual([`clear ${ids.number}`, 'unsubscribe account']);
    expect(removedApps).toBe(0);
  });

  test('of the same account takes its subscription over', async () => {
    await cleanUp({ app: { credentialCount: 1 }, others: [other] });
    expect(meta.calls).toEqual([`clear ${ids.number}`]);
    expect(handedOver).toEqual([ids.otherCredential]);
  });

  test('of the same account that is being removed itself takes nothing over: the subscription goes', async () => {
    await cleanUp({ app: { credentialCount: 1 }, others: [other], takesOver: false });
    expect(meta.calls).toEqual([`clear ${ids.number}`, 'unsubscribe account']);
  });

  test('that came while the subscriptions were being ended is set up again', async () => {
    // Nobody is there when it looks; somebody has come when it has ended each subscription.
    const looks: (readonly CredentialRecord[])[] = [[], [other], [other]];
    await cleanUp({ inUse: () => looks.shift() ?? [] });
    expect(meta.calls).toEqual([`clear ${ids.number}`, 'unsubscribe account', 'unsubscribe app']);
    expect(setUps).toEqual([ids.otherCredential, ids.otherCredential]);
  });
});

describe('a callback of somebody else that was replaced with consent', () => {
  test('is given back with its verify token', async () => {
    await cleanUp({ credential: withFormer({ formerCallbackVersion: 1 }) });
    expect(meta.callbacks[ids.number]).toBe(former);
    expect(meta.calls).toContain(`restore ${ids.number} with their verify token`);
    expect(finished).toEqual([]);
  });

  test('without its verify token is named, without what its query may hold', async () => {
    await cleanUp({ credential: withFormer() });
    expect(meta.callbacks).toEqual({});
    expect(finished).toMatchObject([{ level: 'number', id: ids.number }]);
    expect(JSON.stringify(finished)).toContain('https://former.example/hook');
    expect(JSON.stringify(finished)).not.toContain('theirs');
  });

  test('that refuses the verify token is named, and ours goes all the same', async () => {
    await cleanUp({
      credential: withFormer({ formerCallbackVersion: 1 }),
      graph: { overrideNumberCallback: () => refusedBy('callback-refused', 2200) },
    });
    expect(meta.callbacks).toEqual({});
    expect(finished).toMatchObject([{ level: 'number', id: ids.number }]);
  });

  test('is named also by a second run that finds ours cleared already', async () => {
    meta.callbacks = {};
    await cleanUp({ credential: withFormer() });
    expect(finished).toMatchObject([{ level: 'number', id: ids.number }]);
  });
});

describe('a dead token', () => {
  const dead = () => refusedBy('token-invalid', 190);

  test('ends the clean-up at once: what is left is named, and the app’s own subscription goes', async () => {
    expect(await cleanUp({ graph: { readNumberCallback: dead, listSubscribedApps: dead } })).toBe('done');
    expect(finished?.map(({ level, id }) => `${level} ${id}`)).toEqual([`number ${ids.number}`, `account ${ids.waba}`]);
    for (const { detail, guidance } of finished ?? []) {
      expect(detail).toContain('the access token no longer works');
      expect(guidance).toMatch(/\w+ \w+/);
    }
    expect(meta.calls).toEqual(['unsubscribe app']);
  });

  test('names the callback that was there before as well, without what its query may hold', async () => {
    await cleanUp({ credential: withFormer(), graph: { readNumberCallback: dead } });
    expect(finished?.[0]).toMatchObject({
      level: 'number',
      detail: expect.stringContaining('https://former.example/hook'),
    });
    expect(JSON.stringify(finished)).not.toContain('theirs');
  });
});

describe('Meta’s silence', () => {
  const silent = () => failing({ kind: 'unknown-outcome' });

  test.each([
    ['at the numbers', { readNumberCallback: silent }],
    ['when the callback is cleared', { clearNumberCallback: silent }],
    ['at the account', { listSubscribedApps: silent }],
    ['at the app', { unsubscribeApp: silent }],
    ['or a limit of Meta’s', { readNumberCallback: () => refusedBy('rate-limited', 80008) }],
  ] as const)('%s puts it off, and nothing is shredded yet', async (_where, change) => {
    expect(await cleanUp({ graph: change })).toEqual({ outcome: 'later', deadline: new Date('2026-11-25T08:59:00Z') });
    expect(finished).toBeUndefined();
  });

  test('until the time to shred has come: then everything is named, and nothing is asked any more', async () => {
    expect(await cleanUp({ at: new Date('2026-11-25T08:59:00Z'), graph: { readNumberCallback: silent } })).toBe('done');
    expect(finished?.map(({ level }) => level)).toEqual(['number', 'account', 'app']);
    expect(meta.calls).toEqual([]);
  });
});

test('a secret that may not be opened at this moment is tried again, and nothing is shredded yet', async () => {
  expect(await cleanUp({ refusing: true })).toEqual({ outcome: 'later', deadline: new Date('2026-11-25T08:59:00Z') });
  expect(finished).toBeUndefined();
});

test('callbacks of several systems get no verify token: one would be told that of another', async () => {
  const numbers = {
    [ids.number]: { formerCallback: former },
    [ids.otherNumber]: { formerCallback: 'https://another.example/hook' },
  };
  meta.callbacks = { [ids.number]: ours, [ids.otherNumber]: ours };
  await cleanUp({ credential: removing({ madeAtMeta: { account: 'found', numbers }, formerCallbackVersion: 1 }) });
  expect(meta.calls.filter((call) => call.startsWith('restore'))).toEqual([]);
  expect(finished?.map(({ id }) => id)).toEqual([ids.number, ids.otherNumber]);
});

test('that has become the last of its app while it was at it ends the app’s subscription after all', async () => {
  const counts = [1, 1, 0];
  const app = {
    get credentialCount() {
      return counts.shift() ?? 0;
    },
  };
  expect(await cleanUp({ app })).toBe('again');
});

test('a change that got in between makes it look again', async () => {
  expect(await cleanUp({ finishes: false })).toBe('again');
  finished = undefined;
  expect(await cleanUp({ removesApp: false })).toBe('again');
  expect(finished, 'the secrets of the app are not left behind').toBeUndefined();
});

test('what a tenant has proved of the App Secret counts until its last credential of the app is gone', async () => {
  const ofAnother = { ...other, tenantId: tenantId.parse('globex') };
  await cleanUp({ app: { credentialCount: 1 }, others: [other] });
  expect(forgotten).toEqual([]);
  await cleanUp({ app: { credentialCount: 1 }, others: [ofAnother] });
  expect(forgotten).toEqual([ids.tenant]);
});

test('a secret that is gone leaves nothing to be done but to say so', async () => {
  expect(await cleanUp({ without: 'clean-up' })).toBe('done');
  expect(finished?.map(({ level }) => level)).toEqual(['number', 'account', 'app']);
});

test.each([
  ['that is not being removed', credentialRecordOf()],
  [
    'whose removal is finished',
    removing({
      removal: {
        requestedAt: '2026-11-22T09:59:00Z',
        shredAt: '2026-11-25T08:59:00Z',
        agentIds: [],
        finishedAt: '2026-11-22T10:00:00Z',
      },
    }),
  ],
])('a credential %s is left alone', async (_what, credential) => {
  expect(await cleanUp({ credential })).toBe('done');
  expect(meta.calls).toEqual([]);
  expect(finished).toBeUndefined();
});
