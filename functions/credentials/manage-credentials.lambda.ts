import { apiLambda } from '../edge/api-lambda.ts';
import { checkCredentialRoute } from './check-credential.ts';
import { createCredentialRoute } from './create-credential.ts';
import { describeWebhookRoute } from './describe-webhook.ts';
import { guideManualSetUpRoute } from './guide-manual-set-up.ts';
import { listTemplatesRoute } from './list-templates.ts';
import { registerPhoneNumberRoute } from './register-phone-number.ts';
import { removeCredentialRoute } from './remove-credential.ts';
import { repairWebhookRoute } from './repair-webhook.ts';
import { updateCredentialRoute } from './update-credential.ts';
import { validateCredentialRoute } from './validate-credential.ts';

export const handler = apiLambda([
  createCredentialRoute,
  validateCredentialRoute,
  updateCredentialRoute,
  removeCredentialRoute,
  registerPhoneNumberRoute,
  describeWebhookRoute,
  checkCredentialRoute,
  repairWebhookRoute,
  guideManualSetUpRoute,
  listTemplatesRoute,
]);
