import { beforeEach, describe, expect, test } from 'vitest';
import type { Reason, WebhookState } from '../../../shared/contracts/credential.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { packParts } from '../../../shared/crypto/secret-parts.ts';
import type { AppSubscription, Graph } from '../../../shared/domain/graph.ts';
import type { CredentialRecord, MetaAppRecord } from '../../../shared/domain/records.ts';
import { type Made, setUpWebhook } from '../../../shared/domain/set-up-webhook.ts';
import { hashOfVerifyToken } from '../../../shared/domain/webhook-address.ts';
import {
  failing,
  memoryVault,
  ok,
  recordingJournal,
  refusedBy,
  scriptedGraph,
  secretOf,
  silentUsage,
} from '../../support/fakes.ts';
import { appRecord, credentialRecordOf, ids } from '../../support/records.ts';

const publicUrl = 'https://switchboard.example';
const ours = `${publicUrl}/webhooks/${ids.webhook}`;
const appUrl = `${publicUrl}/webhooks/${ids.appWebhook}`;

/** Meta's side of one app, one account and its numbers, which keeps what it is told. */
const meta = {
  subscription: null as AppSubscription | null,
  subscribedApps: [] as string[],
  callbacks: {} as Record<string, string>,
  calls: [] as string[],
};
let tokens: { readonly webhookId: string; readonly target: string; readonly hash: string }[];
let presented: string[];
let outcome: string;

beforeEach(() => {
  meta.subscription = null;
  meta.subscribedApps = [];
  meta.callbacks = {};
  meta.calls = [];
  tokens = [];
  presented = [];
  made = [];
});

/** A handshake inside the call: the token that Meta presents must be known by then. */
const handshake = (verifyToken: string) => {
  presented.push(verifyToken);
  expect(tokens.map(({ hash }) => hash)).toContain(hashOfVerifyToken(verifyToken));
};

const graph = (change: Partial<Graph> = {}): Graph =>
  scriptedGraph({
    readAppSubscription: () => ok(meta.subscription),
    subscribeApp: (_token, _app, subscription, verifyToken) => {
      meta.calls.push(`subscribe app to ${subscription.fields[0]}${subscription.fields.length > 1 ? ' and more' : ''}`);
      handshake(verifyToken);
      meta.subscription = subscription;
      return ok(undefined);
    },
    listSubscribedApps: () => ok(meta.subscribedApps.map((appId) => ({ appId, override: null }))),
    subscribeBusinessAccount: () => {
      meta.calls.push('subscribe account');
      meta.subscribedApps.push(ids.app);
      return ok(undefined);
    },
    readNumberCallback: (_access, number) => ok(meta.callbacks[number] ?? null),
    overrideNumberCallback: (_access, number, url, verifyToken) => {
      meta.calls.push(`override ${number}`);
      handshake(verifyToken);
      meta.callbacks[number] = url;
      return ok(undefined);
    },
    clearNumberCallback: (_access, number) => {
      meta.calls.push(`clear ${number}`);
      delete meta.callbacks[number];
      return ok(undefined);
    },
    ...change,
  });

/** What was written down as made at Meta, and how many calls had been made by then. */
let made: { readonly made: Made; readonly after: number }[];

