import { agentLambda } from '../edge/agent-lambda.ts';
import { describeMessageRoute } from './describe-message.ts';
import { sendMessageRoute } from './send-message.ts';

export const handler = agentLambda([sendMessageRoute, describeMessageRoute]);
