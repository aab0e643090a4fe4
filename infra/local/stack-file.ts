import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import { Refusal } from './refusal.ts';
import type { StateDirectory } from './state-directory.ts';

/** All that others need to know about a running copy. */
const RunningStack = z.object({
  api: z.url(),
  console: z.url(),
  simulator: z.url(),
  agent: z.url(),
  issuer: z.url(),
  awsEndpoint: z.url(),
  region: z.string(),
});
export type RunningStack = z.infer<typeof RunningStack>;

export const STACK_FILE = 'stack.json';

/** Writes the file in one step, so that its presence means: everything answers. Disposing withdraws it. */
export function publishStack(state: StateDirectory, stack: RunningStack): Disposable {
  const draft = state.file(`${STACK_FILE}.draft`);
  writeFileSync(draft, `${JSON.stringify(stack, null, 2)}\n`);
  renameSync(draft, state.file(STACK_FILE));
  return { [Symbol.dispose]: () => withdrawStack(state) };
}

export function withdrawStack(state: StateDirectory): void {
  rmSync(state.file(STACK_FILE), { force: true });
}

/** @throws Refusal when no copy runs from this folder. */
export function readStack(state: StateDirectory): RunningStack {
  let text: string;
  try {
    text = readFileSync(state.file(STACK_FILE), 'utf8');
  } catch {
    throw new Refusal(
      `Switchboard is not running: there is no ${state.shown(STACK_FILE)}. Start it with \`npm start\`.`,
    );
  }
  return RunningStack.parse(JSON.parse(text));
}