const run = async (
  credential: Partial<CredentialRecord> = {},
  change: Partial<Graph> = {},
  options: {
    readonly reclaim?: boolean;
    readonly timeLeft?: number;
    readonly app?: Partial<MetaAppRecord>;
    /** From the second look on the fixture's number is claimed again. */
    readonly nowClaimed?: boolean;
  } = {},
) => {
  const recorded: { readonly state: WebhookState; readonly reason: Reason | null }[] = [];
  const vault = memoryVault({
    [`shared/app_${ids.app}/app-access/1`]: secretOf('app|secret'),
    [`acme/${ids.credential}/graph-api/1`]: () =>
      packParts(SecretBytes.fromText('token'), SecretBytes.fromText('proof')),
  });
  let finds = 0;
  outcome = await setUpWebhook(
    { tenantId: ids.tenant, credentialId: ids.credential, reclaim: options.reclaim ?? false },
    {
      credentials: {
        find: () => Promise.resolve(credentialRecordOf(options.nowClaimed && finds++ > 0 ? {} : credential)),
        findApp: () => Promise.resolve(appRecord(options.app)),
        inUse: () => Promise.resolve([]),
        recordMade: (_credential, entry) => {
          made.push({ made: entry, after: meta.calls.length });
          return Promise.resolve();
        },
        recordWebhook: (_credential, webhook) => {
          recorded.push(webhook);
          return Promise.resolve();
        },
      },
      noteAwaiting: () => Promise.resolve(),
      webhooks: {
        addVerifyToken: (webhookId, target, hash) => {
          tokens.push({ webhookId, target, hash });
          return Promise.resolve();
        },
      },
      vault,
      usage: silentUsage,
      graph: graph(change),
      journal: recordingJournal(),
      publicUrl,
      now: () => new Date('2026-11-22T10:00:00Z'),
      timeLeft: () => options.timeLeft ?? 30_000,
    },
  );
  for (const secret of vault.handedOut) expect(() => secret.bytes()).toThrow('disposed');
  return recorded;
};

test('a fresh app, account and number are set up in the only order that Meta accepts', async () => {
  expect(await run()).toMatchObject([{ state: 'configured', reason: null }]);
  expect(meta.calls).toEqual(['subscribe app to messages and more', 'subscribe account', `override ${ids.number}`]);
  expect(meta.subscription?.callbackUrl).toBe(appUrl);
  expect(meta.callbacks[ids.number]).toBe(ours);
});

test('a repeat changes nothing at Meta', async () => {
  await run();
  meta.calls = [];
  expect(await run()).toMatchObject([{ state: 'configured' }]);
  expect(meta.calls).toEqual([]);
});

test('the account is never subscribed again once it is: that would delete overrides', async () => {
  meta.subscribedApps = [ids.app, '1'];
  await run();
  expect(meta.calls).not.toContain('subscribe account');
});

test('every configuration makes a verify token of its own, and only its hash is kept', async () => {
  await run();
  expect(new Set(presented).size).toBe(2);
  for (const token of presented) expect(JSON.stringify(tokens)).not.toContain(token);
  expect(tokens.map(({ target }) => target)).toEqual(['app', `number:${ids.number}`]);
});

test('numbers that are not claimed keep their callback', async () => {
  await run({ claimedNumbers: {} });
  expect(meta.callbacks).toEqual({});
});

test.each([
  ['calls cost no notices of the account', 'calls', ['messages', 'account_update']],
  ['notices of the account cost no messages', 'account_update', ['messages']],
])('refused %s', async (_what, refusedField, kept) => {
  let taken: readonly string[] = [];
  const subscribeApp: Graph['subscribeApp'] = (_token, _app, { fields }) => {
    if (fields.includes(refusedField)) return refusedBy('other');
    taken = fields;
    return ok(undefined);
  };
  expect(await run({}, { subscribeApp })).toMatchObject([{ state: 'configured' }]);
  expect(taken).toEqual(expect.arrayContaining([...kept]));
  expect(taken).not.toContain(refusedField);
});

test('refused messages are told to the user', async () => {
  const subscribeApp: Graph['subscribeApp'] = () => refusedBy('other');
  expect(await run({}, { subscribeApp })).toMatchObject([{ state: 'action_required' }]);
});

test('neither what was said before nor the address book is asked for', async () => {
  await run();
  expect(meta.subscription?.fields).toContain('calls');
  for (const field of ['history', 'smb_app_state_sync']) expect(meta.subscription?.fields).not.toContain(field);
});

