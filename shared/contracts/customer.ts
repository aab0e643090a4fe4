import * as z from 'zod';

/** A customer as Meta names them: phone number, business-scoped user id or group id. */
export const customerId = z.string().min(1).max(200);

export const customerErased = z
  .object({
    erased: z.object({
      conversations: z.number().int(),
      heldEvents: z.number().int().meta({ description: 'Events that were held; they are discarded' }),
    }),
  })
  .meta({ id: 'CustomerErased' });
