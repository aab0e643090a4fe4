import { environmentName } from '../../shared/contracts/environment.ts';
import { accessTokens } from './access-token.ts';
import { userOrAgent } from './agent-caller.ts';
import { type ApiRoute, apiLambda } from './api-lambda.ts';
import { listed, setting } from './environment.ts';
import * as ports from './ports.ts';

const callerPorts = ports.once(() => ({
  keys: ports.agentKeys(),
  isAcceptable: accessTokens({
    issuer: setting(environmentName.issuer),
    audiences: listed(environmentName.audiences),
    requiredScope: listed(environmentName.requiredScope)[0],
  }).isAcceptable,
}));

/** A Lambda that serves routes which users share with agents: it verifies itself who calls. */
export const agentLambda = (routes: readonly ApiRoute[]) => apiLambda(routes, userOrAgent(callerPorts));
