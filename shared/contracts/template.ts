import * as z from 'zod';

/** A message template, as far as one needs to pick it and fill it in. */
export const messageTemplate = z
  .object({
    name: z.string(),
    language: z.string(),
    status: z.string().meta({
      description: 'Only `APPROVED` ones can be sent',
      examples: ['APPROVED', 'PENDING', 'REJECTED', 'PAUSED'],
    }),
    category: z.string().nullable(),
    components: z.array(z.record(z.string(), z.unknown())).meta({ description: "Meta's objects as they came" }),
  })
  .meta({ id: 'MessageTemplate' });
export type MessageTemplate = z.infer<typeof messageTemplate>;

/** All of them on one page. */
export const templateList = z
  .object({ items: z.array(messageTemplate), nextCursor: z.null() })
  .meta({ id: 'TemplateList' });

export const templateQuery = z.object({
  status: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'Only those of this status', examples: ['APPROVED'] }),
  name: z.string().max(512).optional().meta({ description: 'Only those whose name has this in it' }),
});
export type TemplateQuery = z.infer<typeof templateQuery>;
