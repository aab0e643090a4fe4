/** One clear sentence for the person at the terminal, with the cure in it; printed without a stack trace. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** What to print for any error: a refusal's sentence, anything else with its stack, because it is a fault of ours. */
export function explain(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
