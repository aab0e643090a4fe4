import { randomBytes } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import * as z from 'zod';
import { ControlError, patched, readBody } from './control-body.ts';
import { customerSends, deliver, deliverSchema, messageSchema } from './control-deliver.ts';
import { describeMedium, makeMedia, mediumFile, newMediaSchema } from './control-media.ts';
import { errorCatalogue } from './errors.ts';
import { faultSchema } from './faults.ts';
import { respond } from './http-answer.ts';
import { outcomeSchema } from './message-statuses.ts';
import {
  appSchema,
  foreignCallbackSchema,
  phoneNumberSchema,
  seedSchema,
  settingsPatchSchema,
  tokenSchema,
  wabaSchema,
} from './seed.ts';
import type { Simulation } from './simulation.ts';
import { SeedError } from './state.ts';
import { targetsOf } from './webhook-targets.ts';

// ISO-8601 UTC, so that text order is time order.
const since = (c: { req: { query(name: string): string | undefined } }) => c.req.query('since') ?? '';

/** The control API under /_control: what a test or a developer does to the simulated Meta. The README has the table. */
export function controlApi(simulation: Simulation): Hono<{ Bindings: HttpBindings }> {
  const { state, media, faults, statuses, calls, webhooks } = simulation;
  const api = new Hono<{ Bindings: HttpBindings }>({ strict: false });

  api.get('/', (c) =>
    c.json({
      routes: [
        ...new Set(
          api.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} /_control${path}`),
        ),
      ],
    }),
  );

  api.get('/state', (c) =>
    c.body(JSON.stringify({ url: state.selfUrl, ...state.toSeed() }).replaceAll('{self}', state.selfUrl), 200, {
      'Content-Type': 'application/json',
    }),
  );
  api.post('/seed', async (c) => {
    state.merge(await readBody(c, seedSchema));
    return c.json({ success: true });
  });
  api.post('/reset', (c) => {
    simulation.reset();
    return c.json({ success: true });
  });
  api.get('/settings', (c) => c.json(state.settings));
  api.patch('/settings', async (c) => {
    state.merge(seedSchema.parse({ settings: await readBody(c, settingsPatchSchema) }));
    return c.json(state.settings);
  });

  api.get('/sent', (c) => {
    const { phoneNumberId, to, kind } = c.req.query();
    const items = state.sent.filter(
      (item) =>
        item.at >= since(c) &&
        (phoneNumberId === undefined || item.phoneNumberId === phoneNumberId) &&
        (to === undefined || item.to === to) &&
        (kind === undefined || item.kind === kind),
    );
    return c.json({ items });
  });
  api.delete('/sent', (c) => {
    state.sent.length = 0;
    return c.json({ success: true });
  });
  api.get('/conversations', (c) => {
    const { phoneNumberId, waId } = c.req.query();
    const items = state
      .conversations()
      .filter(
        (chat) =>
          (phoneNumberId === undefined || chat.phoneNumberId === phoneNumberId) &&
          (waId === undefined || chat.waId === waId),
      );
    return c.json({ items });
  });
  api.get('/calls', (c) => {
    const { path, method } = c.req.query();
    const pattern = path === undefined ? null : regularExpression(path);
    const items = calls
      .list()
      .filter(
        (call) =>
          call.at >= since(c) &&
          (pattern === null || pattern.test(call.path)) &&
          (method === undefined || call.method === method.toUpperCase()),
      );
    return c.json({ items });
  });
  api.delete('/calls', (c) => {
    calls.clear();
    return c.json({ success: true });
  });
  api.get('/deliveries', (c) => c.json({ items: webhooks.log.filter(({ at }) => at >= since(c)) }));
  api.get('/foreign', (c) => c.json({ items: state.foreignDeliveries.filter(({ at }) => at >= since(c)) }));
  api.get('/errors', (c) => c.json(errorCatalogue));

  api.get('/faults', (c) => c.json({ items: faults.list() }));
  api.post('/faults', async (c) => c.json({ id: faults.add(await readBody(c, faultSchema)) }, 201));
  api.delete('/faults', (c) => {
    faults.clear();
    return c.json({ success: true });
  });
  api.delete('/faults/:id', (c) => {
    if (!faults.remove(c.req.param('id'))) throw new ControlError(404, `There is no fault ${c.req.param('id')}.`);
    return c.json({ success: true });
  });
  api.get('/outcomes', (c) => c.json({ items: statuses.outcomes.list() }));
  api.post('/outcomes', async (c) => {
    const outcome = await readBody(c, outcomeSchema);
    const path = outcome.phoneNumberId === undefined ? undefined : `^/${outcome.phoneNumberId}/messages$`;
    return c.json({ id: statuses.outcomes.add({ ...outcome, path }) }, 201);
  });
  api.delete('/outcomes', (c) => {
    statuses.outcomes.clear();
    return c.json({ success: true });
  });

  api.post('/deliver', async (c) => {
    const request = await readBody(c, deliverSchema);
    const result = deliver(simulation, request);
    if (request.wait) return c.json(await result);
    void result.catch(() => undefined);
    return c.json({ deliveries: null, skipped: null }, 202);
  });
  api.post('/message', async (c) => c.json(await customerSends(simulation, await readBody(c, messageSchema))));
  api.get('/media', (c) => {
    const { phoneNumberId, direction } = c.req.query();
    const items = media
      .list()
      .filter(
        (item) =>
          item.at >= since(c) &&
          (phoneNumberId === undefined || item.phoneNumberId === phoneNumberId) &&
          (direction === undefined || item.direction === direction),
      );
    return c.json({ items: items.map(describeMedium) });
  });
  api.post('/media', async (c) => {
    const { phoneNumberId, ...request } = await readBody(c, newMediaSchema);
    const phone = known(state.phoneNumbers, phoneNumberId, 'phone number');
    return c.json(describeMedium(await makeMedia(simulation, phone, request)), 201);
  });
  api.get('/media/:id/content', (c) => respond(c, mediumFile(simulation, c.req.param('id'))));
  api.get('/targets', (c) => {
    const { phoneNumberId, wabaId, field = 'messages' } = c.req.query();
    const place = phoneNumberId === undefined ? wabaId : state.phoneNumbers.get(phoneNumberId)?.wabaId;
    if (place === undefined) throw new ControlError(400, 'Name a known phoneNumberId or a wabaId.');
    const { targets, skipped } = targetsOf(state, { wabaId: place, phoneNumberId }, field);
    return c.json({ targets: targets.map(({ app, url, level }) => ({ appId: app.id, url, level })), skipped });
  });

  api.patch('/apps/:id', async (c) => {
    const app = known(state.apps, c.req.param('id'), 'app');
    const changed = { ...(await patched(c, appSchema, app)), id: app.id };
    state.apps.set(app.id, changed);
    state.emit('change');
    return c.json(changed);
  });
  api.post('/apps/:id/rotate-secret', async (c) => {
    const app = known(state.apps, c.req.param('id'), 'app');
    const { secret } = await readBody(c, z.strictObject({ secret: appSchema.shape.secret.optional() }));
    const changed = { ...app, secret: secret ?? randomBytes(16).toString('hex') };
    state.apps.set(app.id, changed);
    state.emit('change');
    return c.json({ secret: changed.secret });
  });
  api.patch('/wabas/:id', async (c) => {
    const waba = known(state.wabas, c.req.param('id'), 'WABA');
    const changed = { ...(await patched(c, wabaSchema, waba)), id: waba.id };
    state.wabas.set(waba.id, changed);
    state.emit('change');
    return c.json(changed);
  });
  api.patch('/phone-numbers/:id', async (c) => {
    const phone = known(state.phoneNumbers, c.req.param('id'), 'phone number');
    const changed = { ...(await patched(c, phoneNumberSchema, phone)), id: phone.id };
    known(state.wabas, changed.wabaId, 'WABA');
    state.phoneNumbers.set(phone.id, changed);
    state.emit('change');
    return c.json(changed);
  });
  api.delete('/phone-numbers/:id', (c) => {
    const phone = known(state.phoneNumbers, c.req.param('id'), 'phone number');
    state.phoneNumbers.delete(phone.id);
    state.emit('change');
    return c.json({ success: true });
  });
  api.patch('/tokens/:name', async (c) => {
    const token = known(state.tokens, c.req.param('name'), 'token');
    state.merge(seedSchema.parse({ tokens: [{ ...(await patched(c, tokenSchema, token)), name: token.name }] }));
    return c.json({ success: true });
  });
  api.post('/tokens/:name/:change', (c) => {
    const token = known(state.tokens, c.req.param('name'), 'token');
    const changes = {
      expire: { expiresAt: Math.floor(Date.now() / 1000) - 1 },
      revoke: { state: 'revoked' },
      'change-password': { state: 'password-changed' },
      restore: { state: 'active', expiresAt: 0 },
    } as const;
    const change = c.req.param('change');
    if (!Object.hasOwn(changes, change)) {
      throw new ControlError(404, `A token can be changed by ${Object.keys(changes).join(', ')}.`);
    }
    state.putToken({ ...token, ...changes[change as keyof typeof changes] });
    return c.json({ success: true });
  });
  api.patch('/foreign/:name', async (c) => {
    const callback = known(state.foreignCallbacks, c.req.param('name'), 'foreign callback');
    state.foreignCallbacks.set(callback.name, {
      ...(await patched(c, foreignCallbackSchema, callback)),
      name: callback.name,
    });
    state.emit('change');
    return c.json({ success: true });
  });

  api.all('*', (c) => c.json({ error: { message: 'There is no such route; GET /_control/ lists them.' } }, 404));
  api.onError((error, c) => {
    if (error instanceof ControlError) return c.json({ error: { message: error.message } }, error.status);
    if (error instanceof SeedError) return c.json({ error: { message: error.message } }, 400);
    throw error;
  });
  return api;
}

function known<T>(things: ReadonlyMap<string, T>, id: string, kind: string): T {
  const thing = things.get(id);
  if (thing === undefined) throw new ControlError(404, `There is no ${kind} ${id}.`);
  return thing;
}

function regularExpression(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch {
    throw new ControlError(400, 'path: expected a regular expression');
  }
}
