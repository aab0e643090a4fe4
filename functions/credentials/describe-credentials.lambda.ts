import { apiLambda } from '../edge/api-lambda.ts';
import { describeCredentialRoute } from './describe-credential.ts';
import { describeHealthRoute } from './describe-health.ts';
import { listAccessesRoute } from './list-accesses.ts';
import { listCredentialsRoute } from './list-credentials.ts';
import { listPhoneNumbersRoute } from './list-phone-numbers.ts';

export const handler = apiLambda([
  listCredentialsRoute,
  describeCredentialRoute,
  listPhoneNumbersRoute,
  listAccessesRoute,
  describeHealthRoute,
]);
