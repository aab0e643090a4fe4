import { environmentName } from '../../shared/contracts/environment.ts';
import { accessTokens } from '../edge/access-token.ts';
import { userOrAgent } from '../edge/agent-caller.ts';
import { apiLambda } from '../edge/api-lambda.ts';
import { listed, setting } from '../edge/environment.ts';
import * as ports from '../edge/ports.ts';
import { describeMessageRoute } from './describe-message.ts';
import { sendMessageRoute } from './send-message.ts';

const callerPorts = ports.once(() => ({
  keys: ports.agentKeys(),
  isAcceptable: accessTokens({
    issuer: setting(environmentName.issuer),
    audiences: listed(environmentName.audiences),
    requiredScope: listed(environmentName.requiredScope)[0],
  }).isAcceptable,
}));

export const handler = apiLambda([sendMessageRoute, describeMessageRoute], userOrAgent(callerPorts));
