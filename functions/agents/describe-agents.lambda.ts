import { apiLambda } from '../edge/api-lambda.ts';
import { previewRoutingRoute } from '../routing/preview-routing.ts';
import { describeAgentRoute } from './describe-agent.ts';
import { listAgentsRoute } from './list-agents.ts';

export const handler = apiLambda([listAgentsRoute, describeAgentRoute, previewRoutingRoute]);
