import { randomBytes } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DecryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { auditLog } from '../../../shared/adapters/audit-log.ts';
import { kmsDataKeys } from '../../../shared/adapters/kms-data-keys.ts';
import { cachedOpener, secretOpener, secretSealer } from '../../../shared/adapters/vault.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import type { SecretIdentity } from '../../../shared/crypto/secret-context.ts';
import type { SealedSecret } from '../../../shared/domain/vault.ts';

const keyArn = 'arn:aws:kms:eu-central-1:111122223333:key/envelope';
const identity: SecretIdentity = { tenantId: 'acme', ownerId: 'cred_1', purpose: 'graph-api', secretVersion: 1 };
const openedFor = { tenantId: 'acme', subjectId: 'cred_1' };

const kms = mockClient(KMSClient);
const dynamo = mockClient(DynamoDBDocumentClient);
/** Data keys by wrapped bytes, bound to their context as KMS binds them. */
const wrappedKeys = new Map<string, { readonly key: Uint8Array; readonly context: string }>();
const rows = new Map<string, object>();

const canonical = (context: Record<string, string> = {}) => JSON.stringify(Object.entries(context).sort());
const named = (name: string) => Object.assign(new Error(`${name} with details of the request`), { name });

beforeEach(() => {
  kms.reset();
  dynamo.reset();
  wrappedKeys.clear();
  rows.clear();
  kms.on(GenerateDataKeyCommand).callsFake((input: { EncryptionContext: Record<string, string> }) => {
    const wrapped = randomBytes(64);
    const key = randomBytes(32);
    wrappedKeys.set(wrapped.toString('hex'), {
      key: Uint8Array.from(key),
      context: canonical(input.EncryptionContext),
    });
    return { Plaintext: Uint8Array.from(key), CiphertextBlob: Uint8Array.from(wrapped) };
  });
  kms
    .on(DecryptCommand)
    .callsFake((input: { CiphertextBlob: Uint8Array; EncryptionContext: Record<string, string>; KeyId: string }) => {
      const found = wrappedKeys.get(Buffer.from(input.CiphertextBlob).toString('hex'));
      if (found?.context !== canonical(input.EncryptionContext)) throw named('InvalidCiphertextException');
      return { Plaintext: Uint8Array.from(found.key), KeyId: input.KeyId, $metadata: { requestId: 'kms-request' } };
    });
  dynamo.on(PutCommand).resolves({});
  dynamo
    .on(GetCommand)
    .callsFake(({ Key }: { Key: { pk: string; sk: string } }) => ({ Item: rows.get(`${Key.pk}/${Key.sk}`) }));
});

const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'eu-central-1' }));
const keys = kmsDataKeys(new KMSClient({ region: 'eu-central-1' }), keyArn);
const sealer = secretSealer(keys, 'Switchboard');
const opener = secretOpener({
  client,
  table: 'Vault',
  keys,
  audit: auditLog(client, 'Audit', () => ({ kind: 'function', id: 'route-event', requestId: 'message-1' })),
  vaultName: 'Switchboard',
});

const keep = (secret: SealedSecret, as: SecretIdentity = secret) =>
  rows.set(`${as.tenantId}#${as.ownerId}/${as.purpose}#${as.secretVersion}`, secret);
const sealedText = (text: string, change: Partial<SecretIdentity> = {}) =>
  sealer.seal({ ...identity, ...change }, SecretBytes.fromText(text));
const audited = () => dynamo.commandCalls(PutCommand).map(({ args }) => args[0].input.Item ?? {});

describe('a sealed secret', () => {
  test('opens for the identity that it was sealed for', async () => {
    keep(await sealedText('the token'));
    using secret = await opener.open(identity, openedFor);
    expect(secret.revealText()).toBe('the token');
  });

  test('gets a fresh data key each time, and leaves none in memory', async () => {
    await sealedText('a');
    await sealedText('a');
    expect(kms.commandCalls(GenerateDataKeyCommand)).toHaveLength(2);
    const returned = kms
      .commandCalls(GenerateDataKeyCommand)
      .map(({ returnValue }) => returnValue as Promise<{ Plaintext: Uint8Array }>);
    for (const answer of returned) expect((await answer).Plaintext.every((byte) => byte === 0)).toBe(true);
  });

  test('is asked of KMS under our key and the expected context', async () => {
    keep(await sealedText('x'));
    (await opener.open(identity, openedFor))[Symbol.dispose]();
    expect(kms.commandCalls(DecryptCommand)[0]?.args[0].input).toMatchObject({
      KeyId: keyArn,
      EncryptionContext: {
        vault: 'Switchboard',
        tenantId: 'acme',
        ownerId: 'cred_1',
        purpose: 'graph-api',
        secretVersion: '1',
      },
    });
  });
});

