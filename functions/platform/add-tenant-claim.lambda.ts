import type { PreTokenGenerationV2TriggerHandler } from 'aws-lambda';
import { environmentName } from '../../shared/contracts/environment.ts';
import { setting } from '../edge/environment.ts';

/** The attribute of a user that only the operator can set (`npm run user -- --tenant …`). */
const tenantAttribute = 'custom:tenant';

/** Puts the tenant into the access token of the built-in user pool. A user without one is a tenant of their own. */
export const handler: PreTokenGenerationV2TriggerHandler = (event) => {
  const { [tenantAttribute]: tenant, sub } = event.request.userAttributes;
  return Promise.resolve({
    ...event,
    response: {
      claimsAndScopeOverrideDetails: {
        accessTokenGeneration: { claimsToAddOrOverride: { [setting(environmentName.tenantClaim)]: tenant || sub } },
      },
    },
  });
};
