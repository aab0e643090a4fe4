import { describe, expect, test } from 'vitest';
import { verifyWebhook } from '../../../functions/webhooks/verify-webhook.lambda.ts';
import { hashOfVerifyToken } from '../../../shared/domain/webhook-address.ts';
import { ids } from '../../support/records.ts';

const token = 'the-verify-token';
const webhooks = (hashes: readonly string[], isOpen: boolean) => ({
  verifyTokenHashes: (id: string) => Promise.resolve(id === ids.webhook ? hashes : []),
  isOpen: () => Promise.resolve(isOpen),
});
const ask = (
  query: Record<string, string>,
  webhookId: string = ids.webhook,
  hashes = [hashOfVerifyToken('older'), hashOfVerifyToken(token)],
  isOpen = true,
) => verifyWebhook({ webhookId, query, rawBody: new Uint8Array(), signature: undefined }, webhooks(hashes, isOpen));
const good = { 'hub.mode': 'subscribe', 'hub.challenge': '1158201444', 'hub.verify_token': token };

test('the challenge comes back untouched, as often as Meta asks', async () => {
  expect(await ask(good)).toEqual({ challenge: '1158201444' });
  expect(await ask({ ...good, 'hub.challenge': '007' })).toEqual({ challenge: '007' });
});

test('the token before the latest still counts: a change may be under way', async () => {
  expect(await ask({ ...good, 'hub.verify_token': 'older' })).toEqual({ challenge: '1158201444' });
});

describe('a handshake is refused', () => {
  test.each<[string, Record<string, string>, number]>([
    ['with a wrong token', { ...good, 'hub.verify_token': 'guess' }, 403],
    ['with an empty token', { ...good, 'hub.verify_token': '' }, 403],
    ['with the hash of the token', { ...good, 'hub.verify_token': hashOfVerifyToken(token) }, 403],
    ['without a token', { 'hub.mode': 'subscribe', 'hub.challenge': '1' }, 400],
    ['without a challenge', { 'hub.mode': 'subscribe', 'hub.verify_token': token }, 400],
    ['with a challenge that is markup', { ...good, 'hub.challenge': '<script>' }, 400],
    ['in another mode', { ...good, 'hub.mode': 'unsubscribe' }, 400],
    ['with nested keys', { 'hub[mode]': 'subscribe' }, 400],
    ['empty', {}, 400],
  ])('%s', async (_what, query, status) => {
    expect(await ask(query)).toEqual({ status });
  });

  test('for another webhook, although the token is right for its own', async () => {
    expect(await ask(good, ids.appWebhook)).toEqual({ status: 403 });
  });

  test('for a webhook without any token', async () => {
    expect(await ask(good, ids.webhook, [])).toEqual({ status: 403 });
  });

  test('for a webhook whose removal has begun: a set-up under way must not take effect', async () => {
    expect(await ask(good, ids.webhook, undefined, false)).toEqual({ status: 403 });
  });

  test('for what can’t be a webhook id', async () => {
    expect(await ask(good, 'wh_short')).toEqual({ status: 404 });
  });
});
