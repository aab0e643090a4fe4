import * as z from 'zod';
import { dispatchState } from './agent.ts';
import { agentId, conversationId, phoneNumberId } from './ids.ts';

const metaId = z.string().trim().min(1).max(160);

export const routingPreviewRequest = z
  .strictObject({
    phoneNumberId,
    sender: z
      .strictObject({
        waId: metaId.optional().meta({ description: 'Phone number with country code', examples: ['+4915112345678'] }),
        userId: metaId.optional().meta({ description: 'Business-scoped user id (BSUID)' }),
        groupId: metaId.optional().meta({ description: 'The group in which it is said' }),
      })
      .refine((sender) => Object.values(sender).some((id) => id !== undefined), 'Say who writes'),
    message: z
      .union([z.string().max(32_768), z.record(z.string(), z.unknown())], {
        error: 'Give a text, or a message object as Meta’s webhook carries it',
      })
      .meta({ description: "A text, or a message object as Meta's webhook carries it" }),
    referralSourceId: z
      .string()
      .trim()
      .min(1)
      .max(64)
      .optional()
      .meta({ description: 'The ad or post through which the customer comes; also read from `message.referral`' }),
  })
  .meta({ id: 'RoutingPreviewRequest' });
export type RoutingPreviewRequest = z.infer<typeof routingPreviewRequest>;

/** What is decided about one of a number's agents, and by what. */
export const routingVerdict = z.enum([
  'chosen',
  'kind-not-forwarded',
  'conversation-elsewhere',
  'conditions-unmet',
  'outranked',
  'not-needed',
]);
export type RoutingVerdict = z.infer<typeof routingVerdict>;

export const routingPreview = z
  .object({
    agentId: agentId.nullable().meta({ description: 'Null: nobody gets it' }),
    because: z.enum(['conversation', 'conditions', 'default']).nullable(),
    explanation: z
      .string()
      .meta({ description: 'Who gets the message and why, and what keeps it waiting, in plain words' }),
    agents: z
      .array(
        z.object({
          agentId,
          verdict: routingVerdict,
          reason: z.string(),
          dispatch: dispatchState,
          away: z.boolean().meta({ description: "Now is outside the agent's hours" }),
        }),
      )
      .meta({ description: 'Every agent of the number, in the order in which they are asked' }),
    conversation: z
      .object({
        id: conversationId,
        agentId: agentId.nullable(),
        agentUntil: z.iso.datetime().nullable(),
      })
      .nullable()
      .meta({ description: 'What is known of the conversation with this sender; null: nothing' }),
  })
  .meta({ id: 'RoutingPreview' });
export type RoutingPreview = z.infer<typeof routingPreview>;
