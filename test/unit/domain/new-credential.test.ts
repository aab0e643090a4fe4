import { describe, expect, test } from 'vitest';
import { createCredentialRequest } from '../../../shared/contracts/credential.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { unpackParts } from '../../../shared/crypto/secret-parts.ts';
import { appWithOneMore, claimedNumbersOf, newCredential, sealAll } from '../../../shared/domain/new-credential.ts';
import type { SealedSecret } from '../../../shared/domain/vault.ts';
import { appRecord, credentialRecordOf, ids } from '../../support/records.ts';

const now = new Date('2026-11-22T10:00:00Z');
const request = createCredentialRequest.parse({
  label: 'Shop',
  appId: ids.app,
  appSecret: 'beef'.padStart(32, '0'),
  wabaId: ids.waba,
  accessToken: 'EAAtoken-wxyz',
  phoneNumberIds: [ids.number],
});
const secret = () => SecretBytes.fromText(request.appSecret ?? '');

describe('the Meta app of a new credential', () => {
  test('is made with a webhook of its own when the stack does not know it', () => {
    const app = appWithOneMore(request, undefined, false, ids.tenant, secret(), now);
    expect(app).toMatchObject({
      secretVersion: 1,
      credentialCount: 1,
      provedBy: { acme: 1 },
      appSecretLastFour: 'beef',
      previousSecretVersion: null,
    });
    expect(app.webhookId).toMatch(/^wh_[\w-]{43}$/);
  });

  test('counts one more, and the tenant has proved the secret that is in force', () => {
    const before = appRecord({ secretVersion: 3, credentialCount: 2, provedBy: { globex: 3 } });
    expect(appWithOneMore(request, before, true, ids.tenant, secret(), now)).toEqual({
      ...before,
      credentialCount: 3,
      provedBy: { globex: 3, acme: 3 },
    });
  });

  test('takes a new App Secret over and accepts the one before for 7 days', () => {
    const before = appRecord({ secretVersion: 3, provedBy: { globex: 3 } });
    expect(appWithOneMore(request, before, false, ids.tenant, secret(), now)).toMatchObject({
      webhookId: before.webhookId,
      secretVersion: 4,
      previousSecretVersion: 3,
      previousAcceptedUntil: '2026-11-29T10:00:00.000Z',
      appSecretLastFour: 'beef',
      // Another tenant's proof is of the secret before.
      provedBy: { globex: 3, acme: 4 },
    });
  });
});

test('a new credential claims the numbers that were chosen, without an agent yet', () => {
  const validation = {
    outcome: 'valid',
    checks: [],
    tokenExpiresAt: now,
    phoneNumbers: credentialRecordOf().phoneNumbers,
  } as const;
  const owner = { tenantId: ids.tenant, subject: 'user-1' };
  const credential = newCredential(
    ids.credential,
    owner,
    request,
    validation,
    SecretBytes.fromText(request.accessToken),
    'https://api.example',
    now,
  );
  expect(credential).toMatchObject({
    webhookState: 'pending',
    accessTokenLastFour: 'wxyz',
    accessTokenExpiresAt: now.toISOString(),
    webhookUrl: `https://api.example/webhooks/${credential.webhookId}`,
    claimedNumbers: { [ids.number]: { agentIds: [], forward: [] } },
  });
  expect(JSON.stringify(credential)).not.toContain('EAAtoken');
  expect(claimedNumbersOf(credential)).toMatchObject([
    { phoneNumberId: ids.number, tenantId: 'acme', acceptedSources: [ids.credential], bindings: [] },
  ]);
});

describe('the secrets of a new credential', () => {
  const sealed = async (sameSecret: boolean) => {
    const contents = new Map<string, readonly string[]>();
    const sealer = {
      seal: (identity: Omit<SealedSecret, 'sealed'>, plain: SecretBytes) => {
        const parts = { 'graph-api': 2, 'clean-up': 4 }[identity.purpose as 'graph-api'];
        const texts = parts === undefined ? [plain] : unpackParts(plain, parts);
        contents.set(
          `${identity.tenantId}/${identity.ownerId}/${identity.purpose}/${identity.secretVersion}`,
          texts.map((text) => text.revealText()),
        );
        return Promise.resolve({ ...identity, sealed: new Uint8Array() });
      },
    };
    const [appSecret, accessToken, proof, appToken, previousVerifyToken] = ['s', 't', 'p', 'a', 'v'].map((text) =>
      SecretBytes.fromText(text),
    );
    if (!appSecret || !accessToken || !proof || !appToken || !previousVerifyToken) throw new Error('five secrets');
    const secrets = { appSecret, accessToken, proof, appToken, previousVerifyToken };
    await sealAll(credentialRecordOf(), appRecord({ secretVersion: 2 }), sameSecret, secrets, sealer);
    return Object.fromEntries(contents);
  };
  const own = {
    [`acme/${ids.credential}/graph-api/1`]: ['t', 'p'],
    [`acme/${ids.credential}/clean-up/1`]: ['t', 'p', 'a', 'v'],
  };

  test('are sealed apart, by purpose and owner', async () => {
    expect(await sealed(false)).toEqual({
      ...own,
      [`shared/app_${ids.app}/webhook-signature/2`]: ['s'],
      [`shared/app_${ids.app}/app-access/2`]: ['a'],
    });
  });

  test('leave those of the app alone when its secret is the one in force', async () => {
    expect(await sealed(true)).toEqual(own);
  });
});
