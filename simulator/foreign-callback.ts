import type { Context } from 'hono';
import { sameText } from './signatures.ts';
import type { Simulation } from './simulation.ts';
import { type ForeignDelivery, pushBounded } from './state.ts';

// A log for looking at, not an archive.
const MAX_LOGGED_CHARACTERS = 65_536;

/**
 * Somebody else's callback at /_foreign/{name}: it passes a handshake only with its own verify token (403 otherwise) and
 * answers webhooks with the status it was given.
 */
export function foreignCallback({ state }: Simulation): (c: Context) => Promise<Response> {
  return async (c) => {
    const callback = state.foreignCallbacks.get(c.req.param('name') ?? '');
    if (callback === undefined) return c.text('Not Found', 404);
    const note = (kind: ForeignDelivery['kind'], status: number, body: string | null) =>
      pushBounded(state.foreignDeliveries, { at: new Date().toISOString(), name: callback.name, kind, status, body });
    if (c.req.method === 'GET') {
      const passes =
        c.req.query('hub.mode') === 'subscribe' &&
        sameText(c.req.query('hub.verify_token') ?? '', callback.verifyToken);
      note('handshake', passes ? 200 : 403, null);
      return passes ? c.text(c.req.query('hub.challenge') ?? '') : c.text('Forbidden', 403);
    }
    note('webhook', callback.status, (await c.req.text()).slice(0, MAX_LOGGED_CHARACTERS));
    return new Response(null, { status: callback.status });
  };
}
