import type { PreTokenGenerationV2TriggerHandler } from 'aws-lambda';
import { environmentName } from '../../shared/contracts/environment.ts';
import { setting } from '../edge/environment.ts';

/** The attribute of a user that only the operator can set (`npm run user -- --tenant …`). */
const tenantAttribute = 'custom:tenant';

/**
 * Puts the tenant into the access token of the built-in user pool, and the address that alerts go to by default. A user without a tenant is one of
 * their own.
 */
export const handler: PreTokenGenerationV2TriggerHandler = (event) => {
  const { [tenantAttribute]: tenant, sub, email, email_verified: isVerified } = event.request.userAttributes;
  return Promise.resolve({
    ...event,
    response: {
      claimsAndScopeOverrideDetails: {
        accessTokenGeneration: {
          claimsToAddOrOverride: {
            ...(email === undefined ? {} : { email, email_verified: isVerified ?? 'false' }),
            [setting(environmentName.tenantClaim)]: tenant || sub,
          },
        },
      },
    },
  });
};
