import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeActivityRoute } from '../../functions/activity/describe-activity.ts';
import { showDashboardRoute } from '../../functions/activity/show-dashboard.ts';
import { createAgentKeyRoute } from '../../functions/agents/create-agent-key.ts';
import { describeAgentRoute } from '../../functions/agents/describe-agent.ts';
import { listAgentKeysRoute } from '../../functions/agents/list-agent-keys.ts';
import { listAgentsRoute } from '../../functions/agents/list-agents.ts';
import { pauseAgentRoute } from '../../functions/agents/pause-agent.ts';
import { previewRoutingRoute } from '../../functions/agents/preview-routing.ts';
import { putAgentRoute } from '../../functions/agents/put-agent.ts';
import { removeAgentRoute } from '../../functions/agents/remove-agent.ts';
import { resumeAgentRoute } from '../../functions/agents/resume-agent.ts';
import { revokeAgentKeyRoute } from '../../functions/agents/revoke-agent-key.ts';
import { rotateSigningSecretRoute } from '../../functions/agents/rotate-signing-secret.ts';
import { testAgentRoute } from '../../functions/agents/test-agent.ts';
import { checkCredentialRoute } from '../../functions/credentials/check-credential.ts';
import { createCredentialRoute } from '../../functions/credentials/create-credential.ts';
import { describeCredentialRoute } from '../../functions/credentials/describe-credential.ts';
import { describeHealthRoute } from '../../functions/credentials/describe-health.ts';
import { describeWebhookRoute } from '../../functions/credentials/describe-webhook.ts';
import { guideManualSetUpRoute } from '../../functions/credentials/guide-manual-set-up.ts';
import { listAccessesRoute } from '../../functions/credentials/list-accesses.ts';
import { listCredentialsRoute } from '../../functions/credentials/list-credentials.ts';
import { listPhoneNumbersRoute } from '../../functions/credentials/list-phone-numbers.ts';
import { listTemplatesRoute } from '../../functions/credentials/list-templates.ts';
import { registerPhoneNumberRoute } from '../../functions/credentials/register-phone-number.ts';
import { removeCredentialRoute } from '../../functions/credentials/remove-credential.ts';
import { repairWebhookRoute } from '../../functions/credentials/repair-webhook.ts';
import { updateCredentialRoute } from '../../functions/credentials/update-credential.ts';
import { validateCredentialRoute } from '../../functions/credentials/validate-credential.ts';
import { eraseCustomerRoute } from '../../functions/customers/erase-customer.ts';
import { discardHeldRoute, replayHeldRoute } from '../../functions/held/decide-held.ts';
import { listHeldRoute } from '../../functions/held/list-held.ts';
import { completeUploadRoute } from '../../functions/media/complete-upload.ts';
import { fetchMediaRoute } from '../../functions/media/fetch-media.ts';
import { uploadMediaRoute } from '../../functions/media/upload-media.ts';
import { describeMessageRoute } from '../../functions/messages/describe-message.ts';
import { sendMessageRoute } from '../../functions/messages/send-message.ts';
import { describeNotificationsRoute } from '../../functions/notifications/describe-notifications.ts';
import { putNotificationsRoute } from '../../functions/notifications/put-notifications.ts';
import { withErrorTables } from '../../infra/errors-document.ts';
import { metaErrors } from '../../shared/contracts/meta-errors.ts';
import { openApiDocument } from '../../shared/contracts/openapi.ts';
import { problems } from '../../shared/contracts/problem.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('docs/openapi.json is what the contracts say (npm run docs)', () => {
  expect(JSON.parse(read('docs/openapi.json'))).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
});

test('docs/errors.md is what the contracts say (npm run docs)', () => {
  expect(read('docs/errors.md')).toBe(withErrorTables(read('docs/errors.md')));
});

test('docs/errors.md has every code of ours and every one of Meta’s that is explained', () => {
  const document = read('docs/errors.md');
  for (const code of Object.keys(problems)) expect(document).toContain(`| \`${code}\` `);
  for (const code of metaErrors.flatMap(([codes]) => codes)) expect(document).toMatch(new RegExp(`^\\| ${code} `, 'm'));
});

test('every route of /v1 that a handler serves is described, and the other way round', () => {
  const served = [
    createCredentialRoute,
    describeCredentialRoute,
    listAccessesRoute,
    listCredentialsRoute,
    listPhoneNumbersRoute,
    listTemplatesRoute,
    updateCredentialRoute,
    removeCredentialRoute,
    validateCredentialRoute,
    registerPhoneNumberRoute,
    describeWebhookRoute,
    repairWebhookRoute,
    checkCredentialRoute,
    describeHealthRoute,
    guideManualSetUpRoute,
    describeAgentRoute,
    listAgentsRoute,
    putAgentRoute,
    listHeldRoute,
    replayHeldRoute,
    discardHeldRoute,
    eraseCustomerRoute,
    fetchMediaRoute,
    uploadMediaRoute,
    completeUploadRoute,
    previewRoutingRoute,
    removeAgentRoute,
    pauseAgentRoute,
    resumeAgentRoute,
    rotateSigningSecretRoute,
    testAgentRoute,
    createAgentKeyRoute,
    listAgentKeysRoute,
    revokeAgentKeyRoute,
    sendMessageRoute,
    describeMessageRoute,
    describeNotificationsRoute,
    putNotificationsRoute,
    describeActivityRoute,
    showDashboardRoute,
  ].map(({ routeKey }) => routeKey);
  const described = Object.entries(openApiDocument().paths ?? {})
    .filter(([path]) => path.startsWith('/v1/'))
    .flatMap(([path, methods]) => Object.keys(methods ?? {}).map((method) => `${method.toUpperCase()} ${path}`));
  expect(served.sort()).toEqual(described.sort());
});
