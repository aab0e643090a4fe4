import { GraphError, invalidParameter } from '../errors.ts';
import type { State } from '../state.ts';
import { appBySecret } from './authentication.ts';
import type { Params } from './graph-call.ts';

/** GET /oauth/access_token?grant_type=client_credentials: the app access token. @throws GraphError 1, 100, 101 */
export function issueAppToken(state: State, params: Params) {
  const appId = params.text('client_id');
  const secret = params.text('client_secret');
  if (appId === undefined || appId === '') throw invalidParameter('Missing client_id parameter.');
  if (secret === undefined || secret === '') throw invalidParameter('Missing client_secret parameter.');
  const app = appBySecret(state, appId, secret);
  if (params.text('grant_type') !== 'client_credentials') {
    throw new GraphError({ status: 400, type: 'OAuthException', code: 1, message: 'Invalid grant_type.' });
  }
  return { access_token: `${app.id}|${app.secret}`, token_type: 'bearer' };
}
