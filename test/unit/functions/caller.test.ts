import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { callerOf } from '../../../functions/edge/caller.ts';
import { bearer } from '../../support/lambda.ts';

beforeEach(() => void vi.stubEnv('TENANT_CLAIM', 'tenant'));
afterEach(() => vi.unstubAllEnvs());

const who = (claims: object) => callerOf(bearer({ sub: 'ada', exp: 1, tenant: 'acme', ...claims }));

test.each([true, 'true'])('an address that the issuer has verified (%j) is the caller’s', (email_verified) => {
  expect(who({ email: 'ada@example.com', email_verified })).toEqual({
    tenantId: 'acme',
    subject: 'ada',
    email: 'ada@example.com',
  });
});

describe('a caller has no address', () => {
  test.each([
    ['that the issuer says nothing of', {}],
    ['that is not said to be verified', { email: 'ada@example.com' }],
    ['that is not verified', { email: 'ada@example.com', email_verified: false }],
    ['that is not verified, as text', { email: 'ada@example.com', email_verified: 'false' }],
    ['that is verified by another word', { email: 'ada@example.com', email_verified: 1 }],
    ['that is none', { email: 'ada', email_verified: true }],
    ['that is too long', { email: `${'a'.repeat(250)}@example.com`, email_verified: true }],
    ['that is a list', { email: ['ada@example.com'], email_verified: true }],
  ])('%s', (_what, claims) => expect(who(claims)).toEqual({ tenantId: 'acme', subject: 'ada' }));
});
