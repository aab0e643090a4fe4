import type { MiddlewareHandler } from 'hono';

const LOOPBACK_NAMES = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i;

/**
 * Keeps other web pages in the developer's browser away from what is not Meta's API: a request with a foreign Origin, and
 * while the server listens on loopback alone one for another Host (DNS rebinding), is answered 403.
 */
export function loopbackGuard(listensOnLoopback: boolean): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header('host') ?? '';
    if (listensOnLoopback && !LOOPBACK_NAMES.test(host)) {
      return c.json({ error: { message: 'This host name is not served here. Use localhost or 127.0.0.1.' } }, 403);
    }
    const origin = c.req.header('origin');
    if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
      return c.json({ error: { message: 'Pages of another origin may not call this.' } }, 403);
    }
    await next();
    return undefined;
  };
}
