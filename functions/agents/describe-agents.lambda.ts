import { apiLambda } from '../edge/api-lambda.ts';
import { describeAgentRoute } from './describe-agent.ts';
import { listAgentKeysRoute } from './list-agent-keys.ts';
import { listAgentsRoute } from './list-agents.ts';
import { previewRoutingRoute } from './preview-routing.ts';

export const handler = apiLambda([listAgentsRoute, describeAgentRoute, listAgentKeysRoute, previewRoutingRoute]);
