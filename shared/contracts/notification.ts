import * as z from 'zod';

/** SNS stores no longer endpoint. */
const maxEndpointLength = 2048;
/** RFC 5321, section 4.5.3.1.3. */
const maxEmailLength = 254;
const maxDestinations = 10;

/** Whether the URL may be called is judged with its host: shared/adapters/public-host.ts. */
export const destination = z
  .discriminatedUnion('protocol', [
    z.strictObject({
      protocol: z.literal('email'),
      endpoint: z.email('This is not an e-mail address').max(maxEmailLength),
    }),
    z.strictObject({
      protocol: z.literal('https'),
      endpoint: z.url('This is not a URL').max(maxEndpointLength),
    }),
  ])
  .meta({ id: 'Destination', description: 'Where alerts go: an e-mail address, or an https URL that SNS posts to' });
export type Destination = z.infer<typeof destination>;

export const putNotificationsRequest = z
  .strictObject({
    destinations: z
      .array(destination)
      .max(maxDestinations)
      .refine((all) => new Set(all.map(({ endpoint }) => endpoint)).size === all.length, 'Each destination only once')
      .meta({ description: 'All of them: what is left out gets no more alerts' }),
  })
  .meta({ id: 'PutNotificationsRequest' });
export type PutNotificationsRequest = z.infer<typeof putNotificationsRequest>;

export const notifications = z
  .object({
    version: z.number().int().meta({ description: '0 while nobody has chosen anything' }),
    destinations: z.array(
      z.object({
        protocol: z.enum(['email', 'https']),
        endpoint: z.string(),
        confirmed: z.boolean().nullable().meta({
          description:
            'Whether the owner of the address has confirmed it by the link that SNS sent there; nothing is told before. null: SNS did not say',
        }),
      }),
    ),
    updatedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Notifications', description: 'Where the alerts of this tenant go' });
export type Notifications = z.infer<typeof notifications>;
