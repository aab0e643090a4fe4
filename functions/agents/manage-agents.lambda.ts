import { apiLambda } from '../edge/api-lambda.ts';
import { pauseAgentRoute } from './pause-agent.ts';
import { putAgentRoute } from './put-agent.ts';
import { removeAgentRoute } from './remove-agent.ts';
import { resumeAgentRoute } from './resume-agent.ts';
import { rotateSigningSecretRoute } from './rotate-signing-secret.ts';

export const handler = apiLambda([
  putAgentRoute,
  removeAgentRoute,
  pauseAgentRoute,
  resumeAgentRoute,
  rotateSigningSecretRoute,
]);
