import { readFileSync } from 'node:fs';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { controlApi } from './control-api.ts';
import { foreignCallback } from './foreign-callback.ts';
import { graphApi } from './graph-api.ts';
import { loopbackGuard } from './loopback-guard.ts';
import { phonePage } from './phone-page.ts';
import { type SeedInput, seedSchema } from './seed.ts';
import { Simulation } from './simulation.ts';
import { loadState, restoreState, saveState } from './state-file.ts';

// A crash loses at most this much of the state.
const SAVE_AFTER_MS = 2_000;

export interface SimulatorOptions {
  /** 0 (the default) takes a free port. */
  readonly port?: number | undefined;
  /** 127.0.0.1 by default: there is no authentication but Meta's. */
  readonly host?: string | undefined;
  /** Left out, the default seed. */
  readonly seed?: SeedInput | undefined;
  /** Kept here from run to run; what it holds wins over the seed. */
  readonly stateFile?: string | undefined;
}

export interface RunningSimulator {
  /** Without trailing slash. */
  readonly url: string;
  /** Ends open connections and waiting deliveries, and saves the state. */
  close(): Promise<void>;
}

/** The seed that comes with the simulator. */
export function defaultSeed(): SeedInput {
  return seedSchema.parse(JSON.parse(readFileSync(new URL('./seed.default.json', import.meta.url), 'utf8')));
}

/** Starts a simulated Meta. @throws Error in one sentence when the port is taken, or the seed or the state file is bad */
export async function startSimulator(options: SimulatorOptions = {}): Promise<RunningSimulator> {
  const { port = 0, host = '127.0.0.1', stateFile } = options;
  const simulation = new Simulation(seedSchema.parse(options.seed ?? defaultSeed()));
  const { state } = simulation;
  const saved = stateFile === undefined ? null : await loadState(stateFile);
  if (saved === null) simulation.reset();
  else restoreState(state, saved);

  const server = createAdaptorServer({ fetch: application(simulation, host).fetch, overrideGlobalObjects: false });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(
        new Error(
          taken
            ? `Port ${port} of ${host} is taken; choose another one.`
            : `Cannot listen on ${host}:${port}: ${error.message}`,
        ),
      );
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const actualPort = typeof address === 'object' && address !== null ? address.port : port;
  state.selfUrl = `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`;
  const saving = stateFile === undefined ? null : saveOnChange(stateFile, simulation);

  return {
    url: state.selfUrl,
    async close() {
      simulation.close();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
      await saving?.stop();
    },
  };
}

function application(simulation: Simulation, host: string): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>({ strict: false });
  const guard = loopbackGuard(host === 'localhost' || host === '::1' || host.startsWith('127.'));
  for (const path of ['/', '/_phone/*', '/_control/*']) app.use(path, guard);
  app.get('/_health', (c) => c.json({ status: 'ok' }));
  app.route('/_control', controlApi(simulation));
  app.route('/', phonePage(simulation));
  app.all('/_foreign/:name', foreignCallback(simulation));
  app.get('/favicon.ico', (c) => c.body(null, 204));
  app.all('*', graphApi(simulation));
  app.onError((error, c) => {
    console.error('The simulator failed:', error);
    return c.json(
      { error: { message: 'The simulator failed; its log says how.', type: 'SimulatorFailure', code: 1 } },
      500,
    );
  });
  return app;
}

function saveOnChange(path: string, { state }: Simulation) {
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();
  const save = () => {
    timer = null;
    writing = writing
      .then(() => saveState(path, state))
      .catch((error: unknown) => console.error('The state could not be saved:', error));
  };
  state.on('change', () => {
    timer ??= setTimeout(save, SAVE_AFTER_MS);
  });
  return {
    async stop(): Promise<void> {
      if (timer !== null) clearTimeout(timer);
      save();
      await writing;
    },
  };
}
