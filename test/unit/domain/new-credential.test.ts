import { expect, test } from 'vitest';
import { createCredentialRequest } from '../../../shared/contracts/credential.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { newCredential, numberClaimsOf } from '../../../shared/domain/new-credential.ts';
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
    appRecord({ secretVersion: 3 }),
    { publicUrl: 'https://api.example', now, createdWith: null },
  );
  expect(credential).toMatchObject({
    webhookState: 'pending',
    proofVersion: 3,
    accessTokenLastFour: 'wxyz',
    accessTokenExpiresAt: now.toISOString(),
    webhookUrl: `https://api.example/webhooks/${credential.webhookId}`,
    claimedNumbers: { [ids.number]: { agentIds: [], forward: [] } },
  });
  expect(JSON.stringify(credential)).not.toContain('EAAtoken');
  expect(numberClaimsOf(credential)).toMatchObject([
    { phoneNumberId: ids.number, tenantId: 'acme', acceptedSources: [ids.credential], bindings: [] },
  ]);
});
