import type { Context } from 'hono';
import * as z from 'zod';

/** A control request that cannot be carried out; the message says why in one sentence. */
export class ControlError extends Error {
  readonly status: 400 | 404;

  constructor(status: 400 | 404, message: string) {
    super(message);
    this.name = 'ControlError';
    this.status = status;
  }
}

/** The JSON body, empty counting as {}. @throws ControlError 400 */
export async function readBody<T extends z.ZodType>(c: Context, schema: T): Promise<z.infer<T>> {
  const text = await c.req.text();
  return check(schema, text.trim() === '' ? {} : parseJson(text));
}

/** @throws ControlError 400 that names each wrong field */
export function check<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const sentences = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new ControlError(400, sentences.join('; '));
}

/** What a PATCH makes of a stored thing; `id` and `name` of the path stay. @throws ControlError 400 */
export async function patched<T extends z.ZodType>(c: Context, schema: T, current: object): Promise<z.infer<T>> {
  const patch = await readBody(c, z.record(z.string(), z.unknown()));
  // null takes an optional field away.
  const merged = Object.fromEntries(Object.entries({ ...current, ...patch }).filter(([, value]) => value !== null));
  return check(schema, merged);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ControlError(400, 'The body is not JSON.');
  }
}