describe('somebody else’s callback', () => {
  const foreign = 'https://former.example/hook';

  test('of the app is left alone, and we still hear by the number’s', async () => {
    meta.subscription = { callbackUrl: foreign, fields: ['messages'] };
    expect(await run()).toMatchObject([{ state: 'configured' }]);
    expect(meta.subscription.callbackUrl).toBe(foreign);
    expect(meta.callbacks[ids.number]).toBe(ours);
  });

  test('of the app that does not ask for messages needs the user', async () => {
    meta.subscription = { callbackUrl: foreign, fields: ['account_update'] };
    expect(await run()).toMatchObject([
      { state: 'action_required', reason: { code: 'app-subscription-lacks-messages' } },
    ]);
    expect(meta.subscription.callbackUrl).toBe(foreign);
  });

  test('of a number is kept without consent, and the other numbers are still set up', async () => {
    meta.callbacks[ids.number] = foreign;
    const both = { [ids.number]: { agentIds: [], forward: [] }, [ids.otherNumber]: { agentIds: [], forward: [] } };
    expect(await run({ claimedNumbers: both })).toMatchObject([
      { state: 'action_required', reason: { code: 'existing-callback' } },
    ]);
    expect(meta.callbacks).toEqual({ [ids.number]: foreign, [ids.otherNumber]: ours });
  });

  test('of a number is replaced with consent', async () => {
    meta.callbacks[ids.number] = foreign;
    expect(await run({ onExistingCallback: 'replace' })).toMatchObject([{ state: 'configured' }]);
    expect(meta.callbacks[ids.number]).toBe(ours);
  });
});

test('our own callback under a former public address is brought up to date', async () => {
  meta.callbacks[ids.number] = `https://old.example/webhooks/${ids.webhook}`;
  meta.subscription = { callbackUrl: `https://old.example/webhooks/${ids.appWebhook}`, fields: ['messages'] };
  expect(await run()).toMatchObject([{ state: 'configured' }]);
  expect(meta.callbacks[ids.number]).toBe(ours);
  expect(meta.subscription?.callbackUrl).toBe(appUrl);
});

test.each([
  ['callback-refused', 2200, 'callback-not-reachable'],
  ['token-invalid', 190, 'credentials-refused'],
  ['permission-missing', 200, 'permission-missing'],
  ['not-subscribed', 100, 'set-up-refused'],
  ['other', 135000, 'set-up-refused'],
] as const)('a definite no (%s) is kept with its reason and the cure', async (refusal, code, reason) => {
  const recorded = await run({}, { overrideNumberCallback: () => refusedBy(refusal, code) });
  expect(recorded).toMatchObject([
    { state: 'action_required', reason: { code: reason, guidance: expect.stringMatching(/\w/) } },
  ]);
});

test.each([
  ['no answer', () => failing({ kind: 'unknown-outcome' })],
  ['a passing fault', () => refusedBy('temporary', 2)],
  ['a rate limit', () => refusedBy('rate-limited', 80008)],
] as const)('%s is repeated by the queue, and the state stays as it was', async (_what, answer) => {
  await expect(run({}, { listSubscribedApps: answer })).rejects.toMatchObject({
    code: 'meta-unreachable',
    retryable: true,
  });
});

test('one number without a verdict does not keep the others deaf', async () => {
  const both = { [ids.number]: { agentIds: [], forward: [] }, [ids.otherNumber]: { agentIds: [], forward: [] } };
  const readNumberCallback: Graph['readNumberCallback'] = (_access, number) =>
    number === ids.number ? failing({ kind: 'unknown-outcome' }) : ok(meta.callbacks[number] ?? null);
  await expect(run({ claimedNumbers: both }, { readNumberCallback })).rejects.toMatchObject({
    code: 'meta-unreachable',
  });
  expect(meta.callbacks[ids.otherNumber]).toBe(ours);
});

