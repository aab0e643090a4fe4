import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { Api } from './support/api.ts';
import { type Business, credentialRequest, newBusiness, newForeignCallback } from './support/business.ts';
import { meta } from './support/meta.ts';
import {
  changedBetween,
  configuredFor,
  expectNoBareSubscriptionAfterOverride,
  hearersOf,
  inWords,
  namedIn,
} from './support/meta-state.ts';
import { sealedOf } from './support/tables.ts';

type Foreign = 'app' | 'waba' | 'phone';

interface Life {
  readonly title: string;
  /** Where somebody else's callback was before we came. */
  readonly foreign?: Foreign;
  /** Besides it nothing is subscribed, or everything. */
  readonly consent?: 'with token' | 'without token' | 'with wrong token';
  readonly tokenDies?: boolean;
  readonly during: { readonly state: 'configured' | 'action_required'; readonly hears: string };
  readonly after: { readonly left: readonly ('app' | 'account' | 'number')[]; readonly hears: string };
}

const ours = { state: 'configured', hears: 'ours (phone)' } as const;

const lives: readonly Life[] = [
  { title: 'nothing', during: ours, after: { left: [], hears: 'nobody' } },
  {
    title: 'callback of somebody else at the app',
    foreign: 'app',
    during: ours,
    after: { left: [], hears: 'theirs (app)' },
  },
  {
    title: 'callback of somebody else at the account',
    foreign: 'waba',
    during: ours,
    after: { left: [], hears: 'theirs (waba)' },
  },
  {
    title: 'callback of somebody else at the number, no consent',
    foreign: 'phone',
    during: { state: 'action_required', hears: 'theirs (phone)' },
    after: { left: [], hears: 'theirs (phone)' },
  },
  {
    title: 'the same, consent and its verify token',
    foreign: 'phone',
    consent: 'with token',
    during: ours,
    after: { left: [], hears: 'theirs (phone)' },
  },
  {
    title: 'the same, consent without its verify token',
    foreign: 'phone',
    consent: 'without token',
    during: ours,
    after: { left: ['number'], hears: 'theirs (app)' },
  },
  {
    title: 'the same, consent with a wrong verify token',
    foreign: 'phone',
    consent: 'with wrong token',
    during: ours,
    after: { left: ['number'], hears: 'theirs (app)' },
  },
  {
    title: 'nothing, and the token is dead at removal',
    tokenDies: true,
    during: ours,
    after: { left: ['account', 'number'], hears: 'nobody' },
  },
  {
    title: 'callback of somebody else at the app, and the token is dead at removal',
    foreign: 'app',
    tokenDies: true,
    during: ours,
    after: { left: ['number'], hears: 'ours (phone)' },
  },
  {
    title: 'callback at the number, consent and its verify token, and the token is dead at removal',
    foreign: 'phone',
    consent: 'with token',
    tokenDies: true,
    during: ours,
    after: { left: ['number'], hears: 'ours (phone)' },
  },
];

const table: string[] = [];
afterAll(() => {
  const head = '| before | during | after | left at Meta, and named |\n| --- | --- | --- | --- |';
  const text = [head, ...table].join('\n');
  appendFileSync(join(inject('recordDirectory'), 'meta-before-during-after.md'), `${text}\n`);
  if (process.env.SWITCHBOARD_PRINT_TABLES !== undefined) console.log(text);
});

describe('Meta’s state before, during and after a credential’s life', () => {
  test.each(lives)('$title', async (life) => {
    const { api, business, verifyToken } = await scene(life);
    const [{ id: wabaId, numbers }] = business.wabas as [Business['wabas'][number]];
    const [number = ''] = numbers;
    const before = await configuredFor(business);

    const created = await api.postCredential(
      credentialRequest(business, { phoneNumberIds: [number], ...consentOf(life, verifyToken) }),
    );
    expect(created.status, created.text).toBe(201);
    const { id, webhook } = created.body;
    expect(webhook.state, webhook.reason?.code).toBe(life.during.state);
    const during = await configuredFor(business);
    expect(await hearersOf(number)).toBe(life.during.hears);
    expectForeignUntouched(before, during, life.foreign);

    if (life.tokenDies === true) await meta.tokenDies(business.token.name, 'revoke');
    const removed = await api.deleteCredential(id);
    expect(removed.status, removed.text).toBe(200);
    const { leftAtMeta } = removed.body;
    const after = await configuredFor(business);

    // What differs from before is what is named, and nothing else is named.
    expect(namedIn(leftAtMeta)).toEqual(changedBetween(before, after));
    expect(leftAtMeta.map(({ level }) => level).sort()).toEqual([...life.after.left].sort());
    for (const { detail, guidance } of leftAtMeta) expect(`${detail} ${guidance}`).not.toContain(verifyToken);
    expect(await hearersOf(number)).toBe(life.after.hears);
    await expectNoBareSubscriptionAfterOverride(wabaId, numbers);
    if (life.foreign === 'phone' && life.after.left.length > 0)
      expect(leftAtMeta.map(({ detail }) => detail).join(), 'the former callback is told').toContain('/_foreign/');
    expect(await sealedOf(id)).toEqual([]);
    expect(await sealedOf(`app_${business.app.id}`)).toEqual([]);

    const left = leftAtMeta.length === 0 ? 'nothing' : leftAtMeta.map(({ level }) => level).join(', ');
    table.push(`| ${life.title}: ${inWords(before)} | ${inWords(during)} | ${inWords(after)} | ${left} |`);
  });
});

async function scene({ foreign }: Life) {
  const [api, business, callback] = await Promise.all([
    Api.asNewTenant('lives'),
    newBusiness(),
    foreign === undefined ? undefined : newForeignCallback(),
  ]);
  if (callback !== undefined) {
    const appId = business.app.id;
    const [waba] = business.wabas;
    const { url, verifyToken } = callback;
    const override = { overrideCallbackUri: url, verifyToken };
    await meta.seed({
      appSubscriptions: [{ appId, callbackUrl: url, verifyToken, fields: ['messages'] }],
      wabaSubscriptions: [{ appId, wabaId: waba?.id ?? '', ...(foreign === 'waba' ? override : {}) }],
      phoneOverrides: foreign === 'phone' ? [{ appId, phoneNumberId: waba?.numbers[0] ?? '', ...override }] : [],
    });
  }
  return { api, business, verifyToken: callback?.verifyToken ?? 'there-is-none' };
}

const consentOf = ({ consent }: Life, verifyToken: string) =>
  consent === undefined
    ? {}
    : {
        onExistingCallback: 'replace',
        ...(consent === 'with token' ? { previousVerifyToken: verifyToken } : {}),
        ...(consent === 'with wrong token' ? { previousVerifyToken: 'not-the-token-of-that-callback' } : {}),
      };

/** While we are there, only the number's callback may be another. */
function expectForeignUntouched(
  before: Readonly<Record<string, string>>,
  during: Readonly<Record<string, string>>,
  foreign: Foreign | undefined,
): void {
  if (foreign === undefined) return;
  for (const [key, value] of Object.entries(before))
    if (!key.startsWith('number ')) expect(during[key], key).toBe(value);
}
