import { apiLambda } from '../edge/api-lambda.ts';
import { testAgentRoute } from './test-agent.ts';

export const handler = apiLambda([testAgentRoute]);