test('an override that Meta does not show is not called configured', async () => {
  const recorded = await run({}, { overrideNumberCallback: () => ok(undefined) });
  expect(recorded).toMatchObject([{ state: 'action_required', reason: { code: 'override-not-kept' } }]);
});

describe('what is made at Meta', () => {
  test('is written down before it is made', async () => {
    await run();
    expect(made).toEqual([
      { made: { level: 'account', account: 'made' }, after: 0 },
      { made: { level: 'app', made: true }, after: 0 },
      { made: { level: 'number', phoneNumberId: ids.number, formerCallback: null }, after: 2 },
    ]);
  });

  test('is told apart from what was found', async () => {
    meta.subscription = { callbackUrl: 'https://former.example/hook', fields: ['messages'] };
    meta.subscribedApps = [ids.app];
    await run();
    expect(made.map((entry) => entry.made)).toEqual([
      { level: 'account', account: 'found' },
      { level: 'number', phoneNumberId: ids.number, formerCallback: null },
    ]);
  });

  test('is known by the first look, so that what the user does by hand after a refusal is taken away as well', async () => {
    await run({}, { subscribeApp: () => refusedBy('callback-refused', 2200) });
    expect(made.map((entry) => entry.made)).toContainEqual({ level: 'account', account: 'made' });
    made = [];
    meta.callbacks[ids.number] = ours;
    meta.subscribedApps = [ids.app];
    await run({ madeAtMeta: { account: 'made', numbers: {} } });
    expect(made.map((entry) => entry.made)).toContainEqual({
      level: 'number',
      phoneNumberId: ids.number,
      formerCallback: null,
    });
  });

  test('remembers the callback that it replaces, once', async () => {
    meta.callbacks[ids.number] = 'https://former.example/hook';
    await run({ onExistingCallback: 'replace' });
    expect(made.at(-1)?.made).toMatchObject({ formerCallback: 'https://former.example/hook' });
    made = [];
    const consented = {
      onExistingCallback: 'replace',
      madeAtMeta: { account: 'made', numbers: { [ids.number]: { formerCallback: 'https://former.example/hook' } } },
    } as const;
    meta.callbacks[ids.number] = 'https://former.example/hook';
    const set = { app: { subscriptionMade: true } };
    await run(consented, {}, set);
    expect(made, 'a set-up that stopped in the middle goes on').toEqual([]);
    expect(meta.callbacks[ids.number]).toBe(ours);

    meta.callbacks[ids.number] = 'https://later.example/hook';
    expect(await run(consented, {}, set)).toMatchObject([
      { state: 'action_required', reason: { code: 'existing-callback' } },
    ]);
    expect(made).toEqual([]);
    expect(meta.callbacks[ids.number], 'the consent was not about this one').toBe('https://later.example/hook');
  });
});

describe('a callback that was ours and was changed by somebody', () => {
  const drifted = { madeAtMeta: { account: 'made' as const, numbers: { [ids.number]: { formerCallback: null } } } };

  test('stays as it is until the user asks for a repair', async () => {
    meta.callbacks[ids.number] = 'https://other.example/hook';
    expect(await run(drifted)).toMatchObject([{ state: 'action_required', reason: { code: 'existing-callback' } }]);
  });

  test('is taken back by a repair', async () => {
    meta.callbacks[ids.number] = 'https://other.example/hook';
    expect(await run(drifted, {}, { reclaim: true })).toMatchObject([{ state: 'configured' }]);
    expect(meta.callbacks[ids.number]).toBe(ours);
  });

  test('a repair takes nothing that was never ours', async () => {
    meta.callbacks[ids.number] = 'https://other.example/hook';
    expect(await run({}, {}, { reclaim: true })).toMatchObject([{ state: 'action_required' }]);
  });

  test('at the app is theirs from then on: a removal must not touch it', async () => {
    meta.subscription = { callbackUrl: 'https://other.example/hook', fields: ['messages'] };
    expect(await run({}, {}, { app: { subscriptionMade: true } })).toMatchObject([{ state: 'configured' }]);
    expect(made.map((entry) => entry.made)).toContainEqual({ level: 'app', made: false });
    expect(meta.subscription.callbackUrl).toBe('https://other.example/hook');
  });
});

