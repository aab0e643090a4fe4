import * as z from 'zod';

/** What an operator asks of the re-wrap: by default it begins when the key is new, and goes on where it has stopped. */
export const rewrapRequest = z.strictObject({
  /** Forgets how far an earlier run has come and begins again with the first row. */
  restart: z.boolean().default(false),
});
export type RewrapRequest = z.output<typeof rewrapRequest>;

/** How far a run has come. Every row is counted once: moved, skipped (gone or changed meanwhile) or failed. */
export const rewrapProgress = z.object({
  runId: z.string(),
  startedAt: z.iso.datetime(),
  scanned: z.int().min(0),
  moved: z.int().min(0),
  skipped: z.int().min(0),
  failed: z.int().min(0),
  /** Rows that could not be moved, by their ids: the first ones, the log of the function names all. */
  failures: z.array(z.string()),
  finishedAt: z.iso.datetime().nullable(),
});
export type RewrapProgress = z.output<typeof rewrapProgress>;
