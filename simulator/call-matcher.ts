import * as z from 'zod';

const regularExpression = z.string().refine((source) => {
  try {
    new RegExp(source);
    return true;
  } catch {
    return false;
  }
}, 'expected a regular expression');

/** Which calls a rule applies to; what is left out matches every call. */
export const callMatcherSchema = z.strictObject({
  /** The App ID of the app that the call is made for, by its access token. */
  app: z.string().optional(),
  method: z
    .string()
    .transform((method) => method.toUpperCase())
    .optional(),
  /** Tested against the path without query, such as /v25.0/1234/messages. */
  path: regularExpression.optional(),
  /**
   * Tested against the body as it came; of a multipart form against `name=value` lines, with the file's name for the file; for
   * GET against the query without access tokens and proofs.
   */
  body: regularExpression.optional(),
  /** How many matching calls pass first. */
  skip: z.int().min(0).default(0),
  /** How many matching calls are affected; null is all of them. */
  times: z.int().min(1).nullable().default(1),
});

export type CallMatcher = z.infer<typeof callMatcherSchema>;

/** Rules in the order they were made, each used up after its `times`. */
export class RuleList<Rule extends CallMatcher> {
  readonly #rules = new Map<string, { readonly rule: Rule; seen: number; applied: number }>();
  readonly #prefix: string;
  #count = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  add(rule: Rule): string {
    this.#count += 1;
    const id = `${this.#prefix}-${this.#count}`;
    this.#rules.set(id, { rule, seen: 0, applied: 0 });
    return id;
  }

  remove(id: string): boolean {
    return this.#rules.delete(id);
  }

  clear(): void {
    this.#rules.clear();
  }

  list() {
    return [...this.#rules].map(([id, { rule, applied }]) => ({ id, ...rule, applied }));
  }

  /** The first rule that applies to this call; counts it. */
  take(call: {
    readonly app?: string | undefined;
    readonly method: string;
    readonly path: string;
    readonly body: string;
  }): { readonly id: string; readonly rule: Rule } | null {
    for (const [id, entry] of this.#rules) {
      const { rule } = entry;
      if (rule.app !== undefined && rule.app !== call.app) continue;
      if (rule.method !== undefined && rule.method !== call.method) continue;
      if (rule.path !== undefined && !new RegExp(rule.path).test(call.path)) continue;
      if (rule.body !== undefined && !new RegExp(rule.body).test(call.body)) continue;
      entry.seen += 1;
      if (entry.seen <= rule.skip || (rule.times !== null && entry.applied >= rule.times)) continue;
      entry.applied += 1;
      return { id, rule };
    }
    return null;
  }
}