describe('a number that no agent answers any more', () => {
  test('but that another one has taken meanwhile keeps our callback, and is looked at again', async () => {
    meta.callbacks[ids.number] = ours;
    const left = {
      claimedNumbers: {},
      madeAtMeta: { account: 'made' as const, numbers: { [ids.number]: { formerCallback: null } } },
    };
    expect(await run(left, {}, { nowClaimed: true })).toEqual([]);
    expect(outcome).toBe('again');
    expect(meta.callbacks[ids.number]).toBe(ours);
  });

  test('loses our callback', async () => {
    meta.callbacks[ids.number] = ours;
    await run({
      claimedNumbers: {},
      madeAtMeta: { account: 'made', numbers: { [ids.number]: { formerCallback: null } } },
    });
    expect(meta.callbacks).toEqual({});
    expect(made.at(-1)?.made).toEqual({ level: 'number', phoneNumberId: ids.number, released: true });
  });

  test('keeps it while a former callback is to be given back: only the removal can do that', async () => {
    meta.callbacks[ids.number] = ours;
    const numbers = { [ids.number]: { formerCallback: 'https://former.example/hook' } };
    await run({ claimedNumbers: {}, madeAtMeta: { account: 'made', numbers } });
    expect(meta.callbacks[ids.number]).toBe(ours);
  });
});

test('a callback of a credential that had the number before in this deployment is replaced without consent', async () => {
  meta.callbacks[ids.number] = `${publicUrl}/webhooks/wh_${'z'.repeat(43)}`;
  expect(await run()).toMatchObject([{ state: 'configured' }]);
  expect(meta.callbacks[ids.number]).toBe(ours);
});

test('what does not fit into one invocation goes on in the next, and nothing is recorded yet', async () => {
  expect(await run({}, {}, { timeLeft: 5_000 })).toEqual([]);
  expect(outcome).toBe('again');
  expect(meta.callbacks).toEqual({});
});

test('an account that was subscribed while the credential was being removed is let go again', async () => {
  let finds = 0;
  const unsubscribed: string[] = [];
  const vault = memoryVault({
    [`shared/app_${ids.app}/app-access/1`]: secretOf('app|secret'),
    [`acme/${ids.credential}/graph-api/1`]: () =>
      packParts(SecretBytes.fromText('token'), SecretBytes.fromText('proof')),
  });
  const working = setUpWebhook(
    { tenantId: ids.tenant, credentialId: ids.credential },
    {
      credentials: {
        find: () => Promise.resolve(credentialRecordOf(finds++ === 0 ? {} : { status: 'removing' })),
        findApp: () => Promise.resolve(appRecord()),
        inUse: () => Promise.resolve([]),
        recordMade: () => Promise.resolve(),
        recordWebhook: () => Promise.reject(new Error('Nothing is to be recorded')),
      },
      noteAwaiting: () => Promise.resolve(),
      webhooks: {
        addVerifyToken: (webhookId, target, hash) => {
          tokens.push({ webhookId, target, hash });
          return Promise.resolve();
        },
      },
      vault,
      usage: silentUsage,
      graph: graph({
        unsubscribeBusinessAccount: (_access, wabaId) => {
          unsubscribed.push(wabaId);
          return ok(undefined);
        },
      }),
      journal: recordingJournal(),
      publicUrl,
      now: () => new Date(),
      timeLeft: () => 30_000,
    },
  );
  await expect(working).rejects.toMatchObject({ code: 'credential-removed' });
  expect(unsubscribed).toEqual([ids.waba]);
});

test('nothing is done for a credential that is being removed', async () => {
  expect(await run({ status: 'removing' })).toEqual([]);
  expect(meta.calls).toEqual([]);
});
