import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Invoked, WorkerSetUp } from './counted-worker.ts';

export interface FunctionSetUp extends Pick<WorkerSetUp, 'module' | 'awsHost' | 'vaultTable'> {
  /** The whole environment of the function. */
  readonly environment: Readonly<Record<string, string>>;
}

/** One worker of a function, cold until it is invoked for the first time. */
export class CountedFunction implements AsyncDisposable {
  readonly #worker: Worker;

  constructor({ environment, ...workerData }: FunctionSetUp) {
    this.#worker = new Worker(new URL('./counted-worker.ts', import.meta.url), {
      env: environment,
      workerData: workerData satisfies WorkerSetUp,
      // The log of the handlers is theirs.
      stdout: true,
      stderr: true,
    });
  }

  /** One invocation, and the calls that it made. @throws what the handler throws */
  async invoke(event: object): Promise<Invoked> {
    this.#worker.postMessage(event);
    const [invoked] = (await once(this.#worker, 'message')) as [Invoked];
    return invoked;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