describe('refuses, always with the same words, a secret', () => {
  const refusal = { code: 'secret-refused', message: 'secret-refused', retryable: false };

  test.each<[string, Partial<SecretIdentity>]>([
    ['of another tenant', { tenantId: 'globex' }],
    ['of another owner', { ownerId: 'cred_2' }],
    ['for another purpose', { purpose: 'clean-up' }],
    ['of an older version', { secretVersion: 2 }],
  ])('%s that was moved into the row', async (_what, other) => {
    keep(await sealedText('x', other), identity);
    await expect(opener.open(identity, openedFor)).rejects.toMatchObject(refusal);
    expect(audited().at(-1)).toMatchObject({ phase: 'outcome', outcome: 'refused' });
  });

  test('whose columns were edited to fit', async () => {
    keep({ ...(await sealedText('x', { tenantId: 'globex' })), ...identity });
    await expect(opener.open(identity, openedFor)).rejects.toMatchObject(refusal);
  });

  test('whose ciphertext was flipped', async () => {
    const sealed = await sealedText('x');
    const bytes = Uint8Array.from(sealed.sealed);
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
    keep({ ...sealed, sealed: bytes });
    await expect(opener.open(identity, openedFor)).rejects.toMatchObject(refusal);
  });

  test('whose row holds something else', async () => {
    rows.set('acme#cred_1/graph-api#1', { sealed: 'text' });
    await expect(opener.open(identity, openedFor)).rejects.toMatchObject(refusal);
  });

  test('that KMS opened under another key', async () => {
    keep(await sealedText('x'));
    kms.on(DecryptCommand).resolves({ Plaintext: randomBytes(32), KeyId: `${keyArn}-other` });
    await expect(opener.open(identity, openedFor)).rejects.toMatchObject(refusal);
  });
});

describe('the audit', () => {
  test('has an attempt before the open and its outcome after it, with KMS’s request id', async () => {
    keep(await sealedText('x'));
    (await opener.open(identity, openedFor))[Symbol.dispose]();
    expect(audited()).toMatchObject([
      {
        pk: 'acme#cred_1',
        phase: 'attempt',
        purpose: 'graph-api',
        actor: 'route-event',
        actorKind: 'function',
        requestId: 'message-1',
      },
      { pk: 'acme#cred_1', phase: 'outcome', outcome: 'ok', kmsRequestId: 'kms-request' },
    ]);
  });

  test('that can’t be written means that nothing is opened', async () => {
    keep(await sealedText('x'));
    dynamo.on(PutCommand).rejects(named('ProvisionedThroughputExceededException'));
    await expect(opener.open(identity, openedFor)).rejects.toMatchObject({
      code: 'store-unavailable',
      retryable: true,
    });
    expect(kms.commandCalls(DecryptCommand)).toHaveLength(0);
  });

  test('that can’t be finished means that the secret is not handed out', async () => {
    keep(await sealedText('x'));
    dynamo.on(PutCommand).resolvesOnce({}).rejects(named('ProvisionedThroughputExceededException'));
    await expect(opener.open(identity, openedFor)).rejects.toMatchObject({ code: 'store-unavailable' });
  });

  test('never holds a secret', async () => {
    keep(await sealedText('CANARY'));
    (await opener.open(identity, openedFor))[Symbol.dispose]();
    expect(JSON.stringify(audited())).not.toContain('CANARY');
  });
});

test('an outage of KMS is retryable and tells no details', async () => {
  keep(await sealedText('x'));
  kms.on(DecryptCommand).rejects(named('KMSInternalException'));
  const error = await opener.open(identity, openedFor).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'kms-unavailable', retryable: true });
  expect(String(error)).toBe('Fault: kms-unavailable');
});

test('a secret that is not there is missing, not refused', async () => {
  await expect(opener.open(identity, openedFor)).rejects.toMatchObject({ code: 'secret-missing' });
});

describe('the cache of the hot path', () => {
  test('opens once for many uses and hands out copies', async () => {
    keep(await sealedText('x'));
    const cached = cachedOpener(opener);
    const secrets = await Promise.all([cached.open(identity, openedFor), cached.open(identity, openedFor)]);
    secrets[0]?.[Symbol.dispose]();
    expect(secrets[1]?.revealText()).toBe('x');
    expect((await cached.open(identity, openedFor)).revealText()).toBe('x');
    expect(kms.commandCalls(DecryptCommand)).toHaveLength(1);
  });

  test.each<[string, SecretIdentity, typeof openedFor]>([
    ['version', { ...identity, secretVersion: 2 }, openedFor],
    ['purpose', { ...identity, purpose: 'clean-up' }, openedFor],
    ['subject', identity, { tenantId: 'acme', subjectId: 'cred_2' }],
  ])('never answers for another %s', async (_what, other, subject) => {
    keep(await sealedText('x'));
    if (other !== identity) keep(await sealer.seal(other, SecretBytes.fromText('y')));
    const cached = cachedOpener(opener);
    await cached.open(identity, openedFor);
    await cached.open(other, subject);
    expect(kms.commandCalls(DecryptCommand)).toHaveLength(2);
  });

  test('says what is at hand, and for whom', async () => {
    keep(await sealedText('x'));
    const cached = cachedOpener(opener);
    expect(cached.isAtHand(identity, openedFor)).toBe(false);
    (await cached.open(identity, openedFor))[Symbol.dispose]();
    expect(cached.isAtHand(identity, openedFor)).toBe(true);
    expect(cached.isAtHand({ ...identity, secretVersion: 2 }, openedFor)).toBe(false);
    expect(cached.isAtHand(identity, { tenantId: 'acme', subjectId: 'cred_2' })).toBe(false);
  });

  test('has nothing at hand that did not open', async () => {
    const cached = cachedOpener(opener);
    await expect(cached.open(identity, openedFor)).rejects.toMatchObject({ code: 'secret-missing' });
    expect(cached.isAtHand(identity, openedFor)).toBe(false);
  });

  test('keeps no failure', async () => {
    const cached = cachedOpener(opener);
    await expect(cached.open(identity, openedFor)).rejects.toMatchObject({ code: 'secret-missing' });
    keep(await sealedText('x'));
    expect((await cached.open(identity, openedFor)).revealText()).toBe('x');
  });
});
