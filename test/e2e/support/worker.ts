import { processesMentioning } from './processes.ts';
import { stack } from './stack.ts';

export type WorkerFunction = 'RouteEvent' | 'ReceiveWebhook';

/** The Lambda worker processes of one function of this copy, as far as they run now. */
export function workersOf(name: WorkerFunction): readonly number[] {
  return processesMentioning(`AWS_ENDPOINT_URL=${stack.awsEndpoint}`)
    .filter(({ environment }) => environment.get('AWS_LAMBDA_FUNCTION_NAME')?.includes(`${name}Function`))
    .map(({ pid }) => pid);
}

/** Sends a signal to every worker of a function. @throws when there is none: then the test would prove nothing */
export function signalWorkers(name: WorkerFunction, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
  const workers = workersOf(name);
  if (workers.length === 0) throw new Error(`${name} has no worker to send ${signal} to.`);
  for (const pid of workers) process.kill(pid, signal);
}

/** Shorter than any answer of the emulator, so that hardly ever more than one write takes effect. In milliseconds. */
const moment = 0.5;

/** Lets the stopped workers of a function run for a moment and stops them again. */
export function runForAMoment(name: WorkerFunction): void {
  const workers = workersOf(name);
  for (const pid of workers) process.kill(pid, 'SIGCONT');
  const until = performance.now() + moment;
  // Why not a timer: it would be late by more than that.
  while (performance.now() < until);
  for (const pid of workers) process.kill(pid, 'SIGSTOP');
}
