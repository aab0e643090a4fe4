import { invalidParameter } from '../errors.ts';
import type { Token } from '../seed.ts';
import { sameText } from '../signatures.ts';
import type { State } from '../state.ts';
import { causeOfDeath } from './authentication.ts';
import type { GraphCall } from './graph-call.ts';

/**
 * GET /debug_token: the facts of a token. An invalid one, and one of another app, still answer 200, with `is_valid: false`
 * and `data.error`. @throws GraphError 100 when the caller is neither the app, nor one of its users, nor the token itself
 */
export function debugToken(state: State, { caller, params }: GraphCall) {
  const input = params.text('input_token');
  if (input === undefined || input === '') throw invalidParameter('The parameter input_token is required');
  const inspectsItself = caller.kind === 'user' && sameText(caller.accessToken, input);
  if (caller.kind === 'user' && !inspectsItself && caller.token.type !== 'USER') {
    throw invalidParameter(
      'You must provide an app access token, or a user access token that is an owner or developer of the app',
    );
  }
  if (input.includes('|')) return { data: appTokenFacts(state, caller.app.id, input) };
  const token = state.tokenByValue(input);
  if (token === undefined) {
    return { data: invalid({ code: 190, message: 'Invalid OAuth access token - Cannot parse access token' }) };
  }
  if (token.appId !== caller.app.id) {
    return {
      data: invalid({ code: 100, message: '(#100) The App_id in the input_token did not match the Viewing App' }),
    };
  }
  return { data: tokenFacts(state, token) };
}

function appTokenFacts(state: State, viewingAppId: string, input: string) {
  const [appId = '', secret = ''] = input.split('|');
  const app = state.apps.get(appId);
  if (app === undefined || !sameText(secret, app.secret)) {
    return invalid({ code: 190, message: 'Invalid OAuth access token signature.' });
  }
  if (appId !== viewingAppId) {
    return invalid({ code: 100, message: '(#100) The App_id in the input_token did not match the Viewing App' });
  }
  return { app_id: app.id, type: 'APP', application: app.name, is_valid: true, scopes: [] };
}

function tokenFacts(state: State, token: Token) {
  const death = causeOfDeath(token);
  return {
    app_id: token.appId,
    type: token.type,
    application: state.apps.get(token.appId)?.name ?? '',
    data_access_expires_at: token.dataAccessExpiresAt,
    ...(death === null ? {} : { error: { code: death.code, message: death.message, subcode: death.subcode } }),
    expires_at: token.expiresAt,
    is_valid: death === null,
    ...(token.issuedAt === undefined ? {} : { issued_at: token.issuedAt }),
    scopes: token.scopes,
    granular_scopes: token.granularScopes.map(({ scope, targetIds }) =>
      targetIds === undefined ? { scope } : { scope, target_ids: targetIds },
    ),
    user_id: token.userId,
  };
}

function invalid(error: { readonly code: number; readonly message: string }) {
  return { error, is_valid: false, scopes: [] };
}
