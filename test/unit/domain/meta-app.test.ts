import { describe, expect, test } from 'vitest';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { appProvedBy, appWithSecret, newApp, retiredOfApp, withoutPrevious } from '../../../shared/domain/meta-app.ts';
import { appRecord, ids } from '../../support/records.ts';

const now = new Date('2026-11-22T10:00:00Z');
const secret = () => SecretBytes.fromText('beef'.padStart(32, '0'));
const purposes = (retired: ReturnType<typeof retiredOfApp>) =>
  retired.map(({ purpose, secretVersion }) => `${purpose} ${secretVersion}`);

test('a Meta app that the stack does not know gets a webhook of its own', () => {
  const app = newApp(ids.app, secret(), ids.tenant, now);
  expect(app).toMatchObject({
    secretVersion: 1,
    credentialCount: 0,
    provedBy: { acme: 1 },
    previousSecretVersion: null,
  });
  expect(app.webhookId).toMatch(/^wh_[\w-]{43}$/);
});

test('a tenant has proved the secret that is in force', () => {
  const before = appRecord({ secretVersion: 3, provedBy: { globex: 3 } });
  expect(appProvedBy(before, ids.tenant)).toEqual({ ...before, provedBy: { globex: 3, acme: 3 } });
});

describe('a new App Secret', () => {
  const before = appRecord({ secretVersion: 3, previousSecretVersion: 2, provedBy: { globex: 3 } });

  test('takes over, and the one before is accepted for 7 days', () => {
    expect(appWithSecret(before, secret(), ids.tenant, now)).toMatchObject({
      webhookId: before.webhookId,
      secretVersion: 4,
      previousSecretVersion: 3,
      previousAcceptedUntil: '2026-11-29T10:00:00.000Z',
      // Another tenant's proof is of the secret before.
      provedBy: { globex: 3, acme: 4 },
    });
  });

  test('retires the one before the last, and the app token of the last', () => {
    const after = appWithSecret(before, secret(), ids.tenant, now);
    expect(purposes(retiredOfApp(before, after))).toEqual(['webhook-signature 2', 'app-access 3']);
  });

  test('after a leak leaves nothing of the former ones', () => {
    const after = appWithSecret(before, secret(), ids.tenant, now, 'revoke');
    expect(after).toMatchObject({ previousSecretVersion: null, previousAcceptedUntil: null });
    expect(purposes(retiredOfApp(before, after))).toEqual([
      'webhook-signature 3',
      'webhook-signature 2',
      'app-access 3',
    ]);
  });
});

test('revoking the former secret retires it alone', () => {
  const before = appRecord({ secretVersion: 3, previousSecretVersion: 2 });
  expect(purposes(retiredOfApp(before, withoutPrevious(before)))).toEqual(['webhook-signature 2']);
  expect(purposes(retiredOfApp(before, before))).toEqual([]);
});
