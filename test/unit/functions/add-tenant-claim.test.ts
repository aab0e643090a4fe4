import type { PreTokenGenerationV2TriggerEvent } from 'aws-lambda';
import { beforeEach, expect, test } from 'vitest';
import { handler } from '../../../functions/platform/add-tenant-claim.lambda.ts';

beforeEach(() => {
  process.env.TENANT_CLAIM = 'tenant';
});

const claimsFor = async (userAttributes: Record<string, string>) => {
  const event = { request: { userAttributes }, response: {} } as unknown as PreTokenGenerationV2TriggerEvent;
  const result = (await handler(event, {} as never, () => undefined)) as PreTokenGenerationV2TriggerEvent;
  return result.response.claimsAndScopeOverrideDetails?.accessTokenGeneration?.claimsToAddOrOverride;
};

test('the tenant of a user is what the operator gave them', async () => {
  expect(await claimsFor({ sub: 'user-1', 'custom:tenant': 'acme' })).toEqual({ tenant: 'acme' });
});

test('a user without one is a tenant of their own', async () => {
  expect(await claimsFor({ sub: 'user-1' })).toEqual({ tenant: 'user-1' });
  expect(await claimsFor({ sub: 'user-1', 'custom:tenant': '' })).toEqual({ tenant: 'user-1' });
});

test('the claim has the name that the API reads', async () => {
  process.env.TENANT_CLAIM = 'organisation';
  expect(await claimsFor({ sub: 'user-1' })).toEqual({ organisation: 'user-1' });
});

test('the address of a user goes along, with whether it is verified', async () => {
  const user = { sub: 'user-1', email: 'ada@example.com' };
  const claims = { tenant: 'user-1', email: 'ada@example.com' };
  expect(await claimsFor({ ...user, email_verified: 'true' })).toEqual({ ...claims, email_verified: 'true' });
  expect(await claimsFor({ ...user, email_verified: 'false' })).toEqual({ ...claims, email_verified: 'false' });
  expect(await claimsFor(user)).toEqual({ ...claims, email_verified: 'false' });
});

test('no address hides the tenant, whatever its claim is called', async () => {
  process.env.TENANT_CLAIM = 'email';
  expect(await claimsFor({ sub: 'user-1', email: 'ada@example.com', 'custom:tenant': 'acme' })).toMatchObject({
    email: 'acme',
  });
});
