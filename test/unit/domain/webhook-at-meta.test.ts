import { describe, expect, test } from 'vitest';
import type { AppSubscription } from '../../../shared/domain/graph.ts';
import type { CredentialRecord, MetaAppRecord } from '../../../shared/domain/records.ts';
import { differencesOf, type WebhookAtMeta, webhookLevelsOf } from '../../../shared/domain/webhook-at-meta.ts';
import { appRecord, credentialRecordOf, ids } from '../../support/records.ts';

const publicUrl = 'https://switchboard.example';
const ours = `${publicUrl}/webhooks/${ids.webhook}`;
const ourApp = `${publicUrl}/webhooks/${ids.appWebhook}`;
const theirs = 'https://other.example/hook?key=theirs';

const found = (change: {
  readonly app?: AppSubscription | null;
  readonly account?: WebhookAtMeta['account'];
  readonly number?: string | null;
}): WebhookAtMeta => ({
  app: change.app === undefined ? { callbackUrl: ourApp, fields: ['messages'] } : change.app,
  account: change.account === undefined ? { appId: ids.app, override: null } : change.account,
  numbers: new Map([[ids.number, { ok: true, value: change.number === undefined ? ours : change.number }]]),
});
const made = { madeAtMeta: { account: 'made' as const, numbers: { [ids.number]: { formerCallback: null } } } };

const differences = (
  atMeta: WebhookAtMeta,
  credential: Partial<CredentialRecord> = {},
  app: Partial<MetaAppRecord> = { subscriptionMade: true },
) =>
  differencesOf(credentialRecordOf(credential), appRecord(app), atMeta, publicUrl).map(
    ({ level, difference }) => `${level} ${difference}`,
  );

test('nothing is different where all three levels are as they should be', () => {
  expect(differences(found({}))).toEqual([]);
});

describe('at the app', () => {
  test.each([
    ['no subscription', { app: null }, {}, ['app missing']],
    [
      'our subscription without messages',
      { app: { callbackUrl: ourApp, fields: ['security'] } },
      {},
      ['app messages-missing'],
    ],
    [
      'our subscription under a former address',
      { app: { callbackUrl: `https://old.example/webhooks/${ids.appWebhook}`, fields: ['messages'] } },
      {},
      ['app moved'],
    ],
    ['theirs in place of ours', { app: { callbackUrl: theirs, fields: ['messages'] } }, {}, ['app replaced']],
    [
      'theirs, which was there before',
      { app: { callbackUrl: theirs, fields: ['messages'] } },
      { subscriptionMade: false },
      [],
    ],
    [
      'theirs without messages',
      { app: { callbackUrl: theirs, fields: ['security'] } },
      { subscriptionMade: false },
      ['app foreign-lacks-messages'],
    ],
  ] as const)('%s', (_what, change, app, expected) => {
    const subscription = change.app === null ? null : { ...change.app, fields: [...change.app.fields] };
    expect(differences(found({ app: subscription }), {}, { subscriptionMade: true, ...app })).toEqual(expected);
  });
});

describe('at the account', () => {
  test('no subscription is different', () => {
    expect(differences(found({ account: null }))).toEqual(['account missing']);
  });

  test('somebody else’s callback is not: the numbers’ lie on top of it', () => {
    expect(differences(found({ account: { appId: ids.app, override: theirs } }))).toEqual([]);
  });
});

describe('at a number', () => {
  test.each([
    ['none', null, {}, ['number missing']],
    ['theirs, never ours', theirs, {}, ['number foreign']],
    ['theirs in place of ours', theirs, made, ['number replaced']],
    ['ours under a former address', `https://old.example/webhooks/${ids.webhook}`, {}, ['number moved']],
    ['that of another credential here', `${publicUrl}/webhooks/wh_${'z'.repeat(43)}`, {}, ['number moved']],
    ['ours, though no agent answers it any more', ours, { claimedNumbers: {} }, ['number left']],
    ['theirs, and not claimed', theirs, { claimedNumbers: {} }, []],
  ] as const)('%s', (_what, number, credential, expected) => {
    expect(differences(found({ number }), credential)).toEqual(expected);
  });

  test('what Meta does not show is named', () => {
    const hidden: WebhookAtMeta = {
      ...found({}),
      numbers: new Map([
        [ids.number, { ok: false, failure: { kind: 'refused', refusal: 'object-invisible', code: 100 } }],
      ]),
    };
    expect(differences(hidden)).toEqual(['number unreadable']);
  });
});

test('callbacks of somebody else are shown without their query, which may hold a secret', () => {
  const levels = webhookLevelsOf(
    credentialRecordOf(),
    appRecord(),
    found({
      app: { callbackUrl: theirs, fields: ['messages'] },
      account: { appId: ids.app, override: theirs },
      number: theirs,
    }),
    publicUrl,
  );
  expect(levels.map(({ level, found: there }) => [level, there])).toEqual([
    ['app', 'https://other.example/hook'],
    ['account', 'https://other.example/hook'],
    ['number', 'https://other.example/hook'],
  ]);
  expect(JSON.stringify(levels)).not.toContain('theirs');
  for (const { detail } of levels) expect(detail).toMatch(/\w+ \w+/);
});
