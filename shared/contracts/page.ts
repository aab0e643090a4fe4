import * as z from 'zod';

const maxPageSize = 100;
const defaultPageSize = 25;

/** Query of every list: `limit` and the `nextCursor` of the page before. */
export const pageQuery = z
  .object({
    limit: z.coerce.number().int().min(1).max(maxPageSize).default(defaultPageSize),
    cursor: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,128}$/)
      .optional(),
  })
  .meta({ id: 'PageQuery' });
