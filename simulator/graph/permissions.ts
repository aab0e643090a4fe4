import { GraphError, invisibleObject } from '../errors.ts';
import type { PhoneNumber, Token, Waba } from '../seed.ts';
import type { State } from '../state.ts';
import type { GraphCall } from './graph-call.ts';

export type Permission = 'whatsapp_business_management' | 'whatsapp_business_messaging';

/**
 * The token of a caller that may use this WABA in this way. A WABA that the token's user was not given does not exist for it
 * (100/33), nor does it for an app token; a missing permission is 10 for messaging and 200 for management.
 * @throws GraphError 10, 100/33, 200
 */
export function requireAccess(
  call: Pick<GraphCall, 'method' | 'caller'>,
  objectId: string,
  wabaId: string,
  permission: Permission,
): Token {
  if (call.caller.kind === 'app' || !sees(call.caller.token, wabaId)) throw invisibleObject(call.method, objectId);
  const { token } = call.caller;
  if (!grants(token, wabaId, permission)) {
    throw permission === 'whatsapp_business_messaging'
      ? new GraphError({
          status: 403,
          type: 'OAuthException',
          code: 10,
          message: '(#10) Application does not have permission for this action',
        })
      : new GraphError({
          status: 403,
          type: 'OAuthException',
          code: 200,
          message: '(#200) You do not have the necessary permissions required to perform this action.',
        });
  }
  return token;
}

export function requirePhoneAccess(
  state: State,
  call: GraphCall,
  phone: PhoneNumber,
  permission: Permission,
): { readonly token: Token; readonly waba: Waba } {
  const token = requireAccess(call, phone.id, phone.wabaId, permission);
  const waba = state.wabas.get(phone.wabaId);
  if (waba === undefined) throw invisibleObject(call.method, phone.id);
  return { token, waba };
}

function sees(token: Token, wabaId: string): boolean {
  return token.assets === 'all' || token.assets.includes(wabaId);
}

/** Granted when `scopes` or `granular_scopes` say so; granular target ids limit it to those WABAs. */
function grants(token: Token, wabaId: string, permission: Permission): boolean {
  const granular = token.granularScopes.find(({ scope }) => scope === permission);
  if (granular?.targetIds !== undefined) return granular.targetIds.includes(wabaId);
  return granular !== undefined || token.scopes.includes(permission);
}
