import { apiLambda } from '../edge/api-lambda.ts';
import { createAgentKeyRoute } from './create-agent-key.ts';
import { pauseAgentRoute } from './pause-agent.ts';
import { putAgentRoute } from './put-agent.ts';
import { removeAgentRoute } from './remove-agent.ts';
import { resumeAgentRoute } from './resume-agent.ts';
import { revokeAgentKeyRoute } from './revoke-agent-key.ts';
import { rotateSigningSecretRoute } from './rotate-signing-secret.ts';

export const handler = apiLambda([
  putAgentRoute,
  removeAgentRoute,
  pauseAgentRoute,
  resumeAgentRoute,
  rotateSigningSecretRoute,
  createAgentKeyRoute,
  revokeAgentKeyRoute,
]);
