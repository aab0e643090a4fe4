import { type SeedInput, seedSchema } from '../../../simulator/seed.ts';
import { type RunningSimulator, startSimulator } from '../../../simulator/server.ts';

export type MetaState = ReturnType<typeof seedSchema.parse>;

/** A simulated Meta of a test's own, with nothing in it. */
export class SimulatedMeta implements AsyncDisposable {
  readonly #simulator: RunningSimulator;

  private constructor(simulator: RunningSimulator) {
    this.#simulator = simulator;
  }

  static async start(): Promise<SimulatedMeta> {
    return new SimulatedMeta(await startSimulator({ seed: {} }));
  }

  get url(): string {
    return this.#simulator.url;
  }

  /** Adds to what there is; what has the same id is replaced. */
  seed = (seed: SeedInput): Promise<void> => this.control('POST', 'seed', seed);

  async state(): Promise<MetaState> {
    const { url: _url, ...state } = await this.control<SeedInput & { readonly url: string }>('GET', 'state');
    return seedSchema.parse(state);
  }

  /** Puts it back to a state that it was in. */
  async restore(state: MetaState): Promise<void> {
    await this.control('POST', 'reset');
    await this.seed(state);
  }

  async control<T = void>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.url}/_control/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} /_control/${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  [Symbol.asyncDispose] = (): Promise<void> => this.#simulator.close();
}
