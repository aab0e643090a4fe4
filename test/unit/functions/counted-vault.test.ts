import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { countedOpener, countedSealer } from '../../../functions/edge/counted-vault.ts';
import { publishCounts } from '../../../functions/edge/operator-journal.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import type { SecretIdentity } from '../../../shared/crypto/secret-context.ts';
import { Fault, type FaultCode } from '../../../shared/domain/fault.ts';
import { captureOutput } from '../../support/captured-output.ts';

const identity: SecretIdentity = { tenantId: 'acme', ownerId: 'cred_1', purpose: 'graph-api', secretVersion: 1 };
const openedFor = { tenantId: 'acme', subjectId: 'cred_1' };
const opening = (open: () => Promise<SecretBytes>) => countedOpener({ open }).open(identity, openedFor);
const fault = (code: FaultCode) => new Fault(code, { retryable: false });

let output: ReturnType<typeof captureOutput>;
beforeEach(() => {
  output = captureOutput();
});
afterEach(() => {
  vi.restoreAllMocks();
});

const counted = () => {
  publishCounts();
  return output.metrics();
};

describe('an opening that fails fails as before, and is counted', () => {
  test.each([
    ['kms-unavailable', { KmsFailed: 1 }, 'SecretsRefused'],
    ['secret-refused', { SecretsRefused: 1 }, 'KmsFailed'],
  ] as const)('%s as %j alone, and of nobody', async (code, expected, other) => {
    await expect(opening(() => Promise.reject(fault(code)))).rejects.toMatchObject({ name: 'Fault', code });
    expect(counted()).toMatchObject([expected]);
    expect(output.text()).not.toContain(other);
    expect(output.text()).not.toMatch(/acme|cred_1/);
  });
});

test.each(['store-unavailable', 'secret-missing'] as const)('%s is no trouble with keys', async (code) => {
  await expect(opening(() => Promise.reject(fault(code)))).rejects.toMatchObject({ code });
  expect(counted()).toEqual([]);
});

test('an error that is none of ours goes through untouched', async () => {
  const bug = new RangeError('kms-unavailable');
  await expect(opening(() => Promise.reject(bug))).rejects.toBe(bug);
  expect(counted()).toEqual([]);
});

test('a secret that opens is handed on, and nothing is counted', async () => {
  using secret = await opening(() => Promise.resolve(SecretBytes.fromText('the token')));
  expect(secret.revealText()).toBe('the token');
  expect(counted()).toEqual([]);
});

test('a secret that cannot be sealed is counted, one that can is handed on', async () => {
  using secret = SecretBytes.fromText('the token');
  const failing = countedSealer({ seal: () => Promise.reject(fault('kms-unavailable')) });
  await expect(failing.seal(identity, secret)).rejects.toMatchObject({ code: 'kms-unavailable' });
  expect(counted()).toMatchObject([{ KmsFailed: 1 }]);
  const sealed = { ...identity, sealed: new Uint8Array(1) };
  expect(await countedSealer({ seal: () => Promise.resolve(sealed) }).seal(identity, secret)).toBe(sealed);
});
