import type { Context } from 'aws-lambda';
import { expect, test, vi } from 'vitest';
import { handler } from '../../functions/vault/rewrap-vault.lambda.ts';
import { environmentFor } from '../../infra/local/aws-endpoint.ts';
import { kmsDataKeys } from '../../shared/adapters/kms-data-keys.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { context } from '../support/lambda.ts';
import { endpointOf, kmsOf, makeKey } from './support/engines.ts';
import { identity, vaultName, vaultOn } from './support/vault-on.ts';

test('the function moves the Vault that its environment names, when invoked until it has finished', async () => {
  const vault = await vaultOn('moto');
  const currentKeyArn = await makeKey('moto');
  await vault.place(await vault.sealed('the token'));
  const environment = {
    ...environmentFor(endpointOf('moto')),
    [environmentName.vaultTable]: vault.table,
    [environmentName.vaultName]: vaultName,
    [environmentName.envelopeKeyArn]: currentKeyArn,
    [environmentName.formerEnvelopeKeyArns]: vault.keyArn,
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const invoke = (remaining: number) => handler({}, { ...context(remaining), awsRequestId: 'request-1' } as Context);

  expect(await invoke(5_000)).toMatchObject({ scanned: 0, finishedAt: null });
  const finished = await invoke(60_000);
  expect(finished).toMatchObject({ scanned: 1, moved: 1, finishedAt: expect.any(String) });
  expect(finished).not.toHaveProperty('cursor');
  expect(await vault.open(identity, kmsDataKeys(kmsOf('moto'), currentKeyArn))).toBe('the token');
});
