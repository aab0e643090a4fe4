import { deadToken, GraphError, type GraphErrorFacts, invalidProof } from '../errors.ts';
import type { App, Token } from '../seed.ts';
import { appSecretProof, sameText } from '../signatures.ts';
import type { State } from '../state.ts';
import type { Caller } from './graph-call.ts';

/** Proves the caller by its token and `appsecret_proof`. @throws GraphError 1, 100, 101, 104, 190 */
export function authenticate(state: State, accessToken: string | undefined, proof: string | undefined): Caller {
  if (accessToken === undefined || accessToken === '') {
    throw new GraphError({
      status: 400,
      type: 'OAuthException',
      code: 104,
      message: 'An access token is required to request this resource.',
    });
  }
  const caller = accessToken.includes('|') ? appCaller(state, accessToken) : userCaller(state, accessToken);
  if (proof !== undefined) {
    if (!sameText(proof, appSecretProof(caller.app.secret, accessToken))) {
      throw invalidProof('Invalid appsecret_proof provided in the API argument');
    }
  } else if (caller.app.requireAppSecret && caller.kind === 'user') {
    throw invalidProof('API calls from the server require an appsecret_proof argument');
  }
  return caller;
}

/** The app behind an `id|secret`. @throws GraphError 101 for an unknown app, 1 for a wrong secret */
export function appBySecret(state: State, appId: string, secret: string): App {
  const app = state.apps.get(appId);
  if (app === undefined) {
    throw new GraphError({
      status: 400,
      type: 'OAuthException',
      code: 101,
      message: 'Error validating application. Cannot get application info due to a system error.',
    });
  }
  if (!sameText(secret, app.secret)) {
    throw new GraphError({ status: 400, type: 'OAuthException', code: 1, message: 'Error validating client secret.' });
  }
  return app;
}

function appCaller(state: State, accessToken: string): Caller {
  const bar = accessToken.indexOf('|');
  const app = appBySecret(state, accessToken.slice(0, bar), accessToken.slice(bar + 1));
  return { kind: 'app', app, accessToken };
}

function userCaller(state: State, accessToken: string): Caller {
  const token = state.tokenByValue(accessToken);
  const app = token === undefined ? undefined : state.apps.get(token.appId);
  if (token === undefined || app === undefined) {
    throw deadToken('Invalid OAuth access token - Cannot parse access token');
  }
  const death = causeOfDeath(token);
  if (death !== null) throw new GraphError(death);
  return { kind: 'user', app, accessToken, token };
}

/** Why a token no longer works, in Meta's words; null while it lives. */
export function causeOfDeath(token: Token, now = Date.now()): GraphErrorFacts | null {
  switch (token.state) {
    case 'revoked':
      return facts('Error validating access token: The session is invalid because the user logged out.', 467);
    case 'password-changed':
      return facts(
        'Error validating access token: The session has been invalidated because the user changed their password or Facebook has changed the session for security reasons.',
        460,
      );
    case 'app-not-installed':
      return facts(`Error validating access token: The user has not authorized application ${token.appId}.`, 458);
    case 'checkpoint':
      return facts(
        'Error validating access token: You cannot access the app till you log in to www.facebook.com and follow the instructions given.',
        459,
      );
    case 'active':
      if (token.expiresAt !== 0 && token.expiresAt * 1000 <= now) {
        return facts(
          `Error validating access token: Session has expired on ${metaTime(token.expiresAt * 1000)}. The current time is ${metaTime(now)}.`,
          463,
        );
      }
      return null;
    default:
      return token.state satisfies never;
  }
}

function facts(message: string, subcode: number): GraphErrorFacts {
  return { status: 401, type: 'OAuthException', code: 190, subcode, message };
}

/** "Saturday, 22-Nov-26 02:13:20 PST" */
function metaTime(unixMs: number): string {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: 'America/Los_Angeles',
    weekday: 'long',
    day: '2-digit',
    month: 'short',
    year: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  }).formatToParts(unixMs);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((candidate) => candidate.type === type)?.value ?? '';
  const time = `${part('hour')}:${part('minute')}:${part('second')}`;
  return `${part('weekday')}, ${part('day')}-${part('month')}-${part('year')} ${time} ${part('timeZoneName')}`;
}
