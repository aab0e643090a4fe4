import { apiLambda } from '../edge/api-lambda.ts';
import { putAgentRoute } from './put-agent.ts';

export const handler = apiLambda([putAgentRoute]);
